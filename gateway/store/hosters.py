"""The private hosters."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from gateway.model import Hoster, HosterKind
from sql.tables import hoster


def entries(conn: Connection) -> tuple[Hoster, ...]:
    return tuple(
        Hoster(row.id, HosterKind(row.kind), row.value, row.author, row.comment, row.created)
        for row in conn.execute(select(hoster).order_by(hoster.c.id))
    )


def add(conn: Connection, wanted: Iterable[Hoster], now: datetime) -> int:
    """Add those that are not there yet (their ids do not matter); how many that were."""
    there = {(one.kind, one.value) for one in entries(conn)}
    new: dict[tuple[HosterKind, str], Hoster] = {}
    for one in wanted:
        if (one.kind, one.value) not in there:
            new.setdefault((one.kind, one.value), one)
    rows = [
        {"kind": one.kind, "value": one.value, "created": now, "author": one.author, "comment": one.comment}
        for one in new.values()
    ]
    if rows:
        conn.execute(insert(hoster), rows)
    return len(rows)


def remove(conn: Connection, value: str) -> bool:
    return conn.execute(delete(hoster).where(hoster.c.value == value)).rowcount > 0
