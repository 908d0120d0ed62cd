"""Signing in: sessions, invitations, and attempts that failed. Secrets are kept as digests only."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from gateway.store import devices
from gateway.store.keys import LENGTH, digest
from gateway.store.upsert import upsert
from sql.tables import failed_sign_in, invitation, web_session

FORGIVEN_AFTER = timedelta(hours=1)


def key_of(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()[:LENGTH]


# ---- sessions ------------------------------------------------------------------------------------------------------


def load(conn: Connection, secret: str, now: datetime) -> dict[str, Any] | None:
    mine = select(web_session).where(web_session.c.key == key_of(secret), web_session.c.expires > now)
    row = conn.execute(mine).mappings().first()
    return None if row is None else dict(row)


def save(conn: Connection, secret: str, values: Mapping[str, Any]) -> None:
    """A new session, or what it holds now."""
    row = {"key": key_of(secret), **values}
    upsert(conn, web_session, [row], key=("key",), replace=("person_id", "data", "seen", "expires"))


def keep(conn: Connection, secret: str, values: Mapping[str, Any]) -> None:
    """What an old session holds now; one that was ended meanwhile stays so."""
    conn.execute(update(web_session).where(web_session.c.key == key_of(secret)).values(**values))


def amend(conn: Connection, secret: str, data: Mapping[str, Any], seen: datetime) -> None:
    """What a page noted by itself: whoever is at it was not here for that, and what they did meanwhile stays."""
    mine = update(web_session).where(web_session.c.key == key_of(secret), web_session.c.seen == seen)
    conn.execute(mine.values(data=data))


def among(conn: Connection, keys: Collection[bytes], now: datetime) -> list[dict[str, Any]]:
    """Those of these sessions that are not over."""
    mine = select(web_session).where(web_session.c.key.in_(sorted(keys)), web_session.c.expires > now)
    return [dict(row) for row in conn.execute(mine).mappings()]


def seen(conn: Connection, secret: str, now: datetime) -> None:
    conn.execute(update(web_session).where(web_session.c.key == key_of(secret)).values(seen=now))


def end(conn: Connection, secret: str) -> None:
    conn.execute(delete(web_session).where(web_session.c.key == key_of(secret)))


def end_all(conn: Connection, number: int, but: str = "") -> int:
    """All sessions of a person, but that of this secret; how many. In no browser links in mails work without a code."""
    devices.forget_all(conn, number)
    mine = delete(web_session).where(web_session.c.person_id == number, web_session.c.key != key_of(but))
    return conn.execute(mine).rowcount


def of_person(conn: Connection, number: int, now: datetime) -> list[dict[str, Any]]:
    mine = select(web_session).where(web_session.c.person_id == number, web_session.c.expires > now)
    return [dict(row) for row in conn.execute(mine.order_by(web_session.c.seen.desc())).mappings()]


# ---- invitations ---------------------------------------------------------------------------------------------------


def invite(conn: Connection, secret: str, number: int, who: str, now: datetime, expires: datetime) -> None:
    """A link to choose a password with; earlier ones for the same person are worth nothing any more."""
    conn.execute(delete(invitation).where(invitation.c.person_id == number, invitation.c.used_at.is_(None)))
    row = {"key": key_of(secret), "person_id": number, "created": now, "expires": expires, "author": who}
    conn.execute(insert(invitation).values(**row))


def uninvite(conn: Connection, number: int) -> int:
    """No link is worth anything to them any more; how many there were."""
    unused = delete(invitation).where(invitation.c.person_id == number, invitation.c.used_at.is_(None))
    return conn.execute(unused).rowcount


def invited(conn: Connection, secret: str, now: datetime) -> int | None:
    """Whom a link was made for; None where it is worth nothing (any more)."""
    mine = select(invitation.c.person_id).where(
        invitation.c.key == key_of(secret), invitation.c.used_at.is_(None), invitation.c.expires > now
    )
    return conn.execute(mine).scalar()


def use_invitation(conn: Connection, secret: str, now: datetime) -> bool:
    """Once."""
    mine = update(invitation).where(invitation.c.key == key_of(secret), invitation.c.used_at.is_(None))
    return conn.execute(mine.values(used_at=now)).rowcount == 1


# ---- attempts ------------------------------------------------------------------------------------------------------


def failures(conn: Connection, kind: str, value: str, now: datetime) -> tuple[int, datetime | None]:
    """How many attempts failed in a row, and when the latest did."""
    mine = select(failed_sign_in).where(failed_sign_in.c.key == digest(kind, value))
    row = conn.execute(mine).first()
    if row is None or now - row.last_at > FORGIVEN_AFTER:
        return 0, None
    return row.fails, row.last_at


def failed(conn: Connection, kind: str, value: str, now: datetime) -> None:
    row = {"key": digest(kind, value), "fails": 1, "last_at": now}
    if failures(conn, kind, value, now)[0]:
        upsert(conn, failed_sign_in, [row], key=("key",), total=("fails",), replace=("last_at",))
    else:
        upsert(conn, failed_sign_in, [row], key=("key",), replace=("fails", "last_at"))


def succeeded(conn: Connection, kind: str, value: str) -> None:
    conn.execute(delete(failed_sign_in).where(failed_sign_in.c.key == digest(kind, value)))


def forget_old(conn: Connection, now: datetime) -> int:
    """Delete sessions and invitations that are over, and attempts that are forgiven; how many. There are never many."""
    gone = conn.execute(delete(web_session).where(web_session.c.expires < now)).rowcount
    gone += conn.execute(delete(invitation).where(invitation.c.expires < now)).rowcount
    old = delete(failed_sign_in).where(failed_sign_in.c.last_at < now - FORGIVEN_AFTER)
    return gone + conn.execute(old).rowcount
