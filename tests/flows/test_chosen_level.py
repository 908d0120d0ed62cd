"""A level that somebody chose on the pages: every running worker follows it within a second or two."""

import time
from collections.abc import Callable
from contextlib import closing

import pytest
from sqlalchemy import Connection

from gateway import clock
from gateway.model import Level
from gateway.store import changes, levels
from gateway.store.engine import sync_engine
from tests.gate import Gate
from tests.sink import Sink
from tests.talk import deliver, message

BO, CY = "bo@example.com", "cy@example.com"


def choose(gate: Gate, account: str, level: Level | None) -> None:
    """As the page does it."""
    engine = sync_engine(f"sqlite:///{gate.folder}/gate.db")
    with engine.begin() as conn:
        said(conn, account, level)
    engine.dispose()


def said(conn: Connection, account: str, level: Level | None) -> None:
    levels.choose(conn, account, level, "bo", clock.now())
    changes.announce(conn, "the page's node")


def answered(gate: Gate, to: str, wanted: int) -> int:
    """The code for a new mail of a new sender each time, until it is the one that we wait for."""
    deadline = time.monotonic() + 60
    number = 0
    while True:
        number += 1
        sender = f"{time.monotonic_ns()}@elsewhere.example"
        code = deliver(gate.port, sender, [to], message(f"{number} {to} {wanted}", sender=sender)).code
        if code == wanted or time.monotonic() > deadline:
            return code
        time.sleep(0.2)


def test_a_running_worker_follows_what_is_chosen(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start({"protection": {"overrides": {CY: "off"}}})
    assert answered(gate, BO, 451) == 451
    choose(gate, "example.com", Level.OFF)
    assert answered(gate, BO, 250) == 250
    choose(gate, BO, Level.REVIEW_BEFORE)  # an account goes before its domain
    before = len(sink.mails)
    assert answered(gate, "dee@example.com", 250) == 250
    deadline = time.monotonic() + 60
    while not [row for row in gate.queue() if row["state"] == "held"] and time.monotonic() < deadline:
        assert deliver(gate.port, f"{time.monotonic_ns()}@elsewhere.example", [BO], message("held?")).code == 250
    assert [row["recipient"] for row in gate.queue() if row["state"] == "held"]
    assert len(sink.mails) > before
    choose(gate, BO, None)
    choose(gate, "example.com", None)
    assert answered(gate, BO, 451) == 451


@pytest.mark.parametrize(("account", "set_for"), [(CY, CY), ("example.com", "example.com"), (CY, "example.com")])
def test_what_is_chosen_goes_before_the_settings(start: Callable[..., Gate], account: str, set_for: str) -> None:
    gate = start({"protection": {"overrides": {set_for: "off"}}})
    assert answered(gate, CY, 250) == 250
    choose(gate, account, Level.GREYLIST)
    assert answered(gate, CY, 451) == 451
    with closing(sync_engine(f"sqlite:///{gate.folder}/gate.db").connect()) as conn:
        assert levels.chosen(conn) == {account: Level.GREYLIST}
