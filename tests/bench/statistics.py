"""Statistics before a month of a busy office: how long counting it takes, what a step costs, and how fast the page is.

The rows are counted by the sweep's own slices, one after the other without the rests between them; then the page and
its files are asked over HTTP of the web process that `greygate up` starts.
"""

import argparse
import json
import random
import sqlite3
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from rich.progress import Progress
from sqlalchemy import Engine, func, insert, make_url, select

from gateway.model import Action, Level, ReasonCode
from gateway.statistics import count_decisions, count_events
from gateway.statistics.tables import ALL
from gateway.store.engine import sync_engine
from gateway.store.tallies import SETTLED_AFTER
from sql.tables import decision, tally, tally_sender
from tests.bench import office, ours, pages
from tests.bench.pages import NAMES, PASSWORD, PEOPLE, answers
from tests.bench.processes import until_quiet
from tests.bench.report import Report, Table, Target, console, milliseconds, quantile
from tests.bench.rows import batches, load_file, text, word
from tests.bench.rows import insert as inserted
from tests.bench.visitor import Visitor
from tests.gate import Gate, free_port, running, until
from tests.mariadb import MariaDB

PAGE_WITHIN = 200  # milliseconds, p95
DAYS = 30
STEPS, STEP_ROWS = 30, 100  # rows of a busy half minute at three a second
MIX = (
    (Action.DEFER, ReasonCode.GREYLIST_NEW, 40), (Action.DEFER, ReasonCode.GREYLIST_EARLY, 10),
    (Action.ACCEPT, ReasonCode.GREYLIST_PASSED, 12), (Action.ACCEPT, ReasonCode.PARTY_REMEMBERED, 18),
    (Action.ACCEPT, ReasonCode.PARTY_KNOWN, 8), (Action.HOLD, ReasonCode.CONTENT_SUSPICIOUS, 4),
    (Action.REJECT, ReasonCode.RECIPIENT_UNKNOWN, 5), (Action.REJECT, ReasonCode.LIST_BLOCKED, 3),
)  # fmt: skip
SINCE = ("24h", "7d", "30d", "90d")


@dataclass
class Found:
    """Seconds, by what was done."""

    slices: list[float] = field(default_factory=list)
    events: list[float] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)
    pages: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    rows: dict[str, int] = field(default_factory=dict)
    otherwise: int = 0


# ---- a month -------------------------------------------------------------------------------------------------------


def decisions(first: int, last: int, since: datetime, until_: datetime) -> Iterator[dict[str, Any]]:
    """In the order they were written; more by day than by night."""
    chance = random.Random(first)
    kinds = chance.choices(MIX, [share for _, _, share in MIX], k=last - first)
    for number, (action, code, _) in zip(range(first, last), kinds, strict=True):
        at = since + (until_ - since) * ((number - first) / max(1, last - first))
        yield row(number, at, str(action), code, chance)


def row(number: int, at: datetime, action: str, code: ReasonCode, chance: random.Random) -> dict[str, Any]:
    told = json.loads(office.facts(number, "w"))
    told["facts"]["rcpt"]["level"] = str(Level.GREYLIST if number % 5 else Level.REVIEW_AFTER)
    waited = {"waited": int(chance.lognormvariate(6.5, 1))} if code is ReasonCode.GREYLIST_PASSED else {}
    told["reasons"] = [{"code": str(code), "evidence": waited, "weight": None}, *told["reasons"]]
    return {
        "id": number + 1, "reply_id": f"d{number:012}", "at": text(at), "stage": "data", "peer": "192.0.2.9",
        "sender": office.sender(number), "recipient": office.recipient(number), "action": action, "code": str(code),
        "message": None, "review": 0, "facts": json.dumps(told),
    }  # fmt: skip


