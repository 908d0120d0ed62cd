"""Strangers deferred and known senders' messages delivered, per second: Postfix with postgrey and ours in turn.

All contestants run all the time; in each round every one gets the same load alone, after the one before is quiet.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.progress import Progress
from sqlalchemy import func, select

from sql.tables import copy, decision, sighting
from tests.bench import machine, ours, peer
from tests.bench.load import Broken, Load, Sink, send, smtp_sink
from tests.bench.processes import cpu_seconds, memory_kib, until_quiet
from tests.bench.report import Report, Spread, Table, Target, console, shown
from tests.evidence.dnsserver import DnsServer
from tests.failures.books import books
from tests.gate import Gate, until
from tests.talk import deliver, message

RECIPIENT = "bo@example.com"
KNOWN = "known@elsewhere.example"
PEER = "Postfix + postgrey"
RELAY = "Postfix"
DEFERRED, DELIVERED = "strangers deferred", "a known sender's mail delivered"
WARM_UP = 400  # messages


@dataclass
class Turn:
    """One run: how many messages it did as it should in how many seconds, and what else was answered how often."""

    done: int
    seconds: float
    otherwise: Counter[str] = field(default_factory=Counter)


@dataclass
class Contestant:
    """A server under one load. `roots` are the processes that it consists of, databases included."""

    name: str
    kind: str
    port: int
    roots: list[int]
    run: Callable[["Contestant", Load, str], Turn]
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)  # seconds per 1,000 messages
    done: int = 0
    otherwise: Counter[str] = field(default_factory=Counter)

    def turn(self, load: Load, run: str) -> None:
        """One measurement; a little load before it, so that processes that ended for want of work are there again."""
        self.load(replace(load, messages=min(WARM_UP, load.messages)), f"{run}.warm")
        until_quiet(self.roots)
        before = cpu_seconds(self.roots)
        turn = self.load(load, run)
        until_quiet(self.roots)
        self.rates.append(turn.done / turn.seconds)
        self.cpu.append((cpu_seconds(self.roots) - before) * 1000 / load.messages)

    def load(self, load: Load, run: str) -> Turn:
        turn = self.run(self, load, run)
        self.done += turn.done
        self.otherwise += turn.otherwise
        return turn


def defer(contestant: Contestant, load: Load, run: str) -> Turn:
    """Every mail is another triplet; only those count that were greylisted, and by those words."""
    sent = send(load, contestant.port, f"stranger.{run}@elsewhere.example", RECIPIENT, numbered=True)
    others = Counter({reply: count for reply, count in sent.refused.items() if "Greylisted" not in reply})
    others["accepted"] += sent.accepted
    return Turn(sent.greylisted, sent.seconds, +others)


def pass_on(sink: Sink) -> Callable[[Contestant, Load, str], Turn]:
    def run(contestant: Contestant, load: Load, run: str) -> Turn:
        """The clock stops when the sink has all that were accepted."""
        before = sink.count
        began = time.perf_counter()
        sent = send(load, contestant.port, KNOWN, RECIPIENT, numbered=False)
        ended = sink.wait_for(before + sent.accepted, within=300)
        return Turn(sent.accepted, ended - began, sent.refused)

    return run


# ---- the contestants -----------------------------------------------------------------------------------------------


@dataclass
class Stage:
    """Everything that runs during the measurement."""

    contestants: list[Contestant] = field(default_factory=list)
    gates: dict[str, Gate] = field(default_factory=dict)
    roots: dict[str, list[int]] = field(default_factory=dict)  # by what is shown as one line of the memory table
    peer: "peer.Peer | None" = None

    def gate(self, name: str, gate: Gate, database: list[int]) -> list[int]:
        gate.start()
        assert gate.process is not None
        self.gates[name] = gate
        self.roots[name] = [gate.process.pid, *database]
        return self.roots[name]


def introduce(gate: Gate) -> None:
    """A person releases the first mail of the known sender, and trusts it from then on."""
    first = deliver(gate.port, KNOWN, [RECIPIENT], message("Introduction", sender=KNOWN))
    if first.code != 451:
        raise Broken(f"the sender that shall be known was told {first}")
    until(gate.queue)
    gate.cli("queue", "release", gate.queue()[0]["message"])
    time.sleep(1.5)  # until every worker has heard of it


@contextmanager
def stage(options: argparse.Namespace, sink: Sink) -> Iterator[Stage]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="greygate-bench-", dir="/tmp")))
        made = Stage()
        if not options.ours_only:
            stack.enter_context(peer.room_for_log_lines())
            made.peer = peer.Peer(sink.port)
            stack.callback(made.peer.remove)
            add_peer(made, made.peer.start(), sink)
        asked: ours.Sections = {}
        if options.resolver:
            asked = {"dns": {"servers": [f"127.0.0.1:{name_server(stack).port}"]}}
        for database in options.databases:
            url, roots = None, []
            if database == "mariadb":
                server = ours.mariadb()
                stack.callback(server.remove)
                assert server.process is not None
                roots = [server.process.pid]
            for at in ("rcpt", "data"):
                url = server.fresh() if database == "mariadb" else None
                sections = ours.settings(url, greylist={"stage": at, "wait": "1s"}, **asked)
                gate = ours.gate(folder / f"{database}-{at}", f"smtp://127.0.0.1:{sink.port}", sections)
                stack.callback(gate.stop)
                add_ours(made, gate, database, at, roots, sink)
        yield made


def name_server(stack: ExitStack) -> DnsServer:
    """One that knows the host that all load comes from and whose mail it may send; asked once, that is cached."""
    server = DnsServer()
    stack.callback(server.close)
    server.host("127.0.0.1", "mx.elsewhere.example")
    server.zone[("elsewhere.example", "TXT")] = ['"v=spf1 ip4:127.0.0.1 -all"']
    return server


def add_peer(made: Stage, peer: "peer.Peer", sink: Sink) -> None:
    asking, relaying = peer.greylisting, peer.relaying
    made.roots[PEER], made.roots[f"{RELAY}, relaying"] = peer.roots(asking), peer.roots(relaying)
    made.contestants.append(Contestant(PEER, DEFERRED, asking.port, made.roots[PEER], defer))
    relay = Contestant(RELAY, DELIVERED, relaying.port, made.roots[f"{RELAY}, relaying"], pass_on(sink))
    made.contestants.append(relay)


def add_ours(made: Stage, gate: Gate, database: str, at: str, roots: list[int], sink: Sink) -> None:
    name = {"sqlite": "Greygate, SQLite", "mariadb": "Greygate, MariaDB"}[database]
    staged = f"{name}, {'at RCPT' if at == 'rcpt' else 'at DATA, copy kept'}"
    mine = made.gate(staged, gate, roots)
    made.contestants.append(Contestant(staged, DEFERRED, gate.port, mine, defer))
    if at == "data":
        introduce(gate)
        made.contestants.append(Contestant(name, DELIVERED, gate.port, mine, pass_on(sink)))


# ---- the whole -----------------------------------------------------------------------------------------------------


def play(made: Stage, options: argparse.Namespace) -> None:
    """Rounds of turns; each round begins with another contestant, so that nobody is always first."""
    load = Load(options.messages, options.sessions, options.size)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("", total=options.rounds * len(made.contestants))
        for number in range(options.rounds):
            shift = number % len(made.contestants)
            for one in made.contestants[shift:] + made.contestants[:shift]:
                progress.update(task, description=f"round {number + 1}: {one.kind}, {one.name}")
                one.turn(load, f"r{number}")
                progress.advance(task)


def recorded(made: Stage) -> dict[str, dict[str, int]]:
    """How many strangers each deferred, and what the servers themselves have on record of that."""
    found: dict[str, dict[str, int]] = {}
    for one in made.contestants:
        if one.kind == DEFERRED and one.name == PEER:
            assert made.peer is not None
            found[one.name] = {"deferred": one.done, "log lines": made.peer.greylisting.log.count("Greylisted")}
        elif one.kind == DEFERRED:
            found[one.name] = {"deferred": one.done, **on_record(made.gates[one.name])}
    return found


def checks(made: Stage, found: dict[str, dict[str, int]]) -> list[Target]:
    """A figure counts only where the work was done."""
    otherwise = sum(one.otherwise.total() for one in made.contestants)
    missing = sum(max(0, one["deferred"] - min(one.values())) for one in found.values())
    return [
        Target("messages answered otherwise than they should", otherwise, 0),
        Target("deferred messages that are not on record", missing, 0),
    ]


def on_record(gate: Gate) -> dict[str, int]:
    with books(gate) as conn:
        counts = {
            "sightings": select(func.count()).select_from(sighting),
            "decisions": select(func.count()).select_from(decision).where(decision.c.action == "defer"),
        }
        if gate.settings["greylist"]["stage"] == "data":
            counts["copies"] = select(func.count()).select_from(copy)
        return {name: int(conn.execute(query).scalar_one()) for name, query in counts.items()}


def targets(contestants: list[Contestant]) -> list[Target]:
    """Ours by the peer, median by median."""
    medians = {(one.kind, one.name): Spread(tuple(one.rates)).median for one in contestants}
    found = []
    for (kind, name), rate in medians.items():
        if name in (PEER, RELAY):
            continue
        other = medians.get((kind, PEER if kind == DEFERRED else RELAY))
        if other is None:
            continue
        least, stretch = (2.0, 3.0) if kind == DELIVERED else (1.2, 1.5) if "RCPT" in name else (0.8, None)
        found.append(Target(f"{kind}: {name} ÷ the peer", rate / other, least, "times", True, stretch))
    return found


def by_rounds(one: Contestant, contestants: list[Contestant]) -> str:
    """What the machine does otherwise changes from round to round, but less within one."""
    peers = [other for other in contestants if other.kind == one.kind and other.name in (PEER, RELAY)]
    if not peers or one in peers:
        return ""
    return str(Spread(tuple(mine / theirs for mine, theirs in zip(one.rates, peers[0].rates, strict=True))))


def report(made: Stage, options: argparse.Namespace, checked: dict[str, dict[str, int]]) -> Report:
    facts = options.facts | ({} if options.ours_only else machine.peers())
    facts["load"] = (
        f"smtp-source, {options.messages} messages of {options.size} bytes, one connection each, {options.sessions} "
        f"at a time; strangers are all different; {options.rounds} rounds in turn, median / lowest / highest"
    )
    facts["raised for ours"] = f"{ours.raised()}; [greylist] wait = 1s, 2 workers; log to a file"
    if not options.ours_only:
        facts["raised for Postfix"] = f"{peer.raised()}; log to a file by its postlogd; postgrey's syslog goes nowhere"
    if options.resolver:
        facts["DNS"] = "ours asks a name server that knows the host, its SPF record and no DMARC; the peers ask none"
    facts["on record"] = "; ".join(f"{name}: {counts}" for name, counts in checked.items())
    made_report = Report("speed", facts, targets=targets(made.contestants) + checks(made, checked))
    others = Table("answered otherwise", ("who said what", "how often"))
    for kind in (DEFERRED, DELIVERED):
        table = Table(kind, ("who", "messages/s", "÷ the peer, round by round", "CPU s per 1,000"))
        for one in made.contestants:
            if one.kind == kind:
                spread, cpu = Spread(tuple(one.rates)), Spread(tuple(one.cpu)).median
                table.rows.append((one.name, str(spread), by_rounds(one, made.contestants), shown(cpu)))
                raw = {"rates": one.rates, "cpu": one.cpu, "done": one.done, "otherwise": dict(one.otherwise)}
                made_report.raw[f"{kind}: {one.name}"] = raw
                others.rows.extend((f"{one.name}: {reply}", str(count)) for reply, count in one.otherwise.items())
        made_report.tables.append(table)
    memory = {name: memory_kib(roots) / 1024 for name, roots in made.roots.items()}
    made_report.raw["memory MiB"] = memory
    rows = [(name, shown(mib)) for name, mib in memory.items()]
    made_report.tables.append(others)
    made_report.tables.append(Table("memory afterwards, database included (PSS)", ("who", "MiB"), rows))
    return made_report


def measure(options: argparse.Namespace) -> Report:
    ours.allow_many_files()
    with smtp_sink() as sink, stage(options, sink) as made:
        play(made, options)
        return report(made, options, recorded(made))


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--messages", type=int, default=4000)
    parser.add_argument("--sessions", type=int, default=40)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--databases", nargs="+", choices=("sqlite", "mariadb"), default=["sqlite", "mariadb"])
    parser.add_argument(
        "--resolver", action="store_true", help="ours asks a name server too, warm after the first mail"
    )
    parser.add_argument("--ours-only", action="store_true", help="without the peers")


def quick(options: argparse.Namespace) -> None:
    options.messages, options.rounds = 200, 2
