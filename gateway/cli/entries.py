"""greygate known change, restore, history and conflicts: one entry of the lists, and what it quarrels with."""

import json
from datetime import timedelta
from typing import Any

import click

from gateway import clock, entries
from gateway.cli.connection import person, transaction
from gateway.cli.options import DURATION, with_settings
from gateway.cli.output import console, shown
from gateway.listfile import written
from gateway.model import ListEntry
from gateway.policy.conflicts import conflicts as conflicts_in
from gateway.policy.entries import conflict_sentence, sentence
from gateway.policy.lists import in_force
from gateway.settings import Settings
from gateway.store import decisions, lists


def record(entry: ListEntry) -> dict[str, Any]:
    """An entry for programs."""
    when = {"created": entry.created, "withdrawn_at": entry.withdrawn_at}
    told = {name: moment.isoformat() if moment else None for name, moment in when.items()}
    return {"id": entry.id, **written(entry), "message": entry.message, **told, "withdrawn_by": entry.withdrawn_by}


entry_number = click.argument("number", metavar="ENTRY", type=click.IntRange(0, 10**18))


@click.command()
@entry_number
@click.option("--expires", "life", type=DURATION, help="After which time from now it ends, such as 30d.")
@click.option("--for-ever", is_flag=True, help="It does not end by itself.")
@click.option("--comment", help="Why it is there.")
@with_settings
def change(number: int, life: timedelta | None, for_ever: bool, comment: str | None, settings: Settings) -> None:
    """Change until when entry number ENTRY holds, or its comment."""
    if life and for_ever:
        raise click.UsageError("--expires or --for-ever, not both.")
    if life is None and not for_ever and comment is None:
        raise click.UsageError("Nothing to change: --expires, --for-ever or --comment.")
    now = clock.now()
    with transaction(settings) as conn:
        there = lists.find(conn, number)
        if there is None or there.withdrawn_at is not None:
            raise click.ClickException(f"no entry {number} is in the lists. See: greygate known list")
        expires = None if for_ever else now + life if life else there.expires
        entries.change(conn, number, expires, there.comment if comment is None else comment, person(), now)
    click.echo(f"{number}: {f'until {expires:%Y-%m-%d %H:%M} UTC' if expires else 'for ever'}.")


@click.command()
@entry_number
@with_settings
def restore(number: int, settings: Settings) -> None:
    """Put entry number ENTRY back, which was taken back."""
    with transaction(settings) as conn:
        done = entries.put_back(conn, number, person(), clock.now())
    if not done:
        raise click.ClickException(f"entry {number} was not taken back. See: greygate known list --all")
    click.echo(f"{number} is in the lists again. It takes effect within a second.")


@click.command()
@entry_number
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_settings
def history(number: int, as_json: bool, settings: Settings) -> None:
    """Tell what became of entry number ENTRY: who added it, from which mail, and who took it back."""
    now = clock.now()
    with transaction(settings, reads=True) as conn:
        entry = lists.find(conn, number)
        story = decisions.about_entry(conn, number)
    if entry is None:
        raise click.ClickException(f"no entry {number} is on record. See: greygate known list --all")
    if as_json:
        events = [{"at": one["at"].isoformat(), "kind": one["kind"], "who": one["who"]} for one in story]
        return click.echo(json.dumps({"entry": record(entry), "in_force": in_force(entry, now), "events": events}))
    console.print(f"[bold]{number}[/]: {shown(sentence(entry))}", soft_wrap=True)
    if entry.comment:
        console.print(f"  {shown(entry.comment)}", soft_wrap=True)
    if entry.message:
        console.print(f"  from mail {shown(entry.message)}: greygate queue show {shown(entry.message)}", soft_wrap=True)
    for one in story:
        console.print(f"  {one['at']:%Y-%m-%d %H:%M:%S}  {one['kind']} ({shown(one['who'])})", soft_wrap=True)
    console.print(f"  {standing(entry, in_force(entry, now))}", soft_wrap=True)
    return None


def standing(entry: ListEntry, holds: bool) -> str:
    if entry.withdrawn_at:
        return f"It was withdrawn by {shown(entry.withdrawn_by)}."
    until = f"{entry.expires:%Y-%m-%d %H:%M}" if entry.expires else ""
    return f"It holds{f' until {until}' if until else ''}." if holds else f"It was over at {until}."


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_settings
def conflicts(as_json: bool, settings: Settings) -> None:
    """Show the entries that contradict each other, that another one covers, or whose time is over."""
    with transaction(settings, reads=True) as conn:
        found = conflicts_in(lists.entries(conn), clock.now())
    if as_json:
        rows = [
            {"entry": one.entry.id, "conflict": str(one.conflict), "other": one.other.id if one.other else None}
            for one in found
        ]
        return click.echo(json.dumps(rows))
    for one in found:
        console.print(shown(conflict_sentence(one)), soft_wrap=True)
    if not found:
        console.print("No entry contradicts or covers another.")
    return None
