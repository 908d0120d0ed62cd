"""Accounting: processes die or are restarted again and again under load, and every mail is accounted for afterwards.

Numbered mails are sent as an MTA sends them: again and again until 250. A counting backend takes note of every arrival.
A mail that was answered 250 must have arrived or still be kept (LOST = 0). It may arrive a second time only where its
sender had sent all of it and got no answer (DOUBLED = 0 beyond that), or where a courier was killed between the
backend's 250 and its own note of it (REPEATED, which share the id of the kept mail).

Polite restarts promise more: no connection is turned away, none is cut within a session, and so no mail may arrive
twice for any reason. `hup` reloads, `worker` tells one worker to stop, `full` stops and starts `greygate up` on
listening sockets that it is handed over; only there sessions between two mails are told 421.

    python -m tests.failures.accounting --seconds 60 --kill smtpd --database sqlite --clients 8
    python -m tests.failures.accounting --restart hup --times 50
"""

import argparse
import heapq
import itertools
import os
import random
import re
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from gateway import clock, compose, desk
from gateway.bodies import NoBody
from gateway.courier import AT_ONCE
from gateway.desk import Person
from gateway.model import CopyState, DeliveryState
from gateway.settings import Settings, read
from gateway.store import copies, deliveries
from gateway.store.engine import sync_engine
from sql.tables import delivery
from sql.tables import message as message_table
from tests import mariadb
from tests.activation import listening
from tests.gate import Gate, free_port, rest, until
from tests.sink import Mail, Sink
from tests.talk import Answer, Closed, Talk, deliver, message

BO, CY, BEFORE = "bo@example.com", "cy@example.com", "before@example.com"
FRIEND, REGULAR = "friend@elsewhere.example", "regular@elsewhere.example"
SHARES = {"regular": 3, "stranger": 3, "held": 2, "carried": 1, "raced": 1}
UNDER_WAY = 5  # mails that one client has begun and not got rid of yet
KILLS_BETWEEN_RESTARTS = 4  # then the supervisor's pauses grow; a polite restart begins them anew
FEWEST_KILLS = 2  # fewer prove nothing
LONGEST = 240.0  # seconds until that many, and every kind of mail, must have been seen
AFTERWARDS = 1.6  # seconds in which nobody is killed any more and mails begin still
DRAIN_WITHIN = 240.0
WORKERS = 2
PATIENCE = 120.0  # seconds for a connection or an answer: nobody is in a hurry, and a machine may be busy
KEPT = (DeliveryState.HELD, DeliveryState.RELEASING, DeliveryState.UNDELIVERABLE, DeliveryState.EXPIRED)
NOBODY = Person("tester", "here")

Place = tuple[str, str]  # the subject of a mail and one of its recipients


@dataclass
class Letter:
    """A mail on its way to us, and what its sender was told.

    regular: from a sender that passes. stranger: from a new sender. held: to somebody who decides beforehand.
    carried: from a known sender to somebody who knows it and somebody who does not. raced: a stranger's, which a
    person releases while its sender tries again.
    """

    subject: str
    sender: str
    recipients: tuple[str, ...]
    mail: bytes
    tries: int = 0
    unsure: int = 0  # connections that ended without an answer to all of the mail
    answered: bool = False

    @property
    def kind(self) -> str:
        return self.subject.split()[0]


def write(number: int) -> Letter:
    (kind,) = random.choices(list(SHARES), list(SHARES.values()))
    sender = {"regular": REGULAR, "carried": FRIEND}.get(kind, f"s{number}@elsewhere.example")
    recipients = {"held": (BEFORE,), "carried": (BO, CY)}.get(kind, (BO,))
    subject = f"{kind} {number}"
    body = f"line {number}\r\n" * random.choice((3, 3, 30, 30, 30, 300, 300, 300, 3000, 9000))
    return Letter(
        subject, sender, recipients, message(subject, sender=sender, to=recipients[0], number=f"n{number}", body=body)
    )


