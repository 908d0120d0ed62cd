"""Mail that we own, one row per mail and recipient: held, on its way, or ended."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, or_, select, update

from gateway.model import DeliveryState, ReasonCode, Recipient
from gateway.policy.hold import Lifetime, delivery_sources
from gateway.store.upsert import upsert
from sql.tables import delivery, message

NEVER = Lifetime(None, None)


@dataclass(frozen=True, slots=True)
class Owned:
    """One recipient of a mail that becomes ours."""

    recipient: Recipient
    state: DeliveryState
    reason: ReasonCode
    lifetime: Lifetime = NEVER
    junk: bool = False
    last_reply: str = ""
    decided_by: str | None = None
    due: datetime | None = None  # of what is released: not before


def own(conn: Connection, number: str, owned: Owned, now: datetime) -> None:
    """Take a recipient of a mail into our hands. The mail's row and its durable bytes are there already."""
    releasing = owned.state is DeliveryState.RELEASING
    ended = owned.state is DeliveryState.UNDELIVERABLE
    values = {
        "message": number,
        "recipient": owned.recipient.address.key,
        "recipient_raw": owned.recipient.address.raw,
        "notify": owned.recipient.notify,
        "orcpt": owned.recipient.orcpt,
        "state": owned.state,
        "reason": owned.reason,
        "junk": owned.junk,
        "created": now,
        "release_at": owned.lifetime.release_at,
        "expires": owned.lifetime.expires,
        "due": (owned.due or now) if releasing else None,
        "attempts": 0,
        "last_reply": owned.last_reply[:500],
        "decided_by": owned.decided_by,
        "decided_at": now if owned.decided_by else None,
        "ended_at": now if ended else None,
        "sender_domain": sender_domain(conn, number),
    }
    upsert(conn, delivery, [values], key=("message", "recipient"), replace=("state", "due", "last_reply", "ended_at"))


def sender_domain(conn: Connection, number: str) -> str:
    """By what mail of one sender's domain is found among the held; "" of a notice."""
    sender = conn.execute(select(message.c.sender_key).where(message.c.id == number)).scalar_one_or_none()
    return (sender or "").rpartition("@")[2][:255]


def claim_due(conn: Connection, by: str, now: datetime, until: datetime, most: int) -> list[dict[str, Any]]:
    """Take up to `most` deliveries that are due, each by one conditional statement, and return their rows."""
    free = or_(delivery.c.lease_until.is_(None), delivery.c.lease_until <= now)
    due = and_(delivery.c.state == DeliveryState.RELEASING, delivery.c.due <= now, free)
    candidates = select(delivery).where(due).order_by(delivery.c.due).limit(most)
    claimed = []
    for row in conn.execute(candidates).mappings().all():
        mine = update(delivery).where(delivery.c.id == row["id"], due).values(lease_until=until, lease_by=by)
        if conn.execute(mine).rowcount == 1:
            claimed.append(dict(row))
    return claimed


def claimers(conn: Connection) -> set[str]:
    """The processes that have claimed a delivery."""
    claimed = select(delivery.c.lease_by).where(
        delivery.c.state == DeliveryState.RELEASING, delivery.c.lease_until.is_not(None)
    )
    return set(conn.execute(claimed).scalars())


def free(conn: Connection, by: str) -> int:
    """The claimer died: its deliveries are due again; how many."""
    dead = update(delivery).where(delivery.c.lease_by == by, delivery.c.state == DeliveryState.RELEASING)
    return conn.execute(dead.values(lease_until=None)).rowcount


def next_due(conn: Connection) -> datetime | None:
    """When the courier has work next."""
    query = select(delivery.c.due).where(delivery.c.state == DeliveryState.RELEASING)
    return conn.execute(query.order_by(delivery.c.due).limit(1)).scalar_one_or_none()


