"""The database of an asyncio process: reads at once, writes in batches, everything durable before it is answered.

SQLite is worked by two threads (one reads, one writes) because it blocks; MariaDB through aiomysql. A unit of work is
a plain function of a `Connection`; it may run a second time after a conflict, so it must do nothing but database work.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import structlog
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from gateway import metrics
from gateway.store.glance import Glance
from gateway.store.pending import Pending, Together, Work
from gateway.store.rows import as_json

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

log = structlog.get_logger()

T = TypeVar("T")

FLUSH_AFTER = 0.2  # seconds a note may wait to be written
READ_WITHIN = 5.0  # seconds; then the store counts as unavailable
WRITE_WITHIN = 20.0
CONFLICT_TRIES = 5
PATIENT = {"timeout": 10, "check_same_thread": False}  # SQLite's connections
MOST_PENDING = 20_000  # works in memory while the database stalls
CONFLICTS = frozenset({1205, 1213, 1020})  # MariaDB: lock wait timeout, deadlock or Galera conflict, record changed
AWAY = frozenset({2002, 2003, 2006, 2013, 2014, 2055})  # MariaDB's client: no server, or the line went dead


class StoreUnavailable(Exception):
    """The database could not be asked, or did not take what it was told."""


def sync_engine(url: str | URL) -> Engine:
    """An engine for processes that may block: the command line, the web pages, migrations, SQLite's threads."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, poolclass=NullPool, connect_args=PATIENT, json_serializer=as_json)
        prepare_sqlite(engine)
        return engine
    settings = {"isolation_level": "READ COMMITTED", "pool_recycle": 1800}
    return create_engine(parsed.set(drivername="mysql+pymysql"), json_serializer=as_json, **settings)


