"""greygate queue: what is kept, why, and what becomes of it."""

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import click

from gateway import clock, compose, reviewing
from gateway.bodies import NoBody
from gateway.cli import campaigns, deciding
from gateway.cli.connection import person, transaction
from gateway.cli.options import with_settings
from gateway.cli.output import console, show_rows, shown
from gateway.cli.peek import peek
from gateway.desk import NoSuchMail
from gateway.model import CopyState, DeliveryState, ReasonCode
from gateway.policy.words import WORDS
from gateway.settings import Settings, words
from gateway.store import copies, decisions, deliveries, messages, reviews

OWNED = (DeliveryState.HELD, DeliveryState.RELEASING, DeliveryState.UNDELIVERABLE, DeliveryState.EXPIRED)

as_json = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def queue() -> None:
    """Kept mail: list, show, release, refuse, and why."""


queue.add_command(deciding.release)
queue.add_command(deciding.refuse)
queue.add_command(deciding.siblings)
queue.add_command(deciding.undo)
queue.add_command(campaigns.list_)


@queue.command(name="list")
@click.option("--review", is_flag=True, help="What was delivered and is listed for somebody to look at.")
@click.option("--all", "everything", is_flag=True, help="Abandoned copies too.")
@click.option("--most", default=50, show_default=True, type=click.IntRange(1, 100_000), help="How many of each kind.")
@as_json
@with_settings
def list_(review: bool, everything: bool, most: int, as_json: bool, settings: Settings) -> None:
    """Show what is kept: ours (we said 250) and the sender's (it will try again)."""
    with transaction(settings, reads=True) as conn:
        if review:
            return show_reviews(reviews.on_list(conn, most), as_json)
        rows = deliveries.queue(conn, OWNED, most) + copies.waiting(conn, most)
        if everything:
            rows += copies.waiting(conn, most, CopyState.ABANDONED)
    if as_json:
        return print_json(rows)
    if not rows:
        console.print("Nothing is kept.")
        return None
    now = clock.now()
    headers = ("ID", "state", "since", "from", "to", "subject", "what next")
    show_rows(headers, [cells(row, now) for row in rows], short=3)
    if console.is_terminal:
        for verb in ("why", "release", "refuse"):
            console.print(f"greygate queue {verb} ID", style="dim")
    return None


def cells(row: dict[str, Any], now: datetime) -> tuple[str, ...]:
    return (
        row["message"],
        row["state"].replace("_", " "),
        words(rounded(now - (row.get("created") or row["first_seen"]))),
        shown(row["sender"] or "<>"),
        shown(row["recipient"]),
        shown(row["subject"] or "(no subject)"),
        shown(next_step(row, now)),
    )


def rounded(span: timedelta) -> timedelta:
    seconds = max(0, int(span.total_seconds()))
    step = 86400 if seconds > 2 * 86400 else 3600 if seconds > 7200 else 60 if seconds > 120 else 1
    return timedelta(seconds=seconds - seconds % step)


def next_step(row: dict[str, Any], now: datetime) -> str:
    state = row["state"]
    if state == DeliveryState.HELD:
        if row["release_at"]:
            return f"released by itself in {words(rounded(row['release_at'] - now))}"
        return f"expires in {words(rounded(row['expires'] - now))}" if row["expires"] else "waits for a person"
    if state == DeliveryState.RELEASING:
        due = rounded(row["due"] - now)
        said = f" ({row['last_reply']})" if row["last_reply"] else ""
        return f"next attempt {'now' if not due else f'in {words(due)}'}{said}"
    if state == DeliveryState.UNDELIVERABLE:
        return f"refused by the backend: {row['last_reply']}"
    if state == DeliveryState.EXPIRED:
        return "nobody decided in time; it can still be released"
    if state == CopyState.ABANDONED:
        return "its sender has been or will be told that it failed; it can still be released"
    tries = row["tries"]
    return f"its sender tried {tries} time{'s' if tries > 1 else ''} and will come back"


