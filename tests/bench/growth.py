"""How decisions fare as memory grows, and while a million expired rows are swept away.

A decision is timed from outside: from sending RCPT to its reply, strangers and remembered senders in turn. Each size
has a database of its own, and they are asked in turn, so that whatever else the machine does slows down all of them.
"""

import argparse
import random
import re
import shutil
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from gateway.policy.address import normalise_sender
from tests.bench import ours, rows
from tests.bench.load import Broken
from tests.bench.processes import until_quiet
from tests.bench.report import Report, Table, Target, console, milliseconds, quantile
from tests.gate import Gate, running
from tests.mariadb import MariaDB
from tests.talk import Answer, Talk

SWEPT = re.compile(r"swept .*kind=memory rows=(\d+)|swept .*rows=(\d+) .*kind=memory")
PER_CONNECTION = 20
KEPT, OVER = timedelta(days=30), timedelta(days=-2)
GIB_PER_MILLION = 1.2  # room on disk, generously
NOBODY_LISTENS = "smtp://127.0.0.1:9"  # no mail comes that far


@dataclass
class Store:
    """A gate on one kind of database with so many triplets, and how rows get into it."""

    name: str
    size: int
    gate: Gate
    server: MariaDB | None = None

    def load(self, first: int, last: int, expires_in: timedelta, *, with_sightings: bool = True) -> None:
        if self.server is None:
            rows.load_sqlite(self.gate.folder / "gate.db", first, last, expires_in, with_sightings=with_sightings)
        else:
            url = str(self.gate.settings["database"]["url"])
            name = url.rpartition("/")[2]
            rows.load_mariadb(self.server, name, first, last, expires_in, with_sightings=with_sightings)


@dataclass
class Timed:
    """Seconds per decision, and what was answered otherwise than it should."""

    strangers: list[float] = field(default_factory=list)
    remembered: list[float] = field(default_factory=list)
    otherwise: Counter[str] = field(default_factory=Counter)

    @property
    def all(self) -> list[float]:
        return self.strangers + self.remembered

    def add(self, other: "Timed") -> None:
        self.strangers += other.strangers
        self.remembered += other.remembered
        self.otherwise += other.otherwise


def decide(gate: Gate, known: int, chance: random.Random, network: int) -> Timed:
    """One connection, from a network with remembered senders; half of its decisions are about these, each once."""
    timed = Timed()
    theirs = chance.sample(range(network, known, rows.NETWORKS), PER_CONNECTION // 2)
    with Talk(gate.port, rows.source(network)) as talk:
        talk.say("EHLO peer.example.net")
        for number in theirs:
            stranger = f"new.{rows.word(chance.getrandbits(60))}@stranger.example"
            for sender, wanted, times in (
                (stranger, "Greylisted", timed.strangers),
                (rows.sender(number), "250", timed.remembered),
            ):
                answer, seconds = ask(talk, sender, rows.recipient(number))
                times.append(seconds)
                if wanted not in str(answer):
                    timed.otherwise[str(answer).partition(" [")[0]] += 1
    return timed


def ask(talk: Talk, sender: str, recipient: str) -> tuple[Answer, float]:
    talk.say(f"MAIL FROM:<{sender}>")
    began = time.perf_counter()
    answer = talk.say(f"RCPT TO:<{recipient}>")
    seconds = time.perf_counter() - began
    talk.say("RSET")
    return answer, seconds


# ---- growth --------------------------------------------------------------------------------------------------------


def ask_in_turn(stores: list[Store], options: argparse.Namespace) -> list[Timed]:
    """That many decisions of each store, one connection of each after the other."""
    found = [Timed() for _ in stores]
    with ExitStack() as stack:
        for store in stores:
            stack.enter_context(running(store.gate))
        until_quiet([store.gate.process.pid for store in stores if store.gate.process is not None])
        chance = random.Random(1)
        networks = chance.sample(range(rows.NETWORKS), 1 + options.decisions // PER_CONNECTION)
        for turn, network in enumerate(networks):
            for store, timed in zip(stores, found, strict=True):
                decided = decide(store.gate, store.size, chance, network)
                if turn:  # the first of all opens the database
                    timed.add(decided)
    return found


# ---- the sweep -----------------------------------------------------------------------------------------------------


@dataclass
class Swept:
    rows: int
    seconds: float
    timed: Timed


def sweep(store: Store, options: argparse.Namespace) -> Swept:
    """Expired rows are there when the sweep begins; decisions go on until it is done, or time is up."""
    known = store.size
    with console.status(f"{store.name}: loading {options.expired:,} expired rows"):
        store.load(known, known + options.expired, OVER, with_sightings=False)
    log_before = len(store.gate.log)
    with console.status(f"{store.name}: sweeping"), running(store.gate):
        began = time.monotonic()
        stop, timed = threading.Event(), [Timed() for _ in range(2)]
        threads = [
            threading.Thread(target=keep_deciding, args=(store.gate, known, one, stop, number))
            for number, one in enumerate(timed, start=2)  # other strangers than those asked about before
        ]
        for thread in threads:
            thread.start()
        done = 0
        while done < options.expired and time.monotonic() - began < options.sweep_for:
            time.sleep(0.5)
            done = swept(store.gate.log[log_before:])
        seconds = time.monotonic() - began
        stop.set()
        for thread in threads:
            thread.join()
    both = Timed()
    for one in timed:
        both.add(one)
    if not both.all:
        raise Broken("no decision was made during the sweep")
    return Swept(done, seconds, both)


def swept(log: str) -> int:
    return sum(int(one or other) for one, other in SWEPT.findall(log))


def keep_deciding(gate: Gate, known: int, timed: Timed, stop: threading.Event, seed: int) -> None:
    chance = random.Random(seed)
    while not stop.is_set():
        timed.add(decide(gate, known, chance, chance.randrange(rows.NETWORKS)))
        time.sleep(0.02)


# ---- the whole -----------------------------------------------------------------------------------------------------


def filled(database: str, folder: Path, options: argparse.Namespace, stack: ExitStack) -> list[Store]:
    """A store of each size, smallest first."""
    server = ours.mariadb() if database == "mariadb" else None
    if server is not None:
        stack.callback(server.remove)
    made = []
    for size in options.sizes:
        sections = ours.settings(server.fresh() if server else None, greylist={"stage": "rcpt"})
        gate = ours.gate(folder / f"{database}-{size}", NOBODY_LISTENS, sections)
        with running(gate):  # which makes the tables
            pass
        made.append(Store({"sqlite": "SQLite", "mariadb": "MariaDB"}[database], size, gate, server))
        with console.status(f"{made[-1].name}: loading {size:,} triplets"):
            made[-1].load(0, size, KEPT)
    return made


def measure(options: argparse.Namespace) -> Report:
    ours.allow_many_files()
    check(options)
    made = Report("growth", facts(options))
    growth = Table("one decision at RCPT", ("triplets", "strangers p50", "p95", "remembered p50", "p95"))
    swept_table = Table(
        "decisions while expired rows are swept", ("database", "rows", "in", "decisions", "p50", "p99", "slowest")
    )
    made.tables = [growth, swept_table]
    for database in options.databases:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="greygate-bench-", dir="/tmp")))
            stores = filled(database, folder, options, stack)
            with console.status(f"{database}: decisions"):
                add_growth(made, growth, stores, ask_in_turn(stores, options))
            if options.expired:
                add_sweep(made, swept_table, stores[-1], sweep(stores[-1], options))
    return made


