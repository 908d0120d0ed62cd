"""The sweep: what time does to mail and memory. In small slices, so that no decision waits for it."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from ipaddress import ip_address
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import Connection

from gateway import alive, clock
from gateway.bodies import Bodies, FileBodies, Kept, NoRoom, Owner
from gateway.courier import pause
from gateway.ids import id_for
from gateway.model import DeliveryState, Envelope, Peer, ReasonCode, Recipient
from gateway.policy import header, notice
from gateway.policy.fingerprint import Fingerprinter
from gateway.policy.header import VERDICT_FIELD
from gateway.policy.hold import Keeping
from gateway.store import copies, decisions, deliveries, lists, memory, messages, networks, sightings, tombstones
from gateway.store.deliveries import Owned
from gateway.store.engine import Database, StoreUnavailable
from gateway.store.keys import text_key

log = structlog.get_logger()

EVERY = 1.0  # seconds between two looks for held mail whose wait is over
CLEAN_EVERY = 30  # looks between two cleanings
SEARCH_EVERY = 3600  # looks between two searches for bytes that nothing knows of
SLICE = 200  # rows per transaction: on SQLite nobody reads while one is committed
NOTICES = 20  # per transaction: each is a durable file
REST = 2.0  # times as long as a slice took
SLICES = 500  # per cleaning and kind; the rest waits for the next one
SHOWN_FOR = timedelta(days=14)  # how long ended mail that nobody got stays to be released
STRAY_AFTER = timedelta(hours=1)
SETTLE = timedelta(minutes=1)  # a mail's copies may be noted a moment after its bytes
NOBODY = "127.0.0.1"  # the peer of mail that we wrote ourselves

Slice = Callable[[Connection, datetime], int]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What the sweep works with. `sightings_cap` bounds pending sightings known by their network alone."""

    node: str
    alive: Path  # where the processes of this node show that they live
    database: Database
    bodies: Bodies
    keeping: Keeping
    sightings_cap: int
    hostname: str
    postmaster: str

    async def work(self, stop: asyncio.Event) -> None:
        turn = 0
        while not stop.is_set():
            try:
                await self.release()
                if turn % CLEAN_EVERY == 0:
                    await self.clean()
                if turn % SEARCH_EVERY == SEARCH_EVERY - 1:
                    await self.remove_orphans()
            except StoreUnavailable as error:
                log.warning("the database does not answer", error=str(error))
            turn += 1
            await pause(stop, EVERY)

    async def release(self) -> None:
        """Held mail that releases itself, and copies whose claimer died."""
        now = clock.now()
        released = await self.database.write(lambda conn: deliveries.release_by_themselves(conn, now))
        await self.database.write(lambda conn: copies.end_leases(conn, now))
        await self.free_claims_of_the_dead()
        if released:
            log.info("released after the wait", deliveries=released)

    async def free_claims_of_the_dead(self) -> None:
        """What a killed process had claimed is free within a second, not at the end of its lease."""
        claimers = await self.database.read(lambda conn: copies.claimers(conn) | deliveries.claimers(conn))
        for token in alive.dead(self.alive, self.node, claimers):
            freed = await self.database.write(partial(free_claims, by=token))
            log.warning("a process died; what it had claimed is free", claimer=token, claims=freed)

    async def clean(self) -> None:
        """Everything else that time does, kind by kind."""
        for name, work in self.kinds():
            try:
                await self.in_slices(name, work)
            except NoRoom as error:  # the kinds that follow are those that make room
                log.error("not swept for want of room", kind=name, error=str(error))
        await self.drop_bodies()
        self.remove_strays()

    def kinds(self) -> list[tuple[str, Slice]]:
        keep = self.keeping
        return [
            ("abandoned", lambda conn, now: self.abandon(conn, now)),
            ("expired", self.expire),
            ("window over", lambda conn, now: copies.end_window(conn, now - keep.window, SLICE)),
            ("shown long enough", self.drop_ended),
            ("sightings", lambda conn, now: sightings.forget_old(conn, now - keep.window, SLICE)),
            ("sightings above the cap", lambda conn, now: sightings.give_way(conn, self.sightings_cap, SLICE)),
            ("memory", lambda conn, now: memory.forget_old(conn, now, SLICE)),
            ("networks", lambda conn, now: networks.forget_old(conn, now - keep.networks, SLICE)),
            ("lists", lambda conn, now: lists.forget_old(conn, now)),
            ("tombstones", lambda conn, now: tombstones.forget_old(conn, now, SLICE)),
            ("history", lambda conn, now: decisions.forget_old(conn, now - keep.events, SLICE)),
            ("messages", lambda conn, now: messages.forget_old(conn, now - keep.events, SLICE)),
        ]

    async def in_slices(self, name: str, work: Slice) -> None:
        """Repeat while there is something to do."""
        swept = 0
        for _ in range(SLICES):
            began = monotonic()
            done = await self.database.write(partial(one_slice, work=work, now=clock.now()))
            swept += done
            if not done:
                break
            # Whoever decides about mail gets its turn: SQLite lets nobody read while a slice is committed.
            await asyncio.sleep(REST * (monotonic() - began))
        if swept:
            log.info("swept", kind=name, rows=swept)

    def abandon(self, conn: Connection, now: datetime) -> int:
        copies.abandon(conn, now - self.keeping.give_up)
        return 0

    def expire(self, conn: Connection, now: datetime) -> int:
        expired = deliveries.expire(conn, now, NOTICES)
        for row in expired:
            decisions.happened(conn, "expired", now, message=row["message"], recipient=row["recipient"], who="sweep")
            log.warning("held mail expired without a decision", message=row["message"], recipient=row["recipient"])
            self.tell_recipient(conn, row, now)
        return len(expired)

    def tell_recipient(self, conn: Connection, row: dict[str, Any], now: datetime) -> None:
        """A notice that the courier delivers, in the transaction that lets the mail expire.

        The transaction may be undone and run again, its file may not: so it has the same id each time.
        """
        mail = messages.load(conn, row["message"])
        if mail is None:
            return
        about = notice.Expired(mail["id"], mail["sender"], mail["author"], mail["subject"], mail["received_at"])
        text = notice.to_recipient(about, row["recipient_raw"], self.hostname, self.postmaster, now)
        recipient = Recipient(messages.stored_address(row["recipient_raw"]))
        number = id_for(row["expires"], f"notice {row['id']} {row['message']}")
        kept = own_mail(number, text, recipient, self.hostname, now)
        self.bodies.write(kept, [text], durable=True)
        messages.add(conn, kept, self.bodies.kind)
        self.bodies.record(conn, kept, [text])
        deliveries.own(conn, kept.id, Owned(recipient, DeliveryState.RELEASING, ReasonCode.NOTICE_EXPIRED), now)

    def drop_ended(self, conn: Connection, now: datetime) -> int:
        dropped = deliveries.drop_ended(conn, now - SHOWN_FOR, SLICE, now)
        for row in dropped:
            about = {"message": row["message"], "recipient": row["recipient"]}
            decisions.happened(conn, "refused", now, **about, who="retention", was=row["state"])
        return len(dropped)

    async def drop_bodies(self) -> None:
        """The rows say first that the bytes are gone: bytes without a row are found again, a row without bytes lies."""
        for _ in range(SLICES):
            numbers = await self.database.write(partial(self.finish, now=clock.now()))
            if isinstance(self.bodies, FileBodies):  # not while the transaction keeps everybody else from writing
                await asyncio.to_thread(self.bodies.remove, numbers)
            if not numbers:
                return
            log.info("swept", kind="bodies", rows=len(numbers))

    def finish(self, conn: Connection, now: datetime) -> list[str]:
        numbers = messages.finished(conn, now - SETTLE, SLICE)
        messages.body_dropped(conn, numbers)
        if not isinstance(self.bodies, FileBodies):
            self.bodies.drop(conn, numbers)
        return numbers

    async def remove_orphans(self) -> None:
        """Bytes of a sender's mail whose row was never written. What is ours is never removed: it waits for reindex."""
        if not isinstance(self.bodies, FileBodies):
            return
        for numbers in batched(self.bodies.unowned(clock.now() - STRAY_AFTER), SLICE):
            known = await self.database.read(partial(messages.ids, wanted=numbers))
            orphans = [number for number in numbers if number not in known]
            if orphans:
                await asyncio.to_thread(self.bodies.remove, orphans)
                log.info("swept", kind="bytes without a row", rows=len(orphans))

    def remove_strays(self) -> None:
        if isinstance(self.bodies, FileBodies):
            for bundle in self.bodies.bundles.tidy(clock.now() - STRAY_AFTER):
                log.info("removed an empty bundle", file=bundle.name)
            for path in self.bodies.strays(clock.now() - STRAY_AFTER):
                path.unlink(missing_ok=True)
                log.info("removed an unfinished body", file=path.name)


