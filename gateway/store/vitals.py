"""How much is kept, in what state and since when: figures for whoever watches. Only open states are counted."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, func, select, text

from gateway.model import CopyState, DeliveryState
from gateway.policy.hold import OPEN_COPIES
from gateway.store import messages
from sql.tables import copy, decision, delivery

DUE = "due"  # releasing, and its next attempt is to be made now
OPEN_DELIVERIES = (
    DeliveryState.HELD,
    DeliveryState.RELEASING,
    DeliveryState.UNDELIVERABLE,
    DeliveryState.EXPIRED,
)
STATES = (*(state for state in CopyState if state in OPEN_COPIES), *OPEN_DELIVERIES, DUE)


@dataclass(frozen=True, slots=True)
class Queue:
    """Kept mail per recipient: how many in each state, and how old the oldest is."""

    mails: dict[str, int]
    oldest: dict[str, timedelta]


def queue(conn: Connection, now: datetime) -> Queue:
    mails = dict.fromkeys(map(str, STATES), 0)
    oldest = dict.fromkeys((state for state in mails if state != DUE), timedelta(0))
    for table, began, states in (
        (copy, copy.c.first_seen, OPEN_COPIES),
        (delivery, delivery.c.created, OPEN_DELIVERIES),
    ):
        counted = select(table.c.state, func.count(), func.min(began)).where(table.c.state.in_(list(states)))
        for state, count, first in conn.execute(counted.group_by(table.c.state)):
            mails[state], oldest[state] = count, now - first
    due = (delivery.c.state == DeliveryState.RELEASING, delivery.c.due <= now)
    mails[DUE] = count_of(conn, delivery, *due)
    return Queue(mails, oldest)


def count_of(conn: Connection, table: Table, *conditions: object) -> int:
    return int(conn.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one())  # type: ignore[arg-type]


def kept_bytes(conn: Connection) -> int:
    return messages.bytes_kept(conn)


def size(conn: Connection) -> int:
    """Bytes of the database: its file, or what MariaDB says of its tables."""
    if conn.dialect.name == "sqlite":
        pages, page = (conn.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_count", "page_size"))
        return int(pages) * int(page)
    tables = "FROM information_schema.tables WHERE table_schema = DATABASE()"
    return int(conn.execute(text(f"SELECT COALESCE(SUM(data_length + index_length), 0) {tables}")).scalar_one())


def per_minute(conn: Connection, since: datetime) -> dict[str, dict[str, int]]:
    """Decisions by action and minute ("2026-11-21 12:50", UTC); minutes without any are missing."""
    at = decision.c.at
    sqlite = conn.dialect.name == "sqlite"
    minute = func.substr(at, 1, 16) if sqlite else func.date_format(at, "%Y-%m-%d %H:%i")
    counted = select(decision.c.action, minute, func.count()).where(at >= since)
    found: dict[str, dict[str, int]] = {}
    for action, when, count in conn.execute(counted.group_by(decision.c.action, minute)):
        found.setdefault(action, {})[when] = count
    return found
