"""greygate person: what is on record about somebody, and its erasure."""

import json
from typing import TextIO

import click

from gateway import clock, compose, privacy, roster
from gateway.cli.admin import address_of
from gateway.cli.connection import current_engine, transaction
from gateway.cli.connection import person as who_asks
from gateway.cli.options import with_settings
from gateway.cli.output import show_rows, shown
from gateway.people import invite as invited
from gateway.policy.address import BadAddress, parse_address
from gateway.privacy import StillOurs
from gateway.roster import BadRoster
from gateway.settings import Settings
from gateway.store import changes, decisions


@click.group()
def person() -> None:
    """People as a file: table, import. A person's data: export, erase."""


@person.command()
@click.argument("file", type=click.File("w", encoding="utf-8"), default="-")
@with_settings
def table(file: TextIO, settings: Settings) -> None:
    """Write everybody as CSV to FILE (or standard output), as import reads it."""
    with transaction(settings, reads=True) as conn:
        found = roster.write(conn, file, clock.now())
    click.echo(f"Wrote {counted(found)}.", err=True)


def counted(many: int) -> str:
    return f"{many} {'person' if many == 1 else 'people'}"


@person.command(name="import")
@click.argument("file", type=click.File("r", encoding="utf-8-sig"))
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--invite", is_flag=True, help="Print a link to choose a password for everybody new.")
@with_settings
def import_(file: TextIO, dry_run: bool, invite: bool, settings: Settings) -> None:
    """Make people what a CSV FILE says: all lines, or none if one is wrong. Whom it does not name stays as they are."""
    rows, problems = roster.read(file, settings.domains.local)
    now, who = clock.now(), who_asks()
    links: list[str] = []
    try:
        if problems:
            raise BadRoster(problems)
        with current_engine(settings) as engine, engine.connect() as conn, conn.begin() as work:
            done = roster.imported(conn, rows, who, now)
            if dry_run:
                work.rollback()
            else:
                names = [one.name for one in done if one.what == "new"] if invite else []
                base = f"{address_of(settings)}/invitation/"
                links = [f"{name}  {base}{invited(conn, name, (), (), who, now).secret}" for name in names]
                changes.announce(conn, who.node)
    except BadRoster as error:
        raise click.ClickException("\n".join([f"{file.name} was not imported:", *error.args[0]])) from error
    if done:
        show_rows(
            ("name", "what", "how"), [tuple(map(shown, (one.name, one.what, one.detail))) for one in done], short=1
        )
    changed = len({one.name for one in done})
    click.echo("Nothing was changed." if dry_run or not done else f"Changed {counted(changed)}.")
    for link in links:
        click.echo(link)


def read_address(context: click.Context, parameter: click.Parameter, value: str) -> str:
    try:
        return parse_address(value).key
    except BadAddress as error:
        raise click.BadParameter(f"{value!r} is no mail address: {error}") from error


address = click.argument("address", callback=read_address)


@person.command()
@address
@with_settings
def export(address: str, settings: Settings) -> None:
    """Print all that is on record about ADDRESS, as JSON."""
    with transaction(settings) as conn:
        found = privacy.export(conn, address)
        decisions.happened(conn, "person exported", clock.now(), who=who_asks().name)
    click.echo(json.dumps(found, indent=1))


@person.command()
@address
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_settings
def erase(address: str, yes: bool, settings: Settings) -> None:
    """Erase all that is on record about ADDRESS, kept mail included."""
    if not yes:
        click.confirm(f"Erase everything about {address}? This cannot be undone", abort=True)
    who = who_asks()
    try:
        with transaction(settings) as conn:
            now = clock.now()
            gone = privacy.erase(conn, compose.bodies(settings), address, now)
            decisions.happened(conn, "person erased", now, who=who.name, rows=sum(gone.values()))
            changes.announce(conn, who.node)
    except StillOurs as error:
        raise click.ClickException(
            f"we answer for mail of or for {address} that is not delivered yet: {error}. "
            "Release or refuse it first: greygate queue release ID"
        ) from error
    click.echo(f"Erased {sum(gone.values())} rows.")