def events(count: int, now: datetime) -> Iterator[dict[str, Any]]:
    """None of them counts: all have to be gone through."""
    for number in range(count):
        at = now - timedelta(days=DAYS) * (1 - number / count)
        yield {"id": number + 1, "at": text(at), "message": f"m{number:012}", "recipient": office.recipient(number),
               "kind": "taken", "who": "gateway", "detail": json.dumps({"reply": word(number)})}  # fmt: skip


def fill(gate: Gate, server: MariaDB | None, count: int, now: datetime) -> Engine:
    url = str(gate.settings["database"]["url"]) if server else f"sqlite:///{gate.folder / 'gate.db'}"
    since = now - timedelta(days=DAYS)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("loading", total=2 * count)
        for table, made in (("decision", decisions(0, count, since, now)), ("event", events(count, now))):
            for part in batches(made, 50_000):
                load(url, server, table, part, gate.folder / "gate.db")
                progress.advance(task, len(part))
    engine = sync_engine(make_url(url))
    pages.add_people(engine)
    return engine


def load(url: str, server: MariaDB | None, table: str, part: list[dict[str, Any]], path: Path) -> None:
    values = [tuple(one.values()) for one in part]
    if server is None:
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA synchronous=OFF")
        connection.executemany(inserted(table, tuple(part[0]), "?"), values)
        connection.commit()
        connection.close()
        return
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"USE {url.rpartition('/')[2]}")
        load_file(cursor, server.folder / "rows.tsv", table, tuple(part[0]), values, binary=())
        connection.commit()
    (server.folder / "rows.tsv").unlink(missing_ok=True)


# ---- counting ------------------------------------------------------------------------------------------------------


def count_all(engine: Engine, found: Found, count: int, now: datetime) -> None:
    """Everything that is there, then what a busy half minute brings, then nothing."""
    later = now + 2 * SETTLED_AFTER
    for work in (count_decisions, count_events):  # with MariaDB what a look saw is settled later, and it looked before
        with engine.begin() as conn:
            work(conn, now + SETTLED_AFTER)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("counting", total=count)
        while (seconds := timed(engine, count_decisions, later))[1]:
            found.slices.append(seconds[0])
            progress.advance(task, seconds[1])
    while (seconds := timed(engine, count_events, later))[1]:
        found.events.append(seconds[0])
    for turn in range(STEPS):
        first = count + turn * STEP_ROWS
        at = later + (3 * turn + 1) * SETTLED_AFTER
        with engine.begin() as conn:
            made = decisions(first, first + STEP_ROWS, now, now + timedelta(seconds=30))
            rows = [one | {"at": now, "facts": json.loads(one["facts"]), "review": False} for one in made]
            conn.execute(insert(decision), [{name: one[name] for name in one if name != "id"} for one in rows])
            if engine.dialect.name != "sqlite":
                count_decisions(conn, at)  # sees them
        spent, done = timed(engine, count_decisions, at + SETTLED_AFTER)
        if done:
            found.steps.append(spent)
        found.idle.append(timed(engine, count_decisions, at + SETTLED_AFTER)[0])


def timed(engine: Engine, work: Any, now: datetime) -> tuple[float, int]:
    began = time.perf_counter()
    with engine.begin() as conn:
        done = work(conn, now)
    return time.perf_counter() - began, done


def sizes(engine: Engine) -> dict[str, int]:
    with engine.connect() as conn:
        tables = (decision, tally, tally_sender)
        return {one.name: int(conn.execute(select(func.count()).select_from(one)).scalar_one()) for one in tables}


# ---- the page ------------------------------------------------------------------------------------------------------


def asked() -> Iterator[tuple[str, str]]:
    """Who asks for what."""
    for who in PEOPLE:
        for since in SINCE:
            yield who, f"/statistics?{urlencode({'since': since})}"
        yield who, "/statistics?since=7d&against=week"
        yield who, "/statistics?since=30d&against=nothing"
    yield "chief", f"/statistics?{urlencode({'since': '30d', 'whose': office.SHARED})}"
    yield "chief", "/statistics?since=30d&whose=small.example"
    for table in ALL:
        yield "chief", f"/statistics/{table}.csv?since=30d"


