"""What people did and saw: rows that are only ever added, each sealed with the one before it.

A chain a node: each of its rows holds the digest of the row before it and its own. Whoever changes or removes a row
breaks the chain at that place; whoever cuts off its end leaves the head pointing at nothing.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, insert, or_, select, update

from gateway.store.upsert import upsert
from sql.tables import audit, audit_head

START = "0" * 64  # what stands before the first row
AT_ONCE = 1000
LEAST = -(2**63)  # that a number can be


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody did something. `about` is an address, the id of a mail or a name; `peer` is "" at a terminal."""

    at: datetime
    who: str
    act: str
    about: str = ""
    peer: str = ""
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """Where a chain is not whole, and how."""

    node: str
    number: int
    how: str


def add(conn: Connection, node: str, entry: Entry) -> int:
    """Write it at the end of this node's chain; its number. It is there if and only if the transaction is."""
    upsert(conn, audit_head, [{"node": node, "number": 0, "digest": START}], key=("node",))
    mine = audit_head.c.node == node
    # The update locks the head before it is read: two writers come one after the other.
    conn.execute(update(audit_head).where(mine).values(number=audit_head.c.number + 1))
    head = conn.execute(select(audit_head).where(mine)).one()
    row = {
        "node": node,
        "number": head.number,
        "at": entry.at,
        "who": entry.who,
        "peer": entry.peer,
        "act": entry.act,
        "about": entry.about,
        "detail": json.dumps(dict(entry.detail or {}), sort_keys=True, separators=(",", ":"), default=str),
        "previous": head.digest,
    }
    digest = sealed(row)
    conn.execute(insert(audit).values(**row, digest=digest))
    conn.execute(update(audit_head).where(mine).values(digest=digest))
    return int(head.number)


def sealed(row: Mapping[str, Any]) -> str:
    """The digest over all of a row, and so over all before it."""
    at = row["at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    parts = [at, *(str(row[name]) for name in ("node", "number", "who", "peer", "act", "about", "detail", "previous"))]
    return sha256(json.dumps(parts, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()


def verify(conn: Connection) -> tuple[int, list[Broken]]:
    """How many rows there are, and where a chain is broken: the first place of each. People may go on meanwhile."""
    nodes = set(conn.execute(select(audit_head.c.node)).scalars())
    nodes |= set(conn.execute(select(audit.c.node).distinct()).scalars())
    broken, rows = [], 0
    for node in sorted(nodes):
        count, found = check(conn, node)
        rows += count
        broken += [found] if found else []
    return rows, broken


def check(conn: Connection, node: str) -> tuple[int, Broken | None]:
    """Up to the head, and on from there for as long as somebody adds something."""
    previous, number, head = START, 0, head_of(conn, node)
    while True:
        for row in chain(conn, node, number or LEAST, head[0]):
            number += 1
            if row["number"] != number:
                return number, Broken(node, number, "it is missing")
            if row["previous"] != previous:
                return number, Broken(node, number, "it does not follow from the one before it")
            if sealed(row) != row["digest"]:
                return number, Broken(node, number, "it was changed")
            previous = row["digest"]
        if head != (number, previous):
            return number, Broken(node, number + 1, "the end of the chain is missing")
        # In this order: what somebody adds meanwhile has its head by the time that it is read.
        more = conn.execute(select(audit.c.number).where(behind(node, number)).limit(1)).first()
        before, head = head, head_of(conn, node)
        if more is None:
            return number, None
        if head == before:
            return number, Broken(node, number + 1, "it was put in behind the end")


def head_of(conn: Connection, node: str) -> tuple[int, str]:
    row = conn.execute(select(audit_head).where(audit_head.c.node == node)).first()
    return (0, START) if row is None else (row.number, row.digest)


def behind(node: str, number: int) -> ColumnElement[bool]:
    return and_(audit.c.node == node, audit.c.number > number)


def chain(conn: Connection, node: str, after: int, last: int) -> Iterator[Mapping[str, Any]]:
    """The rows of a node in their order, some at a time."""
    while True:
        mine = and_(behind(node, after), audit.c.number <= last)
        rows = conn.execute(select(audit).where(mine).order_by(audit.c.number).limit(AT_ONCE)).mappings().all()
        yield from map(dict, rows)
        if len(rows) < AT_ONCE:
            return
        after = rows[-1]["number"]


def latest(
    conn: Connection,
    most: int,
    *,
    who: str = "",
    about: str = "",
    act: str = "",
    before: tuple[datetime, str, int] | None = None,
) -> list[dict[str, Any]]:
    """The newest first; `before`: time, node and number of the last one of the page above."""
    query = select(audit).order_by(audit.c.at.desc(), audit.c.node.desc(), audit.c.number.desc()).limit(most)
    if who:
        query = query.where(audit.c.who == who)
    if about:
        query = query.where(audit.c.about == about)
    if act:
        query = query.where(audit.c.act == act)
    if before is not None:
        at, node, number = before
        older = and_(audit.c.at == at, or_(audit.c.node < node, and_(audit.c.node == node, audit.c.number < number)))
        query = query.where(audit.c.at <= at, or_(audit.c.at < at, older))  # the first is what an index goes by
    index = "ix_audit_about_at" if about else "ix_audit_who_at" if who else "ix_audit_at"
    query = query.with_hint(audit, f"FORCE INDEX ({index})", "mysql")  # MariaDB would read from the newest to there
    return [dict(row) for row in conn.execute(query).mappings()]
