"""Entries of the private lists that come from a kept mail: proposed, added, and taken back."""

from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any

from sqlalchemy import Connection

from gateway.model import ListVerb, RungKind
from gateway.policy import author, proposal
from gateway.policy.conflicts import covers
from gateway.policy.identity import network_of
from gateway.policy.lists import in_force
from gateway.policy.proposal import Choice, Sample
from gateway.store import decisions, lists, memory, messages
from gateway.store.lists import NewEntry
from gateway.store.rows import rungs_from_json


def act_of(number: str) -> str:
    """The comment on what is remembered because somebody released a mail."""
    return f"released {number}"


class NoSuchChoice(Exception):
    """That combination was not proposed, or may not be taken. args[0] says why."""


def proposed(row: dict[str, Any], recipient: str, verb: ListVerb) -> tuple[Choice, ...]:
    sample = sample_of(row, recipient)
    return proposal.to_allow(sample) if verb is ListVerb.ALLOW else proposal.to_block(sample)


def sample_of(row: dict[str, Any], recipient: str) -> Sample:
    """The facts of a kept mail. Behind a declared relay its peer is the relay, and its network that of the hop."""
    rungs, peer = rungs_from_json(row["rungs"]), ip_address(row["peer"])
    networks = sorted(rung.value for rung in rungs if rung.kind is RungKind.NETWORK)
    if networks and str(network_of(peer)) not in networks:
        peer = ip_network(networks[0]).network_address
    to = messages.stored_address(recipient)
    return Sample(peer, rungs, messages.sender_of(row), author.addresses([row["author"]]), to)


def put_on_list(
    conn: Connection,
    row: dict[str, Any],
    recipient: str,
    verb: ListVerb,
    choice: int,
    who: str,
    now: datetime,
    expires: datetime | None = None,
) -> int:
    """Add the chosen combination for this recipient; its number, an old one where that says it for long enough."""
    choices = proposed(row, recipient, verb)
    if not 0 <= choice < len(choices):
        raise NoSuchChoice(f"there are {len(choices)} to choose from")
    if not choices[choice].may_be_taken:
        raise NoSuchChoice(str(choices[choice].because))
    entry = replace(
        choices[choice].entry, author=who, message=row["id"], expires=expires, comment=f"from mail {row['id']}"
    )
    half = replace(entry, expires=None if expires is None else now + (expires - now) / 2)
    for there in lists.entries(conn):
        if there.verb is verb and in_force(there, now) and covers(there, half):
            return there.id
    made = lists.add(conn, NewEntry.of(entry), now)
    decisions.happened(
        conn, f"list {verb}", now, message=row["id"], recipient=recipient, who=who, entry=made, value=entry.value
    )
    return made


def take_back(conn: Connection, number: int, who: str, now: datetime) -> bool:
    """Withdraw an entry; the caller announces it.

    With one that was approved from a mail goes what is remembered because of that approval.
    """
    entry = lists.find(conn, number)
    if entry is None or not lists.withdraw(conn, number, who, now):
        return False
    forgotten = 0
    if entry.message is not None and entry.verb is ListVerb.ALLOW:
        forgotten = memory.forget_act(conn, act_of(entry.message))
    decisions.happened(
        conn, "list withdrawn", now, message=entry.message, who=who, entry=number, value=entry.value,
        forgotten=forgotten,
    )  # fmt: skip
    return True
