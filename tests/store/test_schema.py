"""The migrations and `sql.tables` tell the same, and upgrades may meet."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from hashlib import blake2b, sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Column, Connection, Engine, Integer, MetaData, Table, event, inspect, text

from gateway.model import Grade
from gateway.store import domains, lookup
from gateway.store.engine import sync_engine
from sql import routine, schema
from sql.tables import metadata
from tests import mariadb
from tests.conftest import need
from tests.mariadb import MariaDB
from tests.store.conftest import sqlalchemy_url
from tests.store.making import ANN, BO, DAY, NOW, STRONG, WEAK, fingerprint, question, saw, seen

DEEP = {"compare_type": True, "compare_server_default": True}


@pytest.fixture
def new_url(database_url: str, tmp_path: Path) -> URL:
    """A database without any table."""
    return sqlalchemy_url(database_url, tmp_path)


def differences(engine: Engine, wanted: MetaData = metadata) -> list[Any]:
    with engine.connect() as conn:
        return compare_metadata(MigrationContext.configure(conn, opts=DEEP), wanted)


def test_the_migrations_make_what_the_tables_say(engine: Engine) -> None:
    assert differences(engine) == []


def test_the_newest_revision_is_the_end_of_the_chain(engine: Engine) -> None:
    chain = ScriptDirectory(str(schema.FOLDER))
    assert schema.newest() == chain.get_current_head() == schema.current(engine)


def test_a_forgotten_migration_would_be_found(engine: Engine) -> None:
    wanted = MetaData()
    for table in metadata.sorted_tables:
        table.to_metadata(wanted)
    Table("forgotten", wanted, Column("id", Integer, primary_key=True))
    assert [kind for kind, *_ in differences(engine, wanted)] == ["add_table"]


def test_an_upgrade_tells_from_where_to_where_and_the_second_does_nothing(new_url: URL) -> None:
    engine = sync_engine(new_url)
    assert schema.current(engine) is None
    assert schema.upgrade(engine) == (None, schema.newest())
    assert schema.upgrade(engine) == (schema.newest(), schema.newest())
    assert schema.current(engine) == schema.newest()
    engine.dispose()


def upgraded(url: URL) -> str:
    engine = sync_engine(url)
    _, after = schema.upgrade(engine)
    engine.dispose()
    return after


def test_upgrades_at_once_do_not_collide(new_url: URL) -> None:
    """In processes, as nodes are: Alembic itself is not made for threads."""
    with ProcessPoolExecutor(4, get_context("fork")) as pool:
        assert list(pool.map(upgraded, [new_url] * 4)) == [schema.newest()] * 4
    engine = sync_engine(new_url)
    assert differences(engine) == []
    engine.dispose()


def test_an_upgrade_leaves_no_lock_behind(new_url: URL) -> None:
    """A pooled connection that kept the lock would stop the next node's upgrade."""
    engine = sync_engine(new_url)
    schema.upgrade(engine)
    with sync_engine(new_url).begin() as conn:
        if conn.dialect.name == "mysql":
            assert conn.exec_driver_sql(f"SELECT IS_FREE_LOCK('{schema.LOCK}')").scalar() == 1
    engine.dispose()


@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
def test_every_table_of_mariadb_is_transactional_and_every_text_takes_all_of_unicode(engine: Engine) -> None:
    with engine.connect() as conn:
        kinds = conn.exec_driver_sql(
            "SELECT table_name, engine, table_collation FROM information_schema.tables WHERE table_schema = DATABASE()"
        ).all()
    assert {(kind, collation.partition("_")[0]) for name, kind, collation in kinds} == {("InnoDB", "utf8mb4")}
    assert {name for name, _, _ in kinds} >= {table.name for table in metadata.sorted_tables}


