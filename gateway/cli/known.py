"""greygate known: whom we know, remember, allow and block."""

import csv
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any, TextIO

import click
from sqlalchemy import Connection

from gateway import clock
from gateway.cli.connection import person, transaction
from gateway.cli.options import DURATION, with_settings
from gateway.cli.output import console, show_rows, shown
from gateway.model import Grade, ListKind, ListVerb, RungKind
from gateway.policy.address import BadAddress, domain_key, parse_address
from gateway.settings import Settings
from gateway.store import changes, decisions, lists, memory, networks, sightings
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
        if text.replace(".", "").replace("/", "").isdecimal() or ":" in text:
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
    if verb is ListVerb.ALLOW and needs_network(kind) and network is None:
        raise click.UsageError(
            f"Anybody can write {value} as a sender. Name the network it writes from: --network 192.0.2.0/24"
        )
    who, now = person(), clock.now()
    expires = now + life if life else None
    entry = NewEntry(verb, kind, value, read_network(network), read_scope(scope), expires, who.name, comment)
    if entry.network is not None and not needs_network(kind):
        raise click.UsageError("--network goes with the name of a sender.")
    with transaction(settings) as conn:
        number = lists.add(conn, entry, now)
        decisions.happened(conn, f"list {verb}", now, who=who.name, entry=number, value=value)
        changes.announce(conn, who.node)
    click.echo(f"{number}: {verb} {kind} {value}. It takes effect within a second.")


def needs_network(kind: ListKind) -> bool:
    """True for the names of senders, which anybody may write."""
    return kind in (ListKind.ADDRESS, ListKind.DOMAIN)


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
        number = int(party) if party.isdecimal() and len(party) < 19 else None
        gone = int(lists.remove(conn, number)) if number is not None else forget_party(conn, read_party(party)[1], now)
        if gone:
            decisions.happened(conn, "forgotten", now, who=who.name, value=party, rows=gone)
            changes.announce(conn, who.node)
    if not gone:
        raise click.ClickException(f"nothing is on record under {party}. See: greygate known list")
    click.echo(f"Forgot {counted(gone)}.")


def forget_party(conn: Connection, party: str, now: datetime) -> int:
    """What is remembered, good or bad, and that it waited before: it is a stranger again."""
    return memory.forget(conn, party) + sightings.forget(conn, party) + networks.forget(conn, party, now)


@known.command(name="list")
@click.argument("like", required=False)
@click.option("--most", default=100, show_default=True, type=click.IntRange(1, 100_000), help="How many remembered.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_settings
def list_(like: str | None, most: int, as_json: bool, settings: Settings) -> None:
    """Show the lists and who is remembered; LIKE is part of an address, domain or network."""
    now = clock.now()
    with transaction(settings, reads=True) as conn:
        entries = [entry for entry in lists.entries(conn) if like is None or like.lower() in entry.value]
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
    rows = []
    for entry in entries:
        network = str(entry.network) if entry.network and entry.kind is not ListKind.NETWORK else ""
        until = f"{entry.expires:%Y-%m-%d}" if entry.expires else ""
        named = f"to {entry.value}" if entry.kind is ListKind.RECIPIENT else entry.value
        line = (str(entry.id), entry.verb, named, network, entry.scope or "", until, entry.author, entry.comment)
        rows.append(tuple(map(shown, line)))
    if rows:
        show_rows(("no.", "list", "who", "from network", "for", "until", "by", "comment"), rows, short=3)


def show_memory(remembered: Iterable[dict[str, Any]]) -> None:
    rows = []
    for row in remembered:
        line = (
            Grade(row["grade"]).name.lower(),
            row["sender"] or "<>",
            row["recipient"],
            row["value"],
            row["earned"] + (f" by {row['author']}" if row["author"] else ""),
            f"{row['last_seen']:%Y-%m-%d %H:%M}",
            f"{row['expires']:%Y-%m-%d}",
        )
        rows.append(tuple(map(shown, line)))
    if rows:
        show_rows(("grade", "sender", "recipient", "from", "because", "last mail", "until"), rows, short=3)


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
    with transaction(settings, reads=True) as conn:
        entries = lists.entries(conn)
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    writer.writerows(written(entry) for entry in entries)
    click.echo(f"Wrote {counted(len(entries))}.", err=True)


def counted(entries: int) -> str:
    return f"{entries} {'entry' if entries == 1 else 'entries'}"


@known.command(name="import")
@click.argument("file", type=click.File("r", encoding="utf-8-sig"))
@with_settings
def import_(file: TextIO, settings: Settings) -> None:
    """Read lists from a CSV FILE as written by export: all lines, or none if one is wrong."""
    who, now = person(), clock.now()
    entries, problems = read_entries(file, who.name)
    if problems:
        raise click.ClickException("\n".join([f"{file.name} was not imported:", *problems]))
    with transaction(settings) as conn:
        there = {tuple(list(written(entry).values())[:5]) for entry in lists.entries(conn)}
        new = {(one.verb, one.kind, one.value, one.network or "", one.scope or ""): one for one in entries}
        fresh = [entry for which, entry in new.items() if which not in there]
        for entry in fresh:
            lists.add(conn, entry, now)
        decisions.happened(conn, "lists imported", now, who=who.name, entries=len(fresh))
        changes.announce(conn, who.node)
    click.echo(f"Imported {counted(len(fresh))}; {len(entries) - len(fresh)} already there.")


def read_entries(file: TextIO, author: str) -> tuple[list[NewEntry], list[str]]:
    """The entries of a CSV file, and what is wrong with its lines."""
    entries, problems = [], []
    reader = csv.DictReader(file)
    try:
        if not {"verb", "kind", "value"} <= set(reader.fieldnames or ()):
            return [], [f"line 1: the columns are {', '.join(COLUMNS)}"]
        for row in reader:
            try:
                entries.append(entry_of(row, author))
            except (ValueError, TypeError) as error:
                problems.append(f"line {reader.line_num}: {error}")
            except click.BadParameter as error:
                problems.append(f"line {reader.line_num}: {error.message}")
    except (csv.Error, UnicodeDecodeError) as error:
        problems.append(f"behind line {reader.line_num}: no CSV in UTF-8: {error}")
    return entries, problems


def entry_of(row: dict[str, str], author: str) -> NewEntry:
    """Raises click.BadParameter, ValueError or TypeError with what is wrong."""
    missing = {"verb", "kind", "value"} - {name for name, value in row.items() if value}
    if missing:
        raise ValueError(f"{', '.join(sorted(missing))} missing; the columns are {', '.join(COLUMNS)}")
    kind, value = read_party(row["value"])
    wanted = ListKind(row["kind"])
    if wanted is not kind and (wanted is not ListKind.RECIPIENT or kind is ListKind.NETWORK):
        raise ValueError(f"{row['value']} is no {wanted}")
    verb, network = ListVerb(row["verb"]), read_network(row.get("network") or None)
    if verb is ListVerb.ALLOW and needs_network(wanted) and network is None:
        raise ValueError(f"anybody can write {value} as a sender; the column network must name where it writes from")
    expires = datetime.fromisoformat(row["expires"]) if row.get("expires") else None
    return NewEntry(
        verb,
        wanted,
        value,
        network,
        read_scope(row.get("scope") or None),
        expires.replace(tzinfo=UTC) if expires and expires.tzinfo is None else expires,
        row.get("author") or author,
        row.get("comment") or "",
    )
