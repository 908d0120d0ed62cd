"""How much is kept, in what state and since when: figures for whoever watches. Only open states are counted."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, func, select, text

from gateway.model import CopyState, DeliveryState
from gateway.policy.hold import OPEN_COPIES
from gateway.store import messages
from sql.tables import audit, audit_head, change_count, copy, decision, delivery

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


def queue_up_to(conn: Connection, now: datetime, most: int) -> Queue:
    """The same without counting further than `most` and one more of each state, for whoever looks often.

    The oldest is the one that was left alone for longest: that is what the indexes know.
    """
    mails, oldest = {}, {}
    for table, moment, states in (
        (copy, copy.c.last_seen, OPEN_COPIES),
        (delivery, delivery.c.created, OPEN_DELIVERIES),
    ):
        for state in map(str, states):
            some = select(moment).where(table.c.state == state).order_by(moment).limit(most + 1).subquery()
            count, first = conn.execute(select(func.count(), func.min(some.c[0]))).one()
            mails[state], oldest[state] = count, now - first if count else timedelta(0)
    late = select(delivery.c.id).where(delivery.c.state == DeliveryState.RELEASING, delivery.c.due <= now)
    mails[DUE] = int(conn.execute(select(func.count()).select_from(late.limit(most + 1).subquery())).scalar_one())
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


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Galera cluster as the node of it sees itself that we ask."""

    size: int
    state: str
    is_ready: bool
    behind: int  # writes of others that it has received and not applied yet


def cluster(conn: Connection) -> Cluster | None:
    """None where there is none."""
    if conn.dialect.name == "sqlite":
        return None
    told = {row[0]: row[1] for row in conn.execute(text("SHOW GLOBAL STATUS LIKE 'wsrep%'"))}
    size = int(told.get("wsrep_cluster_size") or 0)
    if not size:
        return None
    state, behind = told.get("wsrep_local_state_comment", ""), told.get("wsrep_local_recv_queue", 0)
    return Cluster(size, str(state), told.get("wsrep_ready") == "ON", int(behind))


def nodes(conn: Connection) -> dict[str, datetime | None]:
    """The machines that share this database, and when something was done at each last, as far as the audit tells."""
    names = {*conn.execute(select(change_count.c.node)).scalars(), *conn.execute(select(audit_head.c.node)).scalars()}
    return {name: last_act(conn, name) for name in sorted(names)}


def last_act(conn: Connection, node: str) -> datetime | None:
    query = select(audit.c.at).where(audit.c.node == node).order_by(audit.c.number.desc()).limit(1)
    found: datetime | None = conn.execute(query).scalar()
    return found


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
