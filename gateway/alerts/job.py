"""The job that tells admins: what has been amiss for a while, again each day, and when it is over."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway import clock
from gateway.alerts.amiss import seen
from gateway.alerts.channels import Channel
from gateway.alerts.written import News
from gateway.courier import pause
from gateway.marked import Said
from gateway.store import alerts
from gateway.store.alerts import Seen
from gateway.vitals.trouble import Trouble

log = structlog.get_logger()

EVERY = 60.0  # seconds between two looks
BLIND = "database"  # the kind of what is amiss where nothing could be read
MOST_OVER = 20  # sentences about what is over, in one mail


@dataclass(frozen=True, slots=True)
class Terms:
    """How long something is amiss before it is told, and how often it is told again."""

    after: timedelta
    again: timedelta


@dataclass(frozen=True, slots=True)
class ToTell:
    """What is new to somebody. `keys`: of what is amiss."""

    keys: tuple[bytes, ...] = ()
    over: tuple[tuple[bytes, str], ...] = ()  # by their keys, in their last words


@dataclass
class ByHeart:
    """What this node remembers while the database is away: since when something is amiss, and when it was told."""

    since: dict[bytes, datetime] = field(default_factory=dict)
    told: dict[bytes, datetime] = field(default_factory=dict)

    def to_tell(self, found: Mapping[bytes, Seen], terms: Terms, now: datetime) -> ToTell:
        self.since = {key: self.since.get(key, now) for key in found}
        self.told = {key: at for key, at in self.told.items() if key in found}
        due = [key for key, since in self.since.items() if since <= now - terms.after and key not in self.told]
        self.told |= dict.fromkeys(due, now)
        return ToTell(tuple(due))

    def not_told(self, keys: Sequence[bytes]) -> None:
        for key in keys:
            self.told.pop(key, None)


@dataclass
class Alerts:
    """What the job works with. `look`: what is amiss now; `channels`: where it is told."""

    engine: Engine
    node: str
    hostname: str
    look: Callable[[], list[Trouble]]
    channels: Sequence[Channel]
    terms: Terms
    health: str = ""
    by_heart: ByHeart = field(default_factory=ByHeart)
    unsaid: tuple[Said | str, ...] = ()  # what is over, and came to nobody so far
    last: dict[bytes, Said | str] = field(default_factory=dict)  # the same as is on record, for other languages

    async def work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self.turn(clock.now())
            except Exception:  # a task is an edge: whoever watches must not be the first to fall
                log.exception("a look for what is amiss failed")
            await pause(stop, EVERY)
        self.engine.dispose()

    async def turn(self, now: datetime) -> None:
        found = {noted.key: (noted, one) for one in await self.amiss() for noted in [seen(one, self.node)]}
        amiss = {key: noted for key, (noted, _) in found.items()}
        try:
            told = await asyncio.to_thread(self.from_database, amiss, now)
            is_there = True
        except SQLAlchemyError:
            told, is_there = self.by_heart.to_tell(amiss, self.terms, now), False
        over = (self.unsaid + tuple(self.last.pop(key, words) for key, words in told.over))[:MOST_OVER]
        self.last |= {key: one.said for key, (_, one) in found.items()}
        if not (told.keys or over):
            return
        still = [one for key, (_, one) in found.items() if key not in told.keys]
        news = News(now, self.hostname, [found[key][1] for key in told.keys], still, over, self.health)
        came = await self.tell(news)
        self.unsaid = () if came else over
        if not came:
            await asyncio.to_thread(self.forget, told.keys, is_there)

    async def amiss(self) -> list[Trouble]:
        return await asyncio.to_thread(self.look)

    def from_database(self, amiss: Mapping[bytes, Seen], now: datetime) -> ToTell:
        """Note what is amiss and what is over, and take on what nobody was told. Raises SQLAlchemyError."""
        # Whoever could not read the database saw nothing of what is everybody's: that is not over by it.
        seen_by_us = {self.node} | (set() if any(one.kind == BLIND for one in amiss.values()) else {""})
        with self.engine.begin() as conn:
            gone = {
                row["key"]: row["words"]
                for row in alerts.open_ones(conn)
                if row["key"] not in amiss and row["node"] in seen_by_us
            }
            alerts.note(conn, list(amiss.values()), now)
            over = alerts.end(conn, list(gone))
            due = alerts.to_tell(conn, list(amiss), now, self.terms.after, self.terms.again)
        self.by_heart = ByHeart()
        return ToTell(tuple(due), tuple((key, gone[key]) for key in over))

    async def tell(self, news: News) -> bool:
        """True where it came to somebody."""
        log.warning("alert", amiss=[one.words for one in news.amiss], over=list(map(str, news.over)))
        done = [await one.tell(news) for one in self.channels]
        return any(done)

    def forget(self, keys: Sequence[bytes], is_there: bool) -> None:
        """Nobody could be told: the next look tries again."""
        if not is_there:
            return self.by_heart.not_told(keys)
        try:
            with self.engine.begin() as conn:
                alerts.not_told(conn, keys)
        except SQLAlchemyError as error:
            log.warning("the database does not answer", error=str(getattr(error, "orig", error)))
