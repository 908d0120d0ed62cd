"""greygate known standing: how a party fared with us, as the number that content is judged with, and what made it."""

import json
from typing import Any

import click
from sqlalchemy import Connection

from gateway import clock
from gateway.cli.connection import transaction
from gateway.cli.options import with_settings
from gateway.cli.output import console, shown
from gateway.model import Rung, RungKind
from gateway.policy.standing import Party
from gateway.policy.standing import standing as weighed
from gateway.settings import Settings
from gateway.store import identities, standings

MOST = 50  # parties of one name

WORDS = {
    "accepted": "delivered, and nobody said anything",
    "released": "released by a person",
    "refused": "refused by a person",
    "junked": "delivered with the tag for Junk",
    "abandoned": "its sender never came back",
    "trapped": "wrote to a trap",
    "shared": "shared by many unrelated people, so it has none",
}


@click.command()
@click.argument("party")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_settings
def standing(party: str, as_json: bool, settings: Settings) -> None:
    """Show how PARTY (an address, domain or network) fared so far: from -1 to 1, how sure, and why."""
    name = party.strip().lower()
    with transaction(settings, reads=True) as conn:
        found = [told(conn, kind, value) for kind, value in standings.named(conn, name, MOST)]
    if as_json:
        return click.echo(json.dumps(found, indent=1))
    if not found:
        raise click.ClickException(f"nothing is on record about {party}")
    for one in found:
        show(one)
    return None


def told(conn: Connection, kind: Party, value: str) -> dict[str, Any]:
    now = clock.now()
    history = standings.history(conn, kind, value, now)
    is_name = kind in (Party.SERVER, Party.DOMAIN)
    shared = is_name and identities.known(conn).has(Rung(RungKind.DKIM, value))
    made = weighed(history, shared=shared)
    return {
        "party": str(kind),
        "value": value,
        "standing": round(made.value, 3),
        "confidence": round(made.confidence, 3),
        "credit": made.has_credit,
        "left": {str(outcome): round(amount, 2) for outcome, amount in history.items()},
        "parts": {name: round(part, 3) for name, part in made.parts.items()},
    }


def show(one: dict[str, Any]) -> None:
    credit = "credit" if one["credit"] else "no credit"
    console.print(
        f"[bold]{one['party']}[/] {shown(one['value'])}: [bold]{one['standing']:+.2f}[/] "
        f"({credit}; confidence {one['confidence']:.0%})",
        soft_wrap=True,
    )
    for name, part in one["parts"].items():
        console.print(f"  {part:+.3f}  {WORDS[name]}: {one['left'].get(name, 0)} left of them", soft_wrap=True)
