"""A look into SQLite's file from the event loop: the same answer as a thread's, or none; and it never waits."""

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store import glance, lookup, novelty
from gateway.store.engine import sync_engine
from gateway.store.glance import IN_A_ROW, SLOW, Glance
from gateway.store.question import Question
from tests.store import scenarios
from tests.store.conftest import copied_sqlite
from tests.store.making import BO, CY, fingerprint, question, saw

ONE = fingerprint(b"one", "<1@x>")


@pytest.fixture
def path(empty_sqlite: Path, tmp_path: Path) -> str:
    return str(copied_sqlite(empty_sqlite, tmp_path).database)


@pytest.fixture
def sees(path: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Glance]:
    """By a clock that stands still: no disk is slow here unless a test says so."""
    monkeypatch.setattr(glance, "perf_counter", lambda: 100.0)
    made = Glance(path)
    yield made
    made.close()


@pytest.mark.parametrize("seed", range(6))
def test_what_it_tells_is_what_the_statements_tell(sees: Glance, path: str, seed: int) -> None:
    chance = random.Random(seed)
    asked = scenarios.questions(chance, 40)
    told = 0
    for few in (0, 5, 60):
        with sync_engine(f"sqlite:///{path}").begin() as conn:
            scenarios.history(conn, chance, few)
            for one in asked:
                answer = novelty.at_a_glance(committed(conn, sees), one)
                assert answer in (None, *lookup.answers(conn, [one]))
                told += answer is not None
    assert told >= len(asked), "an empty database tells of everybody"


def committed(conn, sees: Glance):  # type: ignore[no-untyped-def]
    conn.exec_driver_sql("COMMIT")
    conn.exec_driver_sql("BEGIN")
    return sees.look


@pytest.mark.parametrize(
    ("asked", "is_known"),
    [
        (question(), True),
        (question(content=ONE), True),
        (question(rungs=()), False),
        (question(rungs=(), content=ONE), True),
        (question(CY, (BO, CY), content=ONE), False),
        (question(recipients=(BO, CY), content=fingerprint(b"", None)), False),
        (question(recipients=()), False),
    ],
)
def test_of_whom_something_is_known_it_tells_nothing(sees: Glance, path: str, asked: Question, is_known: bool) -> None:
    assert novelty.at_a_glance(sees.look, asked) is not None
    with sync_engine(f"sqlite:///{path}").begin() as conn:
        saw(conn, content=ONE)
    assert (novelty.at_a_glance(sees.look, asked) is None) is is_known


def test_while_somebody_commits_it_does_not_wait(sees: Glance, path: str) -> None:
    assert sees.look("PRAGMA busy_timeout", {}) == 0
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert novelty.at_a_glance(sees.look, question()) is None
    other.execute("ROLLBACK")
    other.close()
    assert novelty.at_a_glance(sees.look, question()) is not None


def test_it_makes_no_file_and_changes_none(sees: Glance, tmp_path: Path) -> None:
    absent = Glance(str(tmp_path / "no.db"))
    assert absent.look("SELECT 0", {}) is None
    assert not (tmp_path / "no.db").exists()
    assert sees.look("DELETE FROM memory RETURNING 1", {}) is None
    assert Glance(None).look("SELECT 0", {}) is None


def test_a_slow_disk_is_left_to_the_thread_for_a_while(sees: Glance, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(glance, "perf_counter", lambda: now[0])
    for _ in range(3):
        for _ in range(IN_A_ROW - 1):
            sees.took(2 * SLOW)
        assert sees.look("SELECT 0", {}) == 0, "others had their turn on this machine"
    for _ in range(IN_A_ROW):
        sees.took(2 * SLOW)
    assert sees.look("SELECT 0", {}) is None
    now[0] += glance.LET_BE
    assert sees.look("SELECT 0", {}) == 0
