"""Bring a database to the schema, or say how far it is from it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

FOLDER = Path(__file__).parent / "migrations"
LOCK = "greygate.schema"
LOCK_WITHIN = 300  # seconds another node may take for its upgrade; it may have to rebuild a large table


def config(connection: Connection | None = None) -> Config:
    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    made.attributes["connection"] = connection
    return made


def newest() -> str:
    head = ScriptDirectory.from_config(config()).get_current_head()
    assert head is not None
    return head


def current(engine: Engine) -> str | None:
    """The revision of a database; None when it is empty."""
    with engine.connect().execution_options(reads=True) as connection:
        return MigrationContext.configure(connection).get_current_revision()


class Locked(Exception):
    """The schema cannot be upgraded now: another node does so, or nobody can know whether one does."""


def upgrade(engine: Engine, *, alone: bool = False) -> tuple[str | None, str]:
    """Apply what is missing; from which revision to which. Two that start at once do not collide.

    `alone`: somebody has seen to it that no other node upgrades, which a Galera cluster leaves to people.
    Raises Locked.
    """
    with engine.begin() as connection:
        before = MigrationContext.configure(connection).get_current_revision()
        if before == newest():
            return before, before
        with locked(connection, alone=alone):
            command.upgrade(config(connection), "head")
    return before, newest()


@contextmanager
def locked(connection: Connection, *, alone: bool) -> Iterator[None]:
    """One upgrade at a time. SQLite's transaction sees to that; MariaDB commits with each change of a table."""
    if connection.dialect.name == "sqlite":
        yield
    elif is_cluster(connection):
        if not alone:
            raise Locked("the database is a Galera cluster: upgrade its schema on one node first, greygate db upgrade")
        yield
    else:
        if connection.exec_driver_sql(f"SELECT GET_LOCK('{LOCK}', {LOCK_WITHIN})").scalar() != 1:
            raise Locked(f"another node has been upgrading the database for {LOCK_WITHIN} seconds; try again later")
        try:
            yield
        finally:
            with suppress(SQLAlchemyError):  # a connection that broke has let go of it
                connection.exec_driver_sql(f"SELECT RELEASE_LOCK('{LOCK}')")


def is_cluster(connection: Connection) -> bool:
    """True for a node of a Galera cluster: GET_LOCK says 1 there, or fails, and locks nothing at the other nodes."""
    told = connection.exec_driver_sql("SHOW VARIABLES LIKE 'wsrep_on'").one_or_none()
    return told is not None and str(told[1]).upper() == "ON"
