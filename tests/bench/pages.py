"""The pages before a full database: how long lists, searches and decisions take, and how much a browser fetches first.

Everything is asked over HTTP of the web process that `greygate up` starts, by people who have signed in.
"""

import argparse
import random
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

from flask import Flask
from rich.progress import Progress
from sqlalchemy import Engine, make_url

from gateway import clock
from gateway.model import Role, Tie
from gateway.store import persons
from gateway.store.engine import sync_engine
from tests.bench import office, ours, rows
from tests.bench.load import Broken
from tests.bench.office import FEW, SHARED, USER, Sizes
from tests.bench.processes import until_quiet
from tests.bench.report import Report, Table, Target, console, milliseconds, quantile
from tests.bench.visitor import Visitor
from tests.gate import Gate, free_port, running, until
from tests.mariadb import MariaDB
from webui import pages, passwords

LIST_WITHIN, ACTION_WITHIN, FIRST_LOAD = 150, 200, 100  # milliseconds, and KB
PASSWORD = "three blue bicycles"
NAMES = {"sqlite": "SQLite", "mariadb": "MariaDB"}
GIB_PER_MILLION = 3.0  # room on disk, generously: waiting mail, its decisions and events
PEOPLE: dict[str, tuple[set[tuple[Role, str]], set[str]]] = {
    "user": (set(), {USER, SHARED}),
    "approver": ({(Role.APPROVER, "")}, {"approver@example.com"}),
    "small": ({(Role.APPROVER, "small.example")}, {FEW}),
    "chief": ({(Role.ADMIN, ""), (Role.AUDITOR, ""), (Role.APPROVER, "")}, set()),
}
OTHERS = 300  # accounts that are there as well
ACTIONS = ("release", "refuse", "trust")
NOWHERE_TO_GO = {"/sign-out"}


@dataclass(frozen=True)
class Page:
    """Somebody's, with what it is called in the table."""

    who: str
    name: str
    path: str
    part: bool = False  # of a page: the next rows, as htmx fetches them


ENDLESS = frozenset({"/events"})  # streams: nobody waits for their end


@dataclass
class Found:
    """Seconds to the first byte, by what was asked."""

    pages: dict[Page, list[float]] = field(default_factory=lambda: defaultdict(list))
    actions: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    otherwise: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    weight: dict[str, int] = field(default_factory=dict)


# ---- what is asked -------------------------------------------------------------------------------------------------


