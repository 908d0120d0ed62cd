"""Fuzzed sessions, and how long the event loop keeps an innocent peer waiting meanwhile.

The sessions are those of tests/fuzz, on its gate. The probe is a process of its own: a NOOP every 10 ms.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

from rich.progress import track

from tests.bench.load import Broken
from tests.bench.report import Report, Table, Target, console, milliseconds, quantile
from tests.fuzz.test_session_fuzz import perform, session
from tests.smtpd.house import House, Houses, cleanly, usual, well_formed

EVERY = 0.010  # seconds between two questions of the probe


class Probe:
    """Asks until it is told to stop; then it tells how long each answer took."""

    def __init__(self, port: int) -> None:
        command = [sys.executable, "-m", "tests.bench.probe", str(port), str(EVERY)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def stop(self) -> list[float]:
        told, _ = self.process.communicate("stop\n", timeout=60)
        if self.process.returncode:
            raise Broken("the probe failed")
        return list(json.loads(told))


def fuzz(house: House, first: int, options: argparse.Namespace) -> Counter[str]:
    """Every nth session from `first` on; what was wrong, by kind."""
    wrong = Counter[str]()
    for number in range(first, options.fuzz_sessions, options.clients):
        chance = random.Random(number)
        try:
            lines = perform(chance, house, session(chance))
        except (OSError, AssertionError) as error:
            wrong[f"no orderly end: {type(error).__name__}"] += 1
            continue
        if not well_formed(lines):
            wrong["a malformed reply"] += 1
    return wrong


def storm(house: House, options: argparse.Namespace) -> Counter[str]:
    found = [Counter[str]() for _ in range(options.clients)]

    def client(number: int) -> None:
        found[number] = fuzz(house, number, options)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(options.clients)]
    for thread in threads:
        thread.start()
    for thread in track(threads, "fuzzing", console=console, transient=True):
        thread.join()
    return sum(found, Counter[str]())


def measure(options: argparse.Namespace) -> Report:
    with tempfile.TemporaryDirectory(prefix="greygate-bench-", dir="/tmp") as folder:
        houses = Houses(Path(folder))
        try:
            house = usual(houses)
            (pid,) = house.gate.children("smtpd")
            quiet = Probe(house.port)
            threading.Event().wait(3)
            before = quiet.stop()
            probe = Probe(house.port)
            wrong = storm(house, options)
            waits = probe.stop()
            wrong["not clean at the backend"] += not cleanly(house.sink.mails)
            wrong["a worker that died"] += house.gate.children("smtpd") != [pid]
            wrong["tracebacks"] += house.gate.log.count("Traceback")
        finally:
            houses.end()
    return report(options, before, waits, wrong)


def report(options: argparse.Namespace, before: list[float], waits: list[float], wrong: Counter[str]) -> Report:
    facts = options.facts | {
        "load": f"{options.fuzz_sessions:,} sessions, {options.clients} at a time, one worker; "
        f"a NOOP every {EVERY * 1000:.0f} ms on a connection of another process"
    }
    made = Report("fuzz", facts, raw={"quiet": before, "waits": waits, "wrong": dict(wrong)})
    table = Table("how long a NOOP took", ("when", "NOOPs", "p50", "p99", "slowest"))
    for when, times in (("on the quiet worker", before), ("during the fuzzing", waits)):
        shares = (quantile(times, 0.5), quantile(times, 0.99), max(times))
        table.rows.append((when, f"{len(times):,}", *(milliseconds(one) for one in shares)))
    made.tables = [table, Table("what was wrong", ("what", "how often"), [(k, str(v)) for k, v in wrong.items() if v])]
    made.targets = [
        Target("p99 of an innocent NOOP", quantile(waits, 0.99) * 1000, 100, "ms"),
        Target("tracebacks, malformed replies, dead workers", wrong.total(), 0),
    ]
    return made


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fuzz-sessions", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=4)


def quick(options: argparse.Namespace) -> None:
    options.fuzz_sessions = 200