def visit(gate: Gate, found: Found, rounds: int) -> None:
    address, wanted, chance = gate.settings["web"]["listen"], list(asked()), random.Random(1)
    until(lambda: answers(address))
    people = {name: Visitor(address) for name in PEOPLE}
    for name, one in people.items():
        one.sign_in(name, PASSWORD)
    assert gate.process is not None
    until_quiet([gate.process.pid], 60)
    for turn in range(rounds + 1):
        for who, path in chance.sample(wanted, len(wanted)):
            told = people[who].ask(path)
            found.otherwise += told.status != 200
            if turn:
                found.pages[f"{who} {path}"].append(told.seconds)


# ---- the whole -----------------------------------------------------------------------------------------------------


def measure(options: argparse.Namespace) -> Report:
    made = Report("statistics", options.facts | {
        "load": f"decisions of {DAYS} days for {office.PEOPLE:,} recipients in two domains, a twentieth for one shared "
        f"address, and as many events; every page {options.rounds} times, to the first byte",
        "MariaDB": f"buffer pool {ours.POOL >> 20} MiB, flushed at each commit",
    })  # fmt: skip
    for database in options.databases:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="greygate-bench-", dir="/tmp")))
            server = ours.mariadb() if database == "mariadb" else None
            if server is not None:
                stack.callback(server.remove)
            web = {"enabled": True, "listen": f"127.0.0.1:{free_port()}"}
            sections = ours.settings(
                server.fresh() if server else None,
                web=web,
                domains={"local": list(office.DOMAINS)},
                smtp={"workers": 1},
            )
            gate = ours.gate(folder, "smtp://127.0.0.1:9", sections)
            with running(gate):  # which makes the tables
                pass
            found, now = Found(), datetime.now(UTC)
            engine = fill(gate, server, options.rows, now)
            count_all(engine, found, options.rows, now)
            found.rows = sizes(engine)
            engine.dispose()
            with running(gate):
                visit(gate, found, options.rounds)
            add(made, NAMES[database], found)
    return made


def add(made: Report, name: str, found: Found) -> None:
    counting = Table(f"{name}: counting", ("what", "times", "p50", "p95", "slowest", "all together"))
    for what, times in (
        ("a slice of 500 decisions, of what was there", found.slices),
        ("a stride of 5,000 events, of what was there", found.events),
        (f"a step with {STEP_ROWS} new decisions", found.steps),
        ("a step with nothing new", found.idle),
    ):
        if times:
            shares = (quantile(times, 0.5), quantile(times, 0.95), max(times))
            counting.rows.append((what, f"{len(times):,}", *map(milliseconds, shares), f"{sum(times):.0f} s"))
    rows = Table(f"{name}: rows", ("table", "rows"), [(table, f"{count:,}") for table, count in found.rows.items()])
    asked_for = Table(f"{name}: the page", ("what", "p50", "p95", "slowest"))
    for what, times in sorted(found.pages.items(), key=lambda one: -quantile(one[1], 0.95)):
        asked_for.rows.append((what, *map(milliseconds, (quantile(times, 0.5), quantile(times, 0.95), max(times)))))
    made.tables += [counting, rows, asked_for]
    worst = max(quantile(times, 0.95) for times in found.pages.values())
    made.targets += [
        Target(f"{name}, the slowest page or file, p95", worst * 1000, PAGE_WITHIN, "ms"),
        Target(f"{name}, answered otherwise than they should", found.otherwise, 0),
    ]
    made.raw[name] = {"slices": found.slices, "steps": found.steps, "idle": found.idle, "pages": dict(found.pages)}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=1_000_000, help="decisions, and as many events")
    parser.add_argument("--rounds", type=int, default=20, help="how often every page is asked")
    parser.add_argument("--databases", nargs="+", choices=("sqlite", "mariadb"), default=["sqlite", "mariadb"])


def quick(options: argparse.Namespace) -> None:
    options.rows, options.rounds = 10_000, 3
