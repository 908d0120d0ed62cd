"""greygate replay: what other settings would have decided. greygate shadow: what a draft says while mail comes in."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.progress import Progress
from sqlalchemy import Connection

from gateway import clock, compose
from gateway.cli.connection import person, transaction
from gateway.cli.options import DURATION, with_settings
from gateway.cli.output import bar, console, show_rows, shown
from gateway.model import Mode, ReasonCode
from gateway.policy.words import sentence
from gateway.replayed import Change, Tally, changes, noted
from gateway.settings import BadSettings, Settings, read, words
from gateway.store import changes as changed_by_people
from gateway.store import decisions, digests
from gateway.tried import CHANGES, Tried, keep

since_option = click.option(
    "--since", type=DURATION, default="7d", show_default=True, help="How far back, such as 12h or 30d."
)
to_option = click.option("--to", type=DURATION, default="0s", help="Up to how long ago. [default: now]")
most_option = click.option(
    "--most", default=100, show_default=True, type=click.IntRange(0, 1_000_000), help="How many changes are shown."
)
json_option = click.option("--json", "as_json", is_flag=True, help="For programs: all changes and the summary.")


@click.command()
@click.option(
    "--settings",
    "other",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The changed settings file.",
)
@since_option
@to_option
@most_option
@json_option
@with_settings
def replay(other: Path, since: timedelta, to: timedelta, most: int, as_json: bool, settings: Settings) -> None:
    """Decide about past mail once more, under other settings: what would differ, mail by mail."""
    drafted = read_draft(other)
    now = clock.now()
    tally = Tally()
    with transaction(settings, reads=True) as conn:
        draft = replace(
            compose.draft(drafted, mode_of(conn, drafted)), readers=digests.told_addresses(conn, drafted.tells)
        )
        rows = watched(conn, now - since, now - to)
        found = list(changes(rows, draft, tally))
    tell(found, tally, most, as_json, f"{other}, on what was decided since {now - since:%Y-%m-%d %H:%M} UTC")
    tried = Tried(
        at=now,
        who=person().name,
        settings=str(other),
        since=now - since,
        until=now - to,
        replayed=tally.replayed,
        other_reason=tally.other_reason,
        not_replayed=tally.read - tally.replayed,
        counts=dict(tally.changed),
        changes=tuple(one for one in found if one.is_of_action)[:CHANGES],
    )
    try:
        keep(settings.storage.path, tried)
    except OSError as error:
        click.echo(f"The result is not on the page: {error.strerror}.", err=True)


def read_draft(path: Path) -> Settings:
    try:
        return read(path)
    except BadSettings as error:
        raise click.ClickException("\n".join(["these settings have errors:", *error.problems])) from error


def mode_of(conn: Connection, drafted: Settings) -> Mode:
    """As the workers have it: what a person set comes before the settings."""
    by_person = changed_by_people.mode(conn)
    return by_person.mode if by_person is not None else compose.in_force(drafted)


@click.group()
def shadow() -> None:
    """What the draft named in [shadow] would decide, beside the settings in force."""


@shadow.command()
@since_option
@most_option
@json_option
@with_settings
def report(since: timedelta, most: int, as_json: bool, settings: Settings) -> None:
    """Tell what the draft would have changed while it decided beside the settings in force."""
    now = clock.now()
    tally = Tally()
    with transaction(settings, reads=True) as conn:
        found = list(noted(watched(conn, now - since, now), tally))
    source = settings.shadow.settings
    about = f"{source or 'no draft any more'}, seen beside the settings in force in the last {words(since)}"
    tell(found, tally, most, as_json, about)


# ---- telling -------------------------------------------------------------------------------------------------------


def watched(conn: Connection, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    """All decisions of a time, with a bar for who waits at a terminal."""
    rows = decisions.through(conn, since, until)
    if not console.is_terminal:
        yield from rows
        return
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Decisions", total=decisions.many(conn, since, until))
        for row in rows:
            yield row
            progress.advance(task)


def tell(found: Sequence[Change], tally: Tally, most: int, as_json: bool, about: str) -> None:
    if as_json:
        return click.echo(json.dumps({"summary": summary(tally), "changes": [plain(one) for one in found]}, indent=1))
    console.print(f"[bold]{shown(about)}[/]", soft_wrap=True)
    show_changes([one for one in found if one.is_of_action], most)
    tell_summary(tally)
    return None


def show_changes(found: Sequence[Change], most: int) -> None:
    headers = ("when", "was", "would be", "sender", "recipient", "why", "id")
    rows = [cells(one) for one in found[:most]]
    if rows:
        show_rows(headers, rows, short=3)
    if len(found) > len(rows):
        console.print(f"… and {len(found) - len(rows)} more; all of them: --json", style="dim")


def cells(one: Change) -> tuple[str, ...]:
    told = (
        f"{one.at:%Y-%m-%d %H:%M:%S}",
        one.was.action,
        one.would.action,
        one.sender or "<>",
        one.recipient,
        f"{one.would.code}: {sentence(ReasonCode(one.would.code))}",
        one.id,
    )
    return tuple(map(shown, told))


def tell_summary(tally: Tally) -> None:
    if not tally.read:
        return console.print("No decisions are on record for this time.")
    changed = sum(tally.changed.values())
    console.print(f"\n[bold]{changed}[/] of {tally.replayed} decisions would be others.")
    lines(sorted(tally.changed.items(), key=lambda one: -one[1]), tally.replayed)
    if tally.other_reason:
        console.print(f"{tally.other_reason} more would be the same for another reason.")
    for why, count in tally.not_replayed.most_common():
        console.print(f"{count} could not be decided again: {shown(why)}.", soft_wrap=True)
    return None


def lines(counts: Iterable[tuple[str, int]], whole: int) -> None:
    for name, count in counts:
        console.print(f"  {count:>6}  [cyan]{bar(count, whole):24}[/]  {name}")


def summary(tally: Tally) -> dict[str, Any]:
    return {
        "read": tally.read,
        "replayed": tally.replayed,
        "same": tally.same,
        "other_reason": tally.other_reason,
        "changed": dict(tally.changed),
        "not_replayed": dict(tally.not_replayed),
    }


def plain(one: Change) -> dict[str, str]:
    return {
        "at": one.at.isoformat(),
        "id": one.id,
        "stage": one.stage,
        "sender": one.sender,
        "recipient": one.recipient,
        "was": str(one.was),
        "would": str(one.would),
    }
