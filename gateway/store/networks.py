"""What is remembered of a network: when it waited for our greeting, whose mail was delivered, who misbehaved today."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, or_, select

from gateway.model import NEVER, NetworkRecord
from gateway.store.upsert import upsert
from sql.tables import network as table

MOMENTS = ("greeted_at", "delivered_at", "trapped_until", "early_until")


@dataclass(frozen=True, slots=True)
class Happened:
    """Something happened to a network: moments by name (`delivered_at`, …)."""

    network: str
    now: datetime
    moments: Mapping[str, datetime]


def note(conn: Connection, happened: Iterable[Happened]) -> None:
    """Moments only grow, whoever writes first."""
    never = dict.fromkeys(MOMENTS, NEVER)
    rows = [{**never, **one.moments, "network": one.network, "changed_at": one.now} for one in happened]
    upsert(conn, table, rows, key=("network",), greatest=(*MOMENTS, "changed_at"))


def known(conn: Connection, now: datetime, delivered_after: datetime, most: int) -> dict[str, NetworkRecord]:
    """What still counts: networks whose mail was delivered, newest first, then the others; up to `most` of each."""
    delivered = table.c.delivered_at > delivered_after
    marked = or_(table.c.trapped_until > now, table.c.early_until > now, table.c.changed_at > delivered_after)
    return {
        **found(conn, wanted(delivered).order_by(table.c.delivered_at.desc()).limit(most)),
        **found(conn, wanted(~delivered, marked).order_by(table.c.changed_at.desc()).limit(most)),
    }


def changed(conn: Connection, after: datetime, most: int) -> dict[str, NetworkRecord]:
    """What changed since; the newest `most` of it, as they are now."""
    return found(conn, wanted(table.c.changed_at > after).order_by(table.c.changed_at.desc()).limit(most))


def wanted(*conditions: ColumnElement[bool]) -> Select[Any]:
    return select(table).where(*conditions)


def found(conn: Connection, query: Select[Any]) -> dict[str, NetworkRecord]:
    return {row.network: NetworkRecord(*(getattr(row, name) for name in MOMENTS)) for row in conn.execute(query)}


def forget(conn: Connection, network: str, now: datetime) -> int:
    """Forget all of a network; how many were known. The row stays until it is swept, so that every worker sees it."""
    row = conn.execute(select(table).where(table.c.network == network)).one_or_none()
    if row is None or all(getattr(row, name) == NEVER for name in MOMENTS):
        return 0
    values: dict[str, Any] = dict.fromkeys(MOMENTS, NEVER) | {"network": network, "changed_at": now}
    upsert(conn, table, [values], key=("network",), greatest=("changed_at",), replace=MOMENTS)
    return 1


def forget_old(conn: Connection, before: datetime, most: int) -> int:
    """Delete up to `most` networks that nothing happened to since a moment; how many."""
    query = select(table.c.network).where(table.c.changed_at < before, table.c.delivered_at < before).limit(most)
    old = list(conn.execute(query).scalars())
    conn.execute(delete(table).where(table.c.network.in_(old)))
    return len(old)
