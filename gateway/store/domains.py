"""The domains of senders that are on record: since when, how well somebody there is known, and until when.

Kept beside the memory of correspondents, whose rows are found by a whole sender and not by its domain.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from gateway.model import Grade
from gateway.store.upsert import upsert
from sql.tables import sender_domain as table


@dataclass(frozen=True, slots=True)
class Seen:
    """That a sender of this domain is remembered or known by somebody."""

    domain: str
    grade: Grade
    now: datetime
    expires: datetime


def note(conn: Connection, seen: Iterable[Seen]) -> None:
    """Moments and grades only grow; in the order of their names, so that two writers never wait for each other."""
    rows = [
        {
            "domain": one.domain[:255],
            "grade": int(one.grade),
            "first_seen": one.now,
            "last_seen": one.now,
            "expires": one.expires,
        }
        for one in sorted(seen, key=lambda one: one.domain)
        if one.domain
    ]
    upsert(conn, table, rows, key=("domain",), least=("first_seen",), greatest=("grade", "last_seen", "expires"))


def on_record(conn: Connection, wanted: Sequence[str], now: datetime) -> bool:
    """True when somebody at one of these domains is on record."""
    query = select(table.c.domain).where(table.c.domain.in_(wanted), table.c.expires > now).limit(1)
    return conn.execute(query).first() is not None


def known(conn: Connection, now: datetime, most: int) -> tuple[str, ...]:
    """Domains of correspondents that an act of our people stands behind, the latest first."""
    acted = (table.c.grade == int(Grade.KNOWN), table.c.expires > now)
    query = select(table.c.domain).where(*acted).order_by(table.c.last_seen.desc(), table.c.domain).limit(most)
    return tuple(conn.execute(query).scalars())


def forget(conn: Connection, domain: str) -> int:
    return conn.execute(delete(table).where(table.c.domain == domain)).rowcount


def forget_old(conn: Connection, now: datetime, most: int) -> int:
    """Delete up to `most` whose time is over; how many."""
    old = list(conn.execute(select(table.c.domain).where(table.c.expires < now).limit(most)).scalars())
    conn.execute(delete(table).where(table.c.domain.in_(old)))
    return len(old)
