"""greygate db, backup, restore: the database and its safety."""

import os
from pathlib import Path
from typing import IO

import click
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway import archive, clock, compose
from gateway.archive import BadArchive
from gateway.bodies import NoRoom
from gateway.cli.connection import current_engine, engine, transaction
from gateway.cli.options import with_settings
from gateway.cli.output import console
from gateway.settings import Settings
from gateway.store.trouble import database_trouble
from sql import schema


@click.group()
def db() -> None:
    """The database: upgrade its schema, rebuild its rows."""


@db.command()
@with_settings
def upgrade(settings: Settings) -> None:
    """Create the schema, or bring it up to date.

    `greygate up` does this as well, except on a Galera cluster: there run it on one node, and on no other meanwhile.
    """
    before, after = upgraded(settings)
    click.echo(f"The schema is {after} already." if before == after else f"Upgraded: {before or 'empty'} → {after}.")


def upgraded(settings: Settings) -> tuple[str | None, str]:
    """From which revision to which; whoever typed the command answers for the other nodes of a cluster."""
    compose.make_folders(settings)
    try:
        return schema.upgrade(engine(settings), alone=True)
    except SQLAlchemyError as error:
        raise click.ClickException(database_trouble(error)) from error
    except schema.Locked as error:
        raise click.ClickException(str(error)) from error


@db.command()
@with_settings
def reindex(settings: Settings) -> None:
    """Rebuild the rows of kept mail from the bodies, after the database was lost or restored."""
    with transaction(settings) as conn:
        seen, rebuilt = archive.reindex(conn, compose.bodies(settings), settings, clock.now())
    click.echo(f"{seen} bodies, {rebuilt} of them had no row and have one now.")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@with_settings
def backup(file: Path, settings: Settings) -> None:
    """Write everything (rows, mails, the signing key) into FILE, a .tar.gz. Mail goes on meanwhile."""
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        with current_engine(settings) as made, open(partial, "xb", opener=private) as target:
            counts = write_archive(settings, made, target)
        partial.rename(file)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)
    rows = sum(count for name, count in counts.items() if name != "bodies")
    click.echo(f"Wrote {file}: {rows} rows, {counts['bodies']} mails, {file.stat().st_size} bytes.")


def private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def write_archive(settings: Settings, made: Engine, target: IO[bytes]) -> dict[str, int]:
    with archive.snapshot(made) as conn, console.status("reading …") as status:
        return archive.backup(
            conn,
            compose.bodies(settings),
            settings.storage.path / "verdict.key",
            target,
            lambda name, rows: status.update(f"{name}: {rows}"),
        )


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_settings
def restore(file: Path, settings: Settings) -> None:
    """Fill an empty database and storage from FILE; stop Greygate first. Fits another kind of database as well."""
    upgraded(settings)
    try:
        with transaction(settings) as conn, console.status("restoring …") as status, open(file, "rb") as source:
            if not archive.is_empty(conn):
                raise click.ClickException("the database is not empty; restore into a new one")
            counts = archive.restore(
                conn,
                compose.bodies(settings),
                settings.storage.path / "verdict.key",
                source,
                lambda name, rows: status.update(f"{name}: {rows}"),
            )
    except (BadArchive, NoRoom) as error:
        raise click.ClickException(f"{file}: {error}; nothing was restored") from error
    click.echo(f"Restored {sum(counts.values()) - counts.get('bodies', 0)} rows and {counts.get('bodies', 0)} mails.")
