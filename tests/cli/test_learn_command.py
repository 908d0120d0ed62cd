"""greygate learn outbound on real files: what is learnt, once, through rotation, restarts and compression."""

import gzip
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gate import PROGRAM, Gate, until

TIMES = "Mar  3 10:20:30 mx postfix/"


def mail(number: int, to: str = "ann", sender: str = "bo@example.com", at: str = TIMES) -> str:
    queue = f"4AB{number:05d}"
    host = f"{to}@elsewhere.example"
    return (
        f"{at}cleanup[1]: {queue}: message-id=<{number}@example.com>\n"
        f"{at}qmgr[1]: {queue}: from=<{sender}>, size=300, nrcpt=1 (queue active)\n"
        f"{at}smtp[1]: {queue}: to=<{host}>, relay=mx[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (250 2.0.0 ok)\n"
        f"{at}qmgr[1]: {queue}: removed\n"
    )


class Desk:
    """A gate that does not run, its database, and a log beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "mail.log"
        self.gate = Gate(folder, f"maildir://{folder}/mail", {"submission": {"form_accounts": ["form@example.com"]}})
        self.gate.configure()
        self.gate.cli("db", "upgrade")

    def write(self, text: str) -> None:
        with self.log.open("a") as log:
            log.write(text)

    def learn(self, *more: str) -> str:
        return self.gate.cli("learn", "outbound", str(self.log), *more)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(f"file:{self.folder}/gate.db?mode=ro", uri=True) as conn:
            return conn.execute(query).fetchall()

    def remembered(self) -> set[str]:
        return {row[0].partition("@")[0] for row in self.rows("SELECT sender FROM memory")}

    def ids(self) -> int:
        return int(self.rows("SELECT COUNT(*) FROM outbound_message")[0][0])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_whom_our_people_wrote_to_is_remembered_and_no_more(desk: Desk) -> None:
    desk.write(mail(1) + mail(2, "eve", "x@elsewhere.example") + mail(3, "form", "form@example.com"))
    desk.write(mail(4, "null", "") + "garbage\n" + mail(5, "bad", at="Foo 99 postfix/"))
    assert "1 correspondents; 1 lines could not be read" in desk.learn()
    days = "round(julianday(expires) - julianday(last_seen))"
    query = f"SELECT sender, recipient, kind, value, grade, earned, author, {days} FROM memory"
    assert desk.rows(query) == [
        ("ann@elsewhere.example", "bo@example.com", 4, "elsewhere.example", 1, "sent", "", 400.0)
    ]  # fmt: skip
    assert desk.ids() == 2  # the form's too: its bounces are ours


def test_a_dry_run_tells_and_changes_nothing(desk: Desk) -> None:
    desk.write(mail(1))
    assert "Would have learnt from 4 lines: 1 deliveries" in desk.learn("--dry-run")
    assert (desk.remembered(), desk.ids()) == (set(), 0)
    assert "Learnt from 4 lines" in desk.learn()


def test_a_line_is_read_once_and_a_half_one_when_it_is_whole(desk: Desk) -> None:
    text = mail(1)
    desk.write(text[:150])
    assert "1 lines" in desk.learn()
    desk.write(text[150:] + mail(2, "eve"))
    assert "7 lines: 2 deliveries" in desk.learn()
    assert "0 lines" in desk.learn()
    assert desk.remembered() == {"ann", "eve"}


def packed(path: Path) -> None:
    with path.open("rb") as source, gzip.open(f"{path}.gz", "wb") as target:
        shutil.copyfileobj(source, target)
    shutil.copystat(path, f"{path}.gz")
    path.unlink()


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("compressed", [False, True])
def test_rotation_loses_and_repeats_nothing(desk: Desk, times: int, compressed: bool) -> None:
    first = mail(1)
    desk.write(first[:200])
    desk.learn()
    desk.write(first[200:] + mail(2, "late"))
    for turn in range(times):
        if desk.log.with_name("mail.log.1").exists():
            desk.log.with_name("mail.log.1").rename(desk.log.with_name("mail.log.2"))
        desk.log.rename(desk.log.with_name("mail.log.1"))
        desk.write(mail(10 + turn, f"new{turn}"))
    if compressed:
        packed(desk.log.with_name(f"mail.log.{times}"))
    said = desk.learn()
    assert f": {2 + times} deliveries" in said, said
    assert desk.remembered() == {"ann", "late"} | {f"new{turn}" for turn in range(times)}
    assert "0 lines" in desk.learn()


def test_a_log_that_was_cut_off_is_read_from_its_beginning(desk: Desk) -> None:
    desk.write(mail(1) + mail(2))
    desk.learn()
    desk.log.write_text(mail(3, "eve"))
    assert "is gone" in (said := desk.learn())
    assert "4 lines: 1 deliveries" in said
    assert desk.remembered() == {"ann", "eve"}


def test_a_rotated_file_named_by_hand_is_not_read_twice(desk: Desk) -> None:
    desk.write(mail(1))
    desk.learn()
    older = desk.log.with_name("mail.log.1")
    desk.log.rename(older)
    assert "0 lines" in desk.gate.cli("learn", "outbound", str(older))


def test_standard_input_is_a_log_too(desk: Desk) -> None:
    command = [*PROGRAM, "learn", "outbound", "-", "--config", str(desk.gate.config)]
    done = subprocess.run(command, input=mail(1).encode() + b"\xff\xfe\n", capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert desk.remembered() == {"ann"}


@pytest.fixture
def follow(desk: Desk) -> Iterator[Callable[[], None]]:
    running: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        for one in running:
            one.send_signal(signal.SIGTERM)
            one.wait(60)
        command = [*PROGRAM, "learn", "outbound", str(desk.log), "--follow", "--config", str(desk.gate.config)]
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ))

    yield start
    running[-1].send_signal(signal.SIGINT)
    assert running[-1].wait(60) == 0, running[-1].stderr and running[-1].stderr.read()


def test_following_goes_on_through_rotation_and_a_restart(desk: Desk, follow: Callable[[], None]) -> None:
    desk.write(mail(1))
    follow()
    until(lambda: desk.remembered() == {"ann"})
    desk.write(mail(2, "eve"))
    until(lambda: "eve" in desk.remembered())
    desk.log.rename(desk.log.with_name("mail.log.1"))
    with desk.log.with_name("mail.log.1").open("a") as old:  # the logger has not heard of it yet
        old.write(mail(3, "late"))
    until(lambda: "late" in desk.remembered())
    desk.write(mail(4, "new"))
    until(lambda: "new" in desk.remembered())
    half = mail(5, "halved")
    desk.write(half[:170])
    until(lambda: "4AB00005" in desk.rows("SELECT waiting FROM log_position")[0][0])
    follow()
    desk.write(half[170:])
    until(lambda: "halved" in desk.remembered())
    assert desk.ids() == 5
