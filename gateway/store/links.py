"""Who somebody is elsewhere: at an issuer, in the directory, at the mail server."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from gateway.store.keys import digest
from sql.tables import passkey, person_link


def key_of(issuer: str, subject: str) -> bytes:
    return digest("link", issuer, subject)


def found(conn: Connection, issuer: str, subject: str) -> dict[str, Any] | None:
    row = conn.execute(select(person_link).where(person_link.c.key == key_of(issuer, subject))).mappings().first()
    return None if row is None else dict(row)


def add(conn: Connection, number: int, issuer: str, subject: str, address: str, now: datetime, *, made: bool) -> None:
    """Raises IntegrityError where somebody was first."""
    row = {"key": key_of(issuer, subject), "person_id": number, "issuer": issuer, "subject": subject}
    told = {"address": address, "roles": [], "addresses": [], "made": made, "created": now}
    conn.execute(insert(person_link).values(**row, **told))


def change(conn: Connection, issuer: str, subject: str, **values: Any) -> None:
    conn.execute(update(person_link).where(person_link.c.key == key_of(issuer, subject)).values(**values))


def remove(conn: Connection, person: int, key: bytes) -> dict[str, Any] | None:
    """What it was; None where it is none of theirs."""
    mine = person_link.c.key == key, person_link.c.person_id == person
    row = conn.execute(select(person_link).where(*mine)).mappings().first()
    if row is not None:
        conn.execute(delete(person_link).where(*mine))
    return None if row is None else dict(row)


def of_person(conn: Connection, number: int) -> list[dict[str, Any]]:
    mine = select(person_link).where(person_link.c.person_id == number).order_by(person_link.c.created)
    return [dict(row) for row in conn.execute(mine).mappings()]


def ways_of_all(conn: Connection, numbers: Collection[int]) -> dict[int, frozenset[str]]:
    """Of several people at once: whether they have a passkey, and an account elsewhere."""
    found: dict[int, frozenset[str]] = {}
    for table, word in ((passkey, "passkey"), (person_link, "account elsewhere")):
        query = select(table.c.person_id).where(table.c.person_id.in_(sorted(numbers))).distinct()
        for number in conn.execute(query).scalars():
            found[number] = found.get(number, frozenset()) | {word}
    return found


def of_issuer(conn: Connection, issuer: str) -> list[dict[str, Any]]:
    mine = select(person_link).where(person_link.c.issuer == issuer).order_by(person_link.c.subject)
    return [dict(row) for row in conn.execute(mine).mappings()]
