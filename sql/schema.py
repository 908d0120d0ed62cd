"""Bring a database to the schema, or say how far it is from it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from sql import routine

FOLDER = Path(__file__).parent / "migrations"
LOCK = "greygate.schema"
LOCK_WITHIN = 600  # seconds another node may take for its upgrade


class Busy(SQLAlchemyError):
    """The database is being upgraded by somebody else."""


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


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Apply what is missing; from which revision to which. Two that start at once do not collide.

    Raises Busy when another node does not come to an end with its upgrade.
    """
    with engine.connect() as connection, locked(connection):
        with connection.begin():
            before = MigrationContext.configure(connection).get_current_revision()
            if before != newest():
                command.upgrade(config(connection), "head")
        with suppress(DBAPIError), connection.begin():
            # Without the right to create routines everything works, by statements; the workers say so.
            routine.install(connection)
    return before, newest()


def outdated(engine: Engine) -> list[str]:
    """The routines that are missing or of another version; none on SQLite, which has no routines."""
    with engine.connect().execution_options(reads=True) as connection:
        if connection.dialect.name == "sqlite":
            return []
        return [name for name in routine.names() if not routine.is_current(connection, name)]


@contextmanager
def locked(connection: Connection) -> Iterator[None]:
    """One upgrade at a time. SQLite needs no lock: its transaction is one, and holds the schema too."""
    if connection.dialect.name == "sqlite":
        yield
        return
    with connection.begin():
        if connection.exec_driver_sql(f"SELECT GET_LOCK('{LOCK}', {LOCK_WITHIN})").scalar() != 1:
            raise Busy(f"another node has been upgrading the database for {LOCK_WITHIN} seconds")
    try:
        yield
    finally:
        # After the commit: whoever comes next must see the revision that was reached.
        with connection.begin():
            connection.exec_driver_sql(f"SELECT RELEASE_LOCK('{LOCK}')")
