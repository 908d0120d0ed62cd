"""The job that reports: gathers a UTC day once it is over, and sends each domain its report, however many nodes do so.

Gathering and each report are claimed in the database; whoever dies leaves a claim that ends. Reports are no mail of the
queue: they go straight to the smarthost, and what did not leave by the end of the day is dropped.
"""

import asyncio
import random
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway import clock
from gateway.courier import pause
from gateway.evidence.resolver import Resolver
from gateway.ids import new_id
from gateway.model import Envelope, Recipient
from gateway.policy import bounce, retry
from gateway.policy.address import parse_address
from gateway.policy.inbound import Policy
from gateway.relay.nexthop import LOST, Attempt, NextHop, Outgoing
from gateway.reports import written
from gateway.reports.counted import Seen, counted
from gateway.reports.destinations import Wanted, report_boxes, wanted
from gateway.reports.written import DAY, Reporter
from gateway.store import decisions, reports
from gateway.store.reports import DROPPED, OPEN, SENT, NewReport

log = structlog.get_logger()

KIND = "dmarc"
EVERY = 10.0  # seconds between two looks
AFTER = timedelta(minutes=15)  # from the end of a day on it is gathered: all of it is on record by then
SPREAD = timedelta(hours=2)  # over which the reports of a day leave
GATHERING = timedelta(hours=1)  # a claim of a day
LEASE, LONGEST = timedelta(minutes=15), timedelta(minutes=10)  # a claim of a report; an attempt ends well before it
AT_ONCE = 20  # reports in one look
SLICE = 100  # reports in one transaction

Row = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sending:
    """A report as it would leave now: to whom, and to whom not."""

    places: tuple[Wanted, ...]
    open: tuple[str, ...]  # addresses that have not said yes or no yet
    text: bytes

    @property
    def is_known(self) -> bool:
        return all(one.is_known for one in self.places)

    @property
    def why_not(self) -> str:
        return "; ".join(f"{one.uri}: {one.why}" for one in self.places if one.why)


