"""What a person decides about one mail changes what the classifier thinks of the next, and can be taken back."""

import json
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from classifier.features import Features
from classifier.mail import parse
from classifier.model import Model
from classifier.score import Score
from tests.gate import Gate, until
from tests.sink import Sink
from tests.talk import deliver, message

OFFER = "Dear friend, your unsecured loan is approved: claim ninety thousand coins at once\r\n" * 3
NEXT = message("Your loan waits", body=OFFER + "before Friday\r\n", sender="x@elsewhere.example")

Start = Callable[..., Gate]


def thought(model: Model, mail: bytes = NEXT) -> Score:
    return model.score(Features.of(parse(mail)))


def kept(gate: Gate, sender: str, text: str = OFFER) -> str:
    """The ID of our copy of a stranger's mail."""
    assert deliver(gate.port, sender, ["bo@example.com"], message("Your loan", body=text, sender=sender)).code == 451
    until(lambda: [row for row in gate.queue() if row["sender"] == sender])
    return next(row["message"] for row in gate.queue() if row["sender"] == sender)


def lessons(gate: Gate) -> list[tuple[str, str, int | None]]:
    with sqlite3.connect(gate.folder / "gate.db", timeout=60) as conn:
        return conn.execute("SELECT label, person, undoes FROM lesson ORDER BY id").fetchall()


@pytest.fixture
def gate(start: Start, sink: Sink) -> Gate:
    return start()


@pytest.fixture
def model(gate: Gate) -> Model:
    folder = gate.folder / "storage" / "classifier"
    until(lambda: (folder / "model").exists())
    return Model.open(folder)


def test_a_refusal_makes_the_next_like_it_worse_and_a_release_better(gate: Gate, model: Model) -> None:
    before = thought(model).z
    gate.cli("queue", "refuse", kept(gate, "one@elsewhere.example"))
    until(lambda: thought(model).z > before + 0.05)
    worse = thought(model).z
    gate.cli("queue", "release", kept(gate, "two@elsewhere.example"))
    until(lambda: thought(model).z < worse - 0.05)
    assert [(label, undoes) for label, _, undoes in lessons(gate)] == [("spam", None), ("ham", None)]


def test_what_was_taken_back_was_never_said(gate: Gate, model: Model) -> None:
    gate.cli("queue", "release", kept(gate, "one@elsewhere.example", "See you at the meeting about the roof\r\n"))
    until(lambda: thought(model).labels.ham == model.state.labels.ham and model.state.position == 1)
    before = thought(model)
    number = kept(gate, "two@elsewhere.example")
    gate.cli("queue", "refuse", number)
    until(lambda: thought(model).z != before.z)
    gate.cli("teach", "undo", number)
    until(lambda: thought(model).labels == before.labels)
    after = thought(model)
    assert after.voices["bayes"] == before.voices["bayes"]
    assert abs(after.z - before.z) < 1e-6
    assert lessons(gate)[-1][2] is not None


def test_a_mail_is_one_lesson_and_the_last_word_about_it_counts(gate: Gate) -> None:
    number = kept(gate, "one@elsewhere.example")
    gate.cli("queue", "release", number)
    gate.cli("teach", "spam", number)
    gate.cli("teach", "spam", number, check=False)
    assert [(label, undoes) for label, _, undoes in lessons(gate)] == [("ham", None), ("undo", 1), ("spam", None)]


def test_mail_that_people_have_sorted_teaches_too_and_each_counts_once(
    gate: Gate, model: Model, tmp_path: Path
) -> None:
    before = thought(model).z
    folder = tmp_path / "sorted"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.eml").write_bytes(message(f"Loan {number}", body=OFFER))
    assert "Learnt: 5" in gate.cli("teach", "mails", "spam", str(folder))
    until(lambda: thought(model).z > before + 0.05)
    assert "Learnt: 0" in gate.cli("teach", "mails", "spam", str(folder))
    assert "Learnt: 5" in gate.cli("teach", "mails", "ham", str(folder))
    until(lambda: thought(model).labels.ham == 5)
    assert thought(model).labels.spam == 0


def test_a_refusal_that_is_taken_back_was_no_lesson(gate: Gate) -> None:
    number = kept(gate, "one@elsewhere.example")
    gate.cli("queue", "refuse", number)
    gate.cli("queue", "undo", number)
    assert [(label, undoes) for label, _, undoes in lessons(gate)] == [("spam", None), ("undo", 1)]


def position(model: Model) -> int:
    model.refresh()
    return model.state.position


