"""Mail that somebody asked an approver to release, because they may not do so themselves."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from gateway.model import DeliveryState
from gateway.store.shelves import View
from gateway.store.upsert import upsert
from sql.tables import delivery, message, person, wish_to_release


def ask(conn: Connection, number: str, recipient: str, who: int, words: str, now: datetime) -> None:
    """Once for a mail and recipient; who asks again says it better."""
    row = {"message": number, "recipient": recipient, "person_id": who, "at": now, "words": words[:300]}
    upsert(conn, wish_to_release, [row], key=("message", "recipient"), replace=("person_id", "words"))


def of_mails(conn: Connection, numbers: Collection[str]) -> list[dict[str, Any]]:
    """Who asked for these mails, and with what words."""
    query = select(wish_to_release, person.c.name).join_from(wish_to_release, person)
    query = query.where(wish_to_release.c.message.in_(sorted(numbers)))
    return [dict(row) for row in conn.execute(query.order_by(wish_to_release.c.at)).mappings()]


def open_ones(conn: Connection, view: View, most: int) -> list[dict[str, Any]]:
    """What was asked for and nobody decided about, the oldest first."""
    mine = (delivery.c.message == wish_to_release.c.message, delivery.c.recipient == wish_to_release.c.recipient)
    query = select(wish_to_release, person.c.name, message.c.author, message.c.sender, message.c.subject)
    query = query.join_from(wish_to_release, person).join(message, message.c.id == wish_to_release.c.message)
    is_open = select(delivery.c.id).where(*mine, delivery.c.state == str(DeliveryState.HELD)).exists()
    query = query.where(is_open, view.of(wish_to_release.c.recipient)).order_by(wish_to_release.c.at).limit(most)
    return [dict(row) for row in conn.execute(query).mappings()]


def forget_old(conn: Connection, before: datetime, most: int) -> int:
    which = wish_to_release.c.at < before
    old = conn.execute(select(wish_to_release.c.message, wish_to_release.c.recipient).where(which).limit(most)).all()
    for number, recipient in old:
        mine = (wish_to_release.c.message == number, wish_to_release.c.recipient == recipient)
        conn.execute(delete(wish_to_release).where(*mine))
    return len(old)
