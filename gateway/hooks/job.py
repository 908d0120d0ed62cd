"""The job that tells places what happened to mail: each by itself, in order, until it is told or given up."""

import asyncio
import http.client
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from gateway import clock
from gateway.courier import pause
from gateway.hooks import written
from gateway.posting import Hook
from gateway.store import hooks
from gateway.store.hooks import Wanted

log = structlog.get_logger()

EVERY = 2.0  # seconds between two looks
HELD_FOR = timedelta(minutes=2)  # longer than anything here takes; then another node may go on
FIRST, LONGEST = timedelta(seconds=10), timedelta(hours=6)  # between two tries of one piece of news
GIVEN_UP_AFTER = timedelta(days=1)
REST = 300.0  # seconds at the longest that a place is left alone that does not answer
OUT_OF_ORDER = (429,)  # beside 5xx: the place is not well, whatever it is told


@dataclass
class Place:
    """Somewhere that is told. `rest`: seconds for which it is left alone; more each time that it does not answer."""

    wanted: Wanted
    hook: Hook
    rest: float = 0.0

    @property
    def name(self) -> str:
        return self.wanted.name


@dataclass
class Hooks:
    """What the job works with. Each place has a thread of its own: no other place or job waits for it."""

    engine: Engine
    node: str
    hostname: str
    pages: str
    places: Sequence[Place]
    threads: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self.threads = ThreadPoolExecutor(max(1, len(self.places)), "hook")

    async def work(self, stop: asyncio.Event) -> None:
        await asyncio.gather(*(self.serve(one, stop) for one in self.places))
        self.threads.shutdown()
        self.engine.dispose()

    async def serve(self, place: Place, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            try:
                await loop.run_in_executor(self.threads, self.turn, place, stop)
            except SQLAlchemyError as error:  # the next look makes up for it
                log.warning("the database does not answer", error=str(getattr(error, "orig", error)))
            except Exception:  # a task is an edge: the others are told all the same
                log.exception("a hook failed", hook=place.name)
                place.rest = REST
            await pause(stop, max(EVERY, place.rest))

    def turn(self, place: Place, stop: asyncio.Event) -> int:
        """Take down what is new and tell it; how much was told. Raises SQLAlchemyError."""
        told = 0
        while not stop.is_set():
            row = self.next(place, clock.now())
            if row is None:
                place.rest = 0.0
                break
            said, is_well = self.tell(place, row)
            self.note(place, row, said, clock.now())
            told += not said
            place.rest = 0.0 if is_well else min(REST, max(2 * place.rest, EVERY))
            if not is_well:
                break
        return told

    def next(self, place: Place, now: datetime) -> dict[str, Any] | None:
        """None too where another node tells it."""
        until = now + HELD_FOR
        with self.engine.execution_options(reads=True).connect() as conn:
            if not hooks.has_work(conn, place.name, self.node, now, until):
                return None
        try:
            with self.engine.begin() as conn:
                if not hooks.hold(conn, place.name, self.node, now, until):
                    return None
                hooks.take_down(conn, place.wanted, now)
                return hooks.next_due(conn, place.name, now)
        except IntegrityError:  # another node was first
            return None

    def tell(self, place: Place, row: Mapping[str, Any]) -> tuple[str, bool]:
        """What went wrong, "" where nothing did; and whether the place is well, so that the next may be told."""
        body = written.told(row, self.pages)
        try:
            status = place.hook.post(written.number_of(row), body, int(clock.now().timestamp()))
        except (OSError, http.client.HTTPException) as error:
            return str(error) or repr(error), False
        if status // 100 == 2:
            return "", True
        return f"HTTP {status}", status // 100 != 5 and status not in OUT_OF_ORDER

    def note(self, place: Place, row: Mapping[str, Any], said: str, now: datetime) -> None:
        due = None if now - row["noted"] >= GIVEN_UP_AFTER else now + pause_after(row["tries"] + 1)
        with self.engine.begin() as conn:
            if not said:
                hooks.sent(conn, row["id"], now)
            else:
                hooks.failed(conn, row["id"], said, due, now)
        if said and due is None:
            log.error("a hook was not told and is given up", hook=place.name, what=row["kind"], message=row["message"],
                      error=said)  # fmt: skip
        elif said:
            log.warning("a hook could not be told", hook=place.name, what=row["kind"], message=row["message"],
                        tries=row["tries"] + 1, error=said)  # fmt: skip


def pause_after(tries: int) -> timedelta:
    """Ten seconds, then four times as long each time."""
    return min(FIRST * int(4 ** min(tries - 1, 10)), LONGEST)
