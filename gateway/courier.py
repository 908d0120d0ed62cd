"""The courier: delivers mail that is ours, tries again with growing pauses, and shows what cannot be delivered."""

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection

from gateway import clock
from gateway.bodies import Bodies, NoBody, Opened
from gateway.model import Action, DeliveryState, Reason, ReasonCode, Recipient, Reply, Switch, TombstoneOutcome, Verdict
from gateway.policy import header, retry
from gateway.relay.nexthop import LOST, Attempt, NextHop, Outgoing
from gateway.spool import Spool
from gateway.store import changes, decisions, deliveries, messages, tombstones
from gateway.store.engine import Database, StoreUnavailable

log = structlog.get_logger()

POLL_EVERY = 1.0  # seconds between two looks for work
AT_ONCE = 20  # deliveries under way
LEASE = timedelta(minutes=15)
LONGEST = timedelta(minutes=14)  # an attempt ends or is cut before its lease does
GONE = Reply(554, "5.3.0", "The bytes of this mail are gone")
UNREADABLE = Reply(451, "4.3.0", "This mail could not be read here")

HAPPENED = {
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.UNDELIVERABLE: "undeliverable",
    DeliveryState.RELEASING: "tried",
}

Row = Mapping[str, Any]
Source = Spool | Opened


