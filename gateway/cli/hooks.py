"""greygate hooks: which places are told what happens to mail, how they fare, and whether they answer."""

import http.client
import json
from datetime import timedelta
from typing import Any

import click

from gateway import clock
from gateway.cli.connection import transaction
from gateway.cli.options import with_settings
from gateway.cli.output import show_rows
from gateway.hooks import written
from gateway.ids import new_id
from gateway.posting import Hook
from gateway.settings import Settings
from gateway.settings.writing import HookSettings, hook_secret
from gateway.store import hooks as noted
from gateway.store.hooks import Standing

LATELY = timedelta(days=1)  # that something was given up


@click.group()
def hooks() -> None:
    """Places that are told what happens to mail: list them, send a test."""


@hooks.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_settings
def list_(as_json: bool, settings: Settings) -> None:
    """Which there are, what waits for them and since when, and what was given up in the last day."""
    with transaction(settings, reads=True) as conn:
        found = noted.standings(conn, clock.now() - LATELY)
    told = [(one, found.get(one.name, Standing())) for one in settings.hook]
    if as_json:
        click.echo(json.dumps([plain(one, fares) for one, fares in told], default=str))
    elif told:
        names = ["name", "where", "told last", "waiting", "since", "given up", "what went wrong"]
        show_rows(names, [cells(one, fares) for one, fares in told], short=6)
    else:
        click.echo("No hook is in the settings: name one with [[hook]].")


def plain(one: HookSettings, fares: Standing) -> dict[str, Any]:
    return {
        "name": one.name,
        "where": str(Hook(one.address, b"")),
        "events": list(one.events),
        "domains": list(one.domains),
        "sent": fares.sent,
        "waiting": fares.waiting,
        "waits_since": fares.waits_since,
        "given_up": fares.given_up,
        "said": fares.said,
    }


def cells(one: HookSettings, fares: Standing) -> list[str]:
    moments = [f"{at:%Y-%m-%d %H:%M}" if at else "" for at in (fares.sent, fares.waits_since)]
    where = str(Hook(one.address, b""))
    return [one.name, where, moments[0], str(fares.waiting), moments[1], str(fares.given_up), fares.said]


@hooks.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@with_settings
def test(names: tuple[str, ...], settings: Settings) -> None:
    """Send a test to these, or to all, and say whether it came there."""
    unknown = set(names) - {one.name for one in settings.hook}
    if unknown:
        raise click.ClickException(f"No hook is called {', '.join(sorted(unknown))}.")
    chosen = [one for one in settings.hook if not names or one.name in names]
    if not chosen:
        raise click.ClickException("No hook is in the settings: name one with [[hook]].")
    said = {one.name: posted(one, settings) for one in chosen}
    for name, wrong in said.items():
        click.echo(f"NOT told: {name}: {wrong}" if wrong else f"told: {name}")
    if any(said.values()):
        raise SystemExit(1)


def posted(one: HookSettings, settings: Settings) -> str:
    """What went wrong; "" where nothing did."""
    now = clock.now()
    try:
        place = Hook(one.address, hook_secret(one.secret_file.read_text("ascii")))
        status = place.post(f"msg_{new_id(now)}", written.test(now, settings.smtp.name), int(now.timestamp()))
    except (OSError, ValueError, http.client.HTTPException) as error:
        return str(error) or repr(error)
    return "" if status // 100 == 2 else f"HTTP {status}"
