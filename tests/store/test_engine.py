"""The database of an asyncio process: durable before it is answered, quick to give up, and back when the server is."""

import asyncio
import contextlib
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, Engine, insert, select, text, update
from sqlalchemy.exc import OperationalError

from gateway.store import engine as engine_module
from gateway.store.engine import Database, SqliteRunner, StoreUnavailable, is_conflict, open_database, sync_engine
from sql import schema
from sql.tables import change_count
from tests.mariadb import MariaDB
from tests.store.conftest import sqlalchemy_url
from tests.store.making import BO, NOW, fingerprint, saw, seen


@pytest.fixture
async def database(url: URL) -> AsyncIterator[Database]:
    made = open_database(url)
    yield made
    await made.close()


def mark(name: str, number: int = 0):  # type: ignore[no-untyped-def]
    def work(conn: Connection) -> str:
        conn.execute(insert(change_count).values(node=name, count=number))
        return name

    return work


def note_marks(conn: Connection, names: list[str]) -> None:
    for name in names:
        mark(name)(conn)


def marks(engine: Engine) -> set[str]:
    """What another process sees."""
    with engine.connect() as conn:
        return set(conn.execute(select(change_count.c.node)).scalars())


async def soon(engine: Engine, name: str, within: float = 60.0) -> None:
    """Until another process sees a mark."""
    began = time.monotonic()
    while name not in await asyncio.to_thread(marks, engine):
        assert time.monotonic() - began < within, f"{name} was not written within {within} s"
        await asyncio.sleep(0.01)


async def test_a_write_is_durable_when_it_is_answered(database: Database, engine: Engine) -> None:
    assert await database.write(mark("a")) == "a"
    assert marks(engine) == {"a"}


async def test_writes_at_once_share_a_commit(database: Database, engine: Engine) -> None:
    batches: list[int] = []
    commit = database.runner.commit

    async def counted(works):  # type: ignore[no-untyped-def]
        batches.append(len(works))
        return await commit(works)

    database.runner.commit = counted  # type: ignore[method-assign]
    assert await asyncio.gather(*(database.write(mark(f"n{n}", n)) for n in range(50))) == [f"n{n}" for n in range(50)]
    assert len(marks(engine)) == 50
    assert len(batches) <= 3


async def test_a_note_is_written_soon_and_nobody_waits(database: Database, engine: Engine) -> None:
    await database.write(mark("warm"))
    database.note(note_marks, "noted")
    await soon(engine, "noted")


async def test_closing_writes_what_was_noted(url: URL, engine: Engine) -> None:
    database = open_database(url)
    for number in range(20):
        database.note(note_marks, f"n{number}")
    await database.close()
    assert len(marks(engine)) == 20


async def test_one_bad_work_spoils_nobodys(database: Database, engine: Engine) -> None:
    def bad(conn: Connection) -> None:
        conn.execute(insert(change_count).values(node="half", count=0))
        conn.execute(insert(change_count).values(node="half", count=0))

    def worse(conn: Connection) -> None:
        raise ZeroDivisionError

    database.note(lambda conn, notes: bad(conn), None)
    done = await asyncio.gather(
        database.write(mark("a")), database.write(bad), database.write(worse), database.write(mark("b")),
        return_exceptions=True,
    )  # fmt: skip
    assert [done[0], done[3]] == ["a", "b"]
    assert isinstance(done[1], StoreUnavailable)
    assert isinstance(done[2], ZeroDivisionError)
    assert marks(engine) == {"a", "b"}, "half a work is none"
    assert await database.write(mark("after")) == "after"


async def test_a_bad_note_among_good_ones_loses_only_itself(url: URL, engine: Engine) -> None:
    database = open_database(url)
    for name in ("a", "b", "b", "c"):  # a second row of one name cannot be written
        database.note(note_marks, name)
    await database.close()
    assert marks(engine) == {"a", "b", "c"}


