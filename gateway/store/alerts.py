"""What is amiss, for as long as it is: who was told, who takes care of it, and until when it is kept quiet."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update

from gateway.store.keys import digest
from gateway.store.upsert import upsert
from sql.tables import alert


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that is amiss now. `node` is "" where it is all nodes'."""

    kind: str
    about: str
    node: str
    words: str
    is_grave: bool

    @property
    def key(self) -> bytes:
        return digest("alert", self.kind, self.about, self.node)


def note(conn: Connection, found: Collection[Seen], now: datetime) -> None:
    """That they are amiss; since now, where that is new."""
    rows = [
        {
            "key": one.key,
            "kind": one.kind,
            "node": one.node,
            "words": one.words[:500],
            "grave": one.is_grave,
            "since": now,
            "seen": now,
            "owner": "",
        }
        for one in found
    ]
    if rows:
        upsert(conn, alert, rows, key=("key",), replace=("words", "grave", "seen"))


def open_ones(conn: Connection) -> list[dict[str, Any]]:
    """The oldest first."""
    return [dict(row) for row in conn.execute(select(alert).order_by(alert.c.since)).mappings()]


def to_tell(
    conn: Connection, keys: Collection[bytes], now: datetime, after: timedelta, again: timedelta
) -> list[bytes]:
    """Those that somebody is to be told of by whoever asks: marked as told, so that no other node does."""
    old_enough = alert.c.since <= now - after
    is_due = or_(alert.c.told_at.is_(None), (alert.c.told_at <= now - again) & (alert.c.owner == ""))
    is_loud = or_(alert.c.silent_until.is_(None), alert.c.silent_until <= now)
    found = []
    for key in keys:
        mine = update(alert).where(alert.c.key == key, old_enough, is_due, is_loud).values(told_at=now)
        if conn.execute(mine).rowcount == 1:
            found.append(key)
    return found


def not_told(conn: Connection, keys: Collection[bytes]) -> None:
    """It did not come to anybody: the next look tries again."""
    conn.execute(update(alert).where(alert.c.key.in_(list(keys))).values(told_at=None))


def end(conn: Connection, keys: Collection[bytes]) -> list[bytes]:
    """They are over; those that this took away, and somebody had been told of."""
    told = select(alert.c.key).where(alert.c.key.in_(list(keys)), alert.c.told_at.is_not(None))
    was_told = set(conn.execute(told).scalars())
    gone = [key for key in keys if conn.execute(delete(alert).where(alert.c.key == key)).rowcount == 1]
    return [key for key in gone if key in was_told]


def change(conn: Connection, key: bytes, values: Mapping[str, Any]) -> bool:
    """False where it is over by now."""
    return conn.execute(update(alert).where(alert.c.key == key).values(**values)).rowcount == 1
