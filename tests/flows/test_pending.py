"""Mail that is sent away whatever is in it is answered first and looked at afterwards, as far as there is time."""

import os
import signal
import time
from collections.abc import Callable

from tests.flows.test_content import reader_of, told
from tests.gate import Gate, rest
from tests.talk import deliver, message

ANN, BO, CY = "ann@elsewhere.example", "bo@example.com", "cy@example.com"
Start = Callable[..., Gate]
PATIENT = {"content": {"within": "60s"}}  # with a reader that does nothing


def test_the_answer_waits_for_no_look(start: Start) -> None:
    gate = start(PATIENT)
    first = deliver(gate.port, "al@elsewhere.example", [BO], message("Is it ready?"))
    assert told(gate, first)[0]["content"] is not None
    reader = reader_of(gate)
    os.kill(reader, signal.SIGSTOP)
    began = time.monotonic()
    answer = deliver(gate.port, ANN, [BO], message())
    assert answer.code == 451
    assert time.monotonic() - began < 60, "it came before anybody gave up the look"
    rest(0.5)  # until the reader has it
    os.kill(reader, signal.SIGKILL)
    (row,) = told(gate, answer)
    assert (row["action"], row["content"]) == ("defer", None)


def test_what_may_come_in_waits_for_its_look(start: Start) -> None:
    """Who is remembered, and whoever comes back after the wait."""
    gate = start({"content": {"within": "3s"}, "greylist": {"wait": "1s"}})
    mail = message()
    assert deliver(gate.port, ANN, [BO], mail).code == 451
    rest(1.5)
    os.kill(reader_of(gate), signal.SIGSTOP)
    began = time.monotonic()
    answer = deliver(gate.port, ANN, [BO], mail)
    assert answer.code == 250
    assert time.monotonic() - began > 2.5
    assert told(gate, answer)[0]["content"] is None, "it was decided without, as the settings say"


def test_it_is_looked_at_all_the_same(start: Start) -> None:
    gate = start()
    (row,) = told(gate, deliver(gate.port, ANN, [BO], message()))
    assert row["action"] == "defer"
    assert row["content"]["features"]


def test_in_a_flood_most_of_it_is_not(start: Start) -> None:
    gate = start({"content": {"pending": 1}, "greylist": {"wait": "1s"}})
    mails = [message(f"Number {number}") for number in range(12)]
    began = time.monotonic()
    answers = [deliver(gate.port, f"a{number}@elsewhere.example", [BO], mail) for number, mail in enumerate(mails)]
    took = time.monotonic() - began
    assert {answer.code for answer in answers} == {451}
    seen = [row["content"] is not None for row in told(gate, *answers)]
    assert seen[:4] == [True] * 4, "some at once"
    assert seen.count(True) <= 4 + 1 + took, "and one a second"
    rest(1.5)
    again = deliver(gate.port, "a11@elsewhere.example", [BO], mails[11])
    assert again.code == 250
    assert told(gate, again)[0]["content"]["features"], "nobody comes in without"


def test_one_who_passes_is_enough_for_a_look_at_once(start: Start) -> None:
    """The mail is the same for both, so nothing is answered before it was looked at."""
    gate = start({**PATIENT, "protection": {"overrides": {CY: "watch"}}, "content": {"within": "2s"}})
    os.kill(reader_of(gate), signal.SIGSTOP)
    began = time.monotonic()
    assert deliver(gate.port, ANN, [CY], message()).code == 250
    assert time.monotonic() - began > 1.5
