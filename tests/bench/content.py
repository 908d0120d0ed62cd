"""What a look at a mail and a lesson cost, beside the filters that others run: `python -m tests.bench content FOLDER`.

FOLDER holds labelled mail and `index`, lines of `spam FILE` or `ham FILE`. All learn the first of them and judge those
behind. Wall time and processor time of each mail are taken in this process; two readers are asked for their memory.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.progress import track

from classifier import rival
from classifier.evaluate import BadIndex, index
from classifier.features import Features
from classifier.learner import Learner
from classifier.mail import parse
from classifier.model import FILE, Model
from classifier.state import Entry
from gateway.evidence import frames
from gateway.evidence.looking import look
from tests.bench import rivals
from tests.bench.load import Broken
from tests.bench.report import Report, Table, Target, console, quantile, shown

BEGAN = datetime(2020, 1, 1, tzinfo=UTC)
MEMORY = 512 * 1024 * 1024  # that a reader may have, as by default
IN_FILES = 2 * 1024 * 1024  # bytes that a reader searches for links, as by default
READERS = 2
MIB = 1024 * 1024
OURS = "Greygate: reading, features, score"
Listed = list[tuple[bool, Path]]


@dataclass
class Pace:
    """Seconds for each mail, by the clock and of the processor."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def time(self, what: Callable[[], object], cpu: Callable[[], float] = time.thread_time) -> None:
        wall, used = time.perf_counter(), cpu()
        what()
        self.cpu.append(cpu() - used)
        self.wall.append(time.perf_counter() - wall)

    def row(self, name: str) -> tuple[str, ...]:
        return (name, *(shown(1000 * quantile(of, share)) for of in (self.wall, self.cpu) for share in (0.5, 0.95)))


def content(path: Path) -> bytes:
    """Without the line that a mailbox puts in front."""
    data = path.read_bytes()
    return data.partition(b"\n")[2] if data.startswith(b"From ") else data


# ---- ours ------------------------------------------------------------------------------------------------------------


def learnt(folder: Path, listed: Listed) -> Pace:
    """What it takes to learn each, as the pupil does: from the features that came with a lesson."""
    pace, learner = Pace(), Learner.open(folder, cold=True)
    for number, (is_spam, path) in enumerate(track(listed, "learning", console=console, transient=True)):
        packed = Features.of(parse(content(path))).to_bytes()
        entry = Entry(str(number), is_spam, Features.from_bytes(packed), BEGAN + number * timedelta(minutes=1))
        pace.time(lambda entry=entry: learner.learn(entry))  # type: ignore[misc]
    learner.publish(anyway=True)
    learner.close()
    return pace


def judged(model: Model, listed: Listed) -> tuple[Pace, Pace]:
    """What the classifier takes, and what a whole look takes, for each mail."""
    alone, whole = Pace(), Pace()
    for number, (_, path) in enumerate(track(listed, "judging", console=console, transient=True)):
        data = content(path)
        turns = [
            (alone, lambda data=data: model.score(Features.of(parse(data)))),
            (whole, lambda data=data: look(data, model)),
        ]
        for pace, what in turns if number % 2 else turns[::-1]:  # whoever is second finds the mail in the caches
            pace.time(what)
    return alone, whole


# ---- memory ----------------------------------------------------------------------------------------------------------


class Reader:
    """A process that looks at mail, as a worker has them."""

    def __init__(self, folder: Path) -> None:
        self.socket, theirs = socket.socketpair()
        told = map(str, (theirs.fileno(), MEMORY, folder, IN_FILES))
        command = [sys.executable, "-m", "gateway.evidence.reader", *told]
        self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        theirs.close()
        self.answers = frames.Answers()
        self.await_answer()

    def await_answer(self) -> None:
        while not list(self.answers.feed(got := self.socket.recv(65536))):
            if not got:
                raise Broken("a reader of mail ended")

    def look(self, data: bytes) -> None:
        self.socket.sendall(frames.request(1, frames.BYTES, data, ()))
        self.await_answer()

    def memory(self, file: Path) -> tuple[int, int, int]:
        """Bytes: PSS of the process, PSS of what it maps of a file, and how much of that is in memory."""
        found = {"all": 0, "Pss": 0, "Rss": 0}
        is_file = False
        for line in Path(f"/proc/{self.process.pid}/smaps").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name not in ("Pss", "Rss"):
                is_file = line.endswith(str(file)) if "-" in line.split(" ")[0] else is_file
                continue
            size = int(rest.split()[0]) * 1024
            found["all"] += size if name == "Pss" else 0
            found[name] += size if is_file else 0
        return found["all"], found["Pss"], found["Rss"]

    def close(self) -> None:
        self.socket.close()
        self.process.wait(10)


