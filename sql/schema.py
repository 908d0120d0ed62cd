"""Bring a database to the schema, or say how far it is from it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

FOLDER = Path(__file__).parent / "migrations"
LOCK = "greygate.schema"
LOCK_WITHIN = 60  # seconds another node may take for its upgrade


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
    """Apply what is missing; from which revision to which. Two that start at once do not collide."""
    with engine.begin() as connection:
        before = MigrationContext.configure(connection).get_current_revision()
        if before == newest():
            return before, before
        mysql = connection.dialect.name != "sqlite"
        if mysql:
            connection.exec_driver_sql(f"SELECT GET_LOCK('{LOCK}', {LOCK_WITHIN})")
        command.upgrade(config(connection), "head")
        if mysql:
            connection.exec_driver_sql(f"SELECT RELEASE_LOCK('{LOCK}')")
    return before, newest()
