"""Browsers in which somebody may act on a link in a mail without signing in again."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from gateway.store.keys import digest
from sql.tables import device


def key_of(secret: str) -> bytes:
    return digest("device", secret)


def add(conn: Connection, number: int, secret: str, agent: str, now: datetime, until: datetime) -> None:
    """`secret`: what its cookie holds; only a digest of it is kept."""
    row = {"key": key_of(secret), "person_id": number, "agent": agent[:200], "created": now, "seen": now}
    conn.execute(insert(device).values(**row, expires=until))


def is_of(conn: Connection, secret: str, number: int, now: datetime) -> bool:
    """Whether a browser is one in which somebody may act."""
    mine = (device.c.key == key_of(secret), device.c.person_id == number, device.c.expires > now)
    return conn.execute(select(device.c.key).where(*mine)).first() is not None


def seen(conn: Connection, secret: str, now: datetime) -> None:
    conn.execute(update(device).where(device.c.key == key_of(secret)).values(seen=now))


def of_person(conn: Connection, number: int, now: datetime) -> list[dict[str, Any]]:
    query = select(device).where(device.c.person_id == number, device.c.expires > now).order_by(device.c.created)
    return [dict(row) for row in conn.execute(query).mappings()]


def forget_all(conn: Connection, number: int) -> int:
    """None of somebody's any more; how many there were."""
    return conn.execute(delete(device).where(device.c.person_id == number)).rowcount


def forget_old(conn: Connection, now: datetime) -> int:
    return conn.execute(delete(device).where(device.c.expires <= now)).rowcount
