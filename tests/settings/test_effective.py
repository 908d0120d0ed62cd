"""The settings in force, shown: every key of every section, what differs, and never a secret."""

from pathlib import Path
from typing import Any

import pytest

from gateway.settings import Settings
from gateway.settings.effective import masking, parts, pending
from gateway.settings.read import from_table

LEAST: dict[str, Any] = {"domains": {"local": ["example.com"]}, "backend": {"url": "smtp://127.0.0.1:25"}}
HASH = "scrypt:14:8:1:" + "ab" * 16 + ":" + "cd" * 32
SECRETS = {
    ("database", "url"): ("mysql://gate:Secret-Word-1@db.example.com/gate", ["Secret-Word-1"]),
    ("submission", "users"): (
        {"ann": HASH, "ben": {"password": HASH, "senders": ["example.com"]}},
        [HASH, "ab" * 16, "cd" * 32],
    ),
    ("submission", "batv_key"): ("Secret-Word-2-that-is-long", ["Secret-Word-2"]),
}
SOUNDS_SECRET = ("password", "key", "secret", "token", "users", "credential")
IS_NONE = {  # where a secret is, not the secret
    ("database", "password_file"),
    ("tls", "key"),
    ("digest", "dkim_key"),
    ("oidc", "secret_file"),
    ("directory", "password_file"),
    ("web", "passkeys"),
    ("alerts", "hook_secret"),
}


def made(*changes: dict[str, Any]) -> Settings:
    table = {name: dict(section) for name, section in LEAST.items()}
    for one in changes:
        for name, section in one.items():
            table[name] = {**table.get(name, {}), **section}
    return from_table(table)


def all_keys() -> list[tuple[str, str]]:
    return [
        (section, key)
        for section, field in Settings.model_fields.items()
        for key in getattr(type(field.default), "model_fields", ())
    ]


def is_marked(section: str, key: str) -> bool:
    return masking(type(Settings.model_fields[section].default).model_fields[key]) is not None


def test_what_may_hold_a_secret_is_marked() -> None:
    assert {one for one in all_keys() if is_marked(*one)} == set(SECRETS)
    sounding = {one for one in all_keys() if any(word in one[1] for word in SOUNDS_SECRET)}
    assert sounding - IS_NONE <= set(SECRETS)


@pytest.mark.parametrize("place", SECRETS, ids=".".join)
def test_a_secret_is_shown_in_no_form(place: tuple[str, str]) -> None:
    section, key = place
    value, secrets = SECRETS[place]
    settings = made({section: {key: value}})
    told = repr(parts(settings)) + repr(pending(made(), settings)) + repr(pending(settings, made()))
    assert [one for one in secrets if one in told] == []
    (shown,) = [one for part in parts(settings) if part.name == section for one in part.keys if one.name == key]
    assert shown.differs
    assert shown.is_given
    assert shown.value != shown.default


def test_every_key_of_every_section_is_there() -> None:
    settings = from_table({**LEAST, "route": [{"domains": ["example.com"], "url": "smtp://127.0.0.1:26"}]})
    told = parts(settings)
    assert {(part.name, key.name) for part in told for key in part.keys} == {
        *all_keys(),
        ("route-1", "domains"),
        ("route-1", "url"),
    }
    assert all(part.purpose and all(key.meaning and key.value for key in part.keys) for part in told)


def test_what_differs_is_marked_and_what_is_only_said_is_not() -> None:
    told = {part.name: part for part in parts(made({"greylist": {"wait": "3m", "window": "2d"}}))}["greylist"]
    keys = {key.name: key for key in told.keys}
    assert (keys["wait"].value, keys["wait"].is_given, keys["wait"].differs) == ('"3m"', True, False)
    assert (keys["window"].value, keys["window"].default) == ('"2d"', '"4d"')
    assert (keys["memory"].is_given, keys["memory"].differs) == (False, False)
    assert told.changed == 1


def test_tables_and_lists_are_written_out_and_long_ones_are_cut() -> None:
    many = {f"user{number}@example.com": "off" for number in range(40)}
    shown = {key.name: key.value for part in parts(made({"protection": {"overrides": many}})) for key in part.keys}
    assert shown["overrides"].startswith('{ "user0@example.com" = "off", ')
    assert shown["overrides"].endswith(", and 10 more }")
    assert shown["local"] == '["example.com"]'


def test_what_the_file_says_otherwise_now_is_told() -> None:
    found = pending(made(), made({"greylist": {"wait": "5m"}}))
    assert [(one.place, one.name, one.in_force, one.in_file) for one in found] == [
        ("[greylist]", "wait", '"3m"', '"5m"')
    ]
    routed = from_table({**LEAST, "route": [{"domains": ["example.com"], "url": "smtp://127.0.0.1:26"}]})
    assert {(one.name, one.in_force) for one in pending(made(), routed)} == {
        ("domains", "(none yet)"),
        ("url", "(none yet)"),
    }
    assert {(one.name, one.in_file) for one in pending(routed, made())} == {("domains", "(gone)"), ("url", "(gone)")}


def test_the_file_of_defaults_changes_nothing(tmp_path: Path) -> None:
    changed = {(part.name, key.name) for part in parts(made()) for key in part.keys if key.differs}
    assert changed == {("domains", "local"), ("backend", "url")}
