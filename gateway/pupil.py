"""The process that learns: it follows the journal of what people said, and publishes what came of it.

Every node has one and learns by itself; the journal is the same for all. It may be stopped at any moment: a lesson that
is told twice counts once.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog
from sqlalchemy import Connection

from classifier.features import BadFeatures, Features
from classifier.learner import Busy, Learner, Published
from classifier.state import Entry
from gateway import clock
from gateway.courier import pause
from gateway.model import Label
from gateway.store import decisions, lessons
from gateway.store.engine import Database, StoreUnavailable
from gateway.store.lessons import Lesson

log = structlog.get_logger()

EVERY = 0.3  # seconds between two looks into the journal
AT_ONCE = 200  # lessons
LATE = 1000  # numbers behind the highest within which one may still show up: other nodes hand them out in turn
NOBODY = "the gate"  # who takes back what made the classifier worse


async def opened(open_it: Callable[[], Learner], stop: asyncio.Event) -> Learner | None:
    """The learner of this node, as soon as nobody else has it open and the disk has room for it; None when stopped.

    A process that takes another one's place is there before the other has gone.
    """
    said = ""
    while not stop.is_set():
        try:
            return await asyncio.to_thread(open_it)
        except (Busy, OSError, sqlite3.OperationalError) as error:
            if not isinstance(error, Busy) and str(error) != said:
                log.error("the classifier cannot learn now", error=str(error))
                said = str(error)
        await pause(stop, EVERY)
    return None


@dataclass
class Pupil:
    """Learns what the journal says. `learner` is this node's; nobody else may have it open."""

    database: Database
    learner: Learner
    node: str
    is_hindered: bool = False
    seen: set[int] = field(default_factory=set)  # numbers that were worked, as far back as one may be late
    highest: int = 0

    async def work(self, stop: asyncio.Event) -> None:
        is_published = False
        while not stop.is_set():
            try:
                is_published = is_published or (await asyncio.to_thread(self.learner.publish)).done
                while await self.turn():
                    pass
                self.is_hindered = False
            except StoreUnavailable as error:
                log.warning("the database does not answer", error=str(error))
            except (OSError, sqlite3.OperationalError) as error:  # a full disk: what was said is in the journal
                if not self.is_hindered:
                    log.error("the classifier cannot learn now", error=str(error))
                self.is_hindered = True
            await pause(stop, EVERY)

    async def turn(self) -> bool:
        """Work the next lessons, if there are any; True where there may be more."""
        found, undone = await self.database.read(self.look)
        if not found:
            return False
        await asyncio.to_thread(self.take, found, undone)
        published = await asyncio.to_thread(self.learner.publish)
        if not published.done:
            await self.roll_back(published)
        self.remember(one.id for one in found)
        return len(found) == AT_ONCE

    def look(self, conn: Connection) -> tuple[list[Lesson], dict[int, Lesson]]:
        """The next lessons, and those that are taken back by one of them or by one from before."""
        found = lessons.after(conn, max(0, self.highest - LATE), AT_ONCE, but=self.seen)
        targets = [one.undoes for one in found if one.undoes is not None]
        gone = [*targets, *lessons.undone(conn, [one.id for one in found])]
        return found, {one.id: one for one in lessons.some(conn, gone)}

    def take(self, found: Sequence[Lesson], undone: dict[int, Lesson]) -> None:
        """Learn and forget. A lesson that is undone by now is not learnt at all."""
        for one in found:
            if one.label is not None and one.id not in undone:
                self.learn(one)
        self.learner.strike(*[key(undone[one.undoes]) for one in found if one.undoes in undone])
        erased = {one.forgets for one in found if one.forgets}
        if erased:
            self.learner.drop_accounts(lambda account: lessons.digest_of(account) in erased)

    def learn(self, one: Lesson) -> None:
        try:
            features = Features.from_bytes(one.features)
        except BadFeatures as error:  # of another version, or damaged: the others are not held up
            log.warning("a lesson cannot be learnt", lesson=one.id, error=str(error))
            return
        self.learner.learn(Entry(key(one), one.label is Label.SPAM, features, one.at, one.account, one.person))

    async def roll_back(self, published: Published) -> None:
        """What was told since the last publication made it worse on older mail: it is taken back, for all nodes."""
        keys = await asyncio.to_thread(self.learner.roll_back)
        numbers = [int(one.partition(" ")[0]) for one in keys]
        await self.database.write(partial(take_back, numbers=numbers, node=self.node))
        log.error(
            "lessons were taken back: with them the classifier errs more on older mail",
            lessons=numbers,
            errors_before=published.before.errors,
            errors_with_them=published.now.errors,
            tried=published.now.tried,
        )

    def remember(self, numbers: Iterable[int]) -> None:
        self.seen.update(numbers)
        self.highest = max(self.seen, default=0)
        self.seen = {one for one in self.seen if one > self.highest - LATE}


def key(one: Lesson) -> str:
    """The name of a lesson to the learner. With its moment: a database that was restored may number others the same."""
    return f"{one.id} {one.at.isoformat()}"


def take_back(conn: Connection, numbers: Sequence[int], node: str) -> None:
    now = clock.now()
    lessons.undo(conn, numbers, NOBODY, node, now)
    decisions.happened(conn, "lessons undone", now, who=NOBODY, lessons=list(numbers))