def asked(path: str, **query: str) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def everything(sizes: Sizes) -> list[Page]:
    """Every list as each of them sees it, its searches, and places deep in it; then all other pages there are."""
    found = [Page("user", "how they sign in", "/security"), Page("user", "protection", "/protection")]
    for who in ("user", "approver", "small", "chief"):
        found.append(Page(who, "today", "/"))
        for path, name in (("/held", "held"), ("/waiting", "waiting")):
            found += [Page(who, f"{name}{what}", asked(path, q=words)) for what, words in searches(sizes, who)]
            found += deep(sizes, who, path, name)
    for words, what in finds(sizes):
        found.append(Page("approver", f"find {what}", asked("/find", q=words)))
    found += [Page("user", "find an address of theirs", asked("/find", q=USER)),
              Page("user", "find the shared address", asked("/find", q=SHARED))]  # fmt: skip
    for who in ("admin", "user"):
        found.append(Page("chief", f"audit of {who}", asked("/audit", who=who)))
    found.append(Page("chief", "audit of a mail", asked("/audit", about=office.held_id(sizes.held // 2))))
    for words in (USER, "example", office.NOWHERE):
        found.append(Page("approver", f"known “{words}”", asked("/known", q=words)))
    known = {one.path for one in found}
    found += [Page("chief", path, path) for path in plain_paths() if path not in known]
    return found


def searches(sizes: Sizes, who: str) -> Iterator[tuple[str, str]]:
    middle = office.sender(sizes.held // 2)
    whom = {"small": FEW}.get(who, USER)
    yield "", ""
    yield " from: an address", f"from:{middle}"
    yield " from: a part", f"from:{office.sender(sizes.held - 5).partition('.')[0]}"
    yield " to: an address", f"to:{whom}"
    yield " subject: often", "subject:invoice"
    yield " subject: rare", f"subject:{office.RARE}"
    yield " words, often", "report"
    yield " words, rare", office.RARE
    yield " words, nowhere", office.NOWHERE


def deep(sizes: Sizes, who: str, path: str, name: str) -> Iterator[Page]:
    for share in (0.5, 0.02):
        if path == "/held":
            at, last = sizes.held_at(int(share * sizes.held)), int(share * sizes.held)
        else:
            at, last = sizes.waiting_at(int(share * sizes.waiting)), int(share * sizes.waiting)
        place = asked(path, after=f"{at.isoformat()}~{last}")
        yield Page(who, f"{name}, {1 - share:.0%} down", place, part=True)
    place = asked(path, after=f"{at.isoformat()}~{last}", q=office.NOWHERE)
    yield Page(who, f"{name}, deep, words, nowhere", place, part=True)


def finds(sizes: Sizes) -> Iterator[tuple[str, str]]:
    number = sizes.held // 2
    yield office.sender(number), "a sender"
    yield SHARED, "the shared address"
    yield "nobody@nowhere.example", "an address that is nowhere"
    yield office.held_id(number), "the id of a mail"
    yield "zzzzzzzzzzzzz", "an id that is nowhere"
    yield office.message_id(number, "h"), "a Message-ID"
    yield office.subject(sizes.held - 50), "a subject"
    yield office.RARE, "a rare word"
    yield office.NOWHERE, "a word that is nowhere"


def plain_paths() -> list[str]:
    """The addresses of all pages that need nothing to be known: whoever adds a list has it measured."""
    app = Flask("webui")
    for one in pages.ALL:
        app.register_blueprint(one)
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.arguments]
    rules = [rule for rule in rules if rule.rule not in ENDLESS]
    return sorted(rule.rule for rule in rules if not getattr(app.view_functions[rule.endpoint].rule, "public", False))


# ---- the house -----------------------------------------------------------------------------------------------------


def filled(database: str, folder: Path, sizes: Sizes, stack: ExitStack) -> Gate:
    """A gate with all the rows, and people who may sign in."""
    server = ours.mariadb() if database == "mariadb" else None
    if server is not None:
        stack.callback(server.remove)
    sections = ours.settings(
        server.fresh() if server else None,
        web={"enabled": True, "listen": f"127.0.0.1:{free_port()}", "undo": "0s"},
        domains={"local": list(office.DOMAINS)},
        hold={"reviewed": True},
        smtp={"workers": 1},
    )
    gate = ours.gate(folder, "smtp://127.0.0.1:9", sections)
    with running(gate):  # which makes the tables
        pass
    fill(gate, server, sizes)
    return gate


def fill(gate: Gate, server: MariaDB | None, sizes: Sizes) -> None:
    path, url = gate.folder / "gate.db", gate.settings["database"]["url"] if server else ""
    name = str(url).rpartition("/")[2]
    loading = office.load_mariadb(server, name, sizes) if server else office.load_sqlite(path, sizes)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("loading", total=len(office.TABLES) + 2)
        for table in loading:
            progress.update(task, advance=1, description=f"loading {table}")
        progress.update(task, advance=1, description="loading memory")
        over = timedelta(days=30)
        if server is None:
            rows.load_sqlite(path, 0, sizes.remembered, over)
        else:
            rows.load_mariadb(server, name, 0, sizes.remembered, over)
        progress.update(task, advance=1, description="loading people")
        engine = sync_engine(make_url(str(url)) if server else f"sqlite:///{path}")
        add_people(engine)
        engine.dispose()
    mine = set(office.newest(sizes, 1500)) | set(office.newest(sizes, 300, (USER, SHARED)))
    mine |= set(office.newest(sizes, 60, office.SMALL))
    office.write_bodies(gate.folder / "storage" / "bodies", sizes, mine)


def add_people(engine: Engine) -> None:
    stored, now = passwords.hashed(PASSWORD, ""), clock.now()
    with engine.begin() as conn:
        for name, (roles, addresses) in PEOPLE.items():
            number = persons.add(conn, name, "bench", now)
            persons.change(conn, number, password=stored)
            persons.give_roles(conn, number, roles)
            for one in addresses:
                persons.give_address(conn, number, one, Tie.OWN, "bench", now)
        for other in range(OTHERS):
            number = persons.add(conn, f"other.{rows.word(other)}", "bench", now)
            persons.give_address(conn, number, office.recipient(other), Tie.OWN, "bench", now)


# ---- to measure ----------------------------------------------------------------------------------------------------


def visit(gate: Gate, sizes: Sizes, options: argparse.Namespace) -> Found:
    found, wanted, chance = Found(), everything(sizes), random.Random(1)
    address = gate.settings["web"]["listen"]
    until(lambda: answers(address))
    people = {name: Visitor(address) for name in PEOPLE}
    for name, one in people.items():
        one.sign_in(name, PASSWORD)
    say_why(people["approver"], sizes)
    say_why(people["small"], sizes)
    assert gate.process is not None
    until_quiet([gate.process.pid], 60)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("asking", total=(options.rounds + 1) * len(wanted) + 4 * options.actions)
        for turn in range(options.rounds + 1):
            for page in chance.sample(wanted, len(wanted)):
                told = people[page.who].ask(page.path, **({"HX-Request": "true"} if page.part else {}))
                if told.status != 200:
                    found.otherwise[f"{page.who} {page.path}: {told.status}"] += 1
                elif turn:  # the first of all is what nobody has asked since the process began
                    found.pages[page].append(told.seconds)
                progress.advance(task)
        for who in ("user", "approver"):
            for seconds, verb in decide(people[who], sizes, who, options.actions, found):
                found.actions[f"{verb}, {who}"].append(seconds)
                progress.advance(task)
    found.weight = Visitor(address, cookies=dict(people["approver"].cookies)).weight("/held")
    return found


def answers(address: str) -> bool:
    try:
        return Visitor(address).ask("/healthz").status == 200
    except OSError:
        return False


def say_why(who: Visitor, sizes: Sizes) -> None:
    """Whoever decides for others says once why they read it; their first page has the form."""
    number = office.newest(sizes, 1, office.SMALL if who.name == "small" else ())
    for one in map(office.held_id, number):
        who.ask(f"/mail/{one}/because", {"because": "asked by the recipient"})


def decide(who: Visitor, sizes: Sizes, name: str, most: int, found: Found) -> Iterator[tuple[float, str]]:
    """Release, refuse and trust in turn, from the middle of what has bytes; a part of the refusals is taken back."""
    mine = office.newest(sizes, 200, (USER, SHARED)) if name == "user" else office.newest(sizes, 1400)[300:]
    done = 0
    for place, number in enumerate(mine):
        verb, mail = ACTIONS[place % len(ACTIONS)], office.held_id(number)
        if done >= most:
            return
        if name == "approver" and office.recipient(number) in (USER, SHARED):
            continue
        told = who.ask(f"/mail/{mail}/decide", {"verb": verb, "sure": "yes"})
        if told.status != 302:
            found.otherwise[f"{name} {verb}: {told.status}"] += 1
            continue
        done += 1
        yield told.seconds, verb
        if verb == "refuse":
            told = who.ask(f"/mail/{mail}/undo", {})
            found.otherwise[f"{name} undo: {told.status}"] += told.status != 302
            yield told.seconds, "undo"
        who.ask(told.where)  # which shows what was done


# ---- the whole -----------------------------------------------------------------------------------------------------


def measure(options: argparse.Namespace) -> Report:
    sizes = {one: sizes_for(one, options) for one in options.databases}
    check(sizes)
    made = Report("pages", facts(options, sizes))
    for database in options.databases:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="greygate-bench-", dir="/tmp")))
            gate = filled(database, folder, sizes[database], stack)
            with running(gate):
                add(made, NAMES[database], visit(gate, sizes[database], options))
    return made


def sizes_for(database: str, options: argparse.Namespace) -> Sizes:
    many = options.rows if database == "mariadb" else options.rows_sqlite
    return office.sizes_of(min(options.held, many), many, many, many // 5, many)


def check(sizes: dict[str, Sizes]) -> None:
    needed = max(one.decisions for one in sizes.values()) / 1e6 * GIB_PER_MILLION * 2
    free = shutil.disk_usage("/tmp").free / 2**30
    if free < needed + 1:
        raise Broken(f"/tmp has {free:.0f} GiB and {needed + 1:.0f} are needed: choose less with --rows")


def facts(options: argparse.Namespace, sizes: dict[str, Sizes]) -> dict[str, str]:
    told = {f"rows, {NAMES[name]}": str(one) for name, one in sizes.items()}
    return options.facts | told | {
        "load": f"one browser; every page {options.rounds} times, in another order each time, {options.actions} "
        f"decisions by each of two; from the request to the first byte of its answer; {OTHERS} other accounts",
        "MariaDB": f"buffer pool {ours.POOL >> 20} MiB, flushed at each commit",
    }  # fmt: skip


def add(made: Report, name: str, found: Found) -> None:
    lists = Table(f"{name}: pages", ("who", "page", "p50", "p95", "slowest"))
    for page, times in sorted(found.pages.items(), key=lambda one: -quantile(one[1], 0.95)):
        lists.rows.append((page.who, page.name, *figures(times)))
    actions = Table(f"{name}: decisions", ("what", "p50", "p95", "slowest"))
    for what, times in sorted(found.actions.items()):
        actions.rows.append((what, *figures(times)))
    load = Table(f"{name}: first load of “held”, octets as they travel", ("what", "octets"))
    load.rows.extend((path, f"{octets:,}") for path, octets in found.weight.items())
    made.tables += [lists, actions, load]
    worst = max(quantile(times, 0.95) for times in found.pages.values())
    slowest = max((quantile(times, 0.95) for times in found.actions.values()), default=0.0)
    made.targets += [
        Target(f"{name}, the slowest page or search, p95", worst * 1000, LIST_WITHIN, "ms"),
        Target(f"{name}, the slowest decision, p95", slowest * 1000, ACTION_WITHIN, "ms"),
        Target(f"{name}, first load", sum(found.weight.values()) / 1000, FIRST_LOAD, "KB"),
        Target(f"{name}, answered otherwise than they should", sum(found.otherwise.values()), 0),
    ]
    wrong = [(what, str(count)) for what, count in found.otherwise.items() if count]
    made.tables.append(Table(f"{name}: answered otherwise", ("what", "how often"), wrong))
    made.raw[name] = {
        "pages": {f"{page.who}: {page.name}": times for page, times in found.pages.items()},
        "actions": dict(found.actions),
        "weight": found.weight,
    }


def figures(times: list[float]) -> tuple[str, str, str]:
    return milliseconds(quantile(times, 0.5)), milliseconds(quantile(times, 0.95)), milliseconds(max(times))


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--held", type=int, default=100_000, help="held mails")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of everything else, on MariaDB")
    parser.add_argument("--rows-sqlite", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=40, help="how often every page is asked")
    parser.add_argument("--actions", type=int, default=60, help="decisions of each of two people")
    parser.add_argument("--databases", nargs="+", choices=("sqlite", "mariadb"), default=["sqlite", "mariadb"])


def quick(options: argparse.Namespace) -> None:
    options.held, options.rows, options.rows_sqlite = 2_000, 10_000, 5_000
    options.rounds, options.actions = 5, 12
