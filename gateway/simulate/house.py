"""The house that is simulated: the real door, store, bodies, courier and sweep, before a backend that only notes."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, event, func, select, union_all
from sqlalchemy.engine import URL

from gateway import clock, desk
from gateway.bodies import Bodies
from gateway.courier import AT_ONCE, Courier
from gateway.desk import Done, Person, Terms
from gateway.model import CopyState, DeliveryState, Level
from gateway.policy.hold import REVIEWED_COPIES
from gateway.simulate.backend import Backend
from gateway.smtpd.door import Door
from gateway.store import copies, deliveries, messages
from gateway.store.engine import Database, SqliteRunner
from gateway.store.pending import T, Work
from gateway.sweep import Sweep
from sql.tables import delivery

DOMAIN = "office.example"
PERSON = Person("approver@simulation", "simulation")
CLEAN_EVERY = timedelta(hours=6)
LOOK_EVERY = 1.0  # seconds: how late courier and sweep see that something is due
NOTED = 0.5  # seconds after which notes are written
SHOWN = frozenset({DeliveryState.HELD, DeliveryState.UNDELIVERABLE, DeliveryState.EXPIRED, DeliveryState.REFUSED})


NEXT = union_all(
    select(func.min(delivery.c.release_at)).where(delivery.c.state == DeliveryState.HELD),
    select(func.min(delivery.c.due)).where(delivery.c.state == DeliveryState.RELEASING),
)


def account(level: Level, number: int) -> str:
    return f"{level}-{number}@{DOMAIN}"


class Inline(SqliteRunner):
    """SQLite without threads, and without durability: nothing of it outlives the simulation."""

    def __init__(self, url: str | URL) -> None:
        super().__init__(url)
        event.listen(self.engine, "connect", forgetful)  # after what the store says of durability

    async def read(self, work: Work[T]) -> T:
        return self.read_now(work)

    async def commit(self, works: Sequence[Work[Any]]) -> list[Any]:
        return self.commit_now(works)

    async def close(self) -> None:
        self.at_hand.close()
        for connection in (self.reading, self.writing):
            if connection is not None:
                connection.close()
        self.engine.dispose()


def forgetful(connection: Any, record: Any) -> None:
    for pragma in ("journal_mode=MEMORY", "synchronous=OFF"):
        connection.execute(f"PRAGMA {pragma}")


@dataclass
class House:
    """`reviewed`: somebody looks at everything that is kept, not only at the levels that hold by themselves."""

    door: Door
    courier: Courier
    sweep: Sweep
    database: Database
    bodies: Bodies
    backend: Backend
    terms: Terms
    reviewed: bool
    stirred: asyncio.Event = field(default_factory=asyncio.Event)

    async def keep(self) -> None:
        """What courier and sweep do, when it is due rather than every second."""
        cleans = clock.now() + CLEAN_EVERY
        while True:
            due = await self.database.read(next_moment)
            self.stirred.clear()
            wait = min(due or cleans, cleans) - clock.now()
            if wait > timedelta(0):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.stirred.wait(), wait.total_seconds())
                continue
            await asyncio.sleep(LOOK_EVERY)
            await self.sweep.release()
            await self.deliver_due()
            if clock.now() >= cleans:
                await self.sweep.clean()
                await self.door.refresh()
                cleans = clock.now() + CLEAN_EVERY

    async def deliver_due(self) -> None:
        while mails := await self.courier.claim(AT_ONCE):
            for rows in mails:
                await self.courier.deliver(rows)

    def stir(self) -> None:
        """Something may be due sooner than was known."""
        self.stirred.set()

    # ---- what people see and do ------------------------------------------------------------------------------------

    async def shows(self, whole: str, sender: str) -> set[str]:
        """The recipients who could see this mail now: kept for them, whoever answers for it."""
        return await self.database.read(partial(shown_to, whole=whole, sender=sender))

    async def queue(self) -> list[dict[str, object]]:
        """All that waits for a person: held mail first, then copies."""
        return await self.database.read(waiting)

    async def decide(self, number: str, recipient: str, *, release: bool) -> list[Done]:
        now = clock.now()

        def work(conn: Connection) -> list[Done]:
            if release:
                return desk.release(conn, self.bodies, number, [recipient], PERSON, self.terms, now)
            return desk.refuse(conn, number, [recipient], PERSON, self.terms, now)

        done = await self.database.write(work)
        await asyncio.sleep(LOOK_EVERY)
        await self.door.refresh(look_at_room=False)
        self.stir()
        return done


def next_moment(conn: Connection) -> datetime | None:
    """When courier or sweep have something to do."""
    return min((due for due in conn.execute(NEXT).scalars() if due is not None), default=None)


def shown_to(conn: Connection, whole: str, sender: str) -> set[str]:
    number = messages.find_same(conn, [(whole, sender)]).get((whole, sender))
    if number is None:
        return set()
    return {
        recipient
        for recipient, state in messages.states(conn, number)
        if (isinstance(state, CopyState) and state not in REVIEWED_COPIES) or state in SHOWN
    }


def waiting(conn: Connection) -> list[dict[str, object]]:
    held = deliveries.queue(conn, [DeliveryState.HELD], MOST)
    theirs = [row for state in copies.WITH_SENDER for row in copies.waiting(conn, MOST, state)]
    return [*held, *theirs]


MOST = 10_000  # rows of a queue


def recipients_of(levels: Iterable[Level], people: int) -> dict[Level, tuple[str, ...]]:
    """The accounts of each level."""
    return {level: tuple(account(level, number) for number in range(1, people + 1)) for level in levels}
