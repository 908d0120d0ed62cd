"""Keys that let somebody in without a password (WebAuthn), by their credential's id."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from gateway.store.keys import digest
from sql.tables import passkey


def key_of(credential: bytes) -> bytes:
    return digest("passkey", credential.hex())


def add(conn: Connection, number: int, values: dict[str, Any], now: datetime) -> None:
    """A new key of somebody. Raises IntegrityError where it is known already."""
    row = {"key": key_of(values["credential"]), "person_id": number, "created": now}
    conn.execute(insert(passkey).values(**row, **values))


def found(conn: Connection, credential: bytes) -> dict[str, Any] | None:
    row = conn.execute(select(passkey).where(passkey.c.key == key_of(credential))).mappings().first()
    return None if row is None else dict(row)


def of_person(conn: Connection, number: int) -> list[dict[str, Any]]:
    """The oldest first."""
    mine = select(passkey).where(passkey.c.person_id == number).order_by(passkey.c.created, passkey.c.id)
    return [dict(row) for row in conn.execute(mine).mappings()]


def count(conn: Connection, number: int) -> int:
    mine = select(func.count()).select_from(passkey).where(passkey.c.person_id == number)
    return int(conn.execute(mine).scalar_one())


def use(conn: Connection, number: int, uses: int, now: datetime) -> bool:
    """Note that a key was used; False where its count did not grow since: another copy of it may be about.

    A key that does not count says 0 each time (WebAuthn level 2, 7.2, step 21). Two at once: one of them has it.
    """
    grows = or_(passkey.c.uses < uses, (passkey.c.uses == 0) & (uses == 0))
    mine = update(passkey).where(passkey.c.id == number, grows).values(uses=uses, used_at=now)
    return conn.execute(mine).rowcount == 1


def doubt(conn: Connection, number: int, now: datetime) -> None:
    conn.execute(update(passkey).where(passkey.c.id == number).values(doubted_at=now))


def rename(conn: Connection, person: int, number: int, name: str) -> bool:
    """False where it is none of theirs."""
    mine = update(passkey).where(passkey.c.id == number, passkey.c.person_id == person).values(name=name)
    return conn.execute(mine).rowcount == 1


def remove(conn: Connection, person: int, number: int) -> str | None:
    """What it was called; None where it is none of theirs."""
    mine = passkey.c.id == number, passkey.c.person_id == person
    name = conn.execute(select(passkey.c.name).where(*mine)).scalar()
    gone = conn.execute(delete(passkey).where(*mine)).rowcount
    return str(name) if gone and name is not None else None


def remove_all(conn: Connection, person: int) -> int:
    return conn.execute(delete(passkey).where(passkey.c.person_id == person)).rowcount
