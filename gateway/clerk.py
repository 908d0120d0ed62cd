"""The clerk: carries out decisions about many mails while whoever decided goes on with something else.

It may be killed at any moment, and every node may have one: how far a decision has come is written in the transaction
that carries it out.
"""

import asyncio
from dataclasses import dataclass
from time import monotonic

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway import bulk, clock
from gateway.bulk import Means
from gateway.courier import pause
from gateway.model import BulkState
from gateway.store import bulks

log = structlog.get_logger()

EVERY = 1.0  # seconds between two looks for something to do
REST = 1.0  # times as long as a turn took: whoever decides about a single mail gets its turn
MOST = 20  # decisions at a time; each gets its turn
TIDY = 200  # rows


@dataclass
class Clerk:
    engine: Engine
    means: Means
    is_hindered: bool = False

    async def work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            began = monotonic()
            try:
                is_busy = await asyncio.to_thread(self.turn)
                self.is_hindered = False
            except SQLAlchemyError as error:  # also where another one won: what was not written is done again
                is_busy = False
                if not self.is_hindered:
                    log.warning("the database does not answer", error=str(getattr(error, "orig", error)))
                self.is_hindered = True
            await pause(stop, REST * (monotonic() - began) if is_busy else EVERY)
        self.engine.dispose()

    def turn(self) -> bool:
        """A few mails of everything that is to be done; True while there is more."""
        now = clock.now()
        with self.engine.execution_options(reads=True).connect() as conn:
            found = bulks.in_states(conn, (BulkState.WORKING, BulkState.UNDOING), MOST)
            is_tidy = not bulks.out_of_time(conn, now, 1)
        if not is_tidy:
            with self.engine.begin() as conn:
                bulk.drop_out_of_time(conn, self.means.node, now, TIDY)
        return any([self.advance(one["id"]) for one in found])

    def advance(self, number: int) -> bool:
        with self.engine.begin() as conn:
            return bulk.turn(conn, number, self.means, clock.now())
