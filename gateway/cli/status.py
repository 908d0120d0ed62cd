"""greygate status: a live view of how Greygate fares, in the terminal; once, or for programs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import click
from rich.live import Live
from sqlalchemy import Connection

from gateway import logs
from gateway.cli.connection import transaction
from gateway.cli.interrupt import interrupted
from gateway.cli.options import DURATION, with_settings
from gateway.cli.output import console
from gateway.cli.statusview import ACTIONS, minutes, view
from gateway.settings import Settings
from gateway.vitals import NoDatabase, Overview, Watcher, troubles
from gateway.vitals.kept import HISTORY

SESSIONS = {"open": "sessions_open", "total": "sessions_total", "tarpitted": "tarpitted"}


@click.command()
@click.option("--once", is_flag=True, help="Look once and end; its status is 1 when no SMTP worker runs here.")
@click.option("--json", "as_json", is_flag=True, help="For programs: once, with seconds and bytes.")
@click.option("--every", type=DURATION, default="2s", show_default=True, help="How often to look again.")
@with_settings
def status(once: bool, as_json: bool, every: timedelta, settings: Settings) -> None:
    """Show how it fares: sessions, decisions, queue, backends, database, disk. Ctrl-C ends it."""
    logs.configure("error", settings.log.format, "status")  # what is amiss is shown, not logged beside the view
    watcher = Watcher(settings, partial(reading, settings))
    if not (once or as_json) and console.is_terminal:
        return live(watcher, every)
    found = watcher.look()
    if as_json:
        click.echo(json.dumps(plain(found, settings), indent=1))
    else:
        console.print(view(found, settings, console.width if console.is_terminal else 100, 100))
    if not found.is_running:
        raise click.exceptions.Exit(1)
    return None


@contextmanager
def reading(settings: Settings) -> Iterator[Connection]:
    try:
        with transaction(settings, reads=True) as conn:
            yield conn
    except click.ClickException as error:
        raise NoDatabase(error.message) from error


def live(watcher: Watcher, every: timedelta) -> None:
    """Look again and again until Ctrl-C; the terminal is as before afterwards."""
    with interrupted() as over, Live(console=console, screen=True, auto_refresh=False) as shown:
        while not over.is_set():
            shown.update(view(watcher.look(), watcher.settings, console.width, console.height), refresh=True)
            over.wait(max(0.2, every.total_seconds()))


def plain(found: Overview, settings: Settings) -> dict[str, Any]:
    """The same for programs."""
    numbers, kept = found.numbers, found.kept
    return {
        "at": found.at.isoformat(),
        "hostname": found.hostname,
        "running": found.is_running,
        "troubles": [one.words for one in troubles(found, settings)],
        "mode": str(found.mode),
        "switches": {str(name): until.isoformat() for name, until in kept.switches.items()},
        "processes": [
            {"process": one.name, "pid": one.pid, "seconds": one.since, "resident_bytes": one.resident}
            for one in found.processes
        ],
        "sessions": None if numbers is None else {name: int(numbers.one(metric)) for name, metric in SESSIONS.items()},
        "decisions": None if numbers is None else whole(numbers.by("decisions_total", "action")),
        "reasons": None if numbers is None else whole(numbers.by("decisions_total", "reason")),
        "decisions_per_minute": {
            action: minutes(kept.per_minute.get(action, {}), found.at, int(HISTORY.total_seconds() // 60))
            for action in ACTIONS
        },
        "queue": dict(kept.queue.mails),
        "queue_oldest_seconds": {state: age.total_seconds() for state, age in kept.queue.oldest.items()},
        "kept_bytes": kept.bytes,
        "backends": None
        if found.backends is None
        else [{"url": one.url, "answers": one.answers, "seconds": one.seconds} for one in found.backends],
        "database": {"trouble": kept.trouble, "seconds": kept.seconds, "bytes": kept.size}
        | ({} if numbers is None else {"notes_pending": int(numbers.one("store_notes_pending"))}),
        "name_servers": None
        if found.name_servers is None
        else [{"address": one.address, "answers": one.answers} for one in found.name_servers],
        "disk_free_bytes": found.disk.free if found.disk else None,
        "certificate_ends": text(found.certificate.ends if found.certificate else None),
    }


def whole(counts: dict[str, float]) -> dict[str, int]:
    return {name: int(count) for name, count in counts.items()}


def text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