def delivered(conn: Connection, number: int, reply: str, now: datetime) -> None:
    values = {"state": DeliveryState.DELIVERED, "last_reply": reply[:500], "lease_until": None, "ended_at": now}
    conn.execute(update(delivery).where(delivery.c.id == number).values(**values, attempts=delivery.c.attempts + 1))


def try_later(conn: Connection, number: int, reply: str, due: datetime) -> None:
    values = {"last_reply": reply[:500], "lease_until": None, "due": due}
    conn.execute(update(delivery).where(delivery.c.id == number).values(**values, attempts=delivery.c.attempts + 1))


def undeliverable(conn: Connection, number: int, reply: str, now: datetime) -> None:
    values = {"state": DeliveryState.UNDELIVERABLE, "last_reply": reply[:500], "lease_until": None, "ended_at": now}
    conn.execute(update(delivery).where(delivery.c.id == number).values(**values, attempts=delivery.c.attempts + 1))


def move(
    conn: Connection, number: int, target: DeliveryState, who: str, now: datetime, due: datetime | None = None
) -> bool:
    """A person's decision about held mail; False when somebody or something was first. `due`: not sent before."""
    values: dict[str, Any] = {"state": target, "decided_by": who, "decided_at": now, "lease_until": None}
    if target is DeliveryState.RELEASING:
        values |= {"due": due or now, "ended_at": None, "attempts": 0, "created": now}
    else:
        values["ended_at"] = now
    wanted = update(delivery).where(delivery.c.id == number, delivery.c.state.in_(delivery_sources(target)))
    return conn.execute(wanted.values(**values)).rowcount == 1


def release_by_themselves(conn: Connection, now: datetime) -> int:
    """Held mail whose wait is over goes to the courier; how many."""
    over = update(delivery).where(delivery.c.state == DeliveryState.HELD, delivery.c.release_at <= now)
    return conn.execute(over.values(state=DeliveryState.RELEASING, due=now)).rowcount


def expire(conn: Connection, now: datetime, most: int) -> list[dict[str, Any]]:
    """Held mail that nobody decided about in time. It is shown as expired, and a person may still release it."""
    over = select(delivery).where(delivery.c.state == DeliveryState.HELD, delivery.c.expires <= now).limit(most)
    rows = [dict(row) for row in conn.execute(over).mappings()]
    expired = []
    for row in rows:
        mine = update(delivery).where(delivery.c.id == row["id"], delivery.c.state == DeliveryState.HELD)
        if conn.execute(mine.values(state=DeliveryState.EXPIRED, ended_at=now)).rowcount == 1:
            expired.append(row)
    return expired


def drop_ended(conn: Connection, before: datetime, most: int, now: datetime) -> list[dict[str, Any]]:
    """Expired and undeliverable mail that was shown for long enough is refused, so that its bytes may go."""
    over = and_(
        delivery.c.state.in_((DeliveryState.EXPIRED, DeliveryState.UNDELIVERABLE)), delivery.c.ended_at < before
    )
    values = {"state": DeliveryState.REFUSED, "decided_by": "retention", "decided_at": now}
    rows = [dict(row) for row in conn.execute(select(delivery).where(over).limit(most)).mappings()]
    refused = update(delivery).where(over).values(**values)
    return [row for row in rows if conn.execute(refused.where(delivery.c.id == row["id"])).rowcount == 1]


def of_message(conn: Connection, number: str) -> list[dict[str, Any]]:
    query = select(delivery).where(delivery.c.message == number).order_by(delivery.c.id)
    return [dict(row) for row in conn.execute(query).mappings()]


def queue(conn: Connection, states: Collection[DeliveryState], most: int) -> list[dict[str, Any]]:
    """What we own in these states, with what the queue shows of the mail, newest first."""
    shown = (message.c.sender, message.c.author, message.c.subject, message.c.size, message.c.peer)
    query = select(delivery, *shown).join_from(delivery, message).where(delivery.c.state.in_(states))
    return [dict(row) for row in conn.execute(query.order_by(delivery.c.created.desc()).limit(most)).mappings()]