@dataclass
class DmarcReports:
    """What the job works with. `local`: our domains; `spread`: the reports of a day leave within it; `batv_key`: what
    the envelope sender is tagged with, so that its bounces are known; "" is none."""

    engine: Engine
    hop: NextHop
    resolver: Resolver
    reporter: Reporter
    policy: Policy
    local: Collection[str]
    batv_key: str = ""
    spread: timedelta = SPREAD
    gathered: datetime | None = None  # the last day that is known to be
    is_hindered: bool = field(default=False)

    async def work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self.turn(clock.now(), stop)
                self.is_hindered = False
            except SQLAlchemyError as error:  # the next look makes up for it
                if not self.is_hindered:
                    log.warning("reports cannot be sent", error=str(getattr(error, "orig", error)))
                self.is_hindered = True
            except Exception:  # a task is an edge: nothing here may end what runs beside it
                log.exception("a look at reports failed")
            await pause(stop, EVERY)
        await self.hop.close()
        self.engine.dispose()

    async def turn(self, now: datetime, stop: asyncio.Event | None = None) -> int:
        """Gather yesterday, and send what is due; how many reports were tried. Raises SQLAlchemyError."""
        began = asyncio.get_running_loop().time()
        await self.gather(day_before(now), now)
        rows = await self.ask(partial(reports.due, kind=KIND, now=now, most=AT_ONCE))
        if any(row["day"] <= now - 2 * DAY for row in rows):
            for one in await self.do(partial(reports.end, kind=KIND, until=now - 2 * DAY, now=now)):
                tell_dropped(one, one["said"])
        tried = 0
        for row in rows:
            if row["day"] <= now - 2 * DAY or (stop is not None and stop.is_set()):
                continue
            passed = timedelta(seconds=asyncio.get_running_loop().time() - began)  # a smarthost may take its time
            tried += await self.attempt(row, now + passed)
        return tried

    # ---- gathering -------------------------------------------------------------------------------------------------

    async def gather(self, day: datetime, now: datetime) -> None:
        """Make the reports about a day, unless that is done, or somebody is at it."""
        if now < day + DAY + AFTER or self.gathered == day:
            return
        if await self.ask(partial(reports.is_gathered, kind=KIND, day=day)):
            self.gathered = day
        elif await self.do(partial(reports.claim_day, kind=KIND, day=day, now=now, until=now + GATHERING)):
            silent = await self.silent()
            made = await asyncio.to_thread(self.keep, day, silent, now)
            self.gathered = day
            log.info("reports gathered", kind=KIND, day=f"{day:%Y-%m-%d}", reports=made)

    async def silent(self) -> frozenset[str]:
        """Where reports, and what becomes of ours, arrive."""
        return await report_boxes(self.local, self.resolver) | {self.reporter.stamp.sender.lower()}

    def keep(self, day: datetime, silent: Collection[str], now: datetime) -> int:
        found = list(self.seen(day, silent).items())
        for start in range(0, len(found), SLICE):
            made = [self.made(domain, seen, day, now) for domain, seen in found[start : start + SLICE]]
            with self.engine.begin() as conn:
                reports.add(conn, made)
        with self.engine.begin() as conn:
            reports.day_gathered(conn, KIND, day, now)
        return len(found)

    def seen(self, day: datetime, silent: Collection[str]) -> dict[str, Seen]:
        """What there is to tell about a day, by domain."""
        with self.reading() as conn:
            return counted(decisions.evaluated(conn, day, day + DAY), self.policy, silent)

    def made(self, domain: str, seen: Seen, day: datetime, now: datetime) -> NewReport:
        number = new_id(now)
        packed = written.document(seen, day, number, self.reporter)
        due = now + random.random() * self.spread  # noqa: S311  (no secret)
        return NewReport(KIND, day, domain, number, seen.rua, seen.mails, packed, due)

    # ---- sending ---------------------------------------------------------------------------------------------------

    async def attempt(self, row: Row, now: datetime) -> bool:
        """Claim a report and try to send it; False where somebody else does. Raises SQLAlchemyError."""
        claim = now + LEASE
        if not await self.do(partial(reports.claim, row=row, until=claim)):
            return False
        mine = {**row, "due": claim, "attempts": row["attempts"] + 1}
        sending = await self.sending(mine, now)
        told = dict(row["told"])
        if sending.open:
            for to, attempt in zip(sending.open, await self.deliver(sending, now), strict=True):
                told[to] = str(attempt.reply)
                log.info("report", kind=KIND, domain=row["domain"], number=row["number"], to=to, said=told[to])
        await self.settle(mine, sending, told, now)
        return True

    async def sending(self, row: Row, now: datetime) -> Sending:
        """How a report would leave now. Its size does not depend on to how many it goes, as far as that matters."""
        write = partial(written.mail, row["document"], row["domain"], row["day"], row["number"])
        size = len(write((self.reporter.stamp.sender,), self.reporter, now))
        places = [await wanted(uri, row["domain"], size, self.resolver) for uri in row["rua"]]
        addresses = tuple(dict.fromkeys(to for one in places for to in one.addresses))
        still = tuple(to for to in addresses if not is_final(row["told"].get(to, "")))
        return Sending(tuple(places), still, write(addresses, self.reporter, now) if addresses else b"")

    async def deliver(self, sending: Sending, now: datetime) -> list[Attempt]:
        recipients = tuple(Recipient(parse_address(to)) for to in sending.open)
        sender = parse_address(self.reporter.stamp.sender)
        if self.batv_key and sender.domain in self.local:
            sender = bounce.tagged(sender, self.batv_key, now)
        outgoing = Outgoing(Envelope(sender, recipients), lambda: iter([sending.text]), len(sending.text))
        try:
            async with asyncio.timeout(LONGEST.total_seconds()):
                return await self.hop.deliver(outgoing)
        except TimeoutError:
            return [LOST] * len(recipients)

    async def settle(self, row: Row, sending: Sending, told: Mapping[str, str], now: datetime) -> None:
        """Done when everybody said yes or no, or the day after the reported one is over."""
        is_open = not sending.is_known or any(not is_final(told[to]) for to in sending.open)
        due = retry.next_attempt(row["attempts"], now, random.random())  # noqa: S311  (no secret)
        said = "; ".join(filter(None, (sending.why_not, *no_of(told))))
        state = OPEN
        if not is_open or due >= row["day"] + 2 * DAY:
            state = SENT if any(one.startswith("2") for one in told.values()) else DROPPED
        await self.do(partial(reports.settle, row=row, state=state, told=told, said=said, due=due))
        if state == DROPPED:
            tell_dropped(row, said)

    # ---- the database ----------------------------------------------------------------------------------------------

    async def ask(self, question: Callable[[Connection], T]) -> T:
        def asked() -> T:
            with self.reading() as conn:
                return question(conn)

        return await asyncio.to_thread(asked)

    async def do(self, change: Callable[[Connection], T]) -> T:
        def done() -> T:
            with self.engine.begin() as conn:
                return change(conn)

        return await asyncio.to_thread(done)

    def reading(self) -> AbstractContextManager[Connection]:
        return self.engine.execution_options(reads=True).connect()


def tell_dropped(row: Row, why: str) -> None:
    day = f"{row['day']:%Y-%m-%d}"
    log.warning("report dropped", kind=KIND, domain=row["domain"], number=row["number"], day=day, error=why)


def day_before(now: datetime) -> datetime:
    """The beginning of the last UTC day that is over."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0) - DAY


def is_final(said: str) -> bool:
    """A yes or a no; nothing was said yet, or to try later, else."""
    return said[:1] in ("2", "5")


def no_of(told: Mapping[str, str]) -> Iterator[str]:
    return (f"{to}: {said}" for to, said in told.items() if not said.startswith("2"))
