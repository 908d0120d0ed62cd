"""What the directory says: which addresses exist, and when it was read last."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from gateway.store.keys import digest
from gateway.store.upsert import upsert
from sql.tables import directory_recipient, directory_round

AT_ONCE = 500


def recipients(conn: Connection) -> set[str]:
    return set(conn.execute(select(directory_recipient.c.address)).scalars())


def how_many(conn: Connection) -> int:
    return int(conn.execute(select(func.count()).select_from(directory_recipient)).scalar_one())


def replace(conn: Connection, name: str, more: Collection[str], fewer: Collection[str]) -> None:
    """Addresses that come and go. Who keeps them elsewhere sees that by the stamp."""
    gone = [digest("directory", one) for one in sorted(fewer)]
    for start in range(0, len(gone), AT_ONCE):
        conn.execute(delete(directory_recipient).where(directory_recipient.c.key.in_(gone[start : start + AT_ONCE])))
    come = [{"key": digest("directory", one), "address": one} for one in sorted(more)]
    for start in range(0, len(come), AT_ONCE):
        conn.execute(insert(directory_recipient), come[start : start + AT_ONCE])
    if gone or come:
        mine = directory_round.c.name == name
        conn.execute(update(directory_round).where(mine).values(stamp=directory_round.c.stamp + 1))


def last(conn: Connection, name: str) -> dict[str, Any] | None:
    row = conn.execute(select(directory_round).where(directory_round.c.name == name)).mappings().first()
    return None if row is None else dict(row)


def begin(conn: Connection, name: str, now: datetime, not_since: datetime) -> bool:
    """Whether it is this node's turn: False where another began after `not_since`."""
    fresh = {"name": name, "began": not_since, "ended": None, "problem": "", "stamp": 0}
    upsert(conn, directory_round, [fresh], key=("name",))
    mine = update(directory_round).where(directory_round.c.name == name, directory_round.c.began <= not_since)
    return conn.execute(mine.values(began=now)).rowcount == 1


def end(conn: Connection, name: str, now: datetime, problem: str = "") -> None:
    """It was read to its end; or `problem` says why not."""
    values: dict[str, Any] = {"problem": problem[:500]} if problem else {"problem": "", "ended": now}
    conn.execute(update(directory_round).where(directory_round.c.name == name).values(**values))
