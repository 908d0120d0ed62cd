"""Restarts under load: SIGHUP rolls all processes, SIGTERM ends one worker, in turn; every mail is accounted for.

The senders, the backend and the books are those of tests/failures/accounting; here nobody is killed.
"""

import argparse
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rich.progress import Progress

from tests.bench import ours
from tests.bench.load import Broken
from tests.bench.report import Report, Table, Target, console
from tests.failures.accounting import BEFORE, Account, Accounting, Arrivals, Letter, unhurried
from tests.gate import Gate, catches, merged
from tests.sink import Sink
from tests.talk import Closed, Talk

SETTLED_WITHIN = 60.0
LOAD_BETWEEN = 1.0  # seconds of load between two restarts


@dataclass
class Restarting(Accounting):
    """An accounting whose trouble is restarts. `seconds` only has to be longer than they take."""

    wanted: int = 50
    turned_away: int = 0  # connections that nobody took
    cut: Counter[str] = field(default_factory=Counter)  # connections that ended without 421, by what was said last

    def attempt(self, letter: Letter) -> None:
        """As a careful MTA: a 421 means goodbye, and whatever else ends the connection is a cut."""
        letter.tries += 1
        try:
            talk = Talk(self.gate.port)
        except OSError:
            self.turned_away += 1
            return
        dotted, said = False, "nothing"
        try:
            answer = talk.answer()
            for said, line in lines(letter):
                if answer.code >= 400:
                    break
                dotted = said == "the mail"
                with suppress(OSError):  # closed already, and the last word may still be read
                    talk.send(line + b"\r\n")
                answer = talk.answer()
            letter.answered = dotted and answer.code == 250
            if answer.code >= 500:
                self.refused.append(f"{letter.subject}: {answer}")
            with suppress(OSError):
                talk.send(b"QUIT\r\n")
        except (Closed, OSError) as error:
            letter.unsure += dotted
            self.cut[f"after {said}: {type(error.__cause__ or error).__name__}"] += 1
        finally:
            talk.close()

    def kill(self) -> None:
        try:
            with Progress(console=console, transient=True) as progress:
                for number in progress.track(range(self.wanted), description="restarting under load"):
                    if self.drained.wait(LOAD_BETWEEN):  # we are stopped ourselves
                        return
                    if number % 2:
                        self.end_a_worker()
                    else:
                        self.roll()
                    self.restarts += 1
            time.sleep(LOAD_BETWEEN)
        finally:
            self.ends = time.monotonic()

    def roll(self) -> None:
        """SIGHUP, and wait until every process is another one."""
        before = set(self.gate.children())
        assert self.gate.process is not None
        self.gate.process.send_signal(signal.SIGHUP)
        self.settle(lambda now: not before & now)

    def end_a_worker(self) -> None:
        workers = self.gate.children("smtpd")
        gone = workers[self.restarts // 2 % len(workers)]
        os.kill(gone, signal.SIGTERM)
        self.settle(lambda now: gone not in now)

    def settle(self, is_new: Callable[[set[int]], bool]) -> None:
        """Until as many workers as before are there, and would hear a signal."""
        deadline = time.monotonic() + SETTLED_WITHIN
        while time.monotonic() < deadline:
            now = set(self.gate.children())
            workers = self.gate.children("smtpd")
            if is_new(now) and len(workers) == 2 and all(catches(pid, signal.SIGTERM) for pid in now):
                return
            time.sleep(0.05)
        raise Broken(f"not settled {SETTLED_WITHIN:.0f} s after a restart:\n{self.gate.log[-2000:]}")


def lines(letter: Letter) -> Iterator[tuple[str, bytes]]:
    yield "EHLO", b"EHLO peer.example.net"
    yield "MAIL", f"MAIL FROM:<{letter.sender}>".encode()
    yield from (("RCPT", f"RCPT TO:<{one}>".encode()) for one in letter.recipients)
    yield "DATA", b"DATA"
    yield "the mail", letter.mail + b"."


def account(folder: Path, options: argparse.Namespace, database: str | None) -> tuple[Account, Restarting]:
    sink = Sink(on={".": unhurried})
    more = {"protection": {"overrides": {BEFORE: "review-before"}}, "backend": {"parallel": 40}}
    gate = Gate(folder, sink.url, merged(ours.settings(database), more))
    run = Restarting(gate, "nobody", 3600, options.clients, wanted=options.restarts)
    sink.mails = arrivals = Arrivals(run.letters)
    try:
        gate.start()
        return run.run(arrivals), run
    finally:
        with suppress(ProcessLookupError):
            gate.stop()
        sink.close()


def measure(options: argparse.Namespace) -> Report:
    server = ours.mariadb() if options.database == "mariadb" else None
    try:
        with tempfile.TemporaryDirectory(prefix="greygate-bench-", dir="/tmp") as folder:
            found, run = account(Path(folder), options, server.fresh() if server else None)
    finally:
        if server is not None:
            server.remove()
    return report(options, found, run)


def report(options: argparse.Namespace, found: Account, run: Restarting) -> Report:
    facts = options.facts | {
        "load": f"{options.clients} senders that try again until 250, on {options.database}; {run.restarts} restarts, "
        "SIGHUP to the supervisor and SIGTERM to one worker in turn",
        "account": str(found),
    }
    counts = {
        "lost": len(found.lost),
        "doubled": len(found.doubled),
        "connections refused": run.turned_away,
        "sessions cut without a word": run.cut.total(),
        "corrupt": len(found.corrupt),
        "answered 5xx": len(found.refused),
        "never answered": len(found.unanswered),
    }
    made = Report("restarts", facts, raw={"counts": counts, "cut": dict(run.cut)})
    rows = [("restarts", str(run.restarts)), ("mails answered 250", str(found.answered.total()))]
    rows += [("tries", str(found.tries)), ("arrived", str(found.arrived))]
    rows += [(f"cut {where}", str(count)) for where, count in run.cut.items()]
    made.tables = [Table("restarts under load", ("what", "how many"), rows)]
    made.targets = [Target(what, count, 0) for what, count in counts.items()]
    return made


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--restarts", type=int, default=50)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--database", choices=("sqlite", "mariadb"), default="sqlite")


def quick(options: argparse.Namespace) -> None:
    options.restarts = 4
