"""Whatever goes into the audit has words that the page of the audit says in the language of its reader."""

import ast
from collections.abc import Iterator

import pytest

from tests.house.source import modules, tree
from webui.acts import ACTS, said

PLACE = {"note": 1, "enter": 1, "entry": 1}  # which argument is what somebody did


def entered(name: str) -> Iterator[str]:
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            act = node.args[PLACE[called]] if len(node.args) > PLACE.get(called, 99) else None
            if isinstance(act, ast.Constant) and isinstance(act.value, str):
                yield act.value


@pytest.mark.parametrize("name", modules("gateway", "webui"))
def test_what_goes_into_the_audit_has_words(name):
    assert set(entered(name)) <= ACTS


def test_the_check_sees_what_is_entered():
    assert {"locked out", "invited", "roles changed"} <= set(entered("gateway/people.py"))
    assert "signed out" in set(entered("webui/pages/signin.py"))


def test_what_an_older_version_entered_is_shown_as_it_is():
    assert said("an act of old") == "an act of old"
