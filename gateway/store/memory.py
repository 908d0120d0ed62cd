"""Who is remembered and who is known: per identity rung, normalised sender and recipient."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, tuple_

from gateway.model import Grade, Rung
from gateway.store.keys import digest
from gateway.store.upsert import upsert
from sql.tables import memory


def key(rung: Rung, sender: str, recipient: str) -> bytes:
    return digest("memory", str(int(rung.kind)), rung.value, sender, recipient)


def grades(
    conn: Connection, sender: str, recipients: Collection[str], rungs: Collection[Rung], now: datetime
) -> dict[str, Grade]:
    """The best grade of a normalised sender for each recipient, over the peer's rungs."""
    keys = [key(rung, sender, recipient) for rung in rungs for recipient in recipients]
    found = dict.fromkeys(recipients, Grade.STRANGER)
    query = select(memory.c.recipient, memory.c.grade).where(memory.c.key.in_(keys), memory.c.expires > now)
    for recipient, grade in conn.execute(query):
        found[recipient] = max(found[recipient], Grade(grade))
    return found


def knows(conn: Connection, sender: str, rungs: Collection[Rung], now: datetime) -> bool:
    """True when this normalised sender is remembered on one of these rungs, for whatever recipient."""
    here = tuple_(memory.c.kind, memory.c.value).in_([(int(rung.kind), rung.value[:255]) for rung in rungs])
    query = select(memory.c.key).where(memory.c.sender == sender, memory.c.expires > now, here).limit(1)
    return conn.execute(query).first() is not None


def remember(
    conn: Connection,
    rungs: Collection[Rung],
    sender: str,
    recipient: str,
    grade: Grade,
    earned: str,
    now: datetime,
    expires: datetime,
    author: str = "",
    comment: str = "",
) -> None:
    """Remember a correspondent on every rung, or longer. A better grade stays; an act replaces who earned it."""
    for rung in rungs:
        values = {
            "key": key(rung, sender, recipient),
            "kind": int(rung.kind),
            "value": rung.value[:255],
            "sender": sender,
            "recipient": recipient,
            "grade": int(grade),
            "earned": earned,
            "first_seen": now,
            "last_seen": now,
            "expires": expires,
            "author": author,
            "comment": comment,
        }
        named = ("earned", "author", "comment") if author else ()
        upsert(
            conn,
            memory,
            values,
            key=("key",),
            least=("first_seen",),
            greatest=("grade", "last_seen", "expires"),
            replace=named,
        )


def listing(conn: Connection, like: str | None, now: datetime, most: int) -> list[dict[str, Any]]:
    """What is remembered, newest first; `like` is part of a sender, recipient or identity."""
    query = select(memory).where(memory.c.expires > now).order_by(memory.c.last_seen.desc()).limit(most)
    if like:
        query = query.where(containing(like))
    return [dict(row) for row in conn.execute(query).mappings()]


def containing(text: str) -> Any:
    columns = (memory.c.sender, memory.c.recipient, memory.c.value)
    wanted = [column.icontains(text, autoescape=True) for column in columns]
    return wanted[0] | wanted[1] | wanted[2]


def forget(conn: Connection, party: str) -> int:
    """Forget everything about a sender address, a domain, a network or another identity; how many rows."""
    wanted = (memory.c.sender == party) | (memory.c.value == party)
    if "@" not in party:
        wanted |= memory.c.sender.endswith("@" + party, autoescape=True)
    return conn.execute(delete(memory).where(wanted)).rowcount


def forget_recipient(conn: Connection, recipient: str) -> int:
    return conn.execute(delete(memory).where(memory.c.recipient == recipient)).rowcount


def forget_old(conn: Connection, now: datetime, most: int) -> int:
    """Delete up to `most` rows whose time is over; how many."""
    old = [row[0] for row in conn.execute(select(memory.c.key).where(memory.c.expires < now).limit(most))]
    conn.execute(delete(memory).where(memory.c.key.in_(old)))
    return len(old)


def size(conn: Connection) -> int:
    return int(conn.execute(select(func.count()).select_from(memory)).scalar_one())
