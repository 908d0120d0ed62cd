"""greygate known shared: identities that many unrelated people share, and that lend nobody standing."""

import json
from typing import Any

import click
from sqlalchemy import Connection

from gateway import clock
from gateway.cli.connection import person, transaction
from gateway.cli.options import with_settings
from gateway.cli.output import console, show_rows, shown
from gateway.model import RungKind
from gateway.policy.address import BadAddress, domain_key
from gateway.policy.shared import SHIPPED
from gateway.settings import Settings
from gateway.store import changes, decisions, identities


@click.group()
def shared() -> None:
    """Identities that many unrelated people share: who sends by them is remembered by the exact address only."""


def read_domain(context: click.Context, parameter: click.Parameter, value: str) -> str:
    try:
        return domain_key(value)
    except BadAddress as error:
        raise click.BadParameter(f"{value!r} is no domain, such as example.com: {error}") from error


domain_argument = click.argument("domain", callback=read_domain)
comment_option = click.option("--comment", default="", help="Why.")


@shared.command(name="list")
@click.option("--shipped", is_flag=True, help="What Greygate brought along, too.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_settings
def list_(shipped: bool, as_json: bool, settings: Settings) -> None:
    """Show what was learnt here, and what people said."""
    with transaction(settings, reads=True) as conn:
        rows = [told(conn, row) for row in identities.listing(conn, identities.MOST_LEARNT)]
    if shipped:
        rows += [{"identity": name, "kind": "any", "shared": True, "by": "Greygate"} for name in sorted(SHIPPED)]
    if as_json:
        return click.echo(json.dumps(rows, indent=1))
    if not rows:
        return console.print("Nothing was learnt or said. What Greygate brought along: --shipped")
    headers = ("identity", "kind", "shared", "since", "by", "domains", "comment")
    names = ("identity", "kind", "shared", "since", "by", "domains", "comment")
    show_rows(headers, [tuple(shown(word(row.get(name, ""))) for name in names) for row in rows], short=3)
    return None


def told(conn: Connection, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "identity": row["value"],
        "kind": "any" if row["kind"] is None else RungKind(row["kind"]).name.lower(),
        "shared": row["shared"],
        "since": f"{row['since']:%Y-%m-%d}",
        "by": row["author"] or "learnt",
        "domains": identities.domains(conn, row["value"]),
        "comment": row["comment"],
    }


def word(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


@shared.command()
@domain_argument
@comment_option
@with_settings
def add(domain: str, comment: str, settings: Settings) -> None:
    """Say that DOMAIN, with all below it, sends for many unrelated people."""
    say(settings, domain, True, comment)
    click.echo(f"{domain} is shared: whoever sends by it is remembered by the exact address only.")


@shared.command()
@domain_argument
@comment_option
@with_settings
def remove(domain: str, comment: str, settings: Settings) -> None:
    """Say that DOMAIN is one organisation's own, whatever was learnt or shipped."""
    say(settings, domain, False, comment)
    click.echo(f"{domain} is not shared: it lends its own people standing.")


def say(settings: Settings, domain: str, is_shared: bool, comment: str) -> None:
    who, now = person(), clock.now()
    with transaction(settings) as conn:
        identities.say(conn, domain, is_shared, now, who.name, comment)
        what = "shared identity" if is_shared else "identity not shared"
        decisions.happened(conn, what, now, who=who.name, value=domain)
        changes.announce(conn, who.node)
