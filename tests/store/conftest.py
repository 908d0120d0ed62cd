"""A migrated database of either kind, empty for every test: a copied file, or one MariaDB schema that is emptied."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, Engine, delete

from gateway import compose
from gateway.bodies import Bodies, DatabaseBodies, FileBodies
from gateway.store import engine as engine_module
from gateway.store.engine import sync_engine
from sql import schema
from sql.tables import metadata
from tests.store.making import settings


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database on a slow machine is there, too; whose test is about patience sets its own."""
    monkeypatch.setattr(engine_module, "READ_WITHIN", 60.0)
    monkeypatch.setattr(engine_module, "WRITE_WITHIN", 60.0)


def sqlalchemy_url(written: str, folder: Path) -> URL:
    """[database] url as SQLAlchemy wants it."""
    return compose.database_url(settings(written, folder))


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "empty.db"
    schema.upgrade(sync_engine(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def shared_mariadb(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> URL:
    server = request.getfixturevalue("mariadb_server")
    url = sqlalchemy_url(server.fresh(), tmp_path_factory.mktemp("mariadb"))
    made = sync_engine(url)
    schema.upgrade(made)
    made.dispose()
    return url


def emptied(url: URL) -> URL:
    made = sync_engine(url)
    with made.begin() as conn:
        for table in reversed(metadata.sorted_tables):
            conn.execute(delete(table))
    made.dispose()
    return url


def copied_sqlite(empty: Path, folder: Path) -> URL:
    shutil.copy(empty, folder / "gate.db")
    return URL.create("sqlite", database=str(folder / "gate.db"))


@pytest.fixture(params=["sqlite", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """An empty database with the schema."""
    if request.param == "mariadb":
        return emptied(request.getfixturevalue("shared_mariadb"))
    return copied_sqlite(request.getfixturevalue("empty_sqlite"), tmp_path)


@pytest.fixture
def engine(url: URL) -> Iterator[Engine]:
    made = sync_engine(url)
    yield made
    made.dispose()


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    """A transaction that is rolled back."""
    with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        if transaction.is_active:
            transaction.rollback()


@pytest.fixture(params=["files", "database"])
def bodies(request: pytest.FixtureRequest, tmp_path: Path) -> Bodies:
    return FileBodies(tmp_path / "bodies") if request.param == "files" else DatabaseBodies()
