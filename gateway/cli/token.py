"""greygate token: what programs show instead of a password."""

from datetime import timedelta
from typing import Any

import click

from gateway import clock, people, tokens
from gateway.cli.admin import read_name
from gateway.cli.connection import person, transaction
from gateway.cli.options import with_settings
from gateway.cli.output import console, show_rows, shown
from gateway.model import Scope
from gateway.people import NoSuchPerson, NotPossible
from gateway.settings import Settings
from gateway.store import persons
from gateway.store import tokens as store
from gateway.tokens import BadToken

MOST = 10_000  # people


@click.group()
def token() -> None:
    """Tokens of programs: new, list, revoke."""


@token.command()
@click.argument("owner", callback=read_name)
@click.option("--name", required=True, help="What it is for, such as “nightly triage”.")
@click.option(
    "--may",
    "scopes",
    multiple=True,
    default=["read"],
    show_default=True,
    type=click.Choice([str(one) for one in Scope]),
    help="What it is for; several are said one by one.",
)
@click.option("--days", default=tokens.USUAL.days, show_default=True, type=click.IntRange(1, tokens.LONGEST.days))
@with_settings
def new(owner: str, name: str, scopes: tuple[str, ...], days: int, settings: Settings) -> None:
    """Make a token for a program that acts as OWNER. It is told once, on standard output and alone there."""
    try:
        with transaction(settings) as conn:
            life = timedelta(days=days)
            made = tokens.make(conn, owner, name, tokens.read_scopes(scopes), life, person(), clock.now())
    except NoSuchPerson as error:
        raise click.ClickException(f"nobody is called {owner}. See: greygate admin list") from error
    except (BadToken, NotPossible) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Number {made.number}, good until {made.expires:%Y-%m-%d}. It is not told again:", err=True)
    click.echo(made.secret)


@token.command(name="list")
@click.argument("owner", required=False)
@click.option("--all", "everything", is_flag=True, help="Those that are over or were revoked too.")
@with_settings
def list_(owner: str | None, everything: bool, settings: Settings) -> None:
    """Show the tokens of OWNER, or of everybody: what they are for, until when, and when each was used last."""
    now = clock.now()
    with transaction(settings, reads=True) as conn:
        if owner is None:
            owners = persons.everybody(conn, MOST)
        else:
            try:
                owners = [people.known(conn, owner)]
            except NoSuchPerson as error:
                raise click.ClickException(f"nobody is called {owner}. See: greygate admin list") from error
        found = [(one["name"], row) for one in owners for row in store.of_person(conn, one["id"])]
    rows = [line(name, row) for name, row in found if everything or tokens.is_in_use(row, now)]
    if not rows:
        console.print("There are none: greygate token new OWNER --name …")
        return
    headers = ("no.", "owner", "for", "begins", "may", "until", "used last")
    show_rows(headers, [tuple(map(shown, row)) for row in rows], short=3)


def line(owner: str, row: dict[str, Any]) -> tuple[str, ...]:
    until = f"revoked {row['revoked_at']:%Y-%m-%d}" if row["revoked_at"] else f"{row['expires']:%Y-%m-%d}"
    used = f"{row['used']:%Y-%m-%d}" if row["used"] else "never"
    return str(row["id"]), owner, row["name"], row["begins"], ", ".join(row["scopes"]), until, used


@token.command()
@click.argument("number", type=click.IntRange(1, 10**18))
@with_settings
def revoke(number: int, settings: Settings) -> None:
    """Make token NUMBER of the list worth nothing: at once, and on all nodes."""
    with transaction(settings) as conn:
        done = tokens.revoke(conn, number, person(), clock.now())
    if not done:
        raise click.ClickException(f"no token {number} is in use. See: greygate token list")
    click.echo(f"Token {number} is worth nothing any more.")
