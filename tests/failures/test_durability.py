"""250 means that it is safe: what the kernel was asked to do, in which order, and what happens when it says no."""

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.bodies import FileBodies
from tests.conftest import need
from tests.failures.books import books, queue
from tests.gate import Gate, rest
from tests.sink import Sink
from tests.talk import Answer, deliver, message

ANN, BEFORE = "ann@elsewhere.example", "before@example.com"
LEVELS = {"protection": {"overrides": {BEFORE: "review-before"}}}
MAILS = 5
SENDING = ("write", "writev", "sendto", "sendmsg")

LINE = re.compile(r"^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$")


@dataclass(frozen=True)
class Call:
    """A system call that succeeded: where it began and ended in the log, and all that is said about it."""

    name: str
    began: int
    ended: int
    text: str


def calls(log: Path) -> list[Call]:
    """The calls in the order in which they began. One that was interrupted in the log is put together again."""
    found: list[Call] = []
    open_ones: dict[tuple[str, str], tuple[int, str]] = {}
    for number, line in enumerate(log.read_text(errors="replace").splitlines()):
        if not (parts := LINE.match(line)):
            continue
        thread, resumed, name, text = parts.groups()
        if text.endswith("<unfinished ...>"):
            open_ones[(thread, name)] = (number, text)
            continue
        began, before = open_ones.pop((thread, resumed), (number, "")) if resumed else (number, "")
        if " = -1 " not in text:
            found.append(Call(resumed or name, began, number, before + text))
    return sorted(found, key=lambda call: call.began)


@contextmanager
def traced(gate: Gate, log: Path, *options: str) -> Iterator[None]:
    """strace on all threads of the only worker."""
    need(shutil.which("strace") is not None, "strace (apt-get install strace)")
    (worker,) = gate.children("smtpd")
    command = ["strace", "-f", "-y", "-s", "300", "-o", str(log), *options, "-p", str(worker)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    first = tracer.stderr.readline()
    need("attached" in first, f"the permission to trace a process ({first.strip()})")
    rest(0.3)
    try:
        yield
    finally:
        tracer.terminate()
        tracer.wait(60)
        tracer.stderr.close()


def held(gate: Gate, subject: str) -> Answer:
    return deliver(gate.port, ANN, [BEFORE], message(subject))


def after(these: list[Call], moment: int, wanted: str, *names: str) -> Call:
    """The first of the calls that began after a moment, has one of the names, and whose text has the words."""
    for call in these:
        if call.began > moment and call.name in names and re.search(wanted, call.text):
            return call
    raise AssertionError(f"no {'/'.join(names)} of {wanted} after line {moment}")


def test_a_held_mail_is_on_stable_storage_before_its_250(
    start: Callable[..., Gate], sink: Sink, tmp_path: Path
) -> None:
    """Its file is synced, named, and its folder synced; the rows are committed; and only then 250 is said.

    A commit is the end of the journal. Its folder is synced too, or the journal may be back after a power cut.
    """
    gate = start(LEVELS)
    held(gate, "The first one makes folders")
    log = tmp_path / "strace.log"
    syscalls = "fsync,fdatasync,rename,renameat,renameat2,unlink,sendto,sendmsg,write,writev"
    with traced(gate, log, "-e", f"trace={syscalls}"):
        for number in range(MAILS):
            assert held(gate, f"Held {number}").code == 250
    these = calls(log)
    moment = -1
    for row in sorted(queue(gate), key=lambda row: str(row["message"]))[1:]:
        number = row["message"]
        file = after(these, moment, rf"bodies/../\.{number}\.", "fsync", "fdatasync")
        named = after(these, file.ended, rf"bodies/../{number}\"", "rename", "renameat", "renameat2")
        folder = after(these, named.ended, rf"bodies/{number[-2:]}>", "fsync")
        rows = after(these, folder.ended, r"gate\.db>", "fsync", "fdatasync")
        committed = after(these, rows.ended, r"gate\.db-journal", "unlink")
        database_folder = after(these, committed.ended, r"/gate0>", "fsync", "fdatasync")
        told = after(these, moment, r"^\d+<(socket|TCP).*250 2\.0\.0 Accepted", *SENDING)
        steps = (file, named, folder, rows, committed, database_folder, told)
        assert database_folder.ended < told.began, "\n".join(f"{step.began}: {step.text}" for step in steps)
        moment = told.ended


FAULTS = ("fsync:error=EIO", "fsync:error=EIO:when=2", "fdatasync:error=EIO", "rename:error=ENOSPC", "unlink:error=EIO")
HARMLESS = ("fdatasync", "unlink")  # SQLite may do without them, and then 250 is right

MAYBE = tuple(fault for fault in FAULTS if fault.startswith(HARMLESS))  # the commit failed: who knows


def test_when_the_kernel_says_no_the_sender_keeps_the_mail(
    start: Callable[..., Gate], sink: Sink, tmp_path: Path
) -> None:
    gate = start(LEVELS)
    owed = []
    for fault in FAULTS:
        call = fault.partition(":")[0]
        with traced(gate, tmp_path / "strace.log", "-e", f"trace={call}", "-e", f"inject={fault}"):
            answer = held(gate, fault)
        assert answer.code in ((250, 451, 452) if call in HARMLESS else (451, 452)), (fault, answer)
        assert "Errno" not in answer.text, answer
        owed += [fault] if answer.code == 250 else []
        after_it = f"after {fault}"
        deadline = time.monotonic() + 60
        while held(gate, after_it).code != 250:
            assert time.monotonic() < deadline, f"{fault} is over, and nothing is taken any more"
            time.sleep(0.3)
        owed.append(after_it)
    rows = queue(gate)
    assert set(owed) <= {row["subject"] for row in rows}, "what was answered 250 is kept"
    assert len(rows) == len({row["subject"] for row in rows}), "and once"
    bodies = FileBodies(gate.folder / "storage/bodies")
    with books(gate) as conn:
        for row in rows:
            assert b"".join(bodies.read(conn, row["message"])).endswith(b"words.\r\n")
        assert {kept.subject for kept in bodies.scan(conn)} - {row["subject"] for row in rows} <= set(MAYBE), (
            "a mail that was sent away leaves no file that a reindex would take for ours"
        )
