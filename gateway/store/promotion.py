"""Mail that was kept before anybody could know that it is one of a campaign."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, select, update

from gateway.model import DeliveryState, ReasonCode
from gateway.policy.campaign import CampaignTerms
from gateway.policy.hold import OPEN_COPIES
from gateway.store import decisions, sharing
from gateway.store.campaigns import Marks
from sql.tables import copy, delivery, event, message

JOINED = "campaign"  # the event: from then on it was known


@dataclass(frozen=True, slots=True)
class Found:
    """A mail turned out to be one of a campaign. `keep`: how long its earlier mails are held, where anybody looks."""

    marks: Marks
    code: ReasonCode
    terms: CampaignTerms
    keep: timedelta | None
    now: datetime


def promote(conn: Connection, found: Iterable[Found]) -> None:
    """Earlier mails that are still here are marked, and those that would release themselves are held."""
    for one in found:
        shared = sharing.mails(conn, one.marks.keys(), one.terms, one.now)
        for number, whole in pending(conn, shared):
            hold_back(conn, number, one)
            mark(conn, number, one, shared[whole])


def pending(conn: Connection, wholes: Collection[str]) -> list[tuple[str, str]]:
    """Id and digest of those mails that may still become something."""
    has_copy = select(copy.c.id).where(copy.c.message == message.c.id, copy.c.state.in_(OPEN_COPIES)).exists()
    held = select(delivery.c.id).where(delivery.c.message == message.c.id, delivery.c.state == DeliveryState.HELD)
    query = select(message.c.id, message.c.whole).where(message.c.whole.in_(list(wholes)), or_(has_copy, held.exists()))
    return [(row.id, row.whole) for row in conn.execute(query.order_by(message.c.received_at, message.c.id))]


def hold_back(conn: Connection, number: str, one: Found) -> None:
    """Only what strangers sent: what a known sender's mail carried along is not held for what it shares."""
    mine = (
        delivery.c.message == number,
        delivery.c.state == DeliveryState.HELD,
        delivery.c.release_at.is_not(None),
        delivery.c.reason == ReasonCode.GREYLIST_COMPANY,
    )
    held = {} if one.keep is None else {"release_at": None, "expires": one.now + one.keep}
    conn.execute(update(delivery).where(*mine).values(junk=True, reason=str(one.code), **held))


def mark(conn: Connection, number: str, one: Found, shared: list[str]) -> None:
    """A line in its timeline, once."""
    there = select(event.c.id).where(event.c.message == number, event.c.kind == JOINED).limit(1)
    if conn.execute(there).first() is None:
        decisions.happened(conn, JOINED, one.now, message=number, who="gateway", code=str(one.code), links=shared[:5])
