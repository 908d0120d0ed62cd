"""What mails of several sources have in common, the newest first, and what became of those mails.

A page looks at a bounded number of sightings and goes on from the moment of the last one, so that it costs the same
however many there are.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, distinct, func, or_, select

from gateway.model import Common, CopyState, DeliveryState
from gateway.store.campaigns import LIST
from gateway.store.shelves import View
from sql.tables import campaign_sighting as sighting
from sql.tables import copy, delivery, message

AT_ONCE = 1000  # sightings that one look goes through
MOST_OWN = 300  # mails of one state and one person, the newest, that are looked at
MOST_PARTS = 1000  # recipients of one campaign that are counted
NOT_LIST = sighting.c.kind != LIST


@dataclass(frozen=True, slots=True)
class Candidate:
    """A key that several sources brought: `value` is the link, "" of a band of a text; `last`: the newest sighting."""

    key: bytes
    kind: Common
    value: str
    last: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """How a mail of a campaign stands for one recipient. `is_ours`: else its sender still has it, or had it."""

    message: str
    whole: str
    received_at: datetime
    recipient: str
    state: str
    is_ours: bool
    decided_by: str | None
    decided_at: datetime | None


# ---- which there are -----------------------------------------------------------------------------------------------


def candidates(
    conn: Connection, since: datetime, before: datetime | None, view: View
) -> tuple[list[Candidate], datetime | None]:
    """What was last seen before a moment, the newest first, and from where to look on; None where that was all.

    Of the moment that the look ends with some sightings may be missing: it belongs to the next one.
    """
    wanted = [sighting.c.at > since] if before is None else [sighting.c.at > since, sighting.c.at < before]
    rows = conn.execute(
        select(sighting.c.key, sighting.c.at).where(*wanted).order_by(sighting.c.at.desc()).limit(AT_ONCE)
    )
    seen = [(bytes(row.key), row.at) for row in rows]
    if not seen:
        return [], None
    if len(seen) < AT_ONCE:
        return seen_by(conn, several(conn, {key for key, _ in seen}, before), view), None
    low = seen[-1][1]
    after = next((at for _, at in reversed(seen) if at > low), low)  # all of one moment: the rest of it is given up
    found = several(conn, {key for key, at in seen if at >= after}, before)
    return seen_by(conn, [one for one in found if one.last >= after], view), after


def of_own(
    conn: Connection, since: datetime, before: datetime | None, view: View
) -> tuple[list[Candidate], datetime | None]:
    """The same by the mails of whoever has but a few addresses: most that others share is not theirs."""
    wholes: set[str] = set()
    for table, at, states in (
        (delivery, delivery.c.created, (DeliveryState.HELD, DeliveryState.RELEASING, DeliveryState.REFUSED)),
        (copy, copy.c.last_seen, (CopyState.SENDER_HELD, CopyState.REFUSED)),
    ):
        for state in states:
            mine = (table.c.state == str(state), view.of(table.c.recipient), at > since)
            query: Select[Any] = select(message.c.whole).join_from(table, message).where(*mine)
            wholes |= set(conn.execute(query.order_by(at.desc()).limit(MOST_OWN)).scalars())
    keys = select(sighting.c.key).where(sighting.c.whole.in_(list(wholes)), NOT_LIST).distinct()
    return several(conn, set(conn.execute(keys).scalars()), before), None


def several(conn: Connection, keys: Collection[bytes], before: datetime | None) -> list[Candidate]:
    """Those of the keys that came by more than one network, identity and organisation, and not again since."""
    networks, last = func.count(distinct(sighting.c.network)), func.max(sighting.c.at)
    mine = select(sighting.c.key).where(sighting.c.key.in_(list(keys))).group_by(sighting.c.key)
    shared = list(conn.execute(mine.having(networks > 1)).scalars())  # of most keys the index says that they are not
    kind, value = func.min(sighting.c.kind).label("kind"), func.max(sighting.c.value).label("value")
    query = select(sighting.c.key, kind, value, last.label("last")).where(sighting.c.key.in_(shared), NOT_LIST)
    many = [func.count(distinct(column)) > 1 for column in (sighting.c.identity, sighting.c.domain)]
    query = query.group_by(sighting.c.key).having(and_(*many) if before is None else and_(*many, last < before))
    rows = conn.execute(query.order_by(last.desc(), sighting.c.key))
    return [Candidate(bytes(row.key), Common(row.kind), row.value, row.last) for row in rows]


def seen_by(conn: Connection, looked: Sequence[Candidate], view: View) -> list[Candidate]:
    """Those of which somebody sees a mail; whoever sees all mail is not asked about it."""
    if view.is_all:
        return list(looked)
    keys, found = {one.key for one in looked}, set[bytes]()
    for table in (delivery, copy):
        query = select(sighting.c.key).join_from(sighting, message, message.c.whole == sighting.c.whole)
        query = query.join(table, table.c.message == message.c.id).where(view.of(table.c.recipient))
        found |= set(conn.execute(query.where(sighting.c.key.in_(list(keys - found))).distinct()).scalars())
    return [one for one in looked if one.key in found]


def named(conn: Connection, key: bytes) -> Candidate | None:
    """What a key stands for; None where no mail has it."""
    query = select(sighting).where(sighting.c.key == key, NOT_LIST).order_by(sighting.c.at.desc()).limit(1)
    row = conn.execute(query).one_or_none()
    return None if row is None else Candidate(key, Common(row.kind), row.value, row.at)


def newest_with(conn: Connection, key: bytes) -> str:
    """The digest of the newest mail with a key."""
    query = select(sighting.c.whole).where(sighting.c.key == key).order_by(sighting.c.at.desc(), sighting.c.whole)
    return str(conn.execute(query.limit(1)).scalar_one())


# ---- and what became of their mails --------------------------------------------------------------------------------


def parts(conn: Connection, wholes: Collection[str], view: View) -> list[Part]:
    """For whom the mails with these digests are, of those whom somebody sees: the oldest first, up to a number."""
    return told(conn, message.c.whole.in_(list(wholes)), view)


def parts_of(conn: Connection, numbers: Collection[str], view: View) -> list[Part]:
    """The same of mails by their ids."""
    return told(conn, message.c.id.in_(list(numbers)), view)


def told(conn: Connection, which: ColumnElement[bool], view: View) -> list[Part]:
    """What is ours tells more than the copy that it was made from."""
    found: dict[tuple[str, str], Part] = {}
    for table in (copy, delivery):
        of_it = (table.c.message, table.c.recipient, table.c.state, table.c.decided_by, table.c.decided_at)
        query: Select[Any] = select(*of_it, message.c.whole, message.c.received_at).join_from(message, table)
        query = query.where(which, view.of(table.c.recipient)).order_by(message.c.received_at, message.c.id)
        for number, recipient, state, who, at, whole, received in conn.execute(query.limit(MOST_PARTS)):
            found[(number, recipient)] = Part(
                number, whole, received, recipient, str(state), table is delivery, who, at
            )
    return sorted(found.values(), key=lambda one: (one.received_at, one.message, one.recipient))


def mails(
    conn: Connection, wholes: Collection[str], view: View, most: int, before: tuple[datetime, str] | None = None
) -> list[dict[str, Any]]:
    """These mails, as far as somebody sees them, the newest first; `before`: moment and id of the last one above."""
    mine = [
        select(table.c.id).where(table.c.message == message.c.id, view.of(table.c.recipient)).exists()
        for table in (delivery, copy)
    ]
    query = select(message).where(message.c.whole.in_(list(wholes)), or_(*mine))
    if before is not None:
        at, number = before
        query = query.where(or_(message.c.received_at < at, and_(message.c.received_at == at, message.c.id < number)))
    rows = conn.execute(query.order_by(message.c.received_at.desc(), message.c.id.desc()).limit(most))
    return [dict(row) for row in rows.mappings()]
