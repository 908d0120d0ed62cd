"""Where a signature was seen that names none of its recipients: one that is sent again from everywhere is replayed."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, tuple_

from gateway.store.keys import digest
from gateway.store.upsert import upsert
from sql.tables import signature_use

MOST = 3  # networks of one signature that are worth remembering; so many already mean that it is replayed


@dataclass(frozen=True, slots=True)
class Use:
    """A signature (the digest of its b=) that a network brought."""

    signature: str
    network: str
    at: datetime


def used(conn: Connection, uses: Iterable[Use]) -> None:
    rows = [{"key": key(one.signature), "network": one.network, "seen_at": one.at} for one in uses]
    upsert(conn, signature_use, rows, key=("key", "network"), greatest=("seen_at",))


def networks(conn: Connection, signatures: Collection[str]) -> dict[str, set[str]]:
    """The networks that each signature came from, up to MOST."""
    found: dict[str, set[str]] = {}
    for signature in signatures:
        query = select(signature_use.c.network).where(signature_use.c.key == key(signature)).limit(MOST)
        found[signature] = set(conn.execute(query).scalars())
    return found


def forget_old(conn: Connection, before: datetime, most: int) -> int:
    """Delete up to `most` uses that are older; how many."""
    columns = signature_use.c.key, signature_use.c.network
    old = [tuple(row) for row in conn.execute(select(*columns).where(signature_use.c.seen_at < before).limit(most))]
    conn.execute(delete(signature_use).where(tuple_(*columns).in_(old)))
    return len(old)


def key(signature: str) -> bytes:
    return digest("signature", signature)
