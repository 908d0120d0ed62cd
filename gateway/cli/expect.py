"""greygate expect: mail that somebody waits for, such as a one-time code."""

from datetime import timedelta

import click
from sqlalchemy import Connection

from gateway import clock, compose, desk, expecting
from gateway.cli.connection import person, transaction
from gateway.cli.options import with_settings
from gateway.cli.output import console, show_rows, shown
from gateway.expecting import NotAllowed, Offer
from gateway.model import Address, Expectation
from gateway.policy.address import BadAddress, parse_address
from gateway.settings import Settings
from gateway.store import expecting as store

MOST = 200


@click.group()
def expect() -> None:
    """Mail that an account waits for: open, list, close."""


def read_account(text: str) -> Address:
    try:
        return parse_address(text)
    except BadAddress as error:
        raise click.BadParameter(f"{text!r} is no mail address: {error}") from error


@expect.command(name="open")
@click.argument("address", callback=lambda context, parameter, value: read_account(value))
@click.option("--from", "domain", metavar="DOMAIN", help="Only mail of this domain; it may be expected for longer.")
@click.option("--minutes", type=click.IntRange(1, 60), help="For how long. [default: as long as the settings allow]")
@click.option("--release", is_flag=True, help="Deliver at once what came shortly before and fits.")
@with_settings
def open_(address: Address, domain: str | None, minutes: int | None, release: bool, settings: Settings) -> None:
    """For ADDRESS, let in mail that it expects, if the sender proves who it is; show what fits and waits already."""
    life = None if minutes is None else timedelta(minutes=minutes)
    who, now, allowed = person(), clock.now(), compose.expecting(settings)
    bodies, terms = compose.bodies(settings), compose.terms(settings)
    try:
        with transaction(settings) as conn:
            made = expecting.open_for(conn, address, domain, life, who, allowed, now)
            offered = expecting.offers(conn, made, now)
            done = {}
            for one in offered if release else ():
                if not one.suspicious:
                    did = desk.release(conn, bodies, one.message, [made.recipient], who, terms, now, trust=False)
                    done[one.message] = did[0].words
    except NotAllowed as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{made.recipient} expects mail of {source(made)} until {made.until:%H:%M} UTC (number {made.id}).")
    for one in offered:
        describe(one, made.recipient, done.get(one.message))


def source(made: Expectation) -> str:
    return made.domain or "anybody who proves who it is"


def describe(one: Offer, recipient: str, done: str | None) -> None:
    """A mail that waits already, and how it is released."""
    proved = f"proved: {', '.join(one.proved)}"
    console.print(f"[bold]{one.message}[/]  {shown(one.author or one.sender or '<>')}  {shown(proved)}", soft_wrap=True)
    console.print(f"    {one.received_at:%H:%M}  {shown(one.subject or '(no subject)')}", soft_wrap=True)
    if done is not None:
        console.print(f"    {shown(done)}", soft_wrap=True)
        return
    if one.suspicious:
        console.print(f"    suspicious, look at it first: {', '.join(one.suspicious)}", soft_wrap=True)
    console.print(f"    greygate queue release {one.message} {shown(recipient)} --once", soft_wrap=True)


@expect.command(name="list")
@with_settings
def list_(settings: Settings) -> None:
    """What is expected just now."""
    with transaction(settings, reads=True) as conn:
        found = store.open_now(conn, clock.now(), MOST)
    if not found:
        click.echo("Nothing is expected.")
        return
    rows = [(str(one.id), one.recipient, one.domain or "anybody", f"{one.until:%H:%M} UTC", one.who) for one in found]
    show_rows(("number", "for", "from", "until", "said by"), [tuple(map(shown, row)) for row in rows])


@expect.command()
@click.argument("wanted", metavar="NUMBER|ADDRESS")
@with_settings
def close(wanted: str, settings: Settings) -> None:
    """End one by its number, or all of an account."""
    now = clock.now()
    with transaction(settings) as conn:
        ended = [number for number in numbers(conn, wanted) if expecting.close(conn, number, person(), now)]
    if not ended:
        raise click.ClickException(f"nothing runs under {wanted}. See: greygate expect list")
    click.echo(f"Ended: {', '.join(map(str, ended))}.")


def numbers(conn: Connection, wanted: str) -> list[int]:
    if wanted.isdecimal():
        return [int(wanted)]
    account = read_account(wanted).key
    return [one.id for one in store.open_now(conn, clock.now()) if one.recipient == account]
