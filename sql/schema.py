"""Bring a database to the schema, or say how far it is from it.

Alembic is loaded only where something is to be changed: every command at a prompt asks how far a database is.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from sql import routine

FOLDER = Path(__file__).parent / "migrations"
LOCK = "greygate.schema"
LOCK_WITHIN = 300  # seconds another node may take for its upgrade; it may have to rebuild a large table


def newest() -> str:
    """The last revision, by the names of the migrations: v0001_first.py, and so on."""
    return max(path.name[1:5] for path in FOLDER.glob("versions/v[0-9]*.py"))


def current(engine: Engine) -> str | None:
    """The revision of a database; None when it is empty."""
    with engine.connect().execution_options(reads=True) as connection:
        return noted(connection)


def noted(connection: Connection) -> str | None:
    """What Alembic noted in a database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


class Locked(Exception):
    """The schema cannot be upgraded now: another node does so, or nobody can know whether one does."""


def upgrade(engine: Engine, *, alone: bool = False) -> tuple[str | None, str]:
    """Apply what is missing; from which revision to which. Two that start at once do not collide.

    `alone`: somebody has seen to it that no other node upgrades, which a Galera cluster leaves to people.
    Raises Locked.
    """
    with engine.connect() as connection:
        before = revision(connection)
        if before != newest():
            with locked(connection, alone=alone), connection.begin():
                before = noted(connection)
                if before != newest():
                    migrate(connection)
        with suppress(DBAPIError), connection.begin():
            # Without the right to create routines everything works, by statements; the workers say so.
            routine.install(connection)
    return before, newest()


def migrate(connection: Connection, to: str = "head") -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def revision(connection: Connection) -> str | None:
    with connection.begin():
        return noted(connection)


def outdated(engine: Engine) -> list[str]:
    """The routines that are missing or of another version; none on SQLite, which has no routines."""
    with engine.connect().execution_options(reads=True) as connection:
        if connection.dialect.name == "sqlite":
            return []
        return [name for name in routine.names() if not routine.is_current(connection, name)]


@contextmanager
def locked(connection: Connection, *, alone: bool) -> Iterator[None]:
    """One upgrade at a time. SQLite's transaction sees to that; MariaDB commits with each change of a table."""
    if connection.dialect.name == "sqlite":
        yield
        return
    with connection.begin():
        cluster = is_cluster(connection)
        if cluster and not alone:
            raise Locked("the database is a Galera cluster: upgrade its schema on one node first, greygate db upgrade")
        if not cluster and connection.exec_driver_sql(f"SELECT GET_LOCK('{LOCK}', {LOCK_WITHIN})").scalar() != 1:
            raise Locked(f"another node has been upgrading the database for {LOCK_WITHIN} seconds; try again later")
    try:
        yield
    finally:
        # After the commit: whoever comes next must see the revision that was reached.
        if not cluster:
            with suppress(SQLAlchemyError), connection.begin():  # a connection that broke has let go of it
                connection.exec_driver_sql(f"SELECT RELEASE_LOCK('{LOCK}')")


def is_cluster(connection: Connection) -> bool:
    """True for a node of a Galera cluster: GET_LOCK says 1 there, or fails, and locks nothing at the other nodes."""
    told = connection.exec_driver_sql("SHOW VARIABLES LIKE 'wsrep_on'").one_or_none()
    return told is not None and str(told[1]).upper() == "ON"
