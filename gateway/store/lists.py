"""The private allow and block lists."""

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network

from sqlalchemy import Connection, Row, delete, insert, select

from gateway.model import ListEntry, ListKind, ListVerb
from sql.tables import listed


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A line to be added; the fields mean what they mean in `ListEntry`."""

    verb: ListVerb
    kind: ListKind
    value: str
    network: str | None = None
    scope: str | None = None
    expires: datetime | None = None
    author: str = ""
    comment: str = ""


def add(conn: Connection, entry: NewEntry, now: datetime) -> int:
    """Add a line; its number."""
    made = conn.execute(
        insert(listed).values(
            verb=entry.verb,
            kind=entry.kind,
            value=entry.value,
            network=entry.network,
            scope=entry.scope,
            created=now,
            expires=entry.expires,
            author=entry.author,
            comment=entry.comment,
        )
    )
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])


def remove(conn: Connection, number: int) -> bool:
    return conn.execute(delete(listed).where(listed.c.id == number)).rowcount == 1


def entries(conn: Connection) -> tuple[ListEntry, ...]:
    return tuple(from_row(row) for row in conn.execute(select(listed).order_by(listed.c.id)))


def from_row(row: Row[tuple[object, ...]]) -> ListEntry:
    columns = row._mapping
    network = columns["network"] or (columns["value"] if columns["kind"] == ListKind.NETWORK else None)
    return ListEntry(
        id=columns["id"],
        verb=ListVerb(columns["verb"]),
        kind=ListKind(columns["kind"]),
        value=columns["value"],
        network=ip_network(network) if network else None,
        scope=columns["scope"],
        expires=columns["expires"],
        author=columns["author"],
        comment=columns["comment"],
    )


def forget_old(conn: Connection, now: datetime) -> int:
    return conn.execute(delete(listed).where(listed.c.expires < now)).rowcount