def prepare_sqlite(engine: Engine) -> None:
    """Full durability, and transactions that begin when we say so.

    The rollback journal, not WAL: several processes write, and WAL loses data under a reset race before 3.51.3.
    """

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, record: Any) -> None:
        connection.isolation_level = None
        # EXTRA, not FULL: it syncs the folder too, else the journal may be back after a power cut and undo a commit.
        for pragma in ("journal_mode=DELETE", "synchronous=EXTRA", "foreign_keys=ON", "busy_timeout=10000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def on_begin(conn: Connection) -> None:
        # A write transaction takes its lock at once: upgrading a read lock can only fail or deadlock. Where only reads
        # follow, every statement stands alone, as on MariaDB: to begin and to end cost as much as to ask.
        if not conn.get_execution_options().get("reads"):
            conn.exec_driver_sql("BEGIN IMMEDIATE")


def async_engine(url: str | URL, *, reads: bool = False) -> "AsyncEngine":
    """`reads`: every statement stands alone, so that nothing is said to the server before or after it."""
    from sqlalchemy.ext.asyncio import create_async_engine  # loads the ORM too, which SQLite has no use for

    alone = {"isolation_level": "AUTOCOMMIT", "pool_reset_on_return": None, "skip_autocommit_rollback": True}
    # Repeatable reads would lock gaps, and we never read twice.
    settings = alone if reads else {"isolation_level": "READ COMMITTED"}
    return create_async_engine(
        make_url(url).set(drivername="mysql+aiomysql"),
        pool_size=10,
        max_overflow=10,
        pool_recycle=1800,
        pool_timeout=READ_WITHIN,
        connect_args={"connect_timeout": 3},
        json_serializer=as_json,
        **settings,
    )


def was_dead(error: DBAPIError) -> bool:
    """True when a pooled connection had died, and so nothing was committed: COMMIT itself has no statement."""
    return error.connection_invalidated and error.statement is not None


def is_away(error: Exception) -> bool:
    """True when it is the server's fault and not that of what it was told: no use in telling it piece by piece."""
    original = error.orig if isinstance(error, DBAPIError) else error
    code = original.args[0] if original is not None and original.args else None
    return isinstance(error, TimeoutError | OSError) or code in AWAY


def is_conflict(error: Exception) -> bool:
    """True when the transaction lost against another one and may simply run again."""
    original = error.orig if isinstance(error, DBAPIError) else None
    return bool(original and original.args and original.args[0] in CONFLICTS)


class Runner(Protocol):
    """Runs units of work on one kind of database."""

    async def read(self, work: Work[T]) -> T: ...
    async def commit(self, works: Sequence[Work[Any]]) -> list[Any]: ...
    def glance(self, question: str, values: Mapping[str, Any]) -> Any | None: ...
    async def close(self) -> None: ...


class SqliteRunner:
    def __init__(self, url: str | URL) -> None:
        self.engine = sync_engine(url)
        self.at_hand = Glance(self.engine.url.database)
        self.readers = ThreadPoolExecutor(1, "sqlite-read")
        self.writer = ThreadPoolExecutor(1, "sqlite-write")
        self.reading: Connection | None = None
        self.writing: Connection | None = None

    async def read(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.readers, self.read_now, work)

    async def commit(self, works: Sequence[Work[Any]]) -> list[Any]:
        return await asyncio.get_running_loop().run_in_executor(self.writer, self.commit_now, works)

    def read_now(self, work: Work[T]) -> T:
        # Never ended but after an error: every statement stands alone, and to end costs as much as to ask.
        self.reading = self.reading or self.engine.connect().execution_options(reads=True)
        try:
            return work(self.reading)
        except BaseException:
            self.reading.rollback()
            raise

    def commit_now(self, works: Sequence[Work[Any]]) -> list[Any]:
        self.writing = self.writing or self.engine.connect()
        try:
            with self.writing.begin():
                return [work(self.writing) for work in works]
        except BaseException:
            # A COMMIT that could not have its lock leaves the transaction open, which SQLAlchemy takes for ended.
            self.writing.connection.rollback()
            raise

    def glance(self, question: str, values: Mapping[str, Any]) -> Any | None:
        return self.at_hand.look(question, values)

    async def close(self) -> None:
        self.at_hand.close()
        for pool, connection in ((self.readers, self.reading), (self.writer, self.writing)):
            if connection is not None:
                await asyncio.get_running_loop().run_in_executor(pool, connection.close)
            pool.shutdown()
        self.engine.dispose()


class MariaRunner:
    def __init__(self, url: str | URL) -> None:
        self.engine = async_engine(url)
        self.reading = async_engine(url, reads=True)

    async def read(self, work: Work[T]) -> T:
        try:
            return await self.read_once(work)
        except DBAPIError as error:
            if not was_dead(error):
                raise
            return await self.read_once(work)

    async def read_once(self, work: Work[T]) -> T:
        async with self.reading.connect() as conn:
            return await conn.run_sync(work)

    async def commit(self, works: Sequence[Work[Any]]) -> list[Any]:
        # A server that vanished without a word must not keep the writer for as long as TCP hopes.
        async with asyncio.timeout(WRITE_WITHIN), self.engine.begin() as conn:
            return [await conn.run_sync(work) for work in works]

    def glance(self, question: str, values: Mapping[str, Any]) -> None:
        """Nothing: a server is always asked by waiting for it."""

    async def close(self) -> None:
        await self.reading.dispose()
        await self.engine.dispose()


class Database:
    """Reads, durable writes, and notes. Start it inside the loop; close it to write what is pending."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.pending: list[Pending] = []
        self.noted = 0  # notes in `pending`
        self.latest: dict[str, Together] = {}  # by noun: where its next note may join
        self.wake = asyncio.Event()
        self.urgent = asyncio.Event()
        self.closing = False
        self.writer = asyncio.create_task(self.write_batches(), name="database writer")

    def glance(self, question: str, values: Mapping[str, Any]) -> Any | None:
        """The one value that a question in SQLite's words is answered by; None where it cannot be told at once."""
        return self.runner.glance(question, values)

    async def read(self, work: Work[T]) -> T:
        """What the work returns. Raises StoreUnavailable."""
        try:
            async with asyncio.timeout(READ_WITHIN):
                return await self.runner.read(work)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise unavailable(error) from error

    async def write(self, work: Work[T]) -> T:
        """What the work returns, once it is durable. Raises StoreUnavailable; then it may or may not have happened."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        done.add_done_callback(heard)
        self.pending.append(Pending(work, done))
        self.latest = {}  # what is noted after this is written after it
        self.wake.set()
        self.urgent.set()
        try:
            async with asyncio.timeout(WRITE_WITHIN):
                return await asyncio.shield(done)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise unavailable(error) from error

    def note(self, write: Callable[[Connection, list[T]], Any], note: T) -> None:
        """Write soon, with others of its kind; losing it costs one more deferral, never a message.

        Notes about one noun (a module of the store) keep their order; different nouns do not wait for each other.
        """
        if self.noted >= MOST_PENDING:
            log.warning("a note was dropped: the database does not keep up", pending=self.noted)
            metrics.note_lost("dropped")
            return
        self.noted += 1
        noun = write.__module__
        last = self.latest.get(noun)
        if last is not None and last.write is write:
            last.notes.append(note)
        else:
            self.latest[noun] = Together(write, [note])
            self.pending.append(Pending(self.latest[noun], None))
        self.wake.set()

    async def close(self) -> None:
        self.closing = True
        self.wake.set()
        self.urgent.set()
        await self.writer
        await self.runner.close()

    async def write_batches(self) -> None:
        while not (self.closing and not self.pending):
            await self.wake.wait()
            if not self.urgent.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.urgent.wait(), FLUSH_AFTER)
            self.wake.clear()
            self.urgent.clear()
            batch, self.pending = self.pending, []
            self.noted, self.latest = 0, {}
            if batch:
                await self.write_batch(batch)

    async def write_batch(self, batch: list[Pending]) -> None:
        """All in one transaction; if that fails each in its own, so that one bad work spoils nobody's."""
        try:
            results = await self.commit([pending.work for pending in batch])
        except Exception as error:  # the writer outlives whatever a work raises; who waits for it is told
            parts = [part for pending in batch for part in pending.parts()]
            if len(parts) > 1 and not is_away(error):
                for part in batch if len(batch) > 1 else parts:
                    await self.write_batch([part])
                return
            for pending in batch:
                settle_failed(pending, error)
            return
        for pending, result in zip(batch, results, strict=True):
            if pending.done is not None and not pending.done.done():
                pending.done.set_result(result)

    async def commit(self, works: Sequence[Work[Any]]) -> list[Any]:
        for attempt in range(CONFLICT_TRIES):
            try:
                return await self.runner.commit(works)
            except DBAPIError as error:
                if not (is_conflict(error) or was_dead(error)) or attempt == CONFLICT_TRIES - 1:
                    raise
                await asyncio.sleep(0.05 * 2**attempt)
        raise AssertionError("the last attempt returns or raises")


def heard(done: "asyncio.Future[Any]") -> None:
    """Who gave up waiting does not want to know how it ended."""
    if not done.cancelled():
        done.exception()


def settle_failed(pending: Pending, error: Exception) -> None:
    if pending.done is None:
        metrics.note_lost("failed")
        log.warning("a note was not written", error=type(error).__name__, detail=str(getattr(error, "orig", error)))
    elif not pending.done.done():
        pending.done.set_exception(error)


def unavailable(error: Exception) -> StoreUnavailable:
    # The driver's own words, without the statement and its values: those are other people's mail.
    return StoreUnavailable(f"{type(error).__name__}: {getattr(error, 'orig', None) or 'no answer in time'}")


def open_database(url: str | URL) -> Database:
    """The database behind a SQLAlchemy URL (`sqlite:///…` or `mysql://…`). Connects at the first use."""
    backend = make_url(url).get_backend_name()
    return Database(SqliteRunner(url) if backend == "sqlite" else MariaRunner(url))