def test_every_foreign_key_and_index_has_a_name_that_a_later_migration_can_use(engine: Engine) -> None:
    found = inspect(engine)
    for table in metadata.sorted_tables:
        named = [one["name"] for one in (*found.get_foreign_keys(table.name), *found.get_indexes(table.name))]
        assert all(named), table.name


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
def test_an_upgrade_that_gets_no_lock_changes_nothing(new_url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, other = sync_engine(new_url), sync_engine(new_url)
    with other.connect() as busy, monkeypatch.context() as hasty:
        hasty.setattr(schema, "LOCK_WITHIN", 1)
        assert busy.exec_driver_sql(f"SELECT GET_LOCK('{schema.LOCK}', 0)").scalar() == 1
        with pytest.raises(schema.Locked, match="another node"):
            schema.upgrade(engine)
    other.dispose()
    assert inspect(engine).get_table_names() == []
    assert schema.upgrade(engine) == (None, schema.newest())
    engine.dispose()


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
def test_the_revision_is_there_before_the_lock_is_let_go(new_url: URL) -> None:
    """Else the next one, which waits for the lock, would make every table again."""
    engine = sync_engine(new_url)
    done: list[str] = []
    event.listen(engine, "commit", lambda conn: done.append("commit"))
    event.listen(engine, "before_cursor_execute", lambda conn, cursor, statement, *more: done.append(statement))
    schema.upgrade(engine)
    written = max(index for index, one in enumerate(done) if one.startswith(("INSERT", "UPDATE")))
    let_go = next(index for index, one in enumerate(done) if "RELEASE_LOCK" in one)
    assert "commit" in done[written:let_go]
    engine.dispose()


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
def test_an_upgrade_that_fails_leaves_no_lock_behind(new_url: URL) -> None:
    engine = sync_engine(new_url)
    with engine.connect() as conn:
        with pytest.raises(ZeroDivisionError), schema.locked(conn, alone=False):
            raise ZeroDivisionError
        assert conn.exec_driver_sql(f"SELECT IS_FREE_LOCK('{schema.LOCK}')").scalar() == 1
    engine.dispose()


def test_a_cluster_is_upgraded_only_by_somebody_who_says_so(tmp_path: Path) -> None:
    """GET_LOCK says 1 on every node of a cluster at once."""
    need(mariadb.is_installed() and mariadb.GALERA.exists(), "Galera (apt-get install mariadb-server galera-4)")
    server = mariadb.MariaDB.start(*mariadb.cluster_options())
    engine = sync_engine(sqlalchemy_url(server.fresh(), tmp_path))
    try:
        with pytest.raises(schema.Locked, match="Galera"):
            schema.upgrade(engine)
        assert inspect(engine).get_table_names() == []
        assert schema.upgrade(engine, alone=True) == (None, schema.newest())
        assert schema.upgrade(engine) == (schema.newest(), schema.newest()), "nothing to do needs no lock"
    finally:
        engine.dispose()
        server.remove()


# ---- data that was there before ------------------------------------------------------------------------------------


def old_digest(*parts: str) -> bytes:
    """Keys as revision 0001 made them."""
    encoded = [part.encode("utf-8", "surrogateescape") for part in parts]
    return blake2b(b"".join([len(part).to_bytes(4, "big") + part for part in encoded]), digest_size=16).digest()


def as_of_0001(conn: Connection) -> None:
    """Two mails of one envelope, one of them tried before its data; a copy, a tombstone, and somebody who is known."""
    pair, at = old_digest("pair", ANN, BO), NOW.replace(tzinfo=None)
    content = asdict(fingerprint())
    sighted = {
        "pair": pair, "sender": ANN, "recipient": BO, "first_seen": at, "last_seen": at, "tries": 2, "network_only": 0
    }  # fmt: skip
    for number, known in enumerate((content, {"body": "0" * 64, "message_id": None}, {}), 1):
        put(conn, "sighting", id=number, **sighted, body=known.get("body"), message_id=known.get("message_id"))
        for rung in STRONG:
            key = old_digest("rung", str(int(rung.kind)), rung.value, ANN, BO)
            put(conn, "sighting_rung", key=key, sighting_id=number, kind=int(rung.kind), value=rung.value)
    for rung in STRONG:
        put(
            conn, "memory", key=old_digest("memory", str(int(rung.kind)), rung.value, ANN, BO), kind=int(rung.kind),
            value=rung.value, sender=ANN, recipient=BO, grade=2, earned="released", first_seen=at, last_seen=at,
            expires=at + DAY, author="cy@cli", comment="",
        )  # fmt: skip
    put(
        conn, "message", id="m1", received_at=at, sender=ANN, sender_key=ANN, peer="192.0.2.25", helo="mx", tls=0,
        esmtp=1, size=9, body_8bit=0, smtputf8=0, author="", subject="", rungs="[]", trace="", network="192.0.2.0/24",
        stored="files", **content,
    )  # fmt: skip
    put(
        conn, "copy", id=1, message="m1", pair=pair, recipient=BO, recipient_raw=BO, state="sender_held", note="",
        first_seen=at, last_seen=at, tries=1,
    )  # fmt: skip
    put(
        conn, "tombstone", id=1, pair=pair, sender=ANN, recipient=BO, rungs="[]", outcome="delivered", released=1,
        made_at=at, expires=at + DAY, **content,
    )  # fmt: skip


def put(conn: Connection, name: str, **values: Any) -> None:
    names = ", ".join(f"`{column}`" for column in values)
    marks = ", ".join(f":{column}" for column in values)
    conn.execute(text(f"INSERT INTO `{name}` ({names}) VALUES ({marks})"), values)


def test_what_was_known_before_an_upgrade_is_known_after_it(new_url: URL) -> None:
    engine = sync_engine(new_url)
    with engine.begin() as conn:
        schema.migrate(conn, "0001")
    with engine.begin() as conn:
        as_of_0001(conn)
    assert schema.upgrade(engine) == ("0001", schema.newest())
    assert differences(engine) == []
    with engine.begin() as conn:
        for rung in STRONG:
            (early,) = lookup.answers(conn, [question(rungs={rung}, now=NOW)])
            assert early.grades == {BO: Grade.KNOWN}
            assert [one.id for one in seen(conn, rungs={rung})[BO]] == [3, 2, 1]
        (told,) = lookup.answers(conn, [question(rungs=WEAK, content=fingerprint())])
        assert [one.id for one in told.seen[BO].sightings] == [3, 1], "by its envelope before its data, by its content"
        assert (told.seen[BO].first_tried, told.kept) == (NOW, "m1")
        assert ([one.id for one in told.copies[BO]], [one.id for one in told.tombstones[BO]]) == ([1], [1])
        assert domains.known(conn, NOW, 10) == ("elsewhere.example",), "nobody who wrote before is new"
        saw(conn, content=fingerprint(), now=NOW + DAY)
        assert [one.tries for one in seen(conn)[BO] if one.id == 1] == [3], "and it goes on from there"
    engine.dispose()


# ---- routines ------------------------------------------------------------------------------------------------------


def test_an_upgrade_installs_the_routines_of_this_version(new_url: URL) -> None:
    engine = sync_engine(new_url)
    schema.upgrade(engine)
    assert schema.outdated(engine) == []
    if engine.dialect.name == "sqlite":
        return
    for spoil in (
        "DROP PROCEDURE greygate_at_data",
        "CREATE OR REPLACE PROCEDURE greygate_at_data(IN asked LONGTEXT) COMMENT 'greygate of old' SELECT 1",
    ):
        with engine.begin() as conn:
            conn.execute(text(spoil))
        assert schema.outdated(engine) == ["greygate_at_data"]
        assert schema.upgrade(engine) == (schema.newest(), schema.newest())
        assert schema.outdated(engine) == []
    engine.dispose()


def test_without_the_right_to_create_routines_an_upgrade_is_an_upgrade(mariadb_server: MariaDB, tmp_path: Path) -> None:
    full = sqlalchemy_url(mariadb_server.fresh(), tmp_path)
    with mariadb_server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE USER 'poor'@'127.0.0.1' IDENTIFIED BY 'x'")
        rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES"
        cursor.execute(f"GRANT {rights} ON {full.database}.* TO 'poor'@'127.0.0.1'")
    engine = sync_engine(full.set(username="poor", password="x"))
    assert schema.upgrade(engine) == (None, schema.newest())
    assert schema.outdated(engine) == ["greygate_at_data", "greygate_at_rcpt"]
    engine.dispose()
    engine = sync_engine(full)
    schema.upgrade(engine)
    assert schema.outdated(engine) == []
    engine.dispose()


def test_another_text_is_another_version() -> None:
    for name in routine.names():
        assert routine.text(name).count(routine.VERSION) == 1
        assert routine.version(name).removeprefix("greygate ") == sha256(routine.text(name).encode()).hexdigest()[:16]
