"""What accounts expect: who said so, from whom, and until when."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, literal, select, update

from gateway.model import CopyState, DeliveryState, Expectation
from sql.tables import copy, delivery, message
from sql.tables import expecting as table

MOST = 10_000  # open at a time, over all accounts; the newest count


def add(conn: Connection, recipient: str, domain: str | None, now: datetime, until: datetime, who: str) -> Expectation:
    values = {"recipient": recipient, "domain": domain, "opened_at": now, "until": until, "who": who}
    made = conn.execute(insert(table).values(**values))
    assert made.inserted_primary_key is not None
    return Expectation(int(made.inserted_primary_key[0]), recipient, domain, now, until, who)


def close(conn: Connection, number: int, now: datetime) -> bool:
    """End one before its time; False when it has ended already."""
    running = (table.c.id == number, table.c.closed_at.is_(None), table.c.until > now)
    return conn.execute(update(table).where(*running).values(closed_at=now)).rowcount == 1


def load(conn: Connection, number: int) -> Expectation | None:
    row = conn.execute(select(table).where(table.c.id == number)).one_or_none()
    return None if row is None else from_row(row)


def open_now(conn: Connection, now: datetime, most: int = MOST) -> tuple[Expectation, ...]:
    """All that run, the newest first."""
    running = (table.c.closed_at.is_(None), table.c.until > now)
    query = select(table).where(*running).order_by(table.c.id.desc()).limit(most)
    return tuple(from_row(row) for row in conn.execute(query))


def since(conn: Connection, recipient: str, after: datetime, most: int) -> tuple[Expectation, ...]:
    """Those of an account that ran at a moment or later, the newest first."""
    query = select(table).where(table.c.recipient == recipient, table.c.until >= after)
    return tuple(from_row(row) for row in conn.execute(query.order_by(table.c.opened_at.desc()).limit(most)))


def opened_since(conn: Connection, recipient: str, after: datetime) -> int:
    """How many an account opened since a moment, whatever became of them."""
    query = select(func.count()).where(table.c.recipient == recipient, table.c.opened_at > after)
    return int(conn.execute(query).scalar_one())


def forget_old(conn: Connection, before: datetime, most: int) -> int:
    """Delete up to `most` that ended before a moment; how many."""
    old = list(conn.execute(select(table.c.id).where(table.c.until < before).limit(most)).scalars())
    conn.execute(delete(table).where(table.c.id.in_(old)))
    return len(old)


def from_row(row: Row[Any]) -> Expectation:
    return Expectation(row.id, row.recipient, row.domain, row.opened_at, row.until, row.who, row.closed_at)


SHOWN = (
    message.c.id,
    message.c.received_at,
    message.c.sender,
    message.c.sender_key,
    message.c.author,
    message.c.subject,
    message.c.rungs,
    message.c.whole,
)


def kept_for(conn: Connection, recipient: str, after: datetime, most: int) -> Sequence[dict[str, Any]]:
    """Mail for an account that came after a moment and waits, newest first: copies, and what is held for a `reason`."""
    nothing = literal("").label("reason")
    found: list[dict[str, Any]] = []
    for waiting, state, seen, why in (
        (copy, CopyState.SENDER_HELD, copy.c.last_seen, nothing),
        (delivery, DeliveryState.HELD, delivery.c.created, delivery.c.reason),
    ):
        query = select(*SHOWN, waiting.c.state, why).join_from(waiting, message)
        query = query.where(waiting.c.recipient == recipient, waiting.c.state == state, seen >= after)
        found += [dict(row) for row in conn.execute(query.order_by(seen.desc()).limit(most)).mappings()]
    return sorted(found, key=lambda row: str(row["id"]), reverse=True)[:most]
