"""greygate hosters: places that anybody can rent, whose strangers wait longer or are held."""

import json
from ipaddress import ip_network
from typing import TextIO

import click

from gateway import clock
from gateway.cli.connection import person, transaction
from gateway.cli.options import with_settings
from gateway.cli.output import console, show_rows, shown
from gateway.evidence.systems import MOST_NUMBER, NUMBER
from gateway.model import Hoster, HosterKind
from gateway.policy.address import BadAddress, domain_key
from gateway.settings import Settings
from gateway.store import changes, decisions
from gateway.store import hosters as hosters_store


@click.group()
def hosters() -> None:
    """Private hosters, whose strangers wait longer or are held: add, remove, list, import."""


def read_place(text: str) -> tuple[HosterKind, str]:
    """Raises click.BadParameter with what is allowed."""
    try:
        if (found := NUMBER.fullmatch(text)) and not text.isdecimal() and 0 < int(found[1]) <= MOST_NUMBER:
            return HosterKind.AS, f"AS{int(found[1])}"
        if text.replace(".", "").replace("/", "").isdecimal() or ":" in text:
            return HosterKind.NETWORK, str(ip_network(text, strict=False))
        if "." in text:
            return HosterKind.NAME, domain_key(text)
    except (BadAddress, ValueError):
        pass
    raise click.BadParameter(f"{text!r} is no network (192.0.2.0/24), name (hoster.example) or system (AS64500)")


@hosters.command()
@click.argument("place", metavar="NETWORK|NAME|AS")
@click.option("--comment", default="", help="Why.")
@with_settings
def add(place: str, comment: str, settings: Settings) -> None:
    """Let strangers at this network, with a host name in this domain, or in this AS wait longer, or hold their mail."""
    who, now = person(), clock.now()
    kind, value = read_place(place)
    with transaction(settings) as conn:
        added = hosters_store.add(conn, [Hoster(0, kind, value, who.name, comment)], now)
        if added:
            decisions.happened(conn, "hoster added", now, who=who.name, value=value)
            changes.announce(conn, who.node)
    click.echo(f"{value}. It takes effect within a second." if added else f"{value} is there already.")
    if kind is HosterKind.AS and settings.hosters.asn_file is None:
        click.echo("Nothing tells which network is of which AS: set [hosters] asn_file.")


@hosters.command()
@click.argument("place", metavar="NETWORK|NAME|AS")
@with_settings
def remove(place: str, settings: Settings) -> None:
    """Take a network, name or AS off the list."""
    who, now = person(), clock.now()
    _, value = read_place(place)
    with transaction(settings) as conn:
        gone = hosters_store.remove(conn, value)
        if gone:
            decisions.happened(conn, "hoster removed", now, who=who.name, value=value)
            changes.announce(conn, who.node)
    if not gone:
        raise click.ClickException(f"{value} is not listed. See: greygate hosters list")
    click.echo(f"Removed {value}.")


@hosters.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_settings
def list_(as_json: bool, settings: Settings) -> None:
    """Show the private hosters."""
    with transaction(settings, reads=True) as conn:
        found = hosters_store.entries(conn)
    if as_json:
        names = ("kind", "value", "author", "comment")
        return click.echo(json.dumps([{name: str(getattr(one, name)) for name in names} for one in found], indent=1))
    if not found:
        return console.print("No hoster is listed.")
    rows = [tuple(map(shown, (one.value, one.author, one.comment))) for one in found]
    return show_rows(("hoster", "by", "comment"), rows)


@hosters.command(name="import")
@click.argument("file", type=click.File("r", encoding="utf-8-sig"))
@with_settings
def import_(file: TextIO, settings: Settings) -> None:
    """Read hosters from FILE, one on each line, # begins a comment: all lines, or none if one is wrong."""
    who, now = person(), clock.now()
    wanted, problems = [], []
    for number, line in enumerate(file, 1):
        text, _, comment = line.partition("#")
        try:
            if text.strip():
                wanted.append(Hoster(0, *read_place(text.strip()), who.name, comment.strip()))
        except click.BadParameter as error:
            problems.append(f"line {number}: {error.message}")
    if problems:
        raise click.ClickException("\n".join([f"{file.name} was not imported:", *problems]))
    with transaction(settings) as conn:
        added = hosters_store.add(conn, wanted, now)
        decisions.happened(conn, "hosters imported", now, who=who.name, entries=added)
        changes.announce(conn, who.node)
    click.echo(f"Imported {added}; {len(wanted) - added} already there.")
