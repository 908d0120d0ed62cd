"""greygate admin: who may sign in to the pages."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from sqlalchemy import Connection

from gateway import clock, people
from gateway.cli.connection import person, transaction
from gateway.cli.options import with_settings
from gateway.cli.output import console, show_rows, shown
from gateway.model import Tie
from gateway.people import FIRST, GOOD_FOR, BadName, BadRole, Given, NoSuchPerson, NotPossible, written
from gateway.policy.address import BadAddress, parse_address
from gateway.settings import Settings
from gateway.store import persons

MOST = 10_000


@click.group()
def admin() -> None:
    """Who may sign in to the pages: invite, list, remove."""


def read_name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    try:
        return people.read_name(value)
    except BadName as error:
        raise click.BadParameter(str(error)) from error


def read_roles(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[Given, ...]:
    try:
        return tuple(people.read_role(*one.partition(":")[::2]) for one in value)
    except BadRole as error:
        raise click.BadParameter(str(error)) from error


DAY = click.DateTime(["%Y-%m-%d"])


def read_address(context: click.Context, parameter: click.Parameter, value: str) -> str:
    (found,) = read_addresses(context, parameter, (value,))
    return found


def read_addresses(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(parse_address(one).key for one in value)
    except BadAddress as error:
        raise click.BadParameter(f"{error}") from error


@admin.command()
@click.argument("name", callback=read_name, default="admin")
@click.option("--role", "roles", multiple=True, callback=read_roles, help="admin, approver, auditor, lists; :DOMAIN")
@click.option("--address", "addresses", multiple=True, callback=read_addresses, help="An address whose mail is theirs.")
@with_settings
def invite(name: str, roles: tuple[Given, ...], addresses: tuple[str, ...], settings: Settings) -> None:
    """Make a link with which NAME chooses a password, once, within three days; if nothing else is said, of
    an admin who decides about everybody's mail too.

    For somebody who has a password already it is the way to a new one; roles and addresses that are named are added.
    """
    with transaction(settings) as conn:
        link = link_for(conn, settings, name, roles, addresses)
    console.print(f"For {shown(name)}, once, within {GOOD_FOR.days} days:")
    click.echo(link)


def link_for(
    conn: Connection, settings: Settings, name: str, roles: Sequence[Given] = (), addresses: Sequence[str] = ()
) -> str:
    """An invitation; of somebody new, if nothing else is said, to everything."""
    is_new = persons.named(conn, name) is None
    given = roles or (FIRST if is_new and not addresses else ())
    invited = people.invite(conn, name, given, addresses, person(), clock.now())
    return f"{address_of(settings)}/invitation/{invited.secret}"


def address_of(settings: Settings) -> str:
    return settings.web.url.rstrip("/") or f"http://{settings.web.listen}"


@admin.command(name="list")
@with_settings
def list_(settings: Settings) -> None:
    """Who can sign in, as what, and whose mail they see."""
    with transaction(settings, reads=True) as conn:
        rows = [
            (
                row["name"],
                state_of(row),
                ", ".join(sorted(map(written, persons.roles_of(conn, row["id"])))),
                ", ".join(one["address"] for one in persons.addresses_of(conn, row["id"])),
            )
            for row in persons.everybody(conn, MOST)
        ]
    if not rows:
        console.print("Nobody yet: greygate admin invite")
        return
    show_rows(("name", "state", "roles", "mail of"), [tuple(map(shown, row)) for row in rows], short=2)


def state_of(row: dict[str, object]) -> str:
    if row["disabled_at"] is not None:
        return "locked out"
    if not row["password"]:
        return "invited"
    return "with a second factor" if row["totp"] else "with a password"


@admin.command()
@click.argument("name", callback=read_name)
@with_settings
def remove(name: str, settings: Settings) -> None:
    """Lock somebody out: at once, and everywhere. An invitation lets them in again."""
    try:
        with transaction(settings) as conn:
            ended = people.lock_out(conn, name, person(), clock.now())
    except NoSuchPerson as error:
        raise click.ClickException(f"nobody is called {name}. See: greygate admin list") from error
    click.echo(f"{name} is out; {ended} sessions ended.")


@admin.command()
@click.argument("name", callback=read_name)
@click.argument("address", callback=read_address)
@click.option("--from", "since", type=DAY, help="The first day, such as 2026-07-01. [default: at once]")
@click.option("--until", "until", type=DAY, required=True, help="The last day.")
@with_settings
def lend(name: str, address: str, since: datetime | None, until: datetime, settings: Settings) -> None:
    """Let NAME stand in for ADDRESS for a time: they see its mail and decide about it. `take` takes it back."""
    first = since.replace(tzinfo=UTC) if since else None
    end = until.replace(tzinfo=UTC) + timedelta(days=1)
    try:
        with transaction(settings) as conn:
            people.lend(conn, address, name, first, end, person(), clock.now())
    except NoSuchPerson as error:
        raise click.ClickException(f"nobody is called {name}. See: greygate admin list") from error
    except NotPossible as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{name} stands in for {address} until the end of {until:%Y-%m-%d} (UTC).")


@admin.command()
@click.argument("address", callback=read_address)
@with_settings
def who(address: str, settings: Settings) -> None:
    """Show who sees the mail of ADDRESS and decides about it: whose it is, and who stands in until when."""
    with transaction(settings, reads=True) as conn:
        rows = persons.holders(conn, [address], clock.now())
    if not rows:
        console.print(f"It is nobody's: greygate admin invite NAME --address {shown(address)}")
        return
    headers = ("name", "as", "from", "until", "by")
    show_rows(headers, [tuple(map(shown, tie(row))) for row in rows], short=2)


def tie(row: dict[str, Any]) -> tuple[str, ...]:
    days = [f"{at:%Y-%m-%d %H:%M}" if at else "" for at in (row["since"] or row["created"], row["until"])]
    return row["name"], "own" if row["kind"] == Tie.OWN else "substitute", *days, row["author"]


@admin.command()
@click.argument("name", callback=read_name)
@with_settings
def reset_factor(name: str, settings: Settings) -> None:
    """Take the second factor off, for whoever lost the telephone and the codes; all their sessions end."""
    try:
        with transaction(settings) as conn:
            done = people.reset_factor(conn, name, person(), clock.now())
    except NoSuchPerson as error:
        raise click.ClickException(f"nobody is called {name}. See: greygate admin list") from error
    if not done:
        raise click.ClickException(f"{name} has no second factor")
    click.echo(f"The password alone lets {name} in, until they set up another.")


@admin.command()
@click.argument("name", callback=read_name)
@click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True, callback=read_addresses)
@with_settings
def take(name: str, addresses: tuple[str, ...], settings: Settings) -> None:
    """Take addresses away from somebody: they see that mail no more. `invite --address` gives them."""
    try:
        with transaction(settings) as conn:
            taken = [one for one in addresses if people.take_address(conn, name, one, person(), clock.now())]
    except NoSuchPerson as error:
        raise click.ClickException(f"nobody is called {name}. See: greygate admin list") from error
    if len(taken) < len(addresses):
        raise click.ClickException(f"not theirs: {', '.join(one for one in addresses if one not in taken)}")
    click.echo(f"{name} does not see the mail of {', '.join(taken)} any more.")
