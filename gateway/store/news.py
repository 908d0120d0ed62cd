"""What happened lately, and to whose mail: what open pages are told of. A look costs the same however much is kept."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from gateway.model import CopyState, DeliveryState
from gateway.store.shelves import Asked, View
from sql.tables import copy, delivery, event, message, person, web_session

MOST = 500  # of a kind in one look; whoever finds more tells everybody
LOOKS_FOR = timedelta(minutes=2)  # how long somebody is taken to look at the mail that they opened last


@dataclass(frozen=True, slots=True)
class Happening:
    """`table` and `number` say which one it is, so that nobody is told twice."""

    table: str
    number: int
    recipient: str

    @property
    def is_lent(self) -> bool:
        """Its sender has it: such mail comes all the time."""
        return self.table == copy.name


@dataclass(frozen=True, slots=True)
class Looker:
    """Who has which mail open, and for whom they would decide about it."""

    person: int
    name: str
    mail: str
    recipients: tuple[str, ...]


def since(conn: Connection, after: datetime) -> tuple[frozenset[Happening], bool]:
    """Mail that came to be decided about after a moment, and what was decided; and whether there was more of it."""
    is_held, is_lent = delivery.c.state == str(DeliveryState.HELD), copy.c.state == str(CopyState.SENDER_HELD)
    queries = (
        select(delivery).where(is_held, delivery.c.created > after).order_by(delivery.c.created.desc()),
        select(copy)
        .where(is_lent, copy.c.last_seen > after, copy.c.first_seen > after)
        .order_by(copy.c.last_seen.desc()),
        select(event).where(event.c.at > after, event.c.recipient.is_not(None)).order_by(event.c.at.desc()),
    )
    found: set[Happening] = set()
    is_more = False
    for table, query in zip((delivery, copy, event), queries, strict=True):
        rows = conn.execute(query.with_only_columns(table.c.id, table.c.recipient).limit(MOST)).all()
        found |= {Happening(table.name, row.id, row.recipient) for row in rows}
        is_more = is_more or len(rows) == MOST
    return frozenset(found), is_more


def lookers(conn: Connection, now: datetime, mails: Collection[str] = ()) -> frozenset[Looker]:
    """Who looks at mail right now, at these mails if some are named: each browser's session says what it shows."""
    looks = web_session.c.data["looks"]
    query = select(web_session.c.person_id, person.c.name, looks.label("looks")).join_from(web_session, person)
    fresh = web_session.c.data["looks", "at"].as_string() > (now - LOOKS_FOR).isoformat()
    query = query.where(web_session.c.expires > now, fresh)
    if mails:
        query = query.where(web_session.c.data["looks", "mail"].as_string().in_(sorted(mails)))
    rows = conn.execute(query).all()
    return frozenset(Looker(row.person_id, row.name, row.looks["mail"], tuple(row.looks["for"])) for row in rows)


def how_many_newer(
    conn: Connection, view: View, asked: Asked, after: tuple[datetime, int], most: int, *, lent: bool = False
) -> int:
    """Rows above the first of a list, of what is held or of what its sender has; counted up to so many."""
    (at, number), table = after, copy if lent else delivery
    if not lent:
        which = [table.c.state == str(DeliveryState.HELD), *asked.conditions(table.c.recipient, table.c.reason)]
        above = or_(table.c.created > at, and_(table.c.created == at, table.c.id > number))
    else:
        which = [table.c.state == str(CopyState.SENDER_HELD), *asked.conditions(table.c.recipient)]
        above = and_(table.c.last_seen > at, table.c.first_seen > at)
    query = select(table.c.id).join_from(table, message).where(*which, above, view.of(table.c.recipient))
    return len(conn.execute(query.limit(most)).all())


def standing(conn: Connection, numbers: Collection[str]) -> list[dict[str, Any]]:
    """How these mails stand for each recipient, and who decided: ours where there is both."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for table in (copy, delivery):
        which = table.c.message.in_(sorted(numbers))
        rows = conn.execute(select(table.c.message, table.c.recipient, table.c.state, table.c.decided_by).where(which))
        found |= {(row["message"], row["recipient"]): dict(row) for row in rows.mappings()}
    return list(found.values())
