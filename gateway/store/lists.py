"""The private allow and block lists. Nothing is struck before its history is old: an entry is withdrawn."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from ipaddress import ip_network
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, not_, or_, select, update

from gateway.model import Binds, ListEntry, ListKind, ListVerb
from gateway.store.shelves import View
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
    signature: str | None = None
    binds: Binds = Binds.EVERYTHING
    message: str | None = None

    @classmethod
    def of(cls, entry: ListEntry) -> "NewEntry":
        """A proposed entry, to be added."""
        network = str(entry.network) if entry.network is not None and entry.kind is not ListKind.NETWORK else None
        names = cls.__dataclass_fields__
        return cls(**{name: getattr(entry, name) for name in names} | {"network": network})

    def as_entry(self, number: int = 0) -> ListEntry:
        """The entry that it will be."""
        network = self.value if self.kind is ListKind.NETWORK else self.network
        made = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return ListEntry(id=number, **made | {"network": ip_network(network) if network else None})


def add(conn: Connection, entry: NewEntry, now: datetime) -> int:
    """Add a line; its number."""
    made = conn.execute(insert(listed).values(**asdict(entry), created=now))
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])


def withdraw(conn: Connection, number: int, who: str, now: datetime) -> bool:
    """Take an entry back; True when it was in the lists until now."""
    here = (listed.c.id == number) & listed.c.withdrawn_at.is_(None)
    return conn.execute(update(listed).where(here).values(withdrawn_at=now, withdrawn_by=who)).rowcount == 1


def change(conn: Connection, number: int, expires: datetime | None, comment: str) -> bool:
    """Until when it holds, and why it is there; False when it is not in the lists."""
    here = (listed.c.id == number) & listed.c.withdrawn_at.is_(None)
    return conn.execute(update(listed).where(here).values(expires=expires, comment=comment)).rowcount == 1


def put_back(conn: Connection, number: int) -> bool:
    """Into the lists again; False when it was not withdrawn."""
    gone = (listed.c.id == number) & listed.c.withdrawn_at.is_not(None)
    return conn.execute(update(listed).where(gone).values(withdrawn_at=None, withdrawn_by=None)).rowcount == 1


def of_message(conn: Connection, message: str) -> list[int]:
    """The entries that were made with the approval of a mail and were not withdrawn."""
    mine = select(listed.c.id).where(listed.c.message == message, listed.c.withdrawn_at.is_(None))
    return list(conn.execute(mine).scalars())


def entries(conn: Connection) -> tuple[ListEntry, ...]:
    """All that were not withdrawn; some of them may be over."""
    query = select(listed).where(listed.c.withdrawn_at.is_(None)).order_by(listed.c.id)
    return tuple(from_row(row) for row in conn.execute(query))


def history(conn: Connection) -> tuple[ListEntry, ...]:
    """All that are on record, withdrawn ones too."""
    return tuple(from_row(row) for row in conn.execute(select(listed).order_by(listed.c.id)))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries somebody looks for, and for whom they hold: `seen` names these recipients, and with `house` there
    are those for everybody too."""

    seen: View
    house: bool = False
    text: str = ""
    sort: str = ""  # servers | domains | addresses | combinations
    past: bool = False  # those that are over or were withdrawn, instead

    def conditions(self, now: datetime) -> Iterator[ColumnElement[bool]]:
        ended = and_(listed.c.expires.is_not(None), listed.c.expires <= now)
        over = or_(listed.c.withdrawn_at.is_not(None), ended)
        yield over if self.past else not_(over)
        if not (self.house and self.seen.is_all):
            yield self.is_seen()
        if self.text:
            columns = (listed.c.value, listed.c.scope, listed.c.network, listed.c.signature, listed.c.comment,
                       listed.c.author)  # fmt: skip
            yield or_(*(column.icontains(self.text, autoescape=True) for column in columns))
        beside = or_(listed.c.network.is_not(None), listed.c.signature.is_not(None))
        if self.sort == "combinations":
            yield beside
        elif self.sort in SORTS:
            yield and_(listed.c.kind.in_(SORTS[self.sort]), not_(beside))

    def is_seen(self) -> ColumnElement[bool]:
        names_recipient = and_(listed.c.scope.is_(None), listed.c.kind == str(ListKind.RECIPIENT))
        ways = [self.of(listed.c.scope), and_(names_recipient, self.of(listed.c.value))]
        if self.house:
            ways.append(and_(listed.c.scope.is_(None), listed.c.kind != str(ListKind.RECIPIENT)))
        return or_(*ways)

    def of(self, column: Any) -> ColumnElement[bool]:
        """A scope may be a domain as a whole."""
        return or_(self.seen.of(column), column.in_(sorted(self.seen.domains)))


SORTS = {
    "servers": ("network",),
    "domains": ("domain", "signature"),
    "addresses": ("address", "recipient"),
}


def search(conn: Connection, wanted: Wanted, now: datetime, most: int, before: int | None = None) -> list[ListEntry]:
    """The newest first, from the one before a number on."""
    query = select(listed).where(*wanted.conditions(now)).order_by(listed.c.id.desc()).limit(most)
    if before is not None:
        query = query.where(listed.c.id < before)
    return [from_row(row) for row in conn.execute(query)]


def lock(conn: Connection, number: int) -> None:
    """Nobody else changes it until this transaction ends."""
    conn.execute(select(listed.c.id).where(listed.c.id == number).with_for_update())


def find(conn: Connection, number: int) -> ListEntry | None:
    row = conn.execute(select(listed).where(listed.c.id == number)).first()
    return None if row is None else from_row(row)


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
        signature=columns["signature"],
        binds=Binds(columns["binds"]),
        created=columns["created"],
        message=columns["message"],
        withdrawn_at=columns["withdrawn_at"],
        withdrawn_by=columns["withdrawn_by"] or "",
    )


def forget_old(conn: Connection, before: datetime) -> int:
    """Delete entries that were over or withdrawn before a moment; how many."""
    old = (listed.c.expires < before) | (listed.c.withdrawn_at < before)
    return conn.execute(delete(listed).where(old)).rowcount