@dataclass(frozen=True, slots=True)
class Courier:
    """What the courier works with."""

    name: str  # in claims; it lives as long as this process
    database: Database
    bodies: Bodies
    hops: Mapping[str, NextHop]  # by local domain
    verdict_key: bytes
    junk_header: str
    tombstones_for: timedelta
    incoming: Path

    async def work(self, stop: asyncio.Event) -> None:
        """Deliver what is due until told to stop; what is under way then ends first."""
        running: set[asyncio.Task[None]] = set()
        while not stop.is_set():
            for mail in await self.claim(AT_ONCE - len(running)):
                task = asyncio.create_task(self.deliver(mail))
                running.add(task)
                task.add_done_callback(running.discard)
            await pause(stop, POLL_EVERY)
        if running:
            await asyncio.wait(running)

    async def claim(self, most: int) -> list[list[Row]]:
        """Rows that are due, those of one mail together."""
        now = clock.now()
        if most <= 0:
            return []

        def take(conn: Connection) -> list[dict[str, Any]]:
            if changes.switches(conn).get(Switch.FREEZE_RELEASES, now) > now:
                return []
            return deliveries.claim_due(conn, self.name, now, now + LEASE, most)

        try:
            if await self.database.read(deliveries.next_due) is None:
                return []
            rows = await self.database.write(take)
        except StoreUnavailable as error:
            log.warning("the database does not answer", error=str(error))
            return []
        return group(rows)

    async def deliver(self, rows: Sequence[Row]) -> None:
        """One attempt for recipients of one mail behind one next hop."""
        try:
            await self.record(rows, await self.attempt(rows))
        except StoreUnavailable as error:
            log.error("an attempt could not be recorded; it will be repeated", error=str(error))
        except Exception:  # a task is an edge: one mail's trouble is not the next one's
            log.exception("a delivery failed", message=rows[0]["message"])

    async def record(self, rows: Sequence[Row], attempts: Sequence[Attempt]) -> None:
        """Note what the hop said. It is not to be asked again because the database was away when it answered."""
        deadline = asyncio.get_running_loop().time() + LEASE.total_seconds()
        while True:
            now = clock.now()
            try:
                await self.database.write(partial(self.settle, rows=rows, attempts=attempts, now=now))
                return log_attempts(rows, attempts, now)
            except StoreUnavailable as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                log.warning("an attempt is not recorded yet", message=rows[0]["message"], error=str(error))
                await asyncio.sleep(POLL_EVERY)

    async def attempt(self, rows: Sequence[Row]) -> list[Attempt]:
        number = rows[0]["message"]
        try:
            mail, source = await self.database.read(lambda conn: self.load(conn, number))
        except NoBody as error:
            log.error("a mail that is ours has no bytes", message=number, error=str(error))
            return [Attempt.answered(GONE)] * len(rows)
        except StoreUnavailable as error:  # the disk counts too
            log.error("a mail that is ours could not be read", message=number, error=str(error))
            return [Attempt.answered(UNREADABLE)] * len(rows)
        with closing(source):
            try:
                async with asyncio.timeout(LONGEST.total_seconds()):
                    return await self.hop(rows[0]).deliver(self.outgoing(mail, rows, source))
            except TimeoutError:
                return [LOST] * len(rows)

    def load(self, conn: Connection, number: str) -> tuple[dict[str, Any], Source]:
        row = messages.load(conn, number)
        if row is None:
            raise NoBody(f"{number} has no row")
        return row, self.bodies.opened(number) or self.spooled(conn, number)

    def spooled(self, conn: Connection, number: str) -> Spool:
        """The bytes out of the database, where they cannot be read while the hop takes them in."""
        spool = Spool(self.incoming)
        try:
            for chunk in self.bodies.read(conn, number):
                spool.write(chunk)
        except BaseException:
            spool.close()
            raise
        return spool

    def hop(self, row: Row) -> NextHop:
        return self.hops[domain_of(row)]

    def outgoing(self, mail: dict[str, Any], rows: Sequence[Row], source: Source) -> Outgoing:
        recipients = tuple(
            Recipient(messages.stored_address(row["recipient_raw"]), row["notify"], row["orcpt"]) for row in rows
        )
        verdict = Verdict(Action.ACCEPT, (Reason(ReasonCode(rows[0]["reason"])),), junk=rows[0]["junk"])
        fields = header.delivery_fields(
            [verdict], mail["id"], mail["whole"], clock.now(), self.verdict_key, self.junk_header
        )
        top = (fields + mail["trace"]).encode("utf-8")

        def chunks() -> Iterator[bytes]:
            yield top
            yield from source.chunks()

        envelope = replace(messages.envelope_of(mail), recipients=recipients)
        return Outgoing(envelope, chunks, len(top) + source.size, messages.peer_of(mail), mail["id"])

    def settle(self, conn: Connection, rows: Sequence[Row], attempts: Sequence[Attempt], now: datetime) -> None:
        for row, attempt in zip(rows, attempts, strict=True):
            self.settle_one(conn, row, attempt.reply, now)

    def settle_one(self, conn: Connection, row: Row, reply: Reply, now: datetime) -> None:
        said = str(reply)
        state = retry.after(reply, row["created"], now)
        if state is DeliveryState.DELIVERED:
            deliveries.delivered(conn, row["id"], said, now)
            self.bury(conn, row, TombstoneOutcome.DELIVERED, None, now)
        elif state is DeliveryState.UNDELIVERABLE:
            deliveries.undeliverable(conn, row["id"], said, now)
            self.bury(conn, row, TombstoneOutcome.UNDELIVERABLE, reply if reply.is_permanent else None, now)
        else:
            due = retry.next_attempt(row["attempts"] + 1, now, random.random())  # noqa: S311  (no secret)
            deliveries.try_later(conn, row["id"], said, due)
        decisions.happened(
            conn, HAPPENED[state], now, message=row["message"], recipient=row["recipient"], who="courier", said=said
        )

    def bury(self, conn: Connection, row: Row, outcome: TombstoneOutcome, reply: Reply | None, now: datetime) -> None:
        ends = now + self.tombstones_for
        tombstones.settle_message(conn, row["message"], row["recipient"], outcome, ends, reply)


def log_attempts(rows: Sequence[Row], attempts: Sequence[Attempt], now: datetime) -> None:
    for row, attempt in zip(rows, attempts, strict=True):
        outcome = HAPPENED[retry.after(attempt.reply, row["created"], now)]
        said = str(attempt.reply)
        log.info("delivery", message=row["message"], recipient=row["recipient"], outcome=outcome, said=said)


def domain_of(row: Row) -> str:
    return str(row["recipient"]).rpartition("@")[2]


def group(rows: Sequence[dict[str, Any]]) -> list[list[Row]]:
    """Rows of one mail, one tag and one domain go in one transaction."""
    groups: dict[tuple[str, bool, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["message"], row["junk"], row["reason"], domain_of(row)), []).append(row)
    return list(groups.values())


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, but not through the signal to stop."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
