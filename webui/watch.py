"""Tells open pages that something of theirs changed: one look at the database a second, however many pages are open.

A page hears only that there is news, and then asks for its part as for every page; so nobody is told of the mail of
others. Whoever is signed out, locked out, or away for too long hears nothing more.
"""

import threading
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from time import monotonic, sleep

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gateway import clock
from gateway.model import Act, Actor
from gateway.policy.rights import can
from gateway.store import news, persons, sittings
from gateway.store.news import Happening, Looker
from webui.sessions import idle

log = structlog.get_logger()

EVERY = 1.0  # seconds between two looks
RIGHTS_EVERY = 10  # looks until those who listen are asked for anew
BEAT = 5.0  # seconds of silence until it is seen whether a page is still there
LONGEST = 600.0  # seconds of a stream; the page then comes again
BACK = timedelta(seconds=10)  # how late a row may show, or another node's clock be behind
MOST_PER_PERSON = 6  # a browser opens no more connections to one place

# What a page may be told: mail is held or was decided about, its sender still has some, somebody looks at it.
MAIL, LENT, LOOKS = "mail", "lent", "looks"
MOVED = "moved"  # another page listens in the place of this one

Reading = Callable[[], AbstractContextManager[Connection]]


@dataclass(eq=False)
class Stream:
    """One page that listens. `tab` is its place in the browser, `key` the session."""

    watch: "Watch"
    actor: Actor
    key: bytes
    tab: str
    until: float
    told: set[str] = field(default_factory=lambda: {MAIL})  # nobody knows what is new since the page was made
    is_over: bool = False

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> bytes:
        """What the browser reads next, in the form of an event stream."""
        with self.watch.turn:
            self.watch.turn.wait_for(lambda: self.told or self.is_over, BEAT)
            if self.is_over and not self.told:
                raise StopIteration
            words, self.told = sorted(self.told), set()
        return "".join(f"event: {word}\ndata: news\n\n" for word in words).encode() or b": still here\n\n"

    def close(self) -> None:
        self.watch.leave(self)

    def hears_of(self, recipients: Collection[str]) -> bool:
        return any(can(self.actor, Act.SEE, recipient) for recipient in recipients)

    def hears_from(self, looker: Looker) -> bool:
        """Only whoever decides about the same, so that nobody learns of other recipients."""
        return looker.person != self.actor.number and any(can(self.actor, Act.DECIDE, to) for to in looker.recipients)


class Watch:
    """All streams of this process, and the thread that looks for them while there are any."""

    def __init__(self) -> None:
        self.turn = threading.Condition()
        self.streams: list[Stream] = []
        self.is_leaving: Callable[[], bool] = lambda: False  # told by whoever serves the pages
        self.thread: threading.Thread | None = None
        self.since: datetime | None = None
        self.known: frozenset[Happening] = frozenset()
        self.looked: frozenset[Looker] = frozenset()
        self.is_blind = False

    def join(self, reading: Reading, actor: Actor, key: bytes, tab: str, most: int) -> Stream | None:
        """A stream in the place of the one that the same tab had; None where there are enough."""
        with self.turn:
            for old in [one for one in self.streams if (one.key, one.tab) == (key, tab)]:
                self.end(old)
                old.told = {MOVED}
            theirs = [one for one in self.streams if one.actor.number == actor.number]
            if len(self.streams) >= most or len(theirs) >= MOST_PER_PERSON or self.is_leaving():
                return None
            made = Stream(self, actor, key, tab, monotonic() + LONGEST)
            self.streams.append(made)
            if self.thread is None:
                self.since, self.known, self.looked = None, frozenset(), frozenset()
                self.thread = threading.Thread(target=self.work, args=(reading,), name="news", daemon=True)
                self.thread.start()
        return made

    def leave(self, stream: Stream) -> None:
        with self.turn:
            self.end(stream)

    def end(self, stream: Stream) -> None:
        """Whoever calls has the turn."""
        stream.is_over = True
        stream.told.clear()
        if stream in self.streams:
            self.streams.remove(stream)
        self.turn.notify_all()

    # ---- the thread ------------------------------------------------------------------------------------------------

    def work(self, reading: Reading) -> None:
        try:
            for turn in count():
                if not self.goes_on():
                    return
                self.look(reading, with_rights=turn % RIGHTS_EVERY == 0)
                sleep(EVERY)
        except BaseException:  # no page waits for news that nobody brings
            with self.turn:
                self.thread = None
                for stream in list(self.streams):
                    self.end(stream)
            raise

    def goes_on(self) -> bool:
        with self.turn:
            for stream in list(self.streams):
                if monotonic() > stream.until or self.is_leaving():
                    self.end(stream)
            if not self.streams:
                self.thread = None  # in the same turn: whoever joins now begins another
            return bool(self.streams)

    def look(self, reading: Reading, *, with_rights: bool) -> None:
        now = clock.now()
        try:
            with reading() as conn:
                self.end_sessions(conn, now)
                if with_rights:
                    self.renew_rights(conn, now)
                found, is_more = news.since(conn, (self.since or now) - BACK)
                lookers = news.lookers(conn, now)
        except SQLAlchemyError as error:
            if not self.is_blind:
                log.warning("open pages hear no news", error=type(error).__name__)
            self.is_blind = True
            return
        fresh, self.known = found - self.known, found
        turned, self.looked = lookers ^ self.looked, lookers
        self.since, self.is_blind = now, False
        self.tell(fresh, turned, to_all=is_more)

    def tell(self, fresh: Collection[Happening], turned: Collection[Looker], *, to_all: bool) -> None:
        lent = {one.recipient for one in fresh if one.is_lent}
        mail = {one.recipient for one in fresh if not one.is_lent}
        with self.turn:
            for stream in self.streams:
                if mail and (to_all or stream.hears_of(mail)):
                    stream.told.add(MAIL)
                if lent and (to_all or stream.hears_of(lent)):
                    stream.told.add(LENT)
                if any(map(stream.hears_from, turned)):
                    stream.told.add(LOOKS)
            self.turn.notify_all()

    def end_sessions(self, conn: Connection, now: datetime) -> None:
        with self.turn:
            keys = {one.key for one in self.streams}
        rows = sittings.among(conn, keys, now)
        good = {row["key"] for row in rows if row["person_id"] is not None and now - row["seen"] <= idle(row)}
        with self.turn:
            for stream in [one for one in self.streams if one.key in keys - good]:
                self.end(stream)

    def renew_rights(self, conn: Connection, now: datetime) -> None:
        with self.turn:
            numbers = {one.actor.number for one in self.streams}
        rows = {number: persons.numbered(conn, number) for number in numbers}
        actors = {
            number: persons.actor(conn, row, now) for number, row in rows.items() if row and not row["disabled_at"]
        }
        with self.turn:
            for stream in [one for one in self.streams if one.actor.number in numbers]:
                if stream.actor.number in actors:
                    stream.actor = actors[stream.actor.number]
                else:
                    self.end(stream)