def check(options: argparse.Namespace) -> None:
    needed = (sum(options.sizes) + options.expired) / 1e6 * GIB_PER_MILLION
    free = shutil.disk_usage("/tmp").free / 2**30
    if free < needed + 1:
        raise Broken(f"/tmp has {free:.0f} GiB and {needed + 1:.0f} are needed: choose less with --sizes")
    for number in (0, 7, 12_345, options.sizes[-1]):
        if normalise_sender(rows.sender(number)) != rows.sender(number):
            raise Broken(f"{rows.sender(number)} is normalised: its row would not be found")


def facts(options: argparse.Namespace) -> dict[str, str]:
    return options.facts | {
        "load": f"{options.decisions} decisions of each size, in turn, half about strangers, half about "
        "remembered senders, from the whole of memory; from RCPT to its reply",
        "rows": f"one `memory` row per triplet, a sighting with two rungs for each {rows.SIGHTINGS_EVERY}th",
        "MariaDB": f"buffer pool {ours.POOL >> 20} MiB, flushed at each commit while decisions are timed",
        "raised for ours": ours.raised(),
    }


def add_growth(made: Report, table: Table, stores: list[Store], found: list[Timed]) -> None:
    figures = [
        [quantile(times, share) for times in (one.strangers, one.remembered) for share in (0.5, 0.95)] for one in found
    ]
    name = stores[0].name
    for store, values in zip(stores, figures, strict=True):
        table.rows.append((f"{name}, {store.size:,}", *(milliseconds(value) for value in values)))
        made.raw[f"{name}, {store.size}"] = values
    for index, what in enumerate(("strangers p50", "strangers p95", "remembered p50", "remembered p95")):
        ratio = figures[-1][index] / figures[0][index]
        made.targets.append(Target(f"{name}, {what}: last ÷ first", ratio, 2, "times"))
    add_otherwise(made, name, sum((one.otherwise for one in found), Counter()))


def add_otherwise(made: Report, where: str, otherwise: Counter[str]) -> None:
    if otherwise:
        made.tables.append(Table(f"answered otherwise, {where}", ("what", "how often"), list_of(otherwise)))
    made.targets.append(Target(f"{where}, decisions answered otherwise than they should", otherwise.total(), 0))


def list_of(counts: Counter[str]) -> list[tuple[str, ...]]:
    return [(what, str(count)) for what, count in counts.most_common()]


def add_sweep(made: Report, table: Table, store: Store, found: Swept) -> None:
    times = found.timed.all
    shares = (quantile(times, 0.5), quantile(times, 0.99), max(times))
    row = (store.name, f"{found.rows:,}", f"{found.seconds:.0f} s", f"{len(times):,}")
    table.rows.append((*row, *(milliseconds(one) for one in shares)))
    made.raw[f"{store.name} sweep"] = {"rows": found.rows, "seconds": found.seconds, "p50, p99, max": shares}
    made.targets.append(Target(f"{store.name}, slowest decision during the sweep", max(times) * 1000, 250, "ms"))
    add_otherwise(made, f"{store.name} during the sweep", found.timed.otherwise)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000, 5_000_000])
    parser.add_argument("--decisions", type=int, default=2000)
    parser.add_argument("--expired", type=int, default=1_000_000, help="rows for the sweep; 0 leaves it out")
    parser.add_argument("--sweep-for", type=float, default=900, metavar="SECONDS", help="at most")
    parser.add_argument("--databases", nargs="+", choices=("sqlite", "mariadb"), default=["sqlite", "mariadb"])


def quick(options: argparse.Namespace) -> None:
    options.sizes, options.decisions, options.expired, options.sweep_for = [10_000, 50_000], 400, 10_000, 60
