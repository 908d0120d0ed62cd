"""greygate known: whom we know, remember, allow and block."""

import csv
import json
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any, TextIO

import click
from rich.markup import escape
from rich.table import Table

from gateway import clock
from gateway.cli.options import DURATION, console, person, transaction, with_settings
from gateway.model import Grade, ListKind, ListVerb, RungKind
from gateway.policy.address import BadAddress, domain_key, parse_address
from gateway.settings import Settings
from gateway.store import changes, decisions, lists, memory
from gateway.store.lists import NewEntry

COLUMNS = ("verb", "kind", "value", "network", "scope", "expires", "author", "comment")


@click.group()
def known() -> None:
    """The private lists, and who is known or remembered."""


def read_party(text: str) -> tuple[ListKind, str]:
    """What a party is: an address, a network or a domain. Raises click.BadParameter with what is allowed."""
    try:
        if "@" in text:
            return ListKind.ADDRESS, parse_address(text).key
        if text.replace(".", "").replace("/", "").isdigit() or ":" in text:
            return ListKind.NETWORK, str(ip_network(text, strict=False))
        return ListKind.DOMAIN, domain_key(text)
    except (BadAddress, ValueError) as error:
        raise click.BadParameter(
            f"{text!r} is no address (ann@example.com), domain (example.com) or network (192.0.2.0/24): {error}"
        ) from error


def read_network(text: str | None) -> str | None:
    try:
        return None if text is None else str(ip_network(text, strict=False))
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no network, such as 192.0.2.0/24") from error


def read_scope(text: str | None) -> str | None:
    if text is None:
        return None
    kind, value = read_party(text)
    if kind is ListKind.NETWORK:
        raise click.BadParameter("--for takes a recipient's address or a local domain")
    return value


def entry_options(command: Any) -> Any:
    for option in (
        click.option("--network", help="A name counts only from this network, until names are authenticated."),
        click.option("--for", "scope", help="Only for this recipient or local domain."),
        click.option("--expires", "life", type=DURATION, help="After which time it ends, such as 30d."),
        click.option("--comment", default="", help="Why."),
        click.option("--recipient", is_flag=True, help="PARTY is a recipient of ours, not a sender."),
    ):
        command = option(command)
    return command


def add(
    settings: Settings,
    verb: ListVerb,
    party: str,
    network: str | None,
    scope: str | None,
    life: timedelta | None,
    comment: str,
    recipient: bool,
) -> None:
    kind, value = read_party(party)
    if recipient:
        if kind is ListKind.NETWORK:
            raise click.BadParameter("a recipient is an address or a local domain")
        kind = ListKind.RECIPIENT
    nameless = kind in (ListKind.ADDRESS, ListKind.DOMAIN) and network is None
    if verb is ListVerb.ALLOW and nameless:
        raise click.UsageError(
            f"Anybody can write {value} as a sender. Name the network it writes from: --network 192.0.2.0/24"
        )
    who, now = person(), clock.now()
    expires = now + life if life else None
    entry = NewEntry(verb, kind, value, read_network(network), read_scope(scope), expires, who.name, comment)
    with transaction(settings) as conn:
        number = lists.add(conn, entry, now)
        decisions.happened(conn, f"list {verb}", now, who=who.name, entry=number, value=value)
        changes.announce(conn, who.node)
    click.echo(f"{number}: {verb} {kind} {value}. It takes effect within a second.")


@known.command()
@click.argument("party")
@entry_options
@with_settings
def allow(settings: Settings, **given: Any) -> None:
    """Let PARTY (an address, domain or network) in without waiting."""
    add(settings, ListVerb.ALLOW, **given)


@known.command()
@click.argument("party")
@entry_options
@with_settings
def block(settings: Settings, **given: Any) -> None:
    """Refuse PARTY (an address, domain or network) with 550."""
    add(settings, ListVerb.BLOCK, **given)


@known.command()
@click.argument("party")
@with_settings
def forget(party: str, settings: Settings) -> None:
    """Strike list entry number PARTY, or forget what is remembered about an address, domain or network."""
    who, now = person(), clock.now()
    with transaction(settings) as conn:
        number = int(party) if party.isdigit() else None
        gone = memory.forget(conn, read_party(party)[1]) if number is None else int(lists.remove(conn, number))
        if gone:
            decisions.happened(conn, "forgotten", now, who=who.name, value=party, rows=gone)
            changes.announce(conn, who.node)
    if not gone:
        raise click.ClickException(f"nothing is on record under {party}. See: greygate known list")
    click.echo(f"Forgot {gone} {'entry' if gone == 1 else 'entries'}.")