def memory(folder: Path, listed: Listed) -> list[tuple[int, int, int]]:
    readers = [Reader(folder) for _ in range(READERS)]
    try:
        for _, path in listed:
            for one in readers:
                one.look(content(path))
        return [one.memory(folder / FILE) for one in readers]
    finally:
        for one in readers:
            one.close()


# ---- others ----------------------------------------------------------------------------------------------------------


def by_bogofilter(first: Listed, rest: Listed) -> Pace | None:
    """A process for each mail, as mail servers run it."""
    if not rival.is_installed():
        return None
    pace = Pace()
    with rival.bogofilter() as other:
        for is_spam, path in track(first, "bogofilter learns", console=console, transient=True):
            other.learn(content(path), is_spam=is_spam)
        for _, path in track(rest, "bogofilter judges", console=console, transient=True):
            data = content(path)
            pace.time(lambda data=data: other.score(data), cpu=rivals.of_children)  # type: ignore[misc]
    return pace


def by_spamassassin(first: Listed, rest: Listed) -> Pace | None:
    """Its Bayes only, in one process; None where it is not installed."""
    found = rivals.spamassassin([*first, *rest], len(first))
    return None if found is None else Pace([wall for wall, _ in found], [cpu for _, cpu in found])


# ---- the measurement -------------------------------------------------------------------------------------------------


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", help="labelled mail with its index")
    parser.add_argument("--mails", type=int, default=0, metavar="N", help="of the index, 0 for all")
    parser.add_argument("--alone", action="store_true", help="without the filters of others")


def quick(options: argparse.Namespace) -> None:
    options.mails, options.alone = 40, True


def measure(options: argparse.Namespace) -> Report:
    listed = given(options)
    first, rest = listed[: len(listed) // 2], listed[len(listed) // 2 :]
    with tempfile.TemporaryDirectory(prefix="greygate-bench-", dir="/tmp") as name:
        folder = Path(name)
        learning = learnt(folder, first)
        alone, whole = judged(Model.open(folder), rest)
        held = memory(folder, rest[:500])
        size = os.stat(folder / FILE).st_size
    others: dict[str, Pace | None] = {}
    if not options.alone:
        others = {"SpamAssassin: its Bayes, in process": by_spamassassin(first, rest)}
        others |= {"bogofilter, a process for each": by_bogofilter(first, rest)}
    paces = {OURS: alone, "Greygate: the whole look": whole, "Greygate: to learn one": learning}
    paces |= {name: pace for name, pace in others.items() if pace is not None}
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    report = Report(
        "content", {**options.facts, "load after": load, "mails": f"{len(first)} learnt, {len(rest)} judged"}
    )
    columns = ("milliseconds for a mail", "wall p50", "p95", "processor p50", "p95")
    report.tables = [Table("pace", columns, [one.row(name) for name, one in paces.items()]), memory_table(size, held)]
    report.targets = [*own_targets(learning, whole, size), *targets_beside(alone, others)]
    report.raw = {name: {"wall": one.wall, "cpu": one.cpu} for name, one in paces.items()}
    return report


def given(options: argparse.Namespace) -> Listed:
    if options.folder is None:
        raise Broken("which folder of labelled mail? See --help")
    try:
        return index(options.folder / "index")[: options.mails or None]
    except (OSError, BadIndex) as error:
        raise Broken(str(error)) from error


def memory_table(size: int, held: list[tuple[int, int, int]]) -> Table:
    rows = [("the published model, a file", shown(size / MIB), "", "")]
    for number, one in enumerate(held, 1):
        rows.append((f"reader {number} of {len(held)}", *(shown(part / MIB) for part in one)))
    return Table("memory, MiB", ("", "PSS", "of it the model", "model in memory"), rows)


def own_targets(learning: Pace, whole: Pace, size: int) -> list[Target]:
    return [
        Target("a whole look, processor p50", 1000 * quantile(whole.cpu, 0.5), 2.0, "ms"),
        Target("a whole look, processor p95", 1000 * quantile(whole.cpu, 0.95), 10.0, "ms"),
        Target("to learn one, processor p50", 1000 * quantile(learning.cpu, 0.5), 0.5, "ms"),
        Target("the model, shared by all", size / MIB, 40, "MiB"),
    ]


def targets_beside(alone: Pace, others: dict[str, Pace | None]) -> list[Target]:
    """How many times as long the others take as our classifier, by the medians of wall time."""
    found = []
    for (name, pace), times in zip(others.items(), (2.0, 1.0), strict=False):
        if pace is not None:
            ratio = quantile(pace.wall, 0.5) / quantile(alone.wall, 0.5)
            found.append(Target(f"{name} ÷ ours, wall p50", ratio, times, at_least=True))
    return found
