"""greygate known export and import: the lists as CSV."""

from typing import TextIO

import click

from gateway import clock, entries
from gateway.cli.connection import person, transaction
from gateway.cli.options import with_settings
from gateway.listfile import read_entries, write
from gateway.settings import Settings
from gateway.store import lists


@click.command()
@click.argument("file", type=click.File("w", encoding="utf-8"), default="-")
@with_settings
def export(file: TextIO, settings: Settings) -> None:
    """Write the lists as CSV to FILE (or standard output)."""
    with transaction(settings, reads=True) as conn:
        found = lists.entries(conn)
    write(found, file)
    click.echo(f"Wrote {counted(len(found))}.", err=True)


def counted(entries: int) -> str:
    return f"{entries} {'entry' if entries == 1 else 'entries'}"


@click.command(name="import")
@click.argument("file", type=click.File("r", encoding="utf-8-sig"))
@with_settings
def import_(file: TextIO, settings: Settings) -> None:
    """Read lists from a CSV FILE as written by export: all lines, or none if one is wrong."""
    who, now = person(), clock.now()
    found, problems = read_entries(file, who.name)
    if problems:
        raise click.ClickException("\n".join([f"{file.name} was not imported:", *problems]))
    with transaction(settings) as conn:
        fresh = entries.import_all(conn, found, who, now)
    click.echo(f"Imported {counted(len(fresh))}; {len(found) - len(fresh)} already there.")
