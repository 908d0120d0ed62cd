"""Lists as people page through them: newest first, a page at a time, and only what they may see.

Pages go on from the last row that was shown, never by counting; so a page of a hundred thousand costs what the first
one costs. What no index finds is looked for in so many rows at once; whoever wants more asks for what is further back.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, false, or_, select, true

from gateway.model import CopyState, DeliveryState
from gateway.policy.address import BadAddress, parse_address
from sql.tables import copy, delivery, message

LOOKED_THROUGH = 5_000  # rows that are read for words, at most
MOST_WAYS = 20  # addresses that are asked about one by one, each in the order of its index

SHOWN = (
    message.c.sender,
    message.c.author,
    message.c.subject,
    message.c.size,
    message.c.peer,
    message.c.peer_name,
    message.c.rungs,
    message.c.received_at,
    message.c.whole,
    message.c.stored,
)
Place = tuple[datetime, int]  # of a row in its list: the moment that orders it, and its number
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Way:
    """A part of a list that an index has in the order of the list: the condition, and the columns before the moment."""

    condition: ColumnElement[bool]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """Whose mail somebody sees: these addresses, and all of these domains; "" among the domains is everybody's."""

    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    @property
    def is_all(self) -> bool:
        return "" in self.domains

    def of(self, recipient: Any) -> ColumnElement[bool]:
        """The condition on a column with recipients, where something else is what the rows are found by."""
        if self.is_all:
            return true()
        ways: list[ColumnElement[bool]] = [recipient.endswith(f"@{domain}", autoescape=True) for domain in self.domains]
        if self.addresses:
            ways.append(recipient.in_(sorted(self.addresses)))
        return or_(*ways) if ways else false()

    def has(self, address: str) -> bool:
        return self.is_all or address in self.addresses or address.rpartition("@")[2] in self.domains

    @property
    def others(self) -> list[str]:
        """Addresses that are in none of the domains."""
        return sorted(one for one in self.addresses if one.rpartition("@")[2] not in self.domains)

    def ways(self, table: Any) -> list[Way]:
        """Parts of a table with recipients and their domains that leave no row out and take none twice. No index has in
        order what fits one of several."""
        if self.is_all:
            return [Way(true())]
        theirs = [Way(table.c.domain == domain, ("domain",)) for domain in sorted(self.domains)]
        return theirs + by_address(table.c.recipient, self.others)


def by_address(recipient: Any, addresses: list[str]) -> list[Way]:
    if len(addresses) > MOST_WAYS:
        return [Way(recipient.in_(addresses), ("recipient",))]
    return [Way(recipient == one, ("recipient",)) for one in addresses]


EVERYBODY = View(domains=frozenset({""}))


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for: words in sender, author, subject or recipient. A whole address of a recipient is theirs
    alone, anything else a part of what is there."""

    text: str = ""
    sender: str = ""
    recipient: str = ""
    subject: str = ""
    reason: str = ""

    @property
    def whom(self) -> str:
        """The one recipient that is meant; "" where it is a part of any."""
        if "@" not in self.recipient:
            return ""
        try:
            return parse_address(self.recipient).key
        except BadAddress:
            return ""

    @property
    def is_read(self) -> bool:
        """True where rows have to be read, because no index finds them."""
        return bool(self.text or self.sender or self.subject or self.reason or (self.recipient and not self.whom))

    def conditions(self, recipient: Any, reason: Any = None) -> list[ColumnElement[bool]]:
        found = []
        if self.text:
            columns = (message.c.sender, message.c.author, message.c.subject, recipient)
            found.append(or_(*(column.icontains(self.text, autoescape=True) for column in columns)))
        if self.sender:
            mine = (message.c.sender, message.c.author)
            found.append(or_(*(column.icontains(self.sender, autoescape=True) for column in mine)))
        if self.recipient and not self.whom:
            found.append(recipient.icontains(self.recipient, autoescape=True))
        if self.subject:
            found.append(message.c.subject.icontains(self.subject, autoescape=True))
        if self.reason and reason is not None:
            found.append(reason == self.reason)
        return found

    def ways(self, view: View, table: Any) -> list[Way]:
        if not self.whom:
            return view.ways(table)
        return by_address(table.c.recipient, [self.whom]) if view.has(self.whom) else []


EVERYTHING = Asked()


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of a list, and where the look ended; None where it came to the end of the list or found enough."""

    rows: list[Row]
    further: Place | None = None


