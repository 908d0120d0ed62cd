"""Which identities many unrelated people share, and which of the others everybody of ours remembers.

What is learnt converges: rows are added by whoever sees first, and a few of them are enough to tell.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select

from gateway.model import Grade, Rung, RungKind
from gateway.policy.shared import MOST_DOMAINS, Shared
from gateway.store import changes, memory
from gateway.store.keys import digest
from gateway.store.memory import Remembered
from gateway.store.upsert import upsert
from sql.tables import identity_use, shared_identity, waited_once

MOST_LEARNT = 100_000  # shared identities that a worker knows by heart, the newest


def key(kind: RungKind | None, value: str) -> bytes:
    return digest("identity", "" if kind is None else str(int(kind)), value)


# ---- learnt --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Use:
    """A delivered mail of a domain (organisational: of its author, else of its sender) came with this identity."""

    rung: Rung
    domain: str
    at: datetime
    node: str


def used(conn: Connection, uses: Iterable[Use]) -> None:
    """Note for whom identities send; with the first domain too many an identity is shared from then on."""
    for one in uses:
        named = key(one.rung.kind, one.rung.value)
        seen = set(conn.execute(select(identity_use.c.domain).where(identity_use.c.key == named)).scalars())
        if one.domain in seen or len(seen) <= MOST_DOMAINS:
            upsert(conn, identity_use, [use_row(named, one)], key=("key", "domain"),
                   least=("first_seen",), greatest=("last_seen",))  # fmt: skip
        if len(seen | {one.domain}) > MOST_DOMAINS and one.domain not in seen:
            learn(conn, one)


def use_row(named: bytes, one: Use) -> dict[str, Any]:
    return {
        "key": named,
        "domain": one.domain[:255],
        "kind": int(one.rung.kind),
        "value": one.rung.value[:255],
        "first_seen": one.at,
        "last_seen": one.at,
    }


def learn(conn: Connection, one: Use) -> None:
    """Unless it is known, or a person has said something about this very identity. Workers are told."""
    named = key(one.rung.kind, one.rung.value)
    if conn.execute(select(shared_identity.c.key).where(shared_identity.c.key == named)).first() is None:
        comment = f"more than {MOST_DOMAINS} unrelated domains send by it"
        put(conn, one.rung.kind, one.rung.value, True, one.at, "", comment)
        changes.announce(conn, one.node)


def forget_old(conn: Connection, before: datetime, now: datetime, most: int) -> int:
    """Delete up to `most` uses from before a moment, and of waits whose time is over; how many."""
    columns = identity_use.c.key, identity_use.c.domain
    gone = 0
    for row in conn.execute(select(*columns).where(identity_use.c.last_seen < before).limit(most)).all():
        gone += conn.execute(delete(identity_use).where(columns[0] == row[0], columns[1] == row[1])).rowcount
    old = list(conn.execute(select(waited_once.c.key).where(waited_once.c.expires < now).limit(most)).scalars())
    return gone + conn.execute(delete(waited_once).where(waited_once.c.key.in_(old))).rowcount


# ---- said ----------------------------------------------------------------------------------------------------------


def say(conn: Connection, domain: str, shared: bool, now: datetime, author: str, comment: str = "") -> None:
    """A person says whether a domain, as whatever kind of identity, is shared."""
    put(conn, None, domain, shared, now, author, comment)


def put(
    conn: Connection, kind: RungKind | None, value: str, shared: bool, now: datetime, author: str, comment: str
) -> None:
    row = {
        "key": key(kind, value),
        "kind": None if kind is None else int(kind),
        "value": value[:255],
        "shared": shared,
        "since": now,
        "author": author,
        "comment": comment,
    }
    replace = ("shared", "since", "author", "comment")
    upsert(conn, shared_identity, [row], key=("key",), replace=replace)
    if shared:  # what one customer earned for everybody is not the next one's
        memory.forget_for_everybody(conn, value)


def known(conn: Connection) -> Shared:
    """All that was learnt and said, to be kept in memory."""
    learnt, said, never = set(), set(), set()
    for row in listing(conn, MOST_LEARNT):
        if not row["shared"]:
            never.add(row["value"])
        elif row["kind"] is None:
            said.add(row["value"])
        else:
            learnt.add(Rung(RungKind(row["kind"]), row["value"]))
    return Shared(frozenset(learnt), frozenset(said), frozenset(never))


def listing(conn: Connection, most: int) -> list[dict[str, Any]]:
    """What was learnt or said, newest first."""
    query = select(shared_identity).order_by(shared_identity.c.since.desc(), shared_identity.c.value).limit(most)
    return [dict(row) for row in conn.execute(query).mappings()]


def domains(conn: Connection, value: str) -> int:
    """For how many domains an identity of this name was seen to send, as far as anybody counted."""
    query = select(func.count(identity_use.c.domain.distinct())).where(identity_use.c.value == value)
    return int(conn.execute(query).scalar_one())


# ---- remembered for everybody ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waited:
    """A sender that waited and came back to this recipient, with an authenticated identity that is nobody else's."""

    rung: Rung
    sender: str  # normalised
    recipient: str
    now: datetime
    expires: datetime


def waited(conn: Connection, items: Iterable[Waited]) -> None:
    """Note for whom it waited; from the second recipient on, everybody of ours remembers that domain by this rung."""
    for one in items:
        domain = memory.anybody_at(one.sender)
        named = digest("waited", str(int(one.rung.kind)), one.rung.value, domain)
        mine = digest("recipient", one.recipient)
        row = {"key": named, "first_for": mine, "expires": one.expires}
        upsert(conn, waited_once, [row], key=("key",), greatest=("expires",))
        first = conn.execute(select(waited_once.c.first_for).where(waited_once.c.key == named)).scalar_one()
        if bytes(first) != mine:
            everybody = Remembered(
                {one.rung}, domain, memory.EVERYBODY, Grade.REMEMBERED, "two waited", one.now, one.expires
            )
            memory.remember(conn, [everybody])
