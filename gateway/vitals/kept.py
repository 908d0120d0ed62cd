"""What the database tells of itself, of the queue, and of the nodes that share it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import perf_counter

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gateway import clock
from gateway.model import Switch
from gateway.settings import Settings
from gateway.statistics.sudden import Sudden, told
from gateway.store import changes, hooks, lessons, vitals
from gateway.store.changes import ModeSet, Turned
from gateway.store.hooks import Standing
from gateway.store.trouble import database_trouble
from gateway.store.vitals import Cluster, Queue
from gateway.vitals.letters import NOTHING, Letters, letters
from sql import schema

HISTORY = timedelta(minutes=60)
LATELY = timedelta(days=1)  # that something was given up
Reading = Callable[[], AbstractContextManager[Connection]]


class NoDatabase(Exception):
    """Nothing can be read; args[0] says why."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the database tells, or why it does not. `most`: where the counts of the queue end; None: they are whole."""

    trouble: str | None = None
    seconds: float = 0.0  # its answer to a small question
    size: int = 0
    queue: Queue = field(default_factory=lambda: Queue({}, {}))
    most: int | None = None
    bytes: int = 0
    per_minute: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    set_by: ModeSet | None = None
    turned: Mapping[Switch, Turned] = field(default_factory=dict)
    schema: str | None = None
    cluster: Cluster | None = None
    nodes: Mapping[str, datetime | None] = field(default_factory=dict)
    taught: datetime | None = None  # when somebody said last what a mail is
    letters: Letters = NOTHING
    hooks: Mapping[str, Standing] = field(default_factory=dict)

    @property
    def switches(self) -> dict[Switch, datetime]:
        return {name: one.until for name, one in self.turned.items()}

    @property
    def is_current(self) -> bool:
        return self.schema == schema.newest()


def kept(reading: Reading, settings: Settings, most: int | None) -> Kept:
    """`most`: count no state further than that, and nothing that takes long: a page is asked for often."""
    now = clock.now()
    try:
        with reading() as conn:
            began = perf_counter()
            changes.counts(conn)
            seconds = perf_counter() - began
            whole = most is None
            return Kept(
                seconds=seconds,
                size=vitals.size(conn),
                queue=vitals.queue(conn, now) if most is None else vitals.queue_up_to(conn, now, most),
                most=most,
                bytes=vitals.kept_bytes(conn) if whole else 0,
                per_minute=vitals.per_minute(conn, now - HISTORY) if whole else {},
                set_by=changes.mode(conn),
                turned=changes.turned(conn, now),
                schema=schema.noted(conn),
                cluster=vitals.cluster(conn),
                nodes=vitals.nodes(conn),
                taught=lessons.last(conn),
                letters=letters(conn, settings, now),
                hooks=hooks.standings(conn, now - LATELY) if settings.hook else {},
            )
    except NoDatabase as error:
        return Kept(trouble=str(error))
    except SQLAlchemyError as error:
        return Kept(trouble=database_trouble(error))


def sudden(reading: Reading, settings: Settings) -> Sudden | None:
    """Whether much more is held than usual, or much less; None where that cannot be told either."""
    given = settings.alerts
    try:
        with reading() as conn:
            return told(conn, clock.now(), given.hold_change, given.hold_change_least)
    except (NoDatabase, SQLAlchemyError):
        return None
