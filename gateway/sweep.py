"""The sweep: what time does to mail and memory. In small slices, so that no decision waits for it."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import Connection

from gateway import alive, clock, notice, ourmail
from gateway.bodies import Bodies, FileBodies, NoRoom
from gateway.courier import pause
from gateway.i18n import of_person, speaking
from gateway.ids import id_for
from gateway.model import ReasonCode, Recipient, Rung
from gateway.policy.hold import Keeping
from gateway.policy.standing import Outcome, parties
from gateway.store import (
    answers,
    asked,
    bulks,
    campaigns,
    copies,
    decisions,
    deliveries,
    devices,
    digests,
    domains,
    expecting,
    hooks,
    identities,
    lessons,
    lists,
    memory,
    messages,
    networks,
    outbound,
    persons,
    reports,
    reviews,
    sightings,
    signatures,
    sittings,
    standings,
    tallies,
    tokens,
    tombstones,
)
from gateway.store.engine import Database, StoreUnavailable
from gateway.store.standings import Happened

log = structlog.get_logger()

EVERY = 1.0  # seconds between two looks for held mail whose wait is over
CLEAN_EVERY = 30  # looks between two cleanings
SEARCH_EVERY = 3600  # looks between two searches for bytes that nothing knows of
SLICE = 200  # rows per transaction: on SQLite nobody reads while one is committed
NOTICES = 20  # per transaction: each is a durable file
REST = 2.0  # times as long as a slice took
SLICES = 500  # per cleaning and kind; the rest waits for the next one
SHOWN_FOR = timedelta(days=14)  # how long ended mail that nobody got stays to be released
SIGNATURES_FOR = timedelta(days=8)  # as long as any sender tries to send one mail
COMPARED_FOR = timedelta(days=8)  # what mails of strangers share; a week of it counts
DECIDED_FOR = timedelta(days=36)  # the same where people decided
USUAL_FOR = timedelta(days=90)  # what was in accepted mail
ANSWERS_FOR = timedelta(hours=24)  # how long a call that is made again is answered as before
REPORTS_FOR = timedelta(days=14)  # how long reports to other domains can be looked at
OUTBOUND_FOR = timedelta(days=30)  # how long bounces of our mail, and its unsubscribing, are recognised
TOLD_FOR = timedelta(days=8)  # what hooks were told, so that nothing is told again
HOURS_LONGER = timedelta(days=1)
FADED = timedelta(days=730)  # what is left of anybody's history by then says nothing
STRAY_AFTER = timedelta(hours=1)
SETTLE = timedelta(minutes=1)  # a mail's copies may be noted a moment after its bytes

Slice = Callable[[Connection, datetime], int]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What the sweep works with. `sightings_cap` bounds pending sightings known by their network alone.
    `look` does what waits for others, in a thread of its own."""

    node: str
    alive: Path  # where the processes of this node show that they live
    database: Database
    bodies: Bodies
    keeping: Keeping
    sightings_cap: int
    hostname: str
    postmaster: str
    look: Callable[[], None] | None = None
    language: str = "en"  # of a recipient who chose none

    async def work(self, stop: asyncio.Event) -> None:
        turn = 0
        looking: asyncio.Task[None] | None = None
        while not stop.is_set():
            try:
                await self.release()
                if turn % CLEAN_EVERY == 0:
                    await self.clean()
                    looking = self.look_around(looking)
                if turn % SEARCH_EVERY == SEARCH_EVERY - 1:
                    await self.remove_orphans()
            except StoreUnavailable as error:
                log.warning("the database does not answer", error=str(error))
            turn += 1
            await pause(stop, EVERY)

    def look_around(self, before: asyncio.Task[None] | None) -> asyncio.Task[None] | None:
        """Begin what waits for others, beside all else; not before it came to its end."""
        if self.look is None or (before is not None and not before.done()):
            return before
        if before is not None:
            before.result()
        return asyncio.create_task(asyncio.to_thread(self.look))

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
            ("listed long enough", lambda conn, now: reviews.end(conn, now - keep.listed, SLICE)),
            ("shown long enough", self.drop_ended),
            ("sightings", lambda conn, now: sightings.forget_old(conn, now - keep.window, SLICE)),
            ("sightings above the cap", lambda conn, now: sightings.give_way(conn, self.sightings_cap, SLICE)),
            ("memory", lambda conn, now: memory.forget_old(conn, now, SLICE)),
            ("domains", lambda conn, now: domains.forget_old(conn, now, SLICE)),
            ("identities", lambda conn, now: identities.forget_old(conn, now - keep.networks, now, SLICE)),
            ("standing", lambda conn, now: standings.forget_old(conn, now - FADED, SLICE)),
            ("networks", lambda conn, now: networks.forget_old(conn, now - keep.networks, SLICE)),
            ("expectations", lambda conn, now: expecting.forget_old(conn, now - keep.events, SLICE)),
            ("campaigns", lambda conn, now: campaigns.forget_old(conn, now - COMPARED_FOR, now - DECIDED_FOR, SLICE)),
            ("usual links", lambda conn, now: campaigns.forget_accepted(conn, now - USUAL_FOR, SLICE)),
            ("signatures", lambda conn, now: signatures.forget_old(conn, now - SIGNATURES_FOR, SLICE)),
            ("lessons", lambda conn, now: lessons.forget_old(conn, now - keep.lessons, SLICE)),
            ("lists", lambda conn, now: lists.forget_old(conn, now - keep.events)),
            ("outbound", lambda conn, now: outbound.forget_old(conn, now - OUTBOUND_FOR, SLICE)),
            ("tombstones", lambda conn, now: tombstones.forget_old(conn, now, SLICE)),
            ("history", lambda conn, now: forget_history(conn, now - keep.events)),
            ("statistics", lambda conn, now: forget_counts(conn, now - keep.events, now - keep.statistics)),
            ("bulks", lambda conn, now: bulks.forget_old(conn, now - keep.events, SLICE)),
            ("digests", lambda conn, now: digests.forget_old(conn, now - keep.events, SLICE)),
            ("told hooks", lambda conn, now: hooks.forget_old(conn, now - TOLD_FOR, SLICE)),
            ("reports", lambda conn, now: reports.forget_old(conn, now - REPORTS_FOR, SLICE)),
            ("asked for", lambda conn, now: asked.forget_old(conn, now - keep.events, SLICE)),
            ("browsers", devices.forget_old),
            ("sittings", sittings.forget_old),
            ("substitutes", persons.forget_ended),
            ("tokens", lambda conn, now: tokens.forget_old(conn, now - keep.events)),
            ("answers", lambda conn, now: answers.forget_old(conn, now - ANSWERS_FOR, SLICE)),
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
        silent_since = now - self.keeping.give_up
        self.charge(conn, copies.left_alone(conn, silent_since, SLICE), now)
        copies.abandon(conn, silent_since)
        return 0

    def charge(self, conn: Connection, senders: Sequence[tuple[str, frozenset[Rung]]], now: datetime) -> None:
        """Who never came back has that on record; of very many at once the rest is not worth the time."""
        if not senders:
            return
        shared = identities.known(conn)
        found = [one for sender, rungs in senders for one in parties(rungs, sender, shared)]
        standings.note(conn, [Happened(*one, Outcome.ABANDONED, now, self.node) for one in found])

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
        with speaking(of_person(persons.wishes_of_owner(conn, row["recipient"], now), self.language)):
            text = notice.to_recipient(about, row["recipient_raw"], self.hostname, self.postmaster, now)
        recipient = Recipient(messages.stored_address(row["recipient_raw"]))
        number = id_for(row["expires"], f"notice {row['id']} {row['message']}")
        kept = ourmail.kept(number, text, recipient, ReasonCode.NOTICE_EXPIRED, self.hostname, now)
        ourmail.send(conn, self.bodies, kept, text, now)

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
        numbers = messages.finished(conn, now - SETTLE, SLICE, now) or self.giving_way(conn)
        messages.body_dropped(conn, numbers)
        if not isinstance(self.bodies, FileBodies):
            self.bodies.drop(conn, numbers)
        return numbers

    def giving_way(self, conn: Connection) -> list[str]:
        """Listed mail was delivered: its bytes go first, before there is no room for copies of deferred mail."""
        return reviews.giving_way(conn, self.keeping.room - self.keeping.room // 4, SLICE)

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


def forget_history(conn: Connection, before: datetime) -> int:
    """What is not counted yet is counted first."""
    return decisions.forget_old(conn, before, SLICE, tallies.counted(conn))


def forget_counts(conn: Connection, hours: datetime, days: datetime) -> int:
    """Hours go a little later than the records that they were counted from, so that these can be told about whole."""
    return tallies.forget_old(conn, hours - HOURS_LONGER, days, SLICE)


def one_slice(conn: Connection, work: Slice, now: datetime) -> int:
    return work(conn, now)
