"""Many idle connections on one worker: what each costs, and how long others wait meanwhile for their mail."""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.bench import ours
from tests.bench.load import Broken, smtp_sink
from tests.bench.processes import until_quiet
from tests.bench.report import Report, Table, Target, console, milliseconds, quantile, shown
from tests.gate import Gate, merged, running
from tests.smtpd.house import certificate
from tests.talk import deliver, message

HOLDS = {
    "mail": "plaintext, idle after MAIL",
    "greeting": "plaintext, held in the greet pause",
    "tls": "TLS, idle after EHLO",
}
REGULAR, RECIPIENT = "regular@elsewhere.example", "bo@example.com"
LONG = "10m"  # longer than it takes to open them all


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


def hold(gate: Gate, kind: str, count: int, options: argparse.Namespace) -> dict[str, float]:
    """KiB per connection and the seconds of normal mail beside them."""
    with crowd(gate.port, 50, kind):  # what the first of a kind costs is not the price of each
        pass
    assert gate.process is not None
    time.sleep(1)
    until_quiet([gate.process.pid])
    before = gate.rss_kib()
    with crowd(gate.port, count, kind) as opened:
        if opened < count:
            raise Broken(f"only {opened} of {count} connections stayed open")
        time.sleep(1)
        each = (gate.rss_kib() - before) / count
        seconds = normal_mail(gate, options.clients, options.mails)
    time.sleep(1)
    return {"KiB": each, "p50": quantile(seconds, 0.5), "p95": quantile(seconds, 0.95), "max": max(seconds)}


def measure(options: argparse.Namespace) -> Report:
    ours.allow_many_files()
    found: dict[str, dict[str, float]] = {}
    kinds = {"mail": options.connections, "tls": options.tls}
    if ours.known({"tarpit": {"greet_pause": LONG}}):
        kinds["greeting"] = options.connections
    for kind, count in kinds.items():
        with console.status(f"{count:,} connections: {HOLDS[kind]}"), fresh(kind) as gate:
            found[kind] = hold(gate, kind, count, options)
    return report(found, kinds, options)


@contextmanager
def fresh(kind: str) -> Iterator[Gate]:
    """A gate with one worker to which the regular sender is known."""
    with tempfile.TemporaryDirectory(prefix="greygate-bench-", dir="/tmp") as name, smtp_sink() as sink:
        sections = merged(ours.settings(), {"smtp": {"workers": 1}, "greylist": {"wait": "1s"}})
        if kind == "tls":
            sections = merged(sections, certificate(Path(name)))
        gate = ours.gate(Path(name) / "gate", f"smtp://127.0.0.1:{sink.port}", sections)
        with running(gate):
            introduce(gate)
        if kind == "greeting":  # from now on strangers are held, and the regular is none any more
            gate.settings = merged(sections, {"tarpit": {"greet_pause": LONG}})
        with running(gate):
            yield gate


def report(found: dict[str, dict[str, float]], kinds: dict[str, int], options: argparse.Namespace) -> Report:
    facts = options.facts | {
        "load": f"one worker; {options.clients} normal clients at a time with {options.mails} mails each, "
        "timed from connecting to the reply; KiB each is the growth of the worker's resident memory",
        "raised for ours": ours.raised(),
    }
    made = Report("memory", facts, raw={"found": found, "connections": kinds})
    table = Table("idle connections", ("what", "how many", "KiB each", "normal mail p50", "p95", "slowest"))
    for kind, one in found.items():
        times = (milliseconds(one[name]) for name in ("p50", "p95", "max"))
        table.rows.append((HOLDS[kind], f"{kinds[kind]:,}", shown(one["KiB"]), *times))
        limit = 100 if kind == "tls" else 20
        made.targets.append(Target(f"memory, {HOLDS[kind]}", one["KiB"], limit, "KiB each"))
        made.targets.append(Target(f"p95 of normal mail beside {kinds[kind]:,}, {HOLDS[kind]}", one["p95"], 1, "s"))
    made.tables.append(table)
    return made


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--tls", type=int, default=500)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--mails", type=int, default=10)


def quick(options: argparse.Namespace) -> None:
    options.connections, options.tls, options.mails = 500, 100, 2
