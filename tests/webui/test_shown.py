"""How things are written on the pages."""

import pytest

from webui.shown import details


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("{}", ""),
        ('{"roles":["admin","approver"],"addresses":[]}', "roles: admin, approver"),
        ('{"alike_as":"from x","mails":22,"sure":true,"late":false,"why":null}', "alike as: from x · mails: 22 · sure"),
        ('{"old":{"level":"off"},"zero":0}', 'old: {"level": "off"} · zero: 0'),
        ('{"name":"a\\u202eb"}', "name: a<U+202E>b"),
        ("[1]", "[1]"),
        ("no JSON", "no JSON"),
    ],
)
def test_what_is_on_record_besides_is_told_in_words(told: str, words: str) -> None:
    assert details(told) == words
