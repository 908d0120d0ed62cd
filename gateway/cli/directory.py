"""greygate directory: people and recipients as the directory has them."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from gateway import clock, compose
from gateway.cli.connection import current_engine, person
from gateway.cli.options import with_settings
from gateway.cli.output import console, show_rows, shown
from gateway.settings import Settings
from gateway.signin.nouns import NoAnswer
from gateway.signin.roll import Plan, TooMany
from gateway.signin.rounds import Rounds


@click.group()
def directory() -> None:
    """The directory (LDAP): read people and recipients, look somebody up."""


@contextmanager
def rounds(settings: Settings) -> Iterator[Rounds]:
    if not settings.directory.is_on:
        raise click.ClickException("there is no directory: set [directory] url")
    with current_engine(settings) as engine:
        try:
            yield compose.rounds(settings, engine, person())
        except NoAnswer as error:
            raise click.ClickException(f"the directory does not answer: {error.args[1]}") from error


@directory.command()
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--anyway", is_flag=True, help="Even if more is gone than [directory] most_removed allows.")
@with_settings
def sync(dry_run: bool, anyway: bool, settings: Settings) -> None:
    """Make people and recipients what the directory says, as [directory] sync has it; the sweep does it by itself."""
    if settings.directory.sync == "off":
        raise click.ClickException('nothing is to be kept as the directory has it: set [directory] sync = "both"')
    with rounds(settings) as made:
        now = clock.now()
        if dry_run:
            show(made.planned(now))
            click.echo("Nothing was changed.")
            return
        try:
            plan = made.done(now, anyway=anyway)
        except TooMany as error:
            raise click.ClickException(
                f"{error}. Nothing was changed. See: greygate directory sync --dry-run; or say --anyway"
            ) from error
        made.keep_list()
        show(plan)


def show(plan: Plan) -> None:
    rows = plan.lines()
    if rows:
        show_rows(("what", "who", "more"), [tuple(map(shown, row)) for row in rows], short=1)
    else:
        click.echo("All is as the directory has it.")


@directory.command(name="find")
@click.argument("name")
@with_settings
def find_(name: str, settings: Settings) -> None:
    """Show what the directory knows of NAME, as somebody would sign in with it."""
    from gateway.signin.directory import Directory

    with rounds(settings):
        door = Directory(settings.directory)
        with door.asking() as (_, conn):
            entry = door.entry_of(conn, name)
            groups = entry.groups | door.groups_of(conn, entry) if entry else frozenset()
    if entry is None:
        raise click.ClickException(f"nobody there, or more than one, is called {name}: see [directory] filter and base")
    console.print(f"entry      {shown(entry.dn)}", highlight=False)
    console.print(f"id         {shown(entry.subject)}", highlight=False)
    console.print(f"addresses  {shown(', '.join(entry.addresses) or 'none')}", highlight=False)
    console.print(f"groups     {shown(', '.join(sorted(groups)) or 'none')}", highlight=False)
