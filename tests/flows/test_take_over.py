"""A sender that comes from another network at each try is let in before it gives up, copies or no copies."""

import time
from collections.abc import Callable

import pytest

from tests.gate import Gate
from tests.sink import Sink
from tests.talk import deliver, message

ANN, BO = "ann@elsewhere.example", "bo@example.com"


@pytest.mark.parametrize("copies", [True, False])
def test_a_rotating_sender_is_taken_over(start: Callable[..., Gate], sink: Sink, copies: bool) -> None:
    gate = start({"greylist": {"wait": "1s", "give_up": "4s"}, "storage": {"keep_copies": copies}})
    mail = message("From a pool")
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.1.1").code == 451
    time.sleep(0.5)
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.2.1").code == 451
    time.sleep(2)
    last = deliver(gate.port, ANN, [BO], mail, source="127.0.3.1")
    assert (last.code, gate.why(last.id)[0]["code"]) == (250, "takeover.due")
    assert [one.below() for one in sink.mails] == [mail]
    assert [row for row in gate.queue() if row["state"] == "sender_held"] == []


def test_where_somebody_looks_it_is_held(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start({"greylist": {"wait": "1s", "give_up": "4s"}, "hold": {"reviewed": True}})
    mail = message("From a pool")
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.1.1").code == 451
    time.sleep(2.3)
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.3.1").code == 250
    time.sleep(0.4)
    assert [(row["state"], row["reason"]) for row in gate.queue()] == [("held", "takeover.due")]
    assert sink.mails == []
