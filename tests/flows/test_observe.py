"""Observe first, then arm: nobody waits, the report names who would have, and one command changes it everywhere."""

import itertools
import json
import time
from collections.abc import Callable
from typing import Any

from tests.gate import Gate, rest
from tests.sink import Sink
from tests.talk import Talk, deliver, message

ANN, BO, BOSS = "ann@elsewhere.example", "bo@example.com", "boss@example.com"
OBSERVE = {"protection": {"mode": "observe", "overrides": {BOSS: "review-before"}}}


def report(gate: Gate, let_in: int) -> dict[str, Any]:
    """The report, once the decisions are written."""
    deadline = time.monotonic() + 60
    while True:
        told: dict[str, Any] = json.loads(gate.cli("observe", "report", "--json"))
        if told["let_in"] >= let_in or time.monotonic() > deadline:
            return told
        time.sleep(0.1)


def answered(gate: Gate, sender: str, wanted: int) -> int:
    """The reply's code to a new mail of a new sender each time, until it is the one that we wait for."""
    deadline = time.monotonic() + 60
    for number in itertools.count():
        code = deliver(gate.port, f"{number}-{sender}", [BO], message(f"{number} {sender}")).code
        if code == wanted or time.monotonic() > deadline:
            return code
        time.sleep(0.1)


def test_while_we_observe_nobody_waits_and_the_report_names_who_would_have(
    start: Callable[..., Gate], sink: Sink
) -> None:
    gate = start(OBSERVE)
    with Talk(gate.port) as talk:
        assert [answer.code for answer in talk.envelope(ANN, [BO, BOSS])] == [250, 250, 250], "no classes apart"
        accepted = talk.data(message("First contact"))
    assert (accepted.code, sink.subjects()) == (250, ["First contact"])
    assert sorted(sink.mails[0].rcpts) == [BO, BOSS]
    told = report(gate, 2)
    assert (told["mode"], told["let_in"], told["would"]) == ("observe", 2, {"defer": 1, "hold": 1})
    assert told["because"] == {"greylist.new": 1, "level.review_before": 1}
    assert (told["by_sender"], told["by_domain"]) == ([[ANN, 2]], [["elsewhere.example", 2]])
    assert (told["senders"], told["correspondences"], told["silent"]) == (1, 2, 2)
    assert [row["code"] for row in gate.why(accepted.id)] == ["observe.let_in"] * 2
    assert 'would="defer greylist.new"' in gate.log
    assert gate.queue() == []


def test_what_protects_the_house_stays_in_force(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OBSERVE)
    gate.cli("known", "block", "bad.example")
    rest(1.2)
    assert deliver(gate.port, ANN, ["x@elsewhere.example"], message()).code == 550
    assert deliver(gate.port, "x@bad.example", [BO], message()).code == 550
    assert sink.mails == []
    rest(0.5)
    assert report(gate, 0)["refused"] == {"list.blocked": 1, "relay.denied": 1}


def test_arming_is_one_command_for_all_workers_and_so_is_the_way_back(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start({**OBSERVE, "smtp": {"workers": 2}})
    assert deliver(gate.port, ANN, [BO], message("Before")).code == 250
    report(gate, 1)
    told = gate.cli("observe", "arm")
    assert "1 correspondences are remembered" in told
    rest(1.5)
    assert {deliver(gate.port, f"{n}@new.example", [BO], message(f"{n}")).code for n in range(8)} == {451}
    assert deliver(gate.port, ANN, [BO], message("After")).code == 250, "who was let in does not wait"
    assert "as " in gate.cli("check")
    assert "It is in force" in gate.cli("check")
    gate.cli("observe", "start")
    assert answered(gate, "later@new.example", 250) == 250
    assert "It only observes" in gate.cli("observe", "report")


def test_what_a_command_said_outlives_a_restart(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OBSERVE)
    gate.cli("observe", "arm")
    gate.stop()
    gate.start()
    assert deliver(gate.port, ANN, [BO], message()).code == 451


def test_next_mails_are_counted_and_nothing_more_is_claimed(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(OBSERVE)
    deliver(gate.port, ANN, [BO], message("One"))
    deliver(gate.port, "spam@once.example", [BO], message("Buy"), source="127.0.1.5")
    rest(1)
    deliver(gate.port, ANN, [BO], message("Two"))
    rest(0.5)
    told = report(gate, 2)
    assert (told["accepted"], told["let_in"]) == (3, 2), "the second mail of a sender would not have waited"
    assert (told["correspondences"], told["again"]["count"], told["silent"]) == (2, 1, 1)
    assert 0.9 < told["again"]["middle"] < 600
    words = gate.cli("observe", "report")
    assert "observing cannot show when it would retry" in words
    assert "1 wrote again" in words
    assert "1 were not seen again" in words
