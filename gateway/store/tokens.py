"""Tokens of programs. Only a digest is kept: who reads the database learns no token."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from sql.tables import api_token


def add(conn: Connection, values: dict[str, Any]) -> int:
    """A new one; its number."""
    made = conn.execute(insert(api_token).values(**values))
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])


def find(conn: Connection, digest: bytes) -> dict[str, Any] | None:
    return first(conn, api_token.c.digest == digest)


def numbered(conn: Connection, number: int) -> dict[str, Any] | None:
    return first(conn, api_token.c.id == number)


def first(conn: Connection, which: Any) -> dict[str, Any] | None:
    row = conn.execute(select(api_token).where(which)).mappings().first()
    return None if row is None else dict(row)


def of_person(conn: Connection, number: int) -> list[dict[str, Any]]:
    """The newest first, with those that are over."""
    mine = select(api_token).where(api_token.c.person_id == number).order_by(api_token.c.id.desc())
    return [dict(row) for row in conn.execute(mine).mappings()]


def in_use(conn: Connection, number: int, now: datetime) -> int:
    """How many of somebody's tokens are not over."""
    query = select(api_token.c.id).where(
        api_token.c.person_id == number, api_token.c.revoked_at.is_(None), api_token.c.expires > now
    )
    return len(conn.execute(query).all())


def used(conn: Connection, number: int, day: datetime) -> None:
    """Once a day is enough to know."""
    conn.execute(update(api_token).where(api_token.c.id == number).values(used=day))


def revoke(conn: Connection, number: int, now: datetime) -> bool:
    """False where it was revoked before."""
    mine = update(api_token).where(api_token.c.id == number, api_token.c.revoked_at.is_(None))
    return conn.execute(mine.values(revoked_at=now)).rowcount == 1


def revoke_all(conn: Connection, person: int, now: datetime) -> int:
    """All of a person; how many were in use."""
    mine = update(api_token).where(api_token.c.person_id == person, api_token.c.revoked_at.is_(None))
    return conn.execute(mine.values(revoked_at=now)).rowcount


def forget_old(conn: Connection, before: datetime) -> int:
    """Delete those that were over or revoked before a moment; how many. There are never many."""
    old = (api_token.c.expires < before) | (api_token.c.revoked_at < before)
    return conn.execute(delete(api_token).where(old)).rowcount