def test_a_pupil_that_was_killed_knows_all_that_was_said(gate: Gate, model: Model) -> None:
    gate.cli("queue", "refuse", kept(gate, "one@elsewhere.example"))
    until(lambda: position(model) == 1)
    gate.kill("pupil")
    gate.cli("queue", "refuse", kept(gate, "two@elsewhere.example"))
    until(lambda: position(model) == 2)
    assert [label for label, _, _ in lessons(gate)] == ["spam", "spam"]


def test_after_a_reload_another_pupil_learns(gate: Gate, model: Model) -> None:
    (old,) = gate.children("pupil")
    assert gate.process is not None
    gate.process.send_signal(signal.SIGHUP)
    until(lambda: gate.children("pupil") and old not in gate.children("pupil"))
    gate.cli("queue", "refuse", kept(gate, "one@elsewhere.example"))
    until(lambda: position(model) == 1)
    assert "a process did not start" not in gate.log


# ---- as the workers see it -----------------------------------------------------------------------------------------


NUMBERS = count()
SAME = message("Again", body=OFFER, sender="x@elsewhere.example")


def content_of(gate: Gate, recipients: tuple[str, ...] = ("bo@example.com",)) -> list[dict[str, Any]]:
    """What a worker finds in the next mail of somebody new, as it is on record for each recipient."""
    sender = f"next{next(NUMBERS)}@elsewhere.example"
    assert deliver(gate.port, sender, list(recipients), SAME).code == 451
    question = "SELECT recipient, facts FROM decision WHERE sender = ? AND stage = 'data' ORDER BY recipient"
    found: list[Any] = []

    def is_there() -> bool:
        with sqlite3.connect(gate.folder / "gate.db", timeout=60) as conn:
            found[:] = conn.execute(question, (sender,)).fetchall()
        return len(found) == len(recipients)

    until(is_there)
    return [json.loads(facts)["facts"]["content"] for _, facts in found]


@contextmanager
def only(gate: Gate, worker: int) -> Iterator[None]:
    """One worker answers while the others stand still."""
    others = [one for one in gate.children("smtpd") if one != worker]
    for one in others:
        os.kill(one, signal.SIGSTOP)
    yield
    for one in others:
        os.kill(one, signal.SIGCONT)


def test_every_worker_thinks_anew_after_a_verdict_and_as_before_when_it_is_taken_back(start: Start, sink: Sink) -> None:
    gate = start({"smtp": {"workers": 2}})
    workers = gate.children("smtpd")
    assert len(workers) == 2
    number = kept(gate, "one@elsewhere.example")
    before = {}
    for one in workers:
        with only(gate, one):
            before[one] = content_of(gate)[0]["score"]
    gate.cli("queue", "refuse", number)
    for one in workers:
        with only(gate, one):
            until(lambda one=one: content_of(gate)[0]["score"] > before[one] + 0.05)
    gate.cli("teach", "undo", number)
    for one in workers:
        with only(gate, one):
            until(lambda one=one: abs(content_of(gate)[0]["score"] - before[one]) < 1e-6)


def test_what_one_account_taught_is_heard_by_that_account_alone(gate: Gate, model: Model, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number}.eml").write_bytes(message(f"Loan {number}", body=OFFER))
    gate.cli("teach", "mails", "spam", str(folder), "--account", "bo@example.com", "--sure")
    until(lambda: thought(model).labels.spam == 12)
    bo, cy = content_of(gate, ("bo@example.com", "cy@example.com"))
    ((account, voice),) = bo["own"]
    assert account == "bo@example.com"
    assert voice > 0.1
    assert not cy.get("own"), "nor does anybody learn who else got it"
    assert bo["score"] == cy["score"]


def test_mail_that_nobody_judged_teaches_nothing(gate: Gate, model: Model) -> None:
    """However much of it an attacker sends, and whatever became of it."""
    gate.cli("queue", "refuse", kept(gate, "one@elsewhere.example"))
    until(lambda: position(model) == 1)
    before = thought(model)
    stamp = model.path.stat()
    for number in range(30):
        sender = f"poison{number % 10}@elsewhere.example"
        deliver(
            gate.port,
            sender,
            ["bo@example.com"],
            message(f"{number}", body="meeting roof minutes\r\n" * 9, sender=sender),
        )
    until(lambda: len(gate.queue()) >= 10)
    gate.cli("queue", "refuse", kept(gate, "two@elsewhere.example"))
    until(lambda: position(model) == 2)
    assert len(lessons(gate)) == 2
    assert model.path.stat().st_ino != stamp.st_ino
    assert thought(model).labels.spam == before.labels.spam + 1
    assert thought(model).labels.ham == before.labels.ham
