"""greygate bulk: decisions about many mails, those of the pages too."""

import json
from typing import Any

import click
from sqlalchemy import Connection

from gateway import bulk as many
from gateway import clock, compose
from gateway.bulk import Asker
from gateway.cli.connection import current_engine, person, transaction
from gateway.cli.options import with_settings
from gateway.cli.output import console, show_rows, shown
from gateway.policy.address import BadAddress, domain_key
from gateway.settings import Settings
from gateway.store import bulks, groups


@click.group()
def bulk() -> None:
    """Decisions about many mails at once, made here or on the pages: show, stop, undo."""


def read_domain(context: click.Context, parameter: click.Parameter, value: str) -> str:
    try:
        return domain_key(value)
    except BadAddress as error:
        raise click.BadParameter(f"{value!r} is no domain, such as example.com: {error}") from error


domain_argument = click.argument("domain", callback=read_domain)
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
number_argument = click.argument("number", type=click.IntRange(1, 2**62))


@bulk.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_settings
def list_(as_json: bool, settings: Settings) -> None:
    """Show the latest, and how far each has come."""
    with transaction(settings, reads=True) as conn:
        rows = bulks.latest(conn, 50)
        told = {row["id"]: " ".join(many.sentences(row, bulks.tally(conn, row["id"]))) for row in rows}
    if as_json:
        return click.echo(json.dumps(rows, indent=1, default=str))
    if not rows:
        return console.print("Nobody decided about many at once.")
    headers = ("number", "who", "what", "mails", "reached", "state", "so far")
    show_rows(headers, [(*cells(row), told[row["id"]]) for row in rows], short=3)
    return None


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    what = f"{row['verb']} {row['about']}".strip()
    return str(row["id"]), shown(row["who"]), shown(what), str(row["mails"]), str(row["reached"]), row["state"]


@bulk.command()
@domain_argument
@click.option("--once", is_flag=True, help="These mails only: their senders stay strangers.")
@yes_option
@with_settings
def release(domain: str, once: bool, yes: bool, settings: Settings) -> None:
    """Deliver all held mail whose sender is of a domain."""
    decide(settings, domain, many.RELEASE, yes, trust=not once)


@bulk.command()
@domain_argument
@yes_option
@with_settings
def refuse(domain: str, yes: bool, settings: Settings) -> None:
    """Refuse all held mail whose sender is of a domain."""
    decide(settings, domain, many.REFUSE, yes, trust=False)


def decide(settings: Settings, domain: str, verb: str, yes: bool, *, trust: bool) -> None:
    asker, means = Asker(person()), compose.means(settings)
    with current_engine(settings) as engine:
        with engine.begin() as conn:
            mails = groups.of_domain(conn, asker.view, domain, many.MOST)
            made = many.prepare(conn, mails, verb, asker, clock.now(), about=f"from {domain}", sampled=False)
            row = bulks.load(conn, made) if made else None
        if made is None or row is None:
            raise click.ClickException(f"no held mail is from {domain}")
        if not yes:
            what, people, senders = (
                many.counted(row[name], one, more)
                for name, one, more in (
                    ("mails", "mail", "mails"), ("recipients", "person", "people"), ("senders", "sender", "senders")
                )
            )  # fmt: skip
            click.confirm(f"{verb.capitalize()} {what} to {people}, from {senders}?", abort=True)
        with engine.begin() as conn:
            many.begin(conn, made, asker, clock.now(), wait=0 * means.undo, trust=trust, rules=many.NOBODY_ELSE)
        going = True
        while going:
            with engine.begin() as conn:
                going = many.turn(conn, made, means, clock.now())
        with engine.begin() as conn:
            say(conn, made)


@bulk.command()
@number_argument
@with_settings
def stop(number: int, settings: Settings) -> None:
    """No more of it; what was decided so far stays."""
    with transaction(settings) as conn:
        if not many.stop(conn, number, Asker(person()), clock.now()):
            raise click.ClickException("it is not under way. See: greygate bulk list")
        say(conn, number)


@bulk.command()
@number_argument
@with_settings
def undo(number: int, settings: Settings) -> None:
    """Take all of it back, as far as each of its mails can be: refusals for an hour. The sweep does it."""
    with transaction(settings) as conn:
        if not many.undo(conn, number, Asker(person()), clock.now()):
            raise click.ClickException("there is nothing to take back. See: greygate bulk list")
    click.echo(f"It is taken back, mail by mail. See: greygate bulk list (number {number})")


def say(conn: Connection, number: int) -> None:
    row = bulks.load(conn, number)
    assert row is not None  # it was found just now
    click.echo(" ".join(many.sentences(row, bulks.tally(conn, number))))
