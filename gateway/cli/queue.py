"""greygate queue: what is kept, why, and what becomes of it."""

import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from gateway import clock, compose, desk
from gateway.bodies import NoBody
from gateway.cli.options import console, person, transaction, with_settings
from gateway.desk import Done, NoSuchMail
from gateway.model import CopyState, DeliveryState, ReasonCode
from gateway.policy.words import WORDS
from gateway.settings import Settings, words
from gateway.store import copies, decisions, deliveries, messages

OWNED = (DeliveryState.HELD, DeliveryState.RELEASING, DeliveryState.UNDELIVERABLE, DeliveryState.EXPIRED)

as_json = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def queue() -> None:
    """Kept mail: list, show, release, refuse, and why."""


@queue.command(name="list")
@click.option("--review", is_flag=True, help="What was delivered and is listed for somebody to look at.")
@click.option("--all", "everything", is_flag=True, help="Abandoned copies too.")
@click.option("--most", default=50, show_default=True, help="How many of each kind.")
@as_json
@with_settings
def list_(review: bool, everything: bool, most: int, as_json: bool, settings: Settings) -> None:
    """Show what is kept: ours (we said 250) and the sender's (it will try again)."""
    with transaction(settings) as conn:
        if review:
            return show_reviews(decisions.to_review(conn, most), as_json)
        rows = deliveries.queue(conn, OWNED, most) + copies.waiting(conn, most)
        if everything:
            rows += copies.waiting(conn, most, CopyState.ABANDONED)
    if as_json:
        return print_json(rows)
    if not rows:
        console.print("Nothing is kept.")
        return None
    console.print(table_of(rows, clock.now()))
    console.print("why: greygate queue why ID · deliver: greygate queue release ID · refuse: greygate queue refuse ID")
    return None


def table_of(rows: Sequence[dict[str, Any]], now: datetime) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("ID", "state", "since", "from", "to", "subject", "what next"):
        table.add_column(column, overflow="fold" if column == "ID" else "ellipsis", no_wrap=True)
    for row in rows:
        since = row.get("created") or row["first_seen"]
        table.add_row(
            row["message"],
            row["state"].replace("_", " "),
            words(rounded(now - since)),
            escape(row["sender"] or "<>"),
            escape(row["recipient"]),
            escape(row["subject"] or "(no subject)"),
            next_step(row, now),
        )
    return table


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
        return escape(f"next attempt {'now' if not due else f'in {words(due)}'}{said}")
    if state == DeliveryState.UNDELIVERABLE:
        return escape(f"refused by the backend: {row['last_reply']}")
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
        who = escape(f"{row['sender'] or '<>'} → {row['recipient']}")
        console.print(f"{row['at']:%Y-%m-%d %H:%M}  {row['reply_id']}  {who}  [dim]{row['code']}[/]")
    if not rows:
        console.print("Nothing is listed for review.")
    return None


@queue.command()
@click.argument("number", metavar="ID")
@click.option("--raw", is_flag=True, help="The bytes of the mail, to standard output.")
@as_json
@with_settings
def show(number: str, raw: bool, as_json: bool, settings: Settings) -> None:
    """Show a kept mail: who, to whom, its state and its story."""
    bodies = compose.bodies(settings)
    with transaction(settings) as conn:
        row = messages.load(conn, number)
        if row is None:
            raise click.ClickException(f"nothing is kept under {number}. See: greygate queue list")
        decisions.happened(conn, "viewed", clock.now(), message=number, who=person().name, raw=raw)
        if raw:
            try:
                for chunk in bodies.read(conn, number):
                    sys.stdout.buffer.write(chunk)
            except NoBody as error:
                raise click.ClickException(f"the bytes are gone: {error}") from error
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
        console.print(f"[bold]{name:16}[/] {escape(str(value))}", soft_wrap=True)
    for one in rows:
        by = f" by {one['decided_by']}" if one["decided_by"] else ""
        console.print(
            f"[bold]{'Recipient':16}[/] {escape(one['recipient'])}: {one['state'].replace('_', ' ')}{escape(by)}"
        )
    for event in story:
        who = f" ({event['who']})" if event["who"] else ""
        console.print(f"  {event['at']:%m-%d %H:%M:%S} {event['kind']}{escape(who)} {escape(event['recipient'] or '')}")


@queue.command()
@click.argument("number", metavar="ID")
@click.argument("recipients", nargs=-1)
@click.option("--once", is_flag=True, help="This mail only: its sender stays a stranger.")
@with_settings
def release(number: str, recipients: tuple[str, ...], once: bool, settings: Settings) -> None:
    """Deliver a kept mail, to all its recipients or to those named; its sender is known from then on."""
    bodies, terms = compose.bodies(settings), compose.terms(settings)

    def act(conn: Any) -> list[Done]:
        return desk.release(conn, bodies, number, recipients, person(), terms, clock.now(), trust=not once)

    decide(settings, number, act)


@queue.command()
@click.argument("number", metavar="ID")
@click.argument("recipients", nargs=-1)
@with_settings
def refuse(number: str, recipients: tuple[str, ...], settings: Settings) -> None:
    """Refuse a kept mail: it is not delivered, and its sender's retry is answered 550."""
    terms = compose.terms(settings)
    decide(settings, number, lambda conn: desk.refuse(conn, number, recipients, person(), terms, clock.now()))


def decide(settings: Settings, number: str, act: Callable[[Any], list[Done]]) -> None:
    try:
        with transaction(settings) as conn:
            done = act(conn)
    except NoSuchMail as error:
        raise click.ClickException(f"nothing is kept under {number}. See: greygate queue list") from error
    for one in done:
        click.echo(f"{one.recipient}: {one.words}")
    if not done:
        raise click.ClickException("no such recipient of this mail")
    if not any(one.happened for one in done):
        raise click.exceptions.Exit(1)


@queue.command()
@click.argument("wanted", metavar="ID|ADDRESS")
@as_json
@with_settings
def why(wanted: str, as_json: bool, settings: Settings) -> None:
    """Tell what was decided and why: by the id in our reply, a message id, or an address."""
    wanted = wanted.strip("[]")
    with transaction(settings) as conn:
        rows = decisions.about(conn, wanted.lower(), 20) if "@" in wanted else decisions.find(conn, wanted)
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
        f"{escape(row['sender'] or '<>')} → {escape(row['recipient'])}, from {row['peer']}",
        soft_wrap=True,
    )
    console.print(f"  said: {escape(row['facts']['reply'])}", soft_wrap=True)
    for reason in row["facts"]["reasons"]:
        told = WORDS[ReasonCode(reason["code"])]
        evidence = ", ".join(f"{name} {value}" for name, value in reason["evidence"].items())
        console.print(
            f"  [bold]{reason['code']}[/]: because {told.said}" + (f" ({escape(evidence)})" if evidence else "")
        )
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