async def test_notes_about_one_noun_keep_their_order_and_share_what_they_can(url: URL) -> None:
    database = open_database(url)
    calls: list[tuple[str, list[int]]] = []

    def noun(name: str, module: str):  # type: ignore[no-untyped-def]
        def write(conn: Connection, notes: list[int]) -> None:
            calls.append((name, list(notes)))

        write.__module__ = module
        return write

    saw_it, passed_it, decided = noun("saw", "sightings"), noun("passed", "sightings"), noun("decided", "decisions")
    for number, write in enumerate((saw_it, decided, saw_it, passed_it, decided, saw_it, passed_it, passed_it)):
        database.note(write, number)
    await database.write(lambda conn: calls.append(("waited for", [])))
    database.note(saw_it, 8)
    await database.close()
    mine = [(name, notes) for name, notes in calls if name not in ("decided", "waited for")]
    assert mine == [("saw", [0, 2]), ("passed", [3]), ("saw", [5]), ("passed", [6, 7]), ("saw", [8])]
    assert [notes for name, notes in calls if name == "decided"] == [[1, 4]], "other nouns do not wait"
    assert calls.index(("waited for", [])) < calls.index(("saw", [8])), (
        "what is noted after a write is written after it"
    )


async def test_a_store_that_is_away_is_not_asked_once_for_every_note(own_server: MariaDB, own_url: URL) -> None:
    database = open_database(own_url)
    await database.write(mark("before"))
    tries: list[int] = []
    commit = database.runner.commit

    async def counted(works):  # type: ignore[no-untyped-def]
        tries.append(len(works))
        return await commit(works)

    database.runner.commit = counted  # type: ignore[method-assign]
    await asyncio.to_thread(own_server.stop)
    for number in range(100):
        database.note(note_marks, f"n{number}")
    await database.close()
    await asyncio.to_thread(own_server.run)
    assert len(tries) <= 2 * engine_module.CONFLICT_TRIES


async def test_an_error_does_not_repeat_the_values_of_the_statement(database: Database) -> None:
    secret = "somebody@private.example"
    await database.write(mark(secret))
    with pytest.raises(StoreUnavailable) as told:
        await database.write(lambda conn: conn.execute(text("SELECT nothing FROM nowhere WHERE x = :x"), {"x": secret}))
    assert secret not in str(told.value)
    with pytest.raises(StoreUnavailable):
        await database.read(lambda conn: conn.execute(text("SELECT nothing FROM nowhere")))


async def test_reading_goes_on_after_a_failed_read(database: Database) -> None:
    with pytest.raises(StoreUnavailable):
        await database.read(lambda conn: conn.execute(text("SELECT nothing FROM nowhere")))
    assert await database.read(lambda conn: conn.execute(text("SELECT 1")).scalar_one()) == 1


async def test_a_read_sees_what_was_written_before(database: Database) -> None:
    for number in range(5):
        await database.write(mark(f"n{number}"))
        assert await database.read(lambda conn: len(conn.execute(select(change_count)).all())) == number + 1


async def test_too_many_notes_are_dropped_and_not_kept_in_memory(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "MOST_PENDING", 5)
    for number in range(50):
        database.note(note_marks, f"n{number}")
    assert database.noted == sum(len(one.work.notes) for one in database.pending) == 5  # type: ignore[union-attr]


async def test_who_gives_up_waiting_stops_nobody(database: Database, engine: Engine) -> None:
    waiting = asyncio.create_task(database.write(mark("given up")))
    await asyncio.sleep(0)
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    await database.write(mark("next"))
    assert "next" in marks(engine)


async def test_twenty_sightings_of_one_new_triplet_are_one_row(database: Database) -> None:
    content = fingerprint()
    see = lambda conn: saw(conn, content=content, size=10)  # noqa: E731
    await asyncio.gather(*(database.write(see) for _ in range(20)))
    found = await database.read(lambda conn: seen(conn)[BO])
    assert [one.tries for one in found] == [20]


async def test_workers_that_see_one_new_triplet_at_once_agree_since_when_it_waits(url: URL) -> None:
    """On MariaDB each may add a row; what counts is that the first moment holds and that a retry finds it."""
    workers = [open_database(url) for _ in range(4)]
    content = fingerprint()
    see = lambda conn: saw(conn, content=content, size=10)  # noqa: E731
    await asyncio.gather(*(worker.write(see) for worker in workers for _ in range(5)))
    found = await workers[0].read(lambda conn: seen(conn)[BO])
    assert sum(one.tries for one in found) == 20
    assert {one.first_seen for one in found} == {NOW}
    assert 1 <= len(found) <= len(workers)
    for worker in workers:
        await worker.close()


