"""A command's way to the database, and who is asking."""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway import compose
from gateway.desk import Person
from gateway.settings import Settings
from gateway.store import changes
from gateway.store.changes import ModeSet
from gateway.store.engine import sync_engine
from gateway.store.trouble import database_trouble
from sql import schema


def person() -> Person:
    """Who asks: the account at the terminal."""
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        name = f"uid {os.getuid()}"
    return Person(f"{name}@cli", compose.node_name())


def engine(settings: Settings) -> Engine:
    try:
        return sync_engine(compose.database_url(settings))
    except OSError as error:
        raise click.ClickException(f"the database password cannot be read: {error}") from error


@contextmanager
def transaction(settings: Settings, *, reads: bool = False) -> Iterator[Connection]:
    """A transaction on a database that has the schema; its troubles end in one clear line."""
    with current_engine(settings) as made, made.execution_options(reads=reads).begin() as connection:
        yield connection


@contextmanager
def current_engine(settings: Settings) -> Iterator[Engine]:
    """The engine of a database that has the schema."""
    path = settings.database.url.path
    if path is not None and not path.exists():
        raise click.ClickException(f"there is no database at {path}. Run: greygate up, or greygate db upgrade")
    made = engine(settings)
    try:
        if schema.current(made) != schema.newest():
            raise click.ClickException("the database has not the current schema. Run: greygate db upgrade")
        yield made
    except SQLAlchemyError as error:
        raise click.ClickException(database_trouble(error)) from error
    finally:
        made.dispose()


def mode_by_person(settings: Settings) -> ModeSet | None:
    """The mode that somebody set; None when nobody did, and when the database cannot be asked."""
    try:
        with transaction(settings, reads=True) as conn:
            return changes.mode(conn)
    except click.ClickException:
        return None
