"""What happens to mail is counted while the gate runs, and told at a prompt."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.gate import Gate, until
from tests.sink import Sink
from tests.talk import deliver, message

ANN, BO = "ann@elsewhere.example", "bo@example.com"


@pytest.fixture
def gate(start: Callable[..., Gate], sink: Sink) -> Gate:
    return start()


def told(gate: Gate) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gate.cli("stats", "--json", "--since", "24h", "--for", BO))
    return found


def answers(gate: Gate) -> dict[str, int]:
    return {one["answer"]: one["count"] for one in told(gate)["totals"]}


def test_a_mail_that_waited_is_counted_with_how_long(gate: Gate) -> None:
    mail = message("First contact")
    tries = 0

    def let_in() -> bool:
        nonlocal tries
        tries += 1
        return deliver(gate.port, ANN, [BO], mail).code == 250

    until(let_in)
    until(lambda: answers(gate)["Accepted"] == 1)
    found = answers(gate)
    assert (found["Asked to come back"], found["Accepted after a wait"]) == (tries - 1, 1)
    assert told(gate)["waits"][0]["up_to"] >= 1, "seconds: less is not let in"
    assert told(gate)["counted_until"]
