"""How soon every worker scores similar mail anew after a person's verdict, on a running gate.

A mail waits; `greygate queue refuse` ends. From then on each worker in turn, while the others stand still, is given
similar mail of new senders, one after the other, until what it says of the score differs. What is told is when the last
of them said so: of N workers N-1 have been asked before, so that it is an upper bound.
"""

import argparse
import json
import os
import signal
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from classifier.model import FILE, stamp
from tests.bench.load import Broken
from tests.bench.report import Report, Spread, Table, Target, shown
from tests.gate import Gate, running, until
from tests.sink import Sink
from tests.talk import deliver, message

WORKERS = 2
WITHIN = 60.0  # seconds, after which nobody learns any more
OFFER = "Dear friend, your unsecured loan is approved: claim ninety thousand coins at once\r\n" * 3
NUMBERS = count()


def similar(gate: Gate) -> tuple[str, float]:
    """Deliver similar mail of a new sender; who that is, and how long it took."""
    sender = f"next{next(NUMBERS)}@elsewhere.example"
    began = time.perf_counter()
    if deliver(gate.port, sender, ["bo@example.com"], message("Again", body=OFFER, sender=sender)).code != 451:
        raise Broken("a stranger's mail was not deferred")
    return sender, time.perf_counter() - began


def score_of(gate: Gate, sender: str) -> float:
    """What is on record about that mail, as soon as it is."""
    question = "SELECT facts FROM decision WHERE sender = ? AND stage = 'data'"
    found: list[tuple[str]] = []

    def is_there() -> bool:
        with sqlite3.connect(f"file:{gate.folder}/gate.db?mode=ro", uri=True, timeout=20) as conn:
            found[:] = conn.execute(question, (sender,)).fetchall()
        return bool(found)

    until(is_there)
    return float(json.loads(found[0][0])["facts"]["content"]["score"])


@contextmanager
def only(gate: Gate, worker: int) -> Iterator[None]:
    """One worker answers while the others stand still."""
    others = [one for one in gate.children("smtpd") if one != worker]
    for one in others:
        os.kill(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in others:
            os.kill(one, signal.SIGCONT)


def learns(gate: Gate) -> tuple[list[float], float, float]:
    """Seconds from the end of a refusal until each worker said another score, until the model was published, and what
    the command took."""
    workers = gate.children("smtpd")
    before = {}
    for one in workers:
        with only(gate, one):
            before[one] = score_of(gate, similar(gate)[0])
    number = kept(gate)
    published = gate.folder / "storage" / "classifier" / FILE
    old = stamp(published)
    began = time.monotonic()
    gate.cli("queue", "refuse", number)
    ended, ended_by_clock = time.monotonic(), time.time()
    until_new = [seen_by(gate, one, before[one], ended) for one in workers]
    if stamp(published) == old:
        raise Broken("the score changed but not the published model")
    return until_new, max(0.0, os.stat(published).st_ctime - ended_by_clock), ended - began


def seen_by(gate: Gate, worker: int, before: float, ended: float) -> float:
    """When a worker took the mail that it said another score of, in seconds since then."""
    with only(gate, worker):
        while time.monotonic() < ended + WITHIN:
            sender, _ = similar(gate)
            answered = time.monotonic()
            if abs(score_of(gate, sender) - before) > 1e-9:
                return answered - ended
    raise Broken(f"a worker said the same {WITHIN:.0f} s after the verdict")


def kept(gate: Gate) -> str:
    """The ID of our copy of a mail that nobody has judged yet."""
    sender, _ = similar(gate)
    found: list[str] = []

    def is_there() -> bool:
        found[:] = [row["message"] for row in gate.queue() if row["sender"] == sender]
        return bool(found)

    until(is_there)
    return found[0]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--times", type=int, default=10, metavar="N", help="verdicts, 10 by default")


def quick(options: argparse.Namespace) -> None:
    options.times = 1


def measure(options: argparse.Namespace) -> Report:
    sink = Sink()
    with tempfile.TemporaryDirectory(prefix="greygate-bench-", dir="/tmp") as folder:
        gate = Gate(Path(folder), sink.url, {"smtp": {"workers": WORKERS}})
        try:
            with running(gate):
                until(lambda: (gate.folder / "storage" / "classifier" / FILE).exists())
                found = [learns(gate) for _ in range(options.times)]
        finally:
            sink.close()
    last = [max(times) for times, _, _ in found]
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    report = Report("verdict", {**options.facts, "load after": load, "verdicts": str(len(found))})
    columns = ("seconds after greygate queue refuse has ended", "median / lowest / highest")
    rows = [
        ("the first worker asked answered with another score", str(Spread(tuple(times[0] for times, _, _ in found)))),
        (f"every one of {WORKERS} workers did", str(Spread(tuple(last)))),
        ("the model was published", str(Spread(tuple(one for _, one, _ in found)))),
        ("beside: what the command itself took", shown(Spread(tuple(one for _, _, one in found)).median)),
    ]
    report.tables = [Table("from verdict to score", columns, rows)]
    report.targets = [
        Target("every worker, median", Spread(tuple(last)).median, 1.0, "s"),
        Target("every worker, worst", max(last), 1.0, "s"),
    ]
    report.raw = {"runs": found}
    return report
