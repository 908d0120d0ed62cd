"""Approving and blocking from a mail: what the next mails of that sender, and of whoever writes its name, meet."""

from collections.abc import Callable

import pytest

from tests.flows.test_release_and_retry import deferred
from tests.gate import Gate, rest, until
from tests.sink import Sink
from tests.talk import Answer, deliver, message

ANN, EVE, BO = "ann@elsewhere.example", "eve@evil.example", "bo@example.com"
FOLLOWED = 1.5  # seconds: workers look for changes once a second


@pytest.fixture
def gate(start: Callable[..., Gate]) -> Gate:
    return start({"greylist": {"wait": "1h"}})


def told(gate: Gate, envelope: str, author: str, words: str) -> tuple[Answer, str]:
    """One mail; the answer, and the code of its decision at the stage where it was answered."""
    answer = deliver(gate.port, envelope, [BO], message(words, sender=author))
    return answer, gate.why(answer.id)[0]["code"]


def test_a_forged_name_that_staff_blocked_is_refused_in_from_too(gate: Gate, sink: Sink) -> None:
    number = deferred(gate, message("A forged order"))
    gate.cli("queue", "refuse", number, "--block")
    rest(FOLLOWED)
    for envelope in (ANN, EVE):
        answer, code = told(gate, envelope, ANN, f"Another one by {envelope}")
        assert (answer.code, code) == (550, "list.blocked")
    assert told(gate, EVE, EVE, "Somebody else")[1] == "greylist.new"
    assert "block address ann@elsewhere.example (unless proved)" in gate.cli("known", "history", "1")
    gate.cli("known", "forget", "1")
    rest(FOLLOWED)
    assert told(gate, ANN, ANN, "After the block was taken back")[0].code == 451


def test_a_release_with_trust_lets_the_next_mail_through_until_it_is_taken_back(gate: Gate, sink: Sink) -> None:
    number = deferred(gate, message("Please read"))
    assert "entry 1 of the lists" in gate.cli("queue", "release", number, "--trust")
    rest(FOLLOWED)
    assert deliver(gate.port, ANN, [BO], message("The next one")).code == 250
    until(lambda: "reason=list.allowed" in gate.log)
    gate.cli("known", "forget", "1")
    rest(FOLLOWED)
    assert deliver(gate.port, ANN, [BO], message("And then")).code == 451, "the approval is gone altogether"