def batched(items: Iterable[str], most: int) -> Iterator[list[str]]:
    rest = iter(items)
    while taken := list(islice(rest, most)):
        yield taken


def free_claims(conn: Connection, by: str) -> int:
    return copies.free(conn, by) + deliveries.free(conn, by)


def one_slice(conn: Connection, work: Slice, now: datetime) -> int:
    return work(conn, now)


def own_mail(number: str, text: bytes, recipient: Recipient, hostname: str, now: datetime) -> Kept:
    """A mail of ours as it is kept: from the null sender, so that nothing ever answers it."""
    reader = Fingerprinter(hostname, VERDICT_FIELD)
    reader.feed(text)
    facts = reader.finish()
    envelope = Envelope(None, (recipient,))
    peer = Peer(ip_address(NOBODY), hostname)
    return Kept(
        id=number,
        received_at=now,
        envelope=envelope,
        peer=peer,
        rungs=frozenset(),
        fingerprint=replace(facts.fingerprint, message_id=text_key(facts.fingerprint.message_id)),
        size=len(text),
        trace=header.received(peer, envelope, hostname, number, now),
        author=facts.author,
        subject=facts.subject,
        owners=(Owner(recipient, DeliveryState.RELEASING, ReasonCode.NOTICE_EXPIRED),),
    )