@known.command(name="list")
@click.argument("like", required=False)
@click.option("--most", default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_settings
def list_(like: str | None, most: int, as_json: bool, settings: Settings) -> None:
    """Show the lists and who is remembered; LIKE is part of an address, domain or network."""
    now = clock.now()
    with transaction(settings) as conn:
        entries = [entry for entry in lists.entries(conn) if like is None or like in entry.value]
        remembered = memory.listing(conn, like, now, most)
    if as_json:
        rows = {"lists": [written(entry) for entry in entries], "memory": [plain(row) for row in remembered]}
        return click.echo(json.dumps(rows, indent=1))
    if not entries and not remembered:
        return console.print("Nobody is listed or remembered.")
    show_entries(entries)
    show_memory(remembered)
    return None


def show_entries(entries: Iterable[Any]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("no.", "list", "who", "from network", "for", "until", "by", "comment"):
        table.add_column(column)
    for entry in entries:
        network = str(entry.network) if entry.network and entry.kind is not ListKind.NETWORK else ""
        until = f"{entry.expires:%Y-%m-%d}" if entry.expires else ""
        named = f"to {entry.value}" if entry.kind is ListKind.RECIPIENT else entry.value
        table.add_row(
            str(entry.id), entry.verb, escape(named), network, entry.scope or "", until, entry.author,
            escape(entry.comment),
        )  # fmt: skip
    if table.row_count:
        console.print(table)


def show_memory(rows: Iterable[dict[str, Any]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("grade", "sender", "recipient", "from", "because", "last mail", "until"):
        table.add_column(column)
    for row in rows:
        table.add_row(
            Grade(row["grade"]).name.lower(),
            escape(row["sender"] or "<>"),
            escape(row["recipient"]),
            row["value"],
            row["earned"] + (f" by {row['author']}" if row["author"] else ""),
            f"{row['last_seen']:%Y-%m-%d %H:%M}",
            f"{row['expires']:%Y-%m-%d}",
        )
    if table.row_count:
        console.print(table)


def written(entry: Any) -> dict[str, str]:
    """An entry as a line of the export."""
    network = str(entry.network) if entry.network and entry.kind is not ListKind.NETWORK else ""
    expires = entry.expires.isoformat() if entry.expires else ""
    values = (entry.verb, entry.kind, entry.value, network, entry.scope or "", expires, entry.author, entry.comment)
    return dict(zip(COLUMNS, map(str, values), strict=True))


def plain(row: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
    shown.pop("key")
    return shown | {"grade": Grade(row["grade"]).name.lower(), "kind": RungKind(row["kind"]).name.lower()}


@known.command()
@click.argument("file", type=click.File("w", encoding="utf-8"), default="-")
@with_settings
def export(file: TextIO, settings: Settings) -> None:
    """Write the lists as CSV to FILE (or standard output)."""
    with transaction(settings) as conn:
        entries = lists.entries(conn)
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    writer.writerows(written(entry) for entry in entries)
    if file is not sys.stdout:
        click.echo(f"Wrote {len(entries)} entries.")


@known.command(name="import")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@with_settings
def import_(file: TextIO, settings: Settings) -> None:
    """Read lists from a CSV FILE as written by export: all lines, or none if one is wrong."""
    who, now = person(), clock.now()
    entries, problems = [], []
    for number, row in enumerate(csv.DictReader(file), start=2):
        try:
            entries.append(entry_of(row, who.name))
        except (click.BadParameter, ValueError, KeyError, TypeError) as error:
            problems.append(f"line {number}: {error}")
    if problems:
        raise click.ClickException("\n".join([f"{file.name} was not imported:", *problems]))
    with transaction(settings) as conn:
        there = {(entry.verb, entry.kind, entry.value, entry.scope) for entry in lists.entries(conn)}
        fresh = [one for one in entries if (one.verb, one.kind, one.value, one.scope) not in there]
        for entry in fresh:
            lists.add(conn, entry, now)
        decisions.happened(conn, "lists imported", now, who=who.name, entries=len(fresh))
        changes.announce(conn, who.node)
    click.echo(f"Imported {len(fresh)} entries; {len(entries) - len(fresh)} were there already.")


def entry_of(row: dict[str, str], author: str) -> NewEntry:
    """Raises click.BadParameter, ValueError or KeyError with what is wrong."""
    missing = {"verb", "kind", "value"} - {name for name, value in row.items() if value}
    if missing:
        raise ValueError(f"{', '.join(sorted(missing))} missing; the columns are {', '.join(COLUMNS)}")
    kind, value = read_party(row["value"])
    wanted = ListKind(row["kind"])
    if wanted is not kind and wanted is not ListKind.RECIPIENT:
        raise ValueError(f"{row['value']} is no {wanted}")
    return NewEntry(
        ListVerb(row["verb"]),
        wanted,
        value,
        read_network(row.get("network") or None),
        read_scope(row.get("scope") or None),
        datetime.fromisoformat(row["expires"]) if row.get("expires") else None,
        row.get("author") or author,
        row.get("comment") or "",
    )
