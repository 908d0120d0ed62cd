"""The levels that people chose for an account or a domain; they go before those of the settings."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, or_, select

from gateway.model import Level
from gateway.store.keys import digest
from gateway.store.shelves import View
from gateway.store.upsert import upsert
from sql.tables import account_level


def choose(conn: Connection, account: str, level: Level | None, who: str, now: datetime) -> None:
    """None: as the settings say."""
    key = digest("account", account)
    if level is None:
        conn.execute(delete(account_level).where(account_level.c.key == key))
        return
    row = {"key": key, "account": account, "level": str(level), "since": now, "author": who}
    upsert(conn, account_level, [row], key=("key",), replace=("level", "since", "author"))


def lock(conn: Connection, account: str) -> None:
    """Nobody else changes what is chosen for it until this transaction ends."""
    conn.execute(select(account_level.c.key).where(account_level.c.key == digest("account", account)).with_for_update())


def accounts(conn: Connection, view: View, after: str, text: str, most: int) -> list[str]:
    """Accounts and domains that somebody chose a level for and that this view has, by name."""
    column = account_level.c.account
    seen = or_(view.of(column), column.in_(sorted(view.domains)))
    query = select(column).where(column > after, seen).order_by(column).limit(most)
    if text:
        query = query.where(column.icontains(text, autoescape=True))
    return list(conn.execute(query).scalars())


def chosen(conn: Connection) -> dict[str, Level]:
    """By account."""
    rows = conn.execute(select(account_level.c.account, account_level.c.level))
    return {row.account: Level(row.level) for row in rows}


def of(conn: Connection, account: str) -> dict[str, Any] | None:
    query = select(account_level).where(account_level.c.key == digest("account", account))
    row = conn.execute(query).mappings().first()
    return None if row is None else dict(row)