@dataclass(frozen=True, slots=True)
class Shelf:
    """A list: its rows, and the moment that orders them."""

    table: Any
    by: Column[datetime]
    reason: Any = None

    def rows(
        self, conn: Connection, view: View, most: int, asked: Asked, before: Place | None, states: Iterable[str]
    ) -> Found:
        """The newest that are asked for, one state and way after the other, and then together."""
        ways = [self.in_state(str(state), way) for state, way in product(states, asked.ways(view, self.table))]
        parts = [self.part(conn, way, most, asked, before, share(ways)) for way in ways]
        further = max((part.further for part in parts if part.further is not None), default=None)
        rows = [row for part in parts for row in part.rows if further is None or self.place(row) >= further]
        rows.sort(key=self.place, reverse=True)
        return Found(rows[:most], further if len(rows) < most else None)

    def in_state(self, state: str, way: Way) -> Way:
        return Way(and_(self.table.c.state == state, way.condition), ("state", *way.columns))

    def part(self, conn: Connection, way: Way, most: int, asked: Asked, before: Place | None, looked: int) -> Found:
        end = self.end(conn, way, before, looked) if asked.is_read else None
        query = select(self.table, *SHOWN).join_from(self.table, message)
        query = query.where(*asked.conditions(self.table.c.recipient, self.reason)).limit(most)
        return Found([dict(row) for row in conn.execute(self.newest(query, way, before, end)).mappings()], end)

    def end(self, conn: Connection, way: Way, before: Place | None, looked: int) -> Place | None:
        """The place of the last row that is read for words; None where that is all of them."""
        last = self.newest(select(self.by, self.table.c.id), way, before).offset(looked - 1).limit(1)
        row = conn.execute(last).first()
        return None if row is None else (row[0], row[1])

    def newest(self, query: Select[Any], way: Way, before: Place | None, end: Place | None = None) -> Select[Any]:
        """Along the index of a way, between two places. MariaDB is told to: where half of a table is before a place, it
        would read all of it from the other end; and it is to look each mail up, never to read mails first."""
        query = query.where(way.condition)
        if before is not None:
            query = query.where(self.older(before))
        if end is not None:
            query = query.where(self.by >= end[0])
        index = "_".join(("ix", self.table.name, *way.columns, self.by.name))
        query = query.with_hint(self.table, f"FORCE INDEX ({index})", "mysql").prefix_with(
            "STRAIGHT_JOIN", dialect="mysql"
        )
        return query.order_by(self.by.desc(), self.table.c.id.desc())

    def place(self, row: Row) -> Place:
        return row[self.by.name], row["id"]

    def older(self, before: Place) -> ColumnElement[bool]:
        """Behind a place; said twice, since SQLite takes the range from the first and MariaDB from either."""
        at, number = before
        return and_(self.by <= at, or_(self.by < at, self.table.c.id < number))


def share(ways: Sequence[Any]) -> int:
    """How many rows of each of these are read for words."""
    return max(1, LOOKED_THROUGH // max(1, len(ways)))


HELD = Shelf(delivery, delivery.c.created, delivery.c.reason)
WAITING = Shelf(copy, copy.c.last_seen)


def held(
    conn: Connection,
    view: View,
    most: int,
    asked: Asked = EVERYTHING,
    before: Place | None = None,
    states: Collection[DeliveryState] = (DeliveryState.HELD,),
) -> list[Row]:
    """Mail that is ours and waits for a person; `before`: `created` and `id` of the last row above."""
    return look(conn, view, most, asked, before, states).rows


def look(
    conn: Connection,
    view: View,
    most: int,
    asked: Asked = EVERYTHING,
    before: Place | None = None,
    states: Collection[DeliveryState] = (DeliveryState.HELD,),
) -> Found:
    """The same, with how far back it was looked."""
    return HELD.rows(conn, view, most, asked, before, states)


def waiting(
    conn: Connection,
    view: View,
    most: int,
    asked: Asked = EVERYTHING,
    before: Place | None = None,
    state: CopyState = CopyState.SENDER_HELD,
) -> list[Row]:
    """Copies of mail that its sender still has; `before`: `last_seen` and `id` of the last row above."""
    return look_at_waiting(conn, view, most, asked, before, state).rows


def look_at_waiting(
    conn: Connection,
    view: View,
    most: int,
    asked: Asked = EVERYTHING,
    before: Place | None = None,
    state: CopyState = CopyState.SENDER_HELD,
) -> Found:
    """The same, with how far back it was looked."""
    return WAITING.rows(conn, view, most, asked, before, (state,))


def is_more_than(conn: Connection, view: View, most: int) -> tuple[int, bool]:
    """How many mails are held, as far as anybody wants to count, and whether there are more."""
    found = sum(len(conn.execute(query.limit(most + 1)).all()) for query in held_by_way(view, delivery.c.id))
    return min(found, most), found > most


def held_by_way(view: View, *columns: Any) -> Iterator[Select[Any]]:
    for way in view.ways(delivery):
        yield select(*columns).where(delivery.c.state == str(DeliveryState.HELD), way.condition)


def expiring(conn: Connection, view: View, before: datetime, most: int) -> list[Row]:
    """Held mail whose time is over soon, the soonest first."""
    rows: list[Row] = []
    for query in held_by_way(view, delivery, *SHOWN):
        mine = query.join_from(delivery, message).where(delivery.c.expires < before).order_by(delivery.c.expires)
        rows += [dict(row) for row in conn.execute(mine.limit(most)).mappings()]
    return sorted(rows, key=lambda row: row["expires"])[:most]