class Arrivals(list[Mail]):
    """Takes the place of the sink's list: keeps what is counted, not the mails."""

    def __init__(self, letters: dict[str, Letter]) -> None:
        super().__init__()
        self.letters = letters
        self.ids: dict[Place, list[str]] = {}
        self.corrupt: list[str] = []

    def append(self, mail: Mail) -> None:
        head = mail.content[:4000]
        subject = re.search(rb"^Subject: (.*)\r$", head, re.MULTILINE)
        number = re.search(rb"^Greygate-Verdict:.* i=([0-9a-z]+);", head, re.MULTILINE)
        if subject is None or number is None or (letter := self.letters.get(subject[1].decode())) is None:
            self.corrupt.append(head.decode("utf-8", "replace"))
            return
        if mail.below() != letter.mail:
            self.corrupt.append(letter.subject)
        for recipient in mail.rcpts:
            self.ids.setdefault((letter.subject, recipient), []).append(number[1].decode())


@dataclass
class Account:
    """What came of it. Lists name the mails."""

    killed: str
    kills: int
    restarted: str
    restarts: int
    turned_away: int  # connections without a greeting
    cut: int  # sessions that ended without a word
    told_to_go: int  # sessions that were told 421
    answered: Counter[str]
    tries: int
    unsure: int
    arrived: int
    lost: list[Place]
    kept: list[Place]
    doubled: list[tuple[str, ...]]  # with the ids of the arrivals
    excused: int  # arrived more than once because the sender was never answered
    repeated: int  # arrived more than once under the id of one kept mail
    corrupt: list[str]
    refused: list[str]
    unanswered: list[str]

    @property
    def most_repeated(self) -> int:
        return self.kills * AT_ONCE if self.killed == "courier" else 0

    @property
    def wrong(self) -> list[str]:
        """Every promise that was broken."""
        broken = {
            "LOST": self.lost, "DOUBLED": self.doubled, "CORRUPT": self.corrupt, "REFUSED": self.refused,
            "STILL KEPT": self.kept, "NEVER ANSWERED": self.unanswered,
        }  # fmt: skip
        found = [f"{name}: {len(those)}, such as {those[:3]}" for name, those in broken.items() if those]
        if self.repeated > self.most_repeated:
            found.append(f"REPEATED: {self.repeated}, and {self.most_repeated} are allowed")
        if self.restarted:
            promised = {"TURNED AWAY": self.turned_away, "CUT": self.cut, "UNSURE": self.unsure, "TWICE": self.excused}
            if self.restarted != "full":
                promised["TOLD TO GO"] = self.told_to_go
            found += [f"{name}: {count}" for name, count in promised.items() if count]
        return found

    def __str__(self) -> str:
        kinds = " ".join(f"{kind}={count}" for kind, count in sorted(self.answered.items()))
        return (
            f"killed={self.killed} kills={self.kills} restarted={self.restarted} restarts={self.restarts} "
            f"TURNED_AWAY={self.turned_away} CUT={self.cut} told_421={self.told_to_go} "
            f"answered={self.answered.total()} ({kinds}) tries={self.tries} unsure={self.unsure} "
            f"arrived={self.arrived} LOST={len(self.lost)} DOUBLED={len(self.doubled)} excused={self.excused} "
            f"repeated={self.repeated} corrupt={len(self.corrupt)} refused_5xx={len(self.refused)} "
            f"still_kept={len(self.kept)} never_answered={len(self.unanswered)}"
        )


