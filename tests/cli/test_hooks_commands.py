"""greygate hooks: which places are told, how they fare, and whether they answer."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway import clock
from gateway.model import HookEvent
from gateway.store import decisions, hooks
from gateway.store.hooks import Wanted
from tests.cli.conftest import Office
from tests.hooks.receiver import Receiver
from tests.store.making import HOUR

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def with_hooks(office: Office, *made: dict[str, Any]) -> None:
    secret = office.folder / "hook.secret"
    secret.write_text(SECRET)
    office.configure(hook=[{"secret_file": str(secret), **one} for one in made])  # type: ignore[arg-type]


def test_a_test_comes_or_says_that_it_did_not(office: Office, receiver: Receiver) -> None:
    with_hooks(
        office, {"name": "well", "address": f"{receiver.url}/x"}, {"name": "away", "address": "http://127.0.0.1:9/x"}
    )
    said = office.run("hooks", "test")
    assert said.status == 1
    assert said.out.startswith("told: well\nNOT told: away: ")
    assert office.good("hooks", "test", "well") == "told: well\n"
    assert receiver.types == ["test", "test"]
    assert receiver.told[0].number != receiver.told[1].number
    receiver.answer = lambda _: 404
    assert "NOT told: well: HTTP 404" in office.bad("hooks", "test", "well")
    assert "No hook is called siem" in office.bad("hooks", "test", "siem")


def test_they_are_listed_with_what_waits(office: Office) -> None:
    assert "No hook is in the settings" in office.good("hooks", "list")
    assert "No hook is in the settings" in office.bad("hooks", "test")
    with_hooks(office, {"name": "siem", "address": "https://siem.example.com/in/secret", "events": ["mail.released"]})
    now = clock.now()
    with office.begin() as conn:
        hooks.hold(conn, "siem", "node1", now, now + HOUR)
        decisions.happened(conn, "released", now, message="m1", recipient="bo@example.com", who="bo")
        hooks.take_down(conn, Wanted("siem", frozenset(HookEvent)), now)
        row = hooks.next_due(conn, "siem", now)
        assert row is not None
        hooks.failed(conn, row["id"], "HTTP 500", now + HOUR, now)
    told = office.good("hooks", "list")
    assert "siem.example.com" in told
    assert "HTTP 500" in told
    assert "/in/secret" not in told
    (one,) = json.loads(office.good("hooks", "list", "--json"))
    assert (one["name"], one["where"], one["waiting"], one["given_up"]) == ("siem", "siem.example.com", 1, 0)
    assert one["events"] == ["mail.released"]


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ([{"name": "a", "address": "http://x.example/"}], "is not encrypted"),
        ([{"name": "a", "address": ""}], "is empty; write an address"),
        ([{"name": "A b", "address": "https://x.example/"}], "is no name"),
        ([{"name": "a", "address": "https://x.example/", "events": ["mail.read"]}], "is no event; there are mail.held"),
        ([{"name": "a", "address": "https://x.example/", "events": []}], "is empty"),
        ([{"name": "a", "address": "https://x.example/", "domains": ["x.example"]}], "is not among the local domains"),
        ([{"name": "a", "address": "https://x.example/"}] * 2, "is the name of another one"),
        ([{"name": "a", "address": "https://x.example/", "subject": True}], "unknown key"),
    ],
)
def test_settings_that_would_tell_nobody_are_refused(office: Office, made: list[Any], words: str) -> None:
    with_hooks(office, *made)
    assert words in office.bad("hooks", "list")


def test_single_brackets_are_told(office: Office) -> None:
    office.configure(hook={"name": "a"})
    assert "write [[hook]] for each hook" in office.bad("hooks", "list")


def test_a_file_without_a_secret_is_found_by_check(office: Office) -> None:
    with_hooks(office, {"name": "a", "address": "https://x.example/"})
    (office.folder / "hook.secret").write_text("secret\n")
    assert "does not begin with whsec_" in office.run("check").all
    (office.folder / "hook.secret").unlink()
    assert "cannot be read" in office.run("check").all
