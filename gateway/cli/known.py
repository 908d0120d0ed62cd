"""greygate known: whom we know, remember, allow and block."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import click
from sqlalchemy import Connection

from gateway import clock, entries
from gateway.cli import entries as entry_commands
from gateway.cli import listfile, suggesting
from gateway.cli.connection import person, transaction
from gateway.cli.listfile import counted
from gateway.cli.options import DURATION, with_settings
from gateway.cli.output import console, show_rows, shown
from gateway.cli.parties import read_domain, read_network, read_party, read_scope
from gateway.cli.shared import shared
from gateway.cli.standing import standing
from gateway.model import Binds, Grade, ListEntry, ListKind, ListVerb, RungKind
from gateway.policy.conflicts import conflicts_of
from gateway.policy.entries import conflict_sentence, is_name, proof, who
from gateway.policy.lists import in_force
from gateway.settings import Settings
from gateway.store import changes, decisions, lists, memory, networks, sightings, standings
from gateway.store.lists import NewEntry

MOST_CONFLICTS = 10  # shown when an entry is added


@click.group()
def known() -> None:
    """The private lists, and who is known or remembered."""


for command in (
    listfile.export,
    listfile.import_,
    entry_commands.change,
    entry_commands.restore,
    entry_commands.history,
    entry_commands.conflicts,
    suggesting.suggest,
    shared,
    standing,
):
    known.add_command(command)


def entry_options(command: Any) -> Any:
    for option in (
        click.option("--network", help="A name counts only from this network."),
        click.option("--signature", help="A name counts only when this domain, or one below it, signed for it."),
        click.option("--for", "scope", help="Only for this recipient or local domain."),
        click.option("--expires", "life", type=DURATION, help="After which time it ends, such as 30d."),
        click.option("--comment", default="", help="Why."),
        click.option("--recipient", is_flag=True, help="PARTY is a recipient of ours, not a sender."),
        click.option("--signer", is_flag=True, help="PARTY is the domain that signs, whoever the author is."),
    ):
        command = option(command)
    return command


def add(settings: Settings, verb: ListVerb, party: str, life: timedelta | None, comment: str, **given: Any) -> None:
    asks, now = person(), clock.now()
    kind, value = kind_of(party, recipient=given["recipient"], signer=given["signer"])
    entry = NewEntry(
        verb,
        kind,
        value,
        read_network(given["network"]),
        read_scope(given["scope"]),
        now + life if life else None,
        asks.name,
        comment,
        read_domain(given["signature"]),
        Binds.UNAUTHENTICATED if given.get("unless_proved") else Binds.EVERYTHING,
    )
    if not is_name(kind) and (entry.network or entry.signature or entry.binds is Binds.UNAUTHENTICATED):
        raise click.UsageError("--network, --signature and --unless-proved go with the name of a sender.")
    with transaction(settings) as conn:
        before = lists.entries(conn)
        number = entries.add(conn, entry, asks, now)
    click.echo(f"{number}: {verb} {kind} {value}. It takes effect within a second.")
    tell(entry.as_entry(number), before, now)


def kind_of(party: str, *, recipient: bool, signer: bool) -> tuple[ListKind, str]:
    kind, value = read_party(party)
    if recipient:
        if kind is ListKind.NETWORK:
            raise click.BadParameter("a recipient is an address or a local domain")
        return ListKind.RECIPIENT, value
    if signer:
        if kind is not ListKind.DOMAIN:
            raise click.BadParameter("who signs is a domain")
        return ListKind.SIGNATURE, value
    return kind, value


def tell(entry: ListEntry, before: Iterable[ListEntry], now: datetime) -> None:
    """What an admin should know about an entry that was added: what proves it, and what it quarrels with."""
    if entry.verb is ListVerb.ALLOW and is_name(entry.kind) and entry.network is None:
        signer = f"{entry.signature} signed" if entry.signature else "its own domain signed"
        click.echo(
            f"Anybody can write this name, so it counts when {signer} the mail, which is known after its data. "
            "For a sender that signs nothing name its network: --network 192.0.2.0/24"
        )
    found = conflicts_of(entry, before, now)
    for finding in found[:MOST_CONFLICTS]:
        click.echo(conflict_sentence(finding))
    if len(found) > MOST_CONFLICTS:
        click.echo(f"… and {len(found) - MOST_CONFLICTS} more: greygate known conflicts")


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
@click.option("--unless-proved", is_flag=True, help="Only uses of the name that no signature proves.")
@with_settings
def block(settings: Settings, **given: Any) -> None:
    """Refuse PARTY (an address, domain or network) with 550."""
    add(settings, ListVerb.BLOCK, **given)


@known.command()
@click.argument("party")
@with_settings
def forget(party: str, settings: Settings) -> None:
    """Take back list entry number PARTY, or forget what is remembered about an address, domain or network."""
    asks, now = person(), clock.now()
    with transaction(settings) as conn:
        if party.isdecimal() and len(party) < 19:
            gone = int(entries.take_off(conn, int(party), asks, now))
        else:
            gone = forget_party(conn, read_party(party)[1], now)
            if gone:
                decisions.happened(conn, "forgotten", now, who=asks.name, value=party, rows=gone)
                changes.announce(conn, asks.node)
        left = [entry.id for entry in lists.entries(conn) if entry.value == party.lower() and in_force(entry, now)]
    if not gone:
        raise click.ClickException(f"nothing is on record under {party}. See: greygate known list")
    click.echo(f"Forgot {counted(gone)}.")
    for number in left:
        click.echo(f"Entry {number} of the lists names it still: greygate known forget {number}")


def forget_party(conn: Connection, party: str, now: datetime) -> int:
    """What is remembered, good or bad, and that it waited before: it is a stranger again."""
    gone = memory.forget(conn, party) + sightings.forget(conn, party) + networks.forget(conn, party, now)
    return gone + standings.forget(conn, party)


@known.command(name="list")
@click.argument("like", required=False)
@click.option("--most", default=100, show_default=True, type=click.IntRange(1, 100_000), help="How many remembered.")
@click.option("--all", "everything", is_flag=True, help="Entries that are over or were withdrawn too.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_settings
def list_(like: str | None, most: int, everything: bool, as_json: bool, settings: Settings) -> None:
    """Show the lists and who is remembered; LIKE is part of an address, domain or network."""
    now = clock.now()
    with transaction(settings, reads=True) as conn:
        there = lists.history(conn) if everything else lists.entries(conn)
        found = [entry for entry in there if like is None or like.lower() in entry.value]
        listed = [entry for entry in found if everything or in_force(entry, now)]
        remembered = memory.listing(conn, like, now, most)
    if as_json:
        rows = {
            "lists": [entry_commands.record(entry) for entry in listed],
            "memory": [plain(row) for row in remembered],
        }
        return click.echo(json.dumps(rows, indent=1))
    if not listed and not remembered:
        return console.print("Nobody is listed or remembered.")
    show_entries(listed)
    show_memory(remembered)
    return None


def show_entries(listed: Iterable[ListEntry]) -> None:
    rows = []
    for entry in listed:
        until = f"{entry.expires:%Y-%m-%d}" if entry.expires else ""
        if entry.withdrawn_at:
            until = f"withdrawn {entry.withdrawn_at:%Y-%m-%d}"
        line = (str(entry.id), entry.verb, str(who(entry)), str(proof(entry)), entry.scope or "", until, entry.author,
                entry.comment)  # fmt: skip
        rows.append(tuple(map(shown, line)))
    if rows:
        show_rows(("no.", "list", "who", "with", "for", "until", "by", "comment"), rows, short=3)


def show_memory(remembered: Iterable[dict[str, Any]]) -> None:
    rows = []
    for row in remembered:
        line = (
            Grade(row["grade"]).name.lower(),
            row["sender"] or "<>",
            "everybody" if row["recipient"] == memory.EVERYBODY else row["recipient"],
            row["value"],
            row["earned"] + (f" by {row['author']}" if row["author"] else ""),
            f"{row['last_seen']:%Y-%m-%d %H:%M}",
            f"{row['expires']:%Y-%m-%d}",
        )
        rows.append(tuple(map(shown, line)))
    if rows:
        show_rows(("grade", "sender", "recipient", "from", "because", "last mail", "until"), rows, short=3)


def plain(row: dict[str, Any]) -> dict[str, Any]:
    told = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
    told.pop("key")
    return told | {"grade": Grade(row["grade"]).name.lower(), "kind": RungKind(row["kind"]).name.lower()}
