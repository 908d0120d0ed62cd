"""What was answered to calls with an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): each happens once."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from sql.tables import api_answer


def claim(conn: Connection, key: bytes, asked: str, claim: str, now: datetime) -> bool:
    """Whoever comes first answers it: False for all others."""
    row = {"key": key, "asked": asked, "claim": claim, "status": None, "sealed": "", "created": now}
    try:
        with conn.begin_nested():
            conn.execute(insert(api_answer).values(**row))
    except IntegrityError:
        return False
    return True


def load(conn: Connection, key: bytes) -> dict[str, Any] | None:
    row = conn.execute(select(api_answer).where(api_answer.c.key == key)).mappings().first()
    return None if row is None else dict(row)


def take_over(conn: Connection, key: bytes, before: str, asked: str, claim: str, now: datetime) -> bool:
    """Whoever had claimed it is gone, or its answer is too old to be told: False where somebody else was faster."""
    mine = update(api_answer).where(api_answer.c.key == key, api_answer.c.claim == before)
    return conn.execute(mine.values(asked=asked, claim=claim, status=None, sealed="", created=now)).rowcount == 1


def keep(conn: Connection, key: bytes, claim: str, status: int, sealed: str) -> bool:
    """In the transaction that did it. False where somebody else answers it by now: then nothing may be done."""
    mine = update(api_answer).where(api_answer.c.key == key, api_answer.c.claim == claim, api_answer.c.status.is_(None))
    return conn.execute(mine.values(status=status, sealed=sealed)).rowcount == 1


def let_go(conn: Connection, key: bytes, claim: str) -> None:
    """Nothing was done, and nothing is to be told: the next one may try."""
    mine = delete(api_answer).where(api_answer.c.key == key, api_answer.c.claim == claim, api_answer.c.status.is_(None))
    conn.execute(mine)


def forget_old(conn: Connection, before: datetime, most: int) -> int:
    """Delete up to `most` from before a moment; how many."""
    old = list(conn.execute(select(api_answer.c.key).where(api_answer.c.created < before).limit(most)).scalars())
    return conn.execute(delete(api_answer).where(api_answer.c.key.in_(old))).rowcount if old else 0