@dataclass
class Accounting:
    """One run: clients, a killer, a person who releases, and the books."""

    gate: Gate
    victim: str
    seconds: float
    clients: int
    restart: str = ""
    times: int = 0
    letters: dict[str, Letter] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    kills: int = 0
    restarts: int = 0
    turned_away: int = 0
    cut: int = 0
    told_to_go: int = 0
    numbers: Iterator[int] = field(default_factory=itertools.count)
    lock: threading.Lock = field(default_factory=threading.Lock)
    drained: threading.Event = field(default_factory=threading.Event)

    def run(self, arrivals: Arrivals) -> Account:
        with closing_engine(read(self.gate.config)) as (engine, settings):
            self.introduce(engine, settings)
            arrivals.ids.clear()
            arrivals.corrupt.clear()
            self.ends = float("inf")
            trouble = self.restart_politely if self.restart else self.kill
            with ThreadPoolExecutor(self.clients + 2) as pool:
                releaser = pool.submit(self.release, engine, settings)
                jobs = [pool.submit(trouble), *(pool.submit(self.send) for _ in range(self.clients))]
                try:
                    for job in jobs:
                        job.result()
                    self.wait_for_the_courier(engine)
                finally:
                    self.drained.set()
                releaser.result()
            return self.close_the_books(engine, arrivals)

    # ---- before ----------------------------------------------------------------------------------------------------

    def introduce(self, engine: Engine, settings: Settings) -> None:
        """The friend is released by a person and so becomes known; the regular waits once and is remembered."""
        friend, regular = message("Introduction of a friend"), message("Introduction of a regular")
        assert deliver(self.gate.port, FRIEND, [BO], friend).code == 451
        assert deliver(self.gate.port, REGULAR, [BO], regular).code == 451
        rest(1.2)
        assert deliver(self.gate.port, REGULAR, [BO], regular).code == 250
        with engine.begin() as conn:
            (copy,) = [row for row in copies.waiting(conn, 10) if row["subject"] == "Introduction of a friend"]
            (done,) = self.decide(conn, settings, copy["message"], trust=True)
            assert done.happened
        rest(1.2)

    def decide(self, conn: Connection, settings: Settings, number: str, *, trust: bool) -> list[desk.Done]:
        bodies, terms = compose.bodies(settings), compose.terms(settings)
        return desk.release(conn, bodies, number, (), NOBODY, terms, clock.now(), trust=trust)

    # ---- the senders -----------------------------------------------------------------------------------------------

    def send(self) -> None:
        """Begin new mails until the end, and try each until it is taken."""
        queue: list[tuple[float, str]] = []
        while (now := time.monotonic()) < self.ends or queue:
            if now > self.ends + DRAIN_WITHIN:
                return
            if len(queue) < UNDER_WAY and now < self.ends:
                heapq.heappush(queue, (now, self.new().subject))
            due, subject = heapq.heappop(queue)
            time.sleep(max(0.0, due - now))
            letter = self.letters[subject]
            self.attempt(letter)
            if not letter.answered:
                heapq.heappush(queue, (time.monotonic() + random.uniform(0.2, 0.5), subject))

    def new(self) -> Letter:
        with self.lock:
            letter = write(next(self.numbers))
            self.letters[letter.subject] = letter
        return letter

    def attempt(self, letter: Letter) -> None:
        letter.tries += 1
        greeted = dotted = False
        try:
            with Talk(self.gate.port, timeout=PATIENCE) as talk:
                greeted = self.goes_on(letter, talk.greeting)
                if not greeted:
                    raise Closed
                for step in (
                    "EHLO peer.example.net",
                    f"MAIL FROM:<{letter.sender}>",
                    *(f"RCPT TO:<{one}>" for one in letter.recipients),
                    "DATA",
                ):
                    if not self.goes_on(letter, talk.say(step)):
                        return
                dotted = True
                talk.send(letter.mail + b".\r\n")
                letter.answered = self.goes_on(letter, talk.answer())
        except (Closed, OSError):
            letter.unsure += dotted
            with self.lock:
                self.turned_away += not greeted
                self.cut += greeted

    def goes_on(self, letter: Letter, answer: Answer) -> bool:
        """True for an answer that is no refusal; refusals are noted."""
        with self.lock:
            self.told_to_go += answer.code == 421
            if answer.code >= 500:
                self.refused.append(f"{letter.subject}: {answer}")
        return answer.code < 400

    # ---- trouble ---------------------------------------------------------------------------------------------------

    def kill(self) -> None:
        """kill -9 one process of that name, again and again, until time is up and enough was seen."""
        began = time.monotonic()
        try:
            while (passed := time.monotonic() - began) < self.seconds or (not self.telling and passed < LONGEST):
                if self.victim == "supervisor":  # which takes a second to be up again
                    time.sleep(random.uniform(0.1, 0.8))
                    self.kill_supervisor()
                else:
                    time.sleep(random.uniform(0.6, 1.6))
                    self.kill_one()
        finally:
            self.ends = time.monotonic() + AFTERWARDS

    @property
    def telling(self) -> bool:
        """Whether the run proves something: on a busy machine that takes longer."""
        return self.kills >= FEWEST_KILLS and {one.kind for one in list(self.letters.values()) if one.answered} == set(
            SHARES
        )

    def kill_one(self) -> None:
        if not (pids := self.gate.children(self.victim)):
            return
        with suppress(ProcessLookupError):
            os.kill(random.choice(pids), signal.SIGKILL)
            self.kills += 1
        if self.kills % KILLS_BETWEEN_RESTARTS == 0:
            self.gate.stop()
            self.gate.start()
            self.restarts += 1

    def restart_politely(self) -> None:
        """As often as wanted; then the senders begin no more."""
        try:
            for _ in range(self.times):
                time.sleep(random.uniform(0.2, 1.0))
                {"hup": self.reload, "worker": self.replace_one, "full": self.start_anew}[self.restart]()
                self.restarts += 1
        finally:
            self.ends = time.monotonic()

    def reload(self) -> None:
        assert self.gate.process is not None
        before = self.gate.log.count("event=reloaded")
        self.gate.process.send_signal(signal.SIGHUP)
        until(lambda: self.gate.log.count("event=reloaded") > before)

    def replace_one(self) -> None:
        until(lambda: len(self.gate.children("smtpd")) == WORKERS)
        old = random.choice(self.gate.children("smtpd"))
        before = self.gate.log.count("worker ready")
        os.kill(old, signal.SIGTERM)
        until(lambda: self.gate.log.count("worker ready") > before and old not in self.gate.children("smtpd"))

    def start_anew(self) -> None:
        assert self.gate.stop() == 0
        self.gate.start()

    def kill_supervisor(self) -> None:
        assert self.gate.process is not None
        self.gate.process.kill()
        self.gate.process.wait()
        self.kills += 1
        self.gate.start()

    # ---- the person ------------------------------------------------------------------------------------------------

    def release(self, engine: Engine, settings: Settings) -> None:
        """Release what is held, and what is raced while its sender is still trying."""
        while not self.drained.wait(0.2):
            with suppress(SQLAlchemyError), engine.begin() as conn:
                numbers = [row["message"] for row in deliveries.queue(conn, (DeliveryState.HELD,), 100)
                           if row["release_at"] is None]  # fmt: skip
                numbers += [row["message"] for row in copies.waiting(conn, 100) if row["subject"].startswith("raced")]
            for number in numbers:
                with suppress(SQLAlchemyError, NoBody), engine.begin() as conn:
                    self.decide(conn, settings, number, trust=False)

    # ---- the books -------------------------------------------------------------------------------------------------

    def wait_for_the_courier(self, engine: Engine) -> None:
        """Until nothing is held or on its way."""
        deadline = time.monotonic() + DRAIN_WITHIN
        while time.monotonic() < deadline:
            with engine.begin() as conn:
                open_ones = deliveries.queue(conn, (DeliveryState.HELD, DeliveryState.RELEASING), 1)
                raced = [row for row in copies.waiting(conn, 500) if row["subject"].startswith("raced")]
                raced += copies.waiting(conn, 500, CopyState.PASSING)
            if not open_ones and not raced:
                return
            time.sleep(0.2)

    def close_the_books(self, engine: Engine, arrivals: Arrivals) -> Account:
        with engine.begin() as conn:
            query = select(message_table.c.subject, delivery.c.recipient).join_from(delivery, message_table)
            kept = [(row[0], row[1]) for row in conn.execute(query.where(delivery.c.state.in_(KEPT)))]
        answered = [letter for letter in self.letters.values() if letter.answered]
        owed = [(letter.subject, recipient) for letter in answered for recipient in letter.recipients]
        doubled, excused, repeated = list[tuple[str, ...]](), 0, 0
        for place, ids in arrivals.ids.items():
            copies_of_it = len(set(ids))
            repeated += len(ids) - copies_of_it
            if copies_of_it > 1 + self.letters[place[0]].unsure:
                doubled.append((*place, *ids))
            else:
                excused += copies_of_it - 1
        return Account(
            killed=self.victim,
            kills=self.kills,
            restarted=self.restart,
            restarts=self.restarts,
            turned_away=self.turned_away,
            cut=self.cut,
            told_to_go=self.told_to_go,
            answered=Counter(letter.kind for letter in answered),
            tries=sum(letter.tries for letter in self.letters.values()),
            unsure=sum(letter.unsure for letter in self.letters.values()),
            arrived=len(arrivals.ids),
            lost=sorted(set(owed) - set(arrivals.ids) - set(kept)),
            kept=kept,
            doubled=doubled,
            excused=excused,
            repeated=repeated,
            corrupt=arrivals.corrupt,
            refused=self.refused,
            unanswered=[letter.subject for letter in self.letters.values() if not letter.answered],
        )


