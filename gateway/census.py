"""The census: decisions and events are counted for the statistics, in slices, so that no decision waits."""

import asyncio
from dataclasses import dataclass
from time import monotonic

import structlog
from sqlalchemy import Connection

from gateway import clock
from gateway.courier import pause
from gateway.statistics import count_decisions, count_events
from gateway.store.engine import Database, StoreUnavailable

log = structlog.get_logger()

EVERY = 10.0  # seconds between two looks for what is new
REST = 2.0  # times as long as a slice took: on SQLite nobody reads while one is committed
MANY = 10_000  # rows at once, of which the log tells


@dataclass(frozen=True, slots=True)
class Census:
    """Counts what is new, and first what is there already. Any number of nodes may do so at once."""

    database: Database

    async def work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self.count(stop)
            except StoreUnavailable as error:
                log.warning("the database does not answer", error=str(error))
            await pause(stop, EVERY)

    async def count(self, stop: asyncio.Event) -> None:
        """Slice after slice, until nothing is left to count."""
        for work in (decisions, events):
            counted, begun = 0, monotonic()
            while not stop.is_set():
                began = monotonic()
                done = await self.database.write(work)
                counted += done
                if not done:
                    break
                await asyncio.sleep(REST * (monotonic() - began))
            if counted >= MANY:
                seconds = round(monotonic() - begun, 1)
                log.info("counted for the statistics", what=work.__name__, rows=counted, seconds=seconds)


def decisions(conn: Connection) -> int:
    return count_decisions(conn, clock.now())


def events(conn: Connection) -> int:
    return count_events(conn, clock.now())
