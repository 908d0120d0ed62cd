"""The disk is full: strangers' mail does without a copy, mail that we must own is 452, and nothing half is kept."""

import errno
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from gateway import clock
from gateway.bodies import FileBodies
from sql.tables import delivery
from tests.conftest import need
from tests.failures.books import books, hurry, queue, reason, state_of, until_empty
from tests.gate import Gate, catches, rest, until
from tests.sink import Sink
from tests.talk import deliver, message

ANN, BO, BEFORE = "ann@elsewhere.example", "bo@example.com", "before@example.com"
LEVELS: dict[str, dict[str, Any]] = {"protection": {"overrides": {BEFORE: "review-before"}}}
SMALL, LARGE = 6_000, 300_000


class Disk:
    """A file system of 80 MiB, of which the classifier takes most."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ballast = folder / "ballast"

    def fill(self, leave: int = 0) -> None:
        """Take all room but so many bytes.

        The gateway writes meanwhile: what was free a moment ago may be taken, and is then asked for again.
        """

        def taken() -> bool:
            state = os.statvfs(self.folder)
            room = state.f_bavail * state.f_frsize - leave
            try:
                if room > 0:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, room)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                return False
            return True

        with open(self.ballast, "ab") as file:
            until(taken)

    def free(self) -> None:
        self.ballast.unlink()

    def bodies(self) -> list[Path]:
        """Everything below the folder of bodies, finished or not."""
        return [path for path in self.folder.glob("storage/bodies/??/*") if path.is_file()]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80M", "tmpfs", str(folder)], capture_output=True)
    need(mounted.returncode == 0, "the permission to mount a tmpfs (run as root)")
    yield Disk(folder)
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def run(start: Callable[..., Gate], disk: Disk) -> Callable[..., Gate]:
    def begin(**settings: dict[str, Any]) -> Gate:
        gate = start({**LEVELS, "storage": {"path": f"{disk.folder}/storage", "reserve": "1MiB"}, **settings})
        # Every process has its counter file, which takes its room at once, when it has come so far.
        until(lambda: len(gate.children()) == 4 and all(catches(pid, signal.SIGTERM) for pid in gate.children()))
        # And the model of the classifier is there; its last file is that of what was found good.
        until((disk.folder / "storage" / "classifier" / "good").exists)
        return gate

    return begin


def mail(subject: str, size: int = SMALL) -> bytes:
    return message(subject, body="0123456789 abcdef\r\n" * (size // 19))


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_strangers_do_without_a_copy_when_the_rest_is_reserved(
    run: Callable[..., Gate], disk: Disk, sink: Sink, size: int
) -> None:
    gate = run()
    disk.fill(leave=1_000_000)
    stranger = mail("Stranger", size)
    first = deliver(gate.port, ANN, [BO], stranger)
    assert (first.code, reason(gate, first)) == (451, "greylist.new")
    assert (queue(gate), disk.bodies()) == ([], [])
    held = mail("Held", size)
    assert deliver(gate.port, ANN, [BEFORE], held).code == 250, "for this the room is reserved"
    wait_and_be_let_in(gate, stranger)
    row = state_of(gate, BEFORE, "held")
    gate.cli("queue", "release", row["message"], "--once")
    until_empty(gate)
    assert [one.below() for one in sink.mails] == [stranger, held]


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_mail_that_we_must_own_is_told_that_there_is_no_room(
    run: Callable[..., Gate], disk: Disk, sink: Sink, size: int
) -> None:
    gate = run()
    held = mail("Held", size)
    taken = 0
    for _ in range(3):  # full, free, full again
        disk.fill()
        full = deliver(gate.port, ANN, [BEFORE], held)
        assert (full.code, full.text[:5]) == (452, "4.3.1")
        assert len(queue(gate)) == taken, "nothing that was sent away is listed"
        assert len(disk.bodies()) == taken, "nothing half is left behind"
        disk.free()
        assert deliver(gate.port, ANN, [BEFORE], held).code == 250
        taken += 1
    rows = queue(gate)
    assert [row["state"] for row in rows] == ["held"] * taken
    bodies = FileBodies(disk.folder / "storage/bodies")
    with books(gate) as conn:
        assert {b"".join(bodies.read(conn, row["message"])) for row in rows} == {held}, "and can be read"


def test_what_passes_needs_no_room(run: Callable[..., Gate], disk: Disk, sink: Sink) -> None:
    gate = run()
    disk.fill()
    stranger = mail("Stranger")
    assert deliver(gate.port, ANN, [BO], stranger).code == 451
    wait_and_be_let_in(gate, stranger)
    assert [one.below() for one in sink.mails] == [stranger]


def test_with_the_database_on_the_full_disk_nobody_is_refused_for_good(
    run: Callable[..., Gate], disk: Disk, sink: Sink
) -> None:
    gate = run(database={"url": f"sqlite://{disk.folder}/gate.db"})
    known, held = mail("Before"), mail("Held")
    assert deliver(gate.port, ANN, [BO], known).code == 451
    wait_and_be_let_in(gate, known)
    disk.fill()
    answers = [deliver(gate.port, "new@elsewhere.example", [one], held) for one in (BO, BEFORE, BO, BEFORE)]
    assert {answer.code // 100 for answer in answers} == {4}
    assert not [answer for answer in answers if "disk" in answer.text or "sqlite" in answer.text]
    disk.free()
    assert deliver(gate.port, "new@elsewhere.example", [BEFORE], held).code == 250
    assert len([row for row in queue(gate) if row["recipient"] == BEFORE]) == 1
    other = mail("After")
    assert deliver(gate.port, "new@elsewhere.example", [BO], other).code == 451
    wait_and_be_let_in(gate, other, "new@elsewhere.example")


def test_released_mail_is_delivered_though_the_disk_is_full(run: Callable[..., Gate], disk: Disk, sink: Sink) -> None:
    gate = run()
    held = mail("Held", LARGE)
    assert deliver(gate.port, ANN, [BEFORE], held).code == 250
    gate.cli("queue", "release", state_of(gate, BEFORE, "held")["message"], "--once")
    disk.fill()
    rest(2)
    disk.free()
    if queue(gate):
        deadline = time.monotonic() + 60
        while not queue(gate)[0]["last_reply"]:
            assert time.monotonic() < deadline, "it is due again in minutes, not when a lease ends"
            time.sleep(0.1)
        hurry(gate)
    until_empty(gate)
    assert [one.below() for one in sink.mails] == [held]


def test_the_sweep_outlives_a_notice_for_which_there_is_no_room(
    run: Callable[..., Gate], disk: Disk, sink: Sink
) -> None:
    """Mail that expires is told to its recipient: without room for that it expires later, and all else goes on."""
    gate = run()
    assert deliver(gate.port, ANN, [BEFORE], mail("Nobody decides")).code == 250
    (before,) = gate.children("sweep")
    disk.fill()
    with books(gate) as conn:
        conn.execute(update(delivery).values(expires=clock.now()))
    os.kill(before, 15)  # a fresh one cleans at once
    wait_for_log(gate, "for want of room")
    assert state_of(gate, BEFORE, "held")
    assert "Traceback" not in gate.log
    disk.free()


def wait_for_log(gate: Gate, words: str, within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while words not in gate.log:
        assert time.monotonic() < deadline, gate.log[-3000:]
        time.sleep(0.1)


def wait_and_be_let_in(gate: Gate, stranger: bytes, sender: str = ANN, within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while (answer := deliver(gate.port, sender, [BO], stranger)).code != 250:
        assert answer.code == 451
        assert time.monotonic() < deadline
        time.sleep(0.3)


def test_a_full_disk_delays_no_release(run: Callable[..., Gate], disk: Disk, sink: Sink) -> None:
    gate = run()
    held = mail("Held", LARGE)
    assert deliver(gate.port, ANN, [BEFORE], held).code == 250
    row = state_of(gate, BEFORE, "held")
    disk.fill()
    gate.cli("queue", "release", row["message"], "--once")
    (arrived,) = sink.wait_for(1, within=60)
    assert arrived.below() == held