@contextmanager
def closing_engine(settings: Settings) -> Iterator[tuple[Engine, Settings]]:
    engine = sync_engine(compose.database_url(settings))
    try:
        yield engine, settings
    finally:
        engine.dispose()


def unhurried(argument: str) -> bytes:
    """The backend takes its time, so that many a process is killed while it waits; more where the courier waits."""
    time.sleep(random.uniform(0, 0.1 if BO in argument else 0.6))
    return b"250 2.0.0 taken"


def account(
    folder: Path,
    victim: str = "",
    seconds: float = 0.0,
    clients: int = 8,
    database: str | None = None,
    *,
    restart: str = "",
    times: int = 0,
) -> Account:
    """Run it; `database` is a URL of the settings, or None for SQLite in the folder."""
    sink = Sink(on={".": unhurried})
    settings: dict[str, dict[str, Any]] = {
        "smtp": {"workers": WORKERS},
        "protection": {"overrides": {BEFORE: "review-before"}},
        "backend": {"parallel": 40},
    }
    if database is not None:
        settings["database"] = {"url": database}
    port = free_port()
    handed_over = [listening("127.0.0.1", port)] if restart == "full" else []
    gate = Gate(folder, sink.url, settings, port=port, handed_over=handed_over)
    run = Accounting(gate, victim, seconds, clients, restart, times)
    sink.mails = arrivals = Arrivals(run.letters)
    try:
        gate.start()
        return run.run(arrivals)
    finally:
        gate.stop()
        sink.close()
        for one in handed_over:
            one.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.failures.accounting")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--kill", choices=("smtpd", "courier", "sweep", "supervisor"), default="smtpd")
    parser.add_argument("--restart", choices=("hup", "worker", "full"), default="", help="politely, instead of --kill")
    parser.add_argument("--times", type=int, default=50, help="how often to restart")
    parser.add_argument("--database", default="sqlite", help="sqlite, mariadb (a private server), or mysql://…")
    parser.add_argument("--clients", type=int, default=8)
    told = parser.parse_args()
    server = mariadb.MariaDB.start() if told.database == "mariadb" else None
    urls = {"sqlite": None, "mariadb": server.fresh() if server else None}
    with tempfile.TemporaryDirectory(prefix="greygate-accounting-") as folder:
        victim = "" if told.restart else told.kill
        database = urls.get(told.database, told.database)
        found = account(
            Path(folder), victim, told.seconds, told.clients, database, restart=told.restart, times=told.times
        )
    if server is not None:
        server.remove()
    print(found)
    for broken in found.wrong:
        print(broken)
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