# ---- conflicts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
async def test_what_lost_a_deadlock_runs_again(url: URL, engine: Engine) -> None:
    """Two processes lock two rows in opposite order; MariaDB ends one of them, and nobody notices."""
    one, two = open_database(url), open_database(url)
    await one.write(lambda conn: [mark("a")(conn), mark("b")(conn)])
    tried = {"one": 0, "two": 0}
    holds_one = set[str]()

    def work(who: str, first: str, second: str):  # type: ignore[no-untyped-def]
        def run(conn: Connection) -> None:
            tried[who] += 1
            add(conn, first)
            holds_one.add(who)
            while len(holds_one) < 2:
                conn.execute(text("SELECT SLEEP(0.05)"))  # yields to the other one
            add(conn, second)

        return run

    def add(conn: Connection, name: str) -> None:
        conn.execute(update(change_count).where(change_count.c.node == name).values(count=change_count.c.count + 1))

    await asyncio.gather(one.write(work("one", "a", "b")), two.write(work("two", "b", "a")))
    with engine.connect() as conn:
        assert {row.node: row._mapping["count"] for row in conn.execute(select(change_count))} == {"a": 2, "b": 2}
    assert sorted(tried.values()) == [1, 2], "they did meet"
    await one.close()
    await two.close()


async def test_another_process_that_writes_is_waited_for(database: Database, engine: Engine) -> None:
    other = engine.connect()
    transaction = other.begin()
    other.execute(insert(change_count).values(node="other", count=0))
    waiting = asyncio.create_task(database.write(mark("mine")))
    await asyncio.sleep(0.5)
    await asyncio.to_thread(transaction.commit)
    other.close()
    assert await waiting == "mine"
    assert marks(engine) == {"other", "mine"}


def test_only_lost_races_are_run_again() -> None:
    assert not is_conflict(ValueError("1213"))


# ---- a database that is gone ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own_server() -> Iterator[MariaDB]:
    """A server that tests may stop."""
    from tests import mariadb
    from tests.conftest import need

    need(mariadb.is_installed(), "MariaDB (apt-get install mariadb-server)")
    server = MariaDB.start()
    yield server
    if server.process is not None:
        server.process.send_signal(signal.SIGCONT)
    server.remove()


@pytest.fixture
def own_url(own_server: MariaDB, tmp_path: Path) -> URL:
    url = sqlalchemy_url(own_server.fresh(), tmp_path)
    made = sync_engine(url)
    schema.upgrade(made)
    made.dispose()
    return url


async def unavailable(database: Database) -> None:
    for ask in (database.read, database.write):
        with pytest.raises(StoreUnavailable):
            await asyncio.wait_for(ask(lambda conn: conn.execute(text("SELECT 1")).scalar_one()), 60)


async def test_a_server_that_is_gone_is_told_within_seconds_and_used_again_when_it_is_back(
    own_server: MariaDB, own_url: URL
) -> None:
    database = open_database(own_url)
    await database.write(mark("before"))
    await asyncio.to_thread(own_server.stop)
    await unavailable(database)
    await asyncio.to_thread(own_server.run)
    assert await database.read(lambda conn: conn.execute(select(change_count.c.node)).scalar_one()) == "before"
    assert await database.write(mark("after")) == "after"
    await database.close()


async def test_a_restart_between_two_requests_is_not_noticed(own_server: MariaDB, own_url: URL) -> None:
    """Pooled connections are dead then; that is our trouble and nobody else's."""
    database = open_database(own_url)
    await asyncio.gather(*(database.read(lambda conn: conn.execute(text("SELECT 1")).scalar_one()) for _ in range(5)))
    await database.write(mark("before"))
    await asyncio.to_thread(own_server.stop)
    await asyncio.to_thread(own_server.run)
    assert await database.read(lambda conn: conn.execute(select(change_count.c.node)).scalar_one()) == "before"
    await asyncio.to_thread(own_server.stop)
    await asyncio.to_thread(own_server.run)
    assert await database.write(mark("after")) == "after"
    await database.close()


