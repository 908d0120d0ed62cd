"""The migrations and `sql.tables` tell the same, and upgrades may meet."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import URL, Column, Engine, Integer, MetaData, Table, event, inspect

from gateway.store.engine import sync_engine
from sql import schema
from sql.tables import metadata
from tests import mariadb
from tests.conftest import need
from tests.store.conftest import sqlalchemy_url

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
    monkeypatch.setattr(schema, "LOCK_WITHIN", 1)
    engine, other = sync_engine(new_url), sync_engine(new_url)
    with other.connect() as busy:
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
