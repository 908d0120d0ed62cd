"""Pending mails that may be decided about together: what is held, and what its sender still has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection, Table, select

from gateway.model import CopyState, DeliveryState
from gateway.store.shelves import View
from sql.tables import bulk_mail, copy, delivery, message

AT_ONCE = 500  # ids in one question


@dataclass(frozen=True, slots=True)
class Waits:
    """A mail that waits for one of those whom somebody decides for."""

    message: str
    recipient: str
    sender: str
    network: str


def among(conn: Connection, view: View, numbers: Iterable[str]) -> list[Waits]:
    """Those of the mails that wait, for each recipient in view, in their order."""
    rest = iter(dict.fromkeys(numbers))
    found: list[Waits] = []
    while some := list(islice(rest, AT_ONCE)):
        place = {number: at for at, number in enumerate(some)}
        mine = {(one.message, one.recipient): one for table in WAITING for one in waits(conn, table, view, some)}
        found += sorted(mine.values(), key=lambda one: (place[one.message], one.recipient))
    return found


WAITING = {delivery: str(DeliveryState.HELD), copy: str(CopyState.SENDER_HELD)}  # what is ours, and its sender's


def waits(conn: Connection, table: Table, view: View, some: Sequence[str]) -> list[Waits]:
    """By the mail alone: that some tables are best read by their states would mislead the database here."""
    columns = table.c.message, table.c.recipient, message.c.sender, message.c.network, table.c.state
    query = select(*columns).join_from(table, message).where(table.c.message.in_(some), view.of(table.c.recipient))
    return [Waits(*row[:4]) for row in conn.execute(query) if row[4] == WAITING[table]]


def of_domain(conn: Connection, view: View, domain: str, most: int) -> list[str]:
    """Held mails whose sender is of exactly this domain, the newest first."""
    mine = (
        delivery.c.state == str(DeliveryState.HELD),
        delivery.c.sender_domain == domain,
        view.of(delivery.c.recipient),
    )
    query = select(delivery.c.message).where(*mine).order_by(delivery.c.created.desc(), delivery.c.id.desc())
    return list(dict.fromkeys(conn.execute(query.limit(most)).scalars()))


def is_beyond(conn: Connection, number: int, theirs: View, mine: View) -> bool:
    """True when a decision about many is about somebody for whom its author decides, and another person does not."""
    if mine.is_all:
        return False
    for table, state in WAITING.items():
        waits = table.c.state == state, theirs.of(table.c.recipient), ~mine.of(table.c.recipient)
        query = select(table.c.id).join_from(bulk_mail, table, table.c.message == bulk_mail.c.message)
        if conn.execute(query.where(bulk_mail.c.bulk == number, *waits).limit(1)).first() is not None:
            return True
    return False
