"""Many idle connections on one worker: what each costs, and how long others wait meanwhile for their mail."""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import ours
from tests.bench.crowd import BALANCERS
from tests.bench.load import Broken, smtp_sink
from tests.bench.processes import until_quiet
from tests.bench.report import Report, Table, Target, console, milliseconds, quantile, shown
from tests.evidence.dnsserver import DnsServer
from tests.gate import Gate, merged, running
from tests.smtpd.house import certificate
from tests.talk import deliver, message


@dataclass(frozen=True, eq=False)
class Hold:
    """A way to keep a connection: what it is called, where the crowd stops, and what has to be set for it."""

    what: str
    stop: str
    needs: ours.Sections = field(default_factory=dict)


IDLE = Hold("plaintext, idle after MAIL", "mail")
TLS = Hold("TLS, idle after EHLO", "tls")
# Loopback is near, and no near network is a stranger: a PROXY header says where the tarpitted come from.
STRANGE: ours.Sections = {"smtp": {"proxy_from": [BALANCERS]}}
PATIENT: ours.Sections = {"tarpit": {"patience": "4m", "share": 100}}
LONG = "Greylisted " + " ".join(["retry", "later"] * 15)  # a byte a second: long enough for all to come and stay
STUTTER: ours.Sections = {"tarpit": {"stutter": "10m", "share": 100}, "greylist": {"stage": "rcpt", "text": LONG}}
TARPITS = (
    Hold("plaintext, waiting instead of a 451", "tarpit", merged(STRANGE, PATIENT)),
    Hold("plaintext, answered byte by byte", "tarpit", merged(STRANGE, STUTTER)),
)
REGULAR, RECIPIENT = "regular@elsewhere.example", "bo@example.com"


@contextmanager
def crowd(port: int, count: int, kind: str) -> Iterator[int]:
    """That many connections, open as long as this lasts; how many there are."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.crowd", str(port), str(count), kind],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        said = process.stdout.readline().split()
        if not said or said[0] != "ready":
            raise Broken(f"the crowd of {count} ({kind}) could not be opened")
        yield int(said[1])
    finally:
        process.communicate("")


def introduce(gate: Gate) -> None:
    mail = message("Introduction", sender=REGULAR)
    deliver(gate.port, REGULAR, [RECIPIENT], mail)
    time.sleep(1.3)
    answer = deliver(gate.port, REGULAR, [RECIPIENT], mail)
    if answer.code != 250:
        raise Broken(f"the regular sender was told {answer}")


def normal_mail(gate: Gate, clients: int, mails: int) -> list[float]:
    """Seconds from connecting to the last reply, of `clients` senders at a time with some mails each."""

    def client(number: int) -> list[float]:
        taken = []
        for index in range(mails):
            mail = message(f"normal {number} {index}", sender=REGULAR, body="A few words.\r\n" * 100)
            began = time.perf_counter()
            answer = deliver(gate.port, REGULAR, [RECIPIENT], mail)
            taken.append(time.perf_counter() - began)
            if answer.code != 250:
                raise Broken(f"a normal client was told {answer}")
        return taken

    with ThreadPoolExecutor(clients) as pool:
        return [seconds for client in pool.map(client, range(clients)) for seconds in client]


def fill(gate: Gate, kind: str, count: int, options: argparse.Namespace) -> dict[str, float]:
    """KiB per connection and the seconds of normal mail beside them."""
    with crowd(gate.port, 50, kind):  # what the first of a kind costs is not the price of each
        pass
    assert gate.process is not None
    time.sleep(1)
    until_quiet([gate.process.pid])
    before = gate.rss_kib()
    with crowd(gate.port, count, kind) as opened:
        if opened < count:
            raise Broken(f"only {opened} of {count} connections stayed open ({kind})")
        time.sleep(1)
        each = (gate.rss_kib() - before) / count
        seconds = normal_mail(gate, options.clients, options.mails)
    time.sleep(1)
    return {"KiB": each, "p50": quantile(seconds, 0.5), "p95": quantile(seconds, 0.95), "max": max(seconds)}


def measure(options: argparse.Namespace) -> Report:
    ours.allow_many_files()
    holds = {IDLE: options.connections, TLS: options.tls} | dict.fromkeys(TARPITS, options.connections)
    found = {}
    for one, count in holds.items():
        with console.status(f"{count:,} connections: {one.what}"), fresh(one) as gate:
            found[one] = fill(gate, one.stop, count, options)
    return report(found, holds, options)


@contextmanager
def fresh(hold: Hold) -> Iterator[Gate]:
    """A gate with one worker to which the regular sender is known, so that it is not held itself."""
    with (
        tempfile.TemporaryDirectory(prefix="greygate-bench-", dir="/tmp") as name,
        smtp_sink() as sink,
        closing(DnsServer()) as dns,
    ):
        small: ours.Sections = {"smtp": {"workers": 1}, "greylist": {"wait": "1s"}}
        sections = merged(ours.settings(dns={"servers": [f"127.0.0.1:{dns.port}"]}), small)
        if hold is TLS:
            sections = merged(sections, certificate(Path(name)))
        gate = ours.gate(Path(name) / "gate", f"smtp://127.0.0.1:{sink.port}", sections)
        with running(gate):
            introduce(gate)
        gate.settings = merged(sections, hold.needs)
        with running(gate):
            yield gate


def report(found: dict[Hold, dict[str, float]], counts: dict[Hold, int], options: argparse.Namespace) -> Report:
    facts = options.facts | {
        "load": f"one worker; {options.clients} normal clients at a time with {options.mails} mails each, "
        "timed from connecting to the reply; KiB each is the growth of the worker's resident memory",
        "raised for ours": ours.raised(),
    }
    made = Report("memory", facts)
    table = Table("silent connections", ("what", "how many", "KiB each", "normal mail p50", "p95", "slowest"))
    for hold, one in found.items():
        made.raw[hold.what] = {**one, "connections": counts[hold]}
        times = (milliseconds(one[name]) for name in ("p50", "p95", "max"))
        table.rows.append((hold.what, f"{counts[hold]:,}", shown(one["KiB"]), *times))
        limit = 100 if hold is TLS else 20
        made.targets.append(Target(f"memory, {hold.what}", one["KiB"], limit, "KiB each"))
        made.targets.append(Target(f"p95 of normal mail beside {counts[hold]:,}, {hold.what}", one["p95"], 1, "s"))
    made.tables.append(table)
    return made


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--tls", type=int, default=500)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--mails", type=int, default=10)


def quick(options: argparse.Namespace) -> None:
    options.connections, options.tls, options.mails = 500, 100, 2
