"""The process that learns: whatever order the journal shows it, it ends with what stands there."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection

from classifier.features import Features
from classifier.learner import Learner
from classifier.mail import parse
from gateway.model import Label
from gateway.pupil import Pupil
from gateway.store import lessons
from gateway.store.engine import Database, open_database
from gateway.store.lessons import Lesson
from tests.store.making import NOW

SPAM, HAM = Label.SPAM, Label.HAM
LOAN, ROOF = "an unsecured loan of ninety thousand coins", "the meeting about the roof of the house"

Say = Callable[..., int]


def features(text: str) -> Features:
    return Features.of(parse(f"From: x@elsewhere.example\r\nSubject: {text}\r\n\r\n{text}, again: {text}\r\n".encode()))


@pytest.fixture
async def database(url: URL) -> AsyncIterator[Database]:
    made = open_database(url)
    yield made
    await made.close()


@pytest.fixture
def learner(tmp_path: Path) -> Learner:
    return Learner.open(tmp_path / "classifier", cold=True)


@pytest.fixture
def pupil(database: Database, learner: Learner) -> Pupil:
    return Pupil(database, learner, "n1")


def lesson(label: Label | None, text: str = "", *, undoes: int | None = None, late: int = 0) -> Lesson:
    data = features(text).to_bytes() if text else b""
    return Lesson(NOW + timedelta(seconds=late), "n1", "eve", label, data, "", None, 0.0, undoes)


async def said(pupil: Pupil, *found: Lesson) -> list[int]:
    return await pupil.database.write(lambda conn: [lessons.add(conn, one) for one in found])


def thought(pupil: Pupil, text: str) -> float:
    return pupil.learner.state.score(features(text)).z


async def test_it_learns_what_was_said(pupil: Pupil) -> None:
    await said(pupil, lesson(SPAM, LOAN), lesson(HAM, ROOF))
    await pupil.turn()
    assert thought(pupil, LOAN) > 0 > thought(pupil, ROOF)


async def test_what_is_taken_back_leaves_no_trace(pupil: Pupil) -> None:
    await said(pupil, lesson(HAM, ROOF))
    await pupil.turn()
    before = thought(pupil, LOAN), thought(pupil, ROOF)
    (number,) = await said(pupil, lesson(SPAM, LOAN))
    await pupil.turn()
    assert thought(pupil, LOAN) != before[0]
    await said(pupil, lesson(None, undoes=number))
    await pupil.turn()
    assert (thought(pupil, LOAN), thought(pupil, ROOF)) == pytest.approx(before, abs=1e-6)


async def test_what_is_undone_before_it_is_seen_is_not_learnt(pupil: Pupil) -> None:
    (number,) = await said(pupil, lesson(SPAM, LOAN))
    await said(pupil, lesson(None, undoes=number))
    await pupil.turn()
    assert thought(pupil, LOAN) == 0


async def test_a_lesson_that_shows_up_late_is_learnt_once(pupil: Pupil) -> None:
    """Another node was given a lower number and wrote its row later."""

    def later(conn: Connection) -> None:
        row = conn.exec_driver_sql("SELECT id FROM lesson").scalar_one()
        conn.exec_driver_sql(f"UPDATE lesson SET id = {row + 5}")

    await said(pupil, lesson(HAM, ROOF))
    await pupil.database.write(later)
    await pupil.turn()
    known = pupil.learner.state.labels
    assert (known.spam, known.ham, pupil.highest) == (0, 1, max(pupil.seen))

    def between(conn: Connection) -> None:
        number = lessons.add(conn, lesson(SPAM, LOAN))
        conn.exec_driver_sql(f"UPDATE lesson SET id = {pupil.highest - 2} WHERE id = {number}")

    await pupil.database.write(between)
    await pupil.turn()
    await pupil.turn()
    assert (pupil.learner.state.labels.spam, pupil.learner.state.labels.ham) == (1, 1)


async def test_a_new_process_learns_nothing_twice(pupil: Pupil, tmp_path: Path) -> None:
    await said(pupil, lesson(SPAM, LOAN), lesson(HAM, ROOF))
    await pupil.turn()
    before = thought(pupil, LOAN)
    pupil.learner.close()
    again = Pupil(pupil.database, Learner.open(tmp_path / "classifier", cold=True), "n1")
    await again.turn()
    assert (again.learner.state.labels.spam, again.learner.state.labels.ham) == (1, 1)
    assert thought(again, LOAN) == pytest.approx(before, abs=1e-6)


async def test_a_damaged_lesson_holds_up_nobody(pupil: Pupil) -> None:
    damaged = Lesson(NOW, "n1", "eve", SPAM, b"\x01\x00\x00\x00 nonsense")
    await said(pupil, damaged, lesson(HAM, ROOF))
    await pupil.turn()
    assert (pupil.learner.state.labels.spam, pupil.learner.state.labels.ham) == (0, 1)


async def test_what_makes_it_worse_is_taken_back_for_all_nodes(pupil: Pupil) -> None:
    """Somebody says the opposite of everything that was said before."""
    texts = [f"{LOAN if number % 2 else ROOF} {number} {number * 7919 % 1000}" for number in range(400)]
    await said(pupil, *(lesson(SPAM if LOAN in text else HAM, text) for text in texts))
    while await pupil.turn():
        pass
    before = thought(pupil, LOAN)
    await said(pupil, *(lesson(HAM if LOAN in text else SPAM, text, late=1) for text in texts * 2))
    while await pupil.turn():
        pass
    gone = await pupil.database.read(lambda conn: [one for one in lessons.latest(conn, 2000) if one.undoes])
    assert gone
    assert {one.person for one in gone} == {"the gate"}
    assert (thought(pupil, LOAN) > 0) is (before > 0)


async def test_who_was_erased_has_no_name_and_no_voice_any_more(pupil: Pupil) -> None:
    """Every node does so by itself, and whoever begins from the journal again finds nobody either."""
    bo, cy = "bo@example.com", "cy@example.com"
    mine = [replace(lesson(HAM if account == bo else SPAM, LOAN, late=n), account=account)
            for n in range(40) for account in (bo, cy)]  # fmt: skip
    await said(pupil, *mine)
    await pupil.turn()
    learner = pupil.learner
    assert learner.state.own(features(LOAN), bo) < 0 < learner.state.own(features(LOAN), cy)
    learner.keep()
    learner.publish(anyway=True)
    await pupil.database.write(lambda conn: lessons.forget_account(conn, bo, NOW))
    await pupil.turn()
    assert learner.state.own(features(LOAN), cy) > 0
    kept = {entry.entry.account for entry in learner.journal.after(0)}
    assert kept == {"", cy}
    assert learner.journal.connection.execute("select count(*) from entry where account = ?", (bo,)).fetchone() == (0,)
    found = await pupil.database.read(lambda conn: lessons.latest(conn, 1))
    assert found[0].label is None


async def test_who_taught_nothing_is_told_to_nobody(pupil: Pupil) -> None:
    assert await pupil.database.write(lambda conn: lessons.forget_account(conn, "bo@example.com", NOW)) == 0
    assert await pupil.database.read(lessons.newest) == 0
