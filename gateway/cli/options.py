"""What the commands share: where the settings are, a connection, who is asking, and how errors are told."""

import getpass
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway import compose
from gateway.desk import Person
from gateway.settings import BadSettings, Settings, duration, read
from gateway.store.engine import sync_engine
from sql import schema

PLACES = (Path("greygate.toml"), Path("/etc/greygate/greygate.toml"))

F = TypeVar("F", bound=Callable[..., Any])

NARROW = 130  # columns; below, a row takes more than one line
UNBOUNDED = 100_000


def make_console() -> Console:
    """Where no terminal is, programs read: nothing is wrapped or cut for them."""
    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=UNBOUNDED)


console = make_console()


def shown(text: object) -> str:
    """Other people's words for a terminal: no markup of ours in them, and nothing that moves its cursor."""
    return escape("".join(letter if letter.isprintable() else "\ufffd" for letter in str(text)))


def show_rows(headers: Sequence[str], rows: Sequence[Sequence[str]], short: int = 1) -> None:
    """Rows in columns, of which the first `short` are never wrapped; in a narrow terminal as lines of their own."""
    if console.width < NARROW:
        for row in rows:
            console.print(f"[bold]{row[0]}[/]  " + "  ".join(filter(None, row[1:short])), soft_wrap=True)
            console.print("    " + " · ".join(filter(None, row[short:])), soft_wrap=True)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for index, header in enumerate(headers):
        table.add_column(header, no_wrap=index < short, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def default_config() -> Path | None:
    """The settings file when none is named: $GREYGATE_CONFIG, ./greygate.toml, /etc/greygate/greygate.toml."""
    if named := os.environ.get("GREYGATE_CONFIG"):
        return Path(named)
    return next((place for place in PLACES if place.exists()), None)


def with_settings(command: F) -> F:
    """Give a command its settings (--config FILE), or end with every problem in them."""
    option = click.option(
        "--config",
        "settings",
        metavar="FILE",
        callback=load,
        help="The settings file. [default: $GREYGATE_CONFIG, ./greygate.toml or /etc/greygate/greygate.toml]",
    )
    return option(command)


def load(context: click.Context, parameter: click.Parameter, value: str | None) -> Settings:
    path = Path(value) if value else default_config()
    if path is None:
        raise click.UsageError("No settings file found. Name one: --config FILE, or begin with: greygate init DIR")
    context.meta["config"] = path.resolve()
    try:
        return read(path)
    except BadSettings as error:
        raise click.ClickException("\n".join(["the settings have errors:", *error.problems])) from error


class DurationType(click.ParamType[timedelta]):
    """A duration as the settings write it."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        try:
            return duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = DurationType()


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


def database_trouble(error: SQLAlchemyError) -> str:
    """The driver's words without the statement, whose values are other people's mail."""
    return f"the database says: {getattr(error, 'orig', None) or type(error).__name__}"