def show_reviews(rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        return print_json(rows)
    for row in rows:
        who = shown(f"{row['sender'] or '<>'} → {row['recipient']}")
        told = why_listed(row)
        console.print(f"{row['reply_id']}  {row['at']:%Y-%m-%d %H:%M}  {who}  [dim]{told}[/]", soft_wrap=True)
    if not rows:
        console.print("Nothing is listed for review.")
    elif console.is_terminal:
        for verb in ("queue peek", "teach spam", "teach ham", "queue looked"):
            console.print(f"greygate {verb} ID", style="dim")
    return None


def why_listed(row: dict[str, Any]) -> str:
    """The code that let it in, that of the audit, and whether there is still something to look at."""
    chosen = any(reason["code"] == ReasonCode.AUDIT_SAMPLED for reason in row["facts"]["reasons"])
    codes = f"{row['code']}, {ReasonCode.AUDIT_SAMPLED}" if chosen else row["code"]
    return codes if row["kept"] else f"{codes}, bytes not kept"


@queue.command()
@click.argument("number", metavar="ID")
@with_settings
def looked(number: str, settings: Settings) -> None:
    """Take delivered mail off the list for review, without saying what it is."""
    try:
        with transaction(settings) as conn:
            reviewing.looked(conn, number, person(), clock.now())
    except NoSuchMail as error:
        raise click.ClickException(f"{number} is not listed. See: greygate queue list --review") from error
    click.echo("It is off the list.")


@queue.command()
@click.argument("number", metavar="ID")
@click.option("--raw", is_flag=True, help="The bytes of the mail, to standard output.")
@as_json
@with_settings
def show(number: str, raw: bool, as_json: bool, settings: Settings) -> None:
    """Show a kept mail: who, to whom, its state and its story."""
    bodies = compose.bodies(settings)
    with transaction(settings) as conn, tempfile.TemporaryFile() as copied:
        row = messages.load(conn, number)
        if row is None:
            raise click.ClickException(f"nothing is kept under {number}. See: greygate queue list")
        decisions.happened(conn, "viewed", clock.now(), message=number, who=person().name, raw=raw)
        if raw:
            try:
                copied.writelines(bodies.read(conn, number))
            except NoBody as error:
                raise click.ClickException(f"the bytes are gone: {error}") from error
            conn.commit()  # who reads slowly must not keep others from writing
            copied.seek(0)
            shutil.copyfileobj(copied, sys.stdout.buffer)
            return None
        rows = copies.of_message(conn, number) + deliveries.of_message(conn, number)
        story = decisions.timeline(conn, number)
    if as_json:
        return print_json([{"message": row, "recipients": rows, "events": story}])
    describe(row, rows, story)
    return None


def describe(row: dict[str, Any], rows: Sequence[dict[str, Any]], story: Sequence[dict[str, Any]]) -> None:
    lines = {
        "From": row["author"] or "(none)",
        "Subject": row["subject"] or "(none)",
        "Envelope sender": row["sender"] or "<>",
        "Peer": f"{row['peer']} ({row['helo']})",
        "Received": f"{row['received_at']:%Y-%m-%d %H:%M:%S} UTC",
        "Size": f"{row['size']} bytes, kept in {row['stored']}",
    }
    for name, value in lines.items():
        console.print(f"[bold]{name:16}[/] {shown(value)}", soft_wrap=True)
    for one in rows:
        by = f" by {one['decided_by']}" if one["decided_by"] else ""
        state = one["state"].replace("_", " ")
        console.print(f"[bold]{'Recipient':16}[/] {shown(one['recipient'])}: {state}{shown(by)}", soft_wrap=True)
    for event in story:
        who = f" ({event['who']})" if event["who"] else ""
        to = f" {event['recipient']}" if event["recipient"] else ""
        console.print(f"  {event['at']:%Y-%m-%d %H:%M:%S}  {event['kind']}{shown(to + who)}", soft_wrap=True)


queue.add_command(peek)


@queue.command()
@click.argument("wanted", metavar="ID|ADDRESS")
@as_json
@with_settings
def why(wanted: str, as_json: bool, settings: Settings) -> None:
    """Tell what was decided and why: by the id in our reply, an ID of queue list, or an address."""
    wanted = wanted.strip("[]<> ").lower()
    with transaction(settings, reads=True) as conn:
        if "@" in wanted:
            rows = decisions.about(conn, wanted, 20)
        else:
            rows = decisions.find(conn, wanted) or decisions.behind(conn, messages.load(conn, wanted))
    if as_json:
        return print_json(rows)
    if not rows:
        raise click.ClickException(f"no decision is on record under {wanted}")
    for row in rows:
        explain(row)
    return None


def explain(row: dict[str, Any]) -> None:
    """One decision in words: what, because of what, and what would have changed it."""
    console.print(
        f"[bold]{row['at']:%Y-%m-%d %H:%M:%S}[/] {row['reply_id']}: {row['action']} at {row['stage']}, "
        f"{shown(row['sender'] or '<>')} → {shown(row['recipient'])}, from {row['peer']}",
        soft_wrap=True,
    )
    console.print(f"  said: {shown(row['facts']['reply'])}", soft_wrap=True)
    for reason in row["facts"]["reasons"]:
        told = WORDS[ReasonCode(reason["code"])]
        evidence = ", ".join(f"{name} {value}" for name, value in reason["evidence"].items() if value is not None)
        seen = f" ({shown(evidence)})" if evidence else ""
        weight = "" if reason["weight"] is None else f" {reason['weight']:+g}"
        console.print(f"  [bold]{reason['code']}[/]{weight}: because {told.said}{seen}", soft_wrap=True)
        console.print(f"    would have changed it: {told.otherwise}", style="dim", soft_wrap=True)


def print_json(rows: Sequence[dict[str, Any]]) -> None:
    def plain(value: Any) -> str:
        return (
            value.isoformat()
            if isinstance(value, datetime)
            else value.hex()
            if isinstance(value, bytes)
            else str(value)
        )

    click.echo(json.dumps(list(rows), default=plain, indent=1))
