"""greygate alerts: what is amiss and who takes care of it; and whether anybody would be told."""

import asyncio
import json
from typing import Any

import click

from gateway import clock, compose
from gateway.alerts.written import News
from gateway.cli.connection import transaction
from gateway.cli.options import with_settings
from gateway.cli.output import show_rows
from gateway.marked import N_
from gateway.settings import Settings
from gateway.store import alerts as noted
from gateway.vitals.trouble import Trouble

TEST = Trouble(
    N_("This is a test: nothing is amiss."), N_("You need not do anything. It came, so others will."), is_grave=False
)


@click.group()
def alerts() -> None:
    """What admins are told: list what is amiss, send a test."""


@alerts.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_settings
def list_(as_json: bool, settings: Settings) -> None:
    """What is amiss, since when, who was told and who takes care of it."""
    with transaction(settings, reads=True) as conn:
        rows = noted.open_ones(conn)
    if as_json:
        names = ("kind", "node", "words", "grave", "since", "told_at", "owner", "silent_until")
        click.echo(json.dumps([{name: row[name] for name in names} for row in rows], default=str))
    elif rows:
        show_rows(["since", "where", "told", "whose", "quiet until", "what"], [cells(row) for row in rows], short=5)
    else:
        click.echo("Nothing is amiss, as of the last look.")


def cells(row: dict[str, Any]) -> list[str]:
    moments = {
        name: f"{row[name]:%Y-%m-%d %H:%M}" if row[name] else "" for name in ("since", "told_at", "silent_until")
    }
    where = row["node"] or "all nodes"
    return [moments["since"], where, moments["told_at"], row["owner"], moments["silent_until"], row["words"]]


@alerts.command()
@with_settings
def test(settings: Settings) -> None:
    """Send a test to everybody who would be told, and say whether it came there."""
    job = compose.alerts(settings)
    if job is None:
        raise click.ClickException("Nobody is told: [alerts] to and hook are empty.")
    news = News(clock.now(), settings.smtp.name, [TEST], health=job.health)

    async def tell() -> list[str]:
        told = [(str(one), await one.tell(news)) for one in job.channels]
        return [f"{'told' if came else 'NOT told'}: {name}" for name, came in told]

    said = asyncio.run(tell())
    job.engine.dispose()
    for line in said:
        click.echo(line)
    if any(line.startswith("NOT") for line in said):
        raise SystemExit(1)
