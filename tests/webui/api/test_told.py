"""Hooks in the API: how they fare, and what they get as the document says it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.model import HookEvent
from gateway.settings.read import from_table
from gateway.store import decisions, hooks
from gateway.store.hooks import Wanted
from tests.store.making import BO, HOUR
from tests.webui.api.conftest import program
from tests.webui.conftest import Office
from webui.api.document import document
from webui.api.nouns import MAIL
from webui.api.told import MEANS


@pytest.fixture
def hooked(either: Office, tmp_path: Path) -> Office:
    place = {"name": "siem", "address": "https://siem.example.com/in/secret", "secret_file": "s", "domains": []}
    table = {"domains": {"local": ["example.com"]}, "backend": {"url": "smtp://127.0.0.1:25"}, "hook": [place]}
    either.app.extensions["house"] = replace(either.house, settings=from_table(table, tmp_path))
    return either


def test_how_they_fare_is_told_without_what_is_secret(hooked: Office) -> None:
    one = program(hooked, "admin")
    (told,) = one.get("/hooks").get_json()["items"]
    assert told["events"] == list(HookEvent)
    assert (told["where"], told["waiting"], told["sent"]) == ("siem.example.com", 0, None)
    now = hooked.now
    with hooked.begin() as conn:
        hooks.hold(conn, "siem", "node1", now, now + HOUR)
        decisions.happened(conn, "released", now, message=MAIL, recipient=BO, who="bo")
        hooks.take_down(conn, Wanted("siem", frozenset(HookEvent)), now)
    said = one.get("/hooks")
    assert "secret" not in said.text
    assert said.get_json()["items"][0]["waiting"] == 1


def test_the_document_has_what_they_get() -> None:
    found: dict[str, Any] = document()["webhooks"]
    assert list(found) == list(HookEvent) == list(MEANS)
    schema = found["mail.held"]["post"]["requestBody"]["content"]["application/json"]
    assert schema["schema"] == {"$ref": "#/components/schemas/HookTold"}
    assert schema["example"]["type"] == "mail.held"
    assert {"HookTold", "Happened"} <= set(document()["components"]["schemas"])
