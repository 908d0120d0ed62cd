"""greygate audit: what people did and saw, and whether the record of it is whole."""

import json

import click

from gateway.cli.connection import transaction
from gateway.cli.options import with_settings
from gateway.cli.output import console, show_rows, shown
from gateway.settings import Settings
from gateway.store import audit as book


@click.group()
def audit() -> None:
    """What people did and saw: list, verify."""


@audit.command(name="list")
@click.option("--who", default="", help="Of one person only.")
@click.option("--about", default="", help="About one address, mail or name only.")
@click.option("--most", default=50, show_default=True, type=click.IntRange(1, 100_000), help="How many, the newest.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_settings
def list_(who: str, about: str, most: int, as_json: bool, settings: Settings) -> None:
    """The latest of it."""
    with transaction(settings, reads=True) as conn:
        rows = book.latest(conn, most, who=who, about=about)
    if as_json:
        click.echo(json.dumps(rows, default=str, indent=1))
    elif rows:
        names = ("who", "act", "about", "detail")
        cells = [(f"{one['at']:%Y-%m-%d %H:%M:%S}", *(shown(one[name]) for name in names)) for one in rows]
        show_rows(("at", "who", "did", "about", "more"), cells, short=1)
    else:
        console.print("Nothing is on record.")


@audit.command()
@with_settings
def verify(settings: Settings) -> None:
    """Whether every row is there and as it was written. Exit status 1 where a chain is broken."""
    with transaction(settings, reads=True) as conn:
        rows, broken = book.verify(conn)
    for one in broken:
        click.echo(f"{one.node}, row {one.number}: {one.how}", err=True)
    if broken:
        raise click.exceptions.Exit(1)
    click.echo(f"{rows} rows, each as it was written, and none is missing.")
