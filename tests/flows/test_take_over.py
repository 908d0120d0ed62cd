"""A sender that comes from another network at each try is let in before it gives up, copies or no copies."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from gateway import clock
from sql.tables import sighting
from tests.failures.books import books
from tests.gate import Gate, rest
from tests.sink import Sink
from tests.talk import deliver, message

ANN, BO = "ann@elsewhere.example", "bo@example.com"


def hours_go_by(gate: Gate) -> None:
    """More than half of [greylist] give_up, once what was seen is written down."""
    rest(0.5)
    with books(gate) as conn:
        conn.execute(update(sighting).values(first_seen=clock.now() - timedelta(hours=5)))


@pytest.mark.parametrize("copies", [True, False])
def test_a_rotating_sender_is_taken_over(start: Callable[..., Gate], sink: Sink, copies: bool) -> None:
    gate = start({"storage": {"keep_copies": copies}})
    mail = message("From a pool")
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.1.1").code == 451
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.2.1").code == 451
    hours_go_by(gate)
    last = deliver(gate.port, ANN, [BO], mail, source="127.0.3.1")
    assert (last.code, gate.why(last.id)[0]["code"]) == (250, "takeover.due")
    assert [one.below() for one in sink.mails] == [mail]
    assert [row for row in gate.queue() if row["state"] == "sender_held"] == []


def test_where_somebody_looks_it_is_held(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start({"hold": {"reviewed": True}})
    mail = message("From a pool")
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.1.1").code == 451
    hours_go_by(gate)
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.3.1").code == 250
    rest(0.4)
    assert [(row["state"], row["reason"]) for row in gate.queue()] == [("held", "takeover.due")]
    assert sink.mails == []
