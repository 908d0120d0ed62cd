"""The sweep: what time does to mail and memory. In small slices, so that no decision waits for it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from gateway import clock
from gateway.bodies import Bodies, FileBodies
from gateway.courier import pause
from gateway.policy.hold import Keeping
from gateway.store import copies, decisions, deliveries, lists, memory, messages, sightings, tombstones
from gateway.store.engine import Database, StoreUnavailable

log = structlog.get_logger()

EVERY = 1.0  # seconds between two looks for held mail whose wait is over
CLEAN_EVERY = 30  # looks between two cleanings
SLICE = 500  # rows per transaction
SLICES = 200  # per cleaning and kind; the rest waits for the next one
SHOWN_FOR = timedelta(days=14)  # how long ended mail that nobody got stays to be released
STRAY_AFTER = timedelta(hours=1)

Slice = Callable[[Connection, datetime], int]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What the sweep works with. `sightings_cap` bounds pending sightings known by their network alone."""

    database: Database
    bodies: Bodies
    keeping: Keeping
    sightings_cap: int

    async def work(self, stop: asyncio.Event) -> None:
        turn = 0
        while not stop.is_set():
            try:
                await self.release()
                if turn % CLEAN_EVERY == 0:
                    await self.clean()
            except StoreUnavailable as error:
                log.warning("the database does not answer", error=str(error))
            turn += 1
            await pause(stop, EVERY)

    async def release(self) -> None:
        """Held mail that releases itself, and copies whose claimer died."""
        now = clock.now()
        released = await self.database.write(lambda conn: deliveries.release_by_themselves(conn, now))
        await self.database.write(lambda conn: copies.end_leases(conn, now))
        if released:
            log.info("released after the wait", deliveries=released)

    async def clean(self) -> None:
        """Everything else that time does, kind by kind."""
        for name, work in self.kinds():
            await self.in_slices(name, work)
        self.remove_strays()

    def kinds(self) -> list[tuple[str, Slice]]:
        keep = self.keeping
        return [
            ("abandoned", lambda conn, now: self.abandon(conn, now)),
            ("expired", self.expire),
            ("window over", lambda conn, now: len(copies.end_window(conn, now - keep.window, SLICE))),
            ("shown long enough", lambda conn, now: deliveries.drop_ended(conn, now - SHOWN_FOR, SLICE)),
            ("bodies", self.drop_bodies),
            ("sightings", lambda conn, now: sightings.forget_old(conn, now - keep.window, SLICE)),
            ("sightings above the cap", lambda conn, now: sightings.give_way(conn, self.sightings_cap, SLICE)),
            ("memory", lambda conn, now: memory.forget_old(conn, now, SLICE)),
            ("lists", lambda conn, now: lists.forget_old(conn, now)),
            ("tombstones", lambda conn, now: tombstones.forget_old(conn, now, SLICE)),
            ("history", lambda conn, now: decisions.forget_old(conn, now - keep.events, SLICE)),
            ("messages", lambda conn, now: messages.forget_old(conn, now - keep.events, SLICE)),
        ]

    async def in_slices(self, name: str, work: Slice) -> None:
        """Repeat while there is a full slice to do."""
        swept = 0
        for _ in range(SLICES):
            now = clock.now()
            done = await self.database.write(lambda conn, now=now: work(conn, now))  # type: ignore[misc]
            swept += done
            if done < SLICE:
                break
        if swept:
            log.info("swept", kind=name, rows=swept)

    def abandon(self, conn: Connection, now: datetime) -> int:
        copies.abandon(conn, now - self.keeping.give_up)
        return 0

    def expire(self, conn: Connection, now: datetime) -> int:
        expired = deliveries.expire(conn, now, SLICE)
        for row in expired:
            decisions.happened(conn, "expired", now, message=row["message"], recipient=row["recipient"], who="sweep")
            log.warning("held mail expired without a decision", message=row["message"], recipient=row["recipient"])
        return len(expired)

    def drop_bodies(self, conn: Connection, now: datetime) -> int:
        """The rows say first that the bytes are gone: bytes without a row are found again, a row without bytes lies."""
        numbers = messages.finished(conn, SLICE)
        messages.body_dropped(conn, numbers)
        self.bodies.drop(conn, numbers)
        return len(numbers)

    def remove_strays(self) -> None:
        if isinstance(self.bodies, FileBodies):
            for path in self.bodies.strays(clock.now() - STRAY_AFTER):
                path.unlink(missing_ok=True)
                log.info("removed an unfinished body", file=path.name)