async def test_a_server_that_hangs_is_told_in_time_and_used_again_when_it_goes_on(
    own_server: MariaDB, own_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_database(own_url)
    await database.write(mark("before"))
    assert own_server.process is not None
    own_server.process.send_signal(signal.SIGSTOP)
    while Path(f"/proc/{own_server.process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        await asyncio.sleep(0.01)
    try:
        with monkeypatch.context() as hasty:
            hasty.setattr(engine_module, "READ_WITHIN", 1.0)
            hasty.setattr(engine_module, "WRITE_WITHIN", 1.5)
            await unavailable(database)
            await unavailable(database)
    finally:
        own_server.process.send_signal(signal.SIGCONT)
    assert await database.write(mark("after")) == "after"
    await database.close()


class Line:
    """A TCP line to a server that can go silent: what is open stays open and carries nothing any more."""

    def __init__(self, port: int) -> None:
        self.to, self.silent = port, set[asyncio.StreamWriter]()
        self.open = set[asyncio.StreamWriter]()
        self.tasks = set[asyncio.Task[None]]()

    async def listen(self) -> int:
        self.server = await asyncio.start_server(self.connect, "127.0.0.1", 0)
        return int(self.server.sockets[0].getsockname()[1])

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, away = await asyncio.open_connection("127.0.0.1", self.to)
        self.open |= {writer, away}
        self.tasks |= {asyncio.create_task(self.carry(reader, away)), asyncio.create_task(self.carry(there, writer))}

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if writer not in self.silent:
                    writer.write(data)

    def go_silent(self) -> None:
        self.silent |= self.open

    async def close(self) -> None:
        self.server.close()
        for task in self.tasks:
            task.cancel()
        for writer in self.open:
            writer.close()


async def test_a_line_that_went_dead_does_not_keep_the_writer(
    own_server: MariaDB, own_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that lost its power sends no farewell; the next write must not wait until TCP gives up."""
    line = Line(own_server.port)
    database = open_database(own_url.set(port=await line.listen()))
    await database.write(mark("before"))
    line.go_silent()
    with monkeypatch.context() as hasty:
        hasty.setattr(engine_module, "WRITE_WITHIN", 1.0)
        lost = await asyncio.gather(*(database.write(mark(f"lost{n}")) for n in range(3)), return_exceptions=True)
    assert [type(one) for one in lost] == [StoreUnavailable] * 3
    assert await database.write(mark("after")) == "after"
    await database.close()
    await line.close()


async def test_an_unreachable_file_is_unavailable_and_not_a_crash(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/no/such/folder/gate.db")
    await unavailable(database)
    await database.close()


async def test_a_damaged_file_is_unavailable_and_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "gate.db").write_bytes(b"This is no database. " * 1000)
    database = open_database(f"sqlite:///{tmp_path}/gate.db")
    await unavailable(database)
    await database.close()


def test_what_could_not_be_committed_is_undone_before_the_next_begins(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gate.db"
    schema.upgrade(sync_engine(url))
    runner = SqliteRunner(url)
    runner.writing = runner.engine.connect()
    impatient = runner.writing.connection.dbapi_connection
    assert impatient is not None
    impatient.execute("PRAGMA busy_timeout=50")
    with contextlib.closing(sqlite3.connect(f"{tmp_path}/gate.db")) as reader:
        half_read = reader.execute("SELECT name FROM sqlite_master")
        assert half_read.fetchone()  # and keeps others from committing
        with pytest.raises(OperationalError, match="locked"):
            runner.commit_now([mark("a")])
        half_read.close()
    assert runner.commit_now([mark("b")]) == ["b"]
    assert marks(runner.engine) == {"b"}


def test_sqlite_is_as_durable_as_it_can_be(tmp_path: Path) -> None:
    with sync_engine(f"sqlite:///{tmp_path}/gate.db").connect() as conn:
        asked = {name: conn.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")}
    assert asked == {"journal_mode": "delete", "synchronous": 3}
