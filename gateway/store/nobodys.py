"""Held mail to addresses that are nobody's: an approver of the domain is the only one who may see it."""

from typing import Any

from sqlalchemy import Connection, select

from gateway.model import DeliveryState, Tie
from gateway.store.shelves import SHOWN, View
from sql.tables import delivery, message, person, person_address


def held(conn: Connection, view: View, most: int) -> list[dict[str, Any]]:
    """The newest first. An address of somebody who may not sign in any more is nobody's."""
    owner = select(person_address.c.key).join_from(person_address, person)
    owner = owner.where(
        person_address.c.address == delivery.c.recipient,
        person_address.c.kind == str(Tie.OWN),
        person.c.disabled_at.is_(None),
    )
    query = select(delivery, *SHOWN).join_from(delivery, message, message.c.id == delivery.c.message)
    query = query.where(
        delivery.c.state == str(DeliveryState.HELD), view.of(delivery.c.recipient), ~owner.exists()
    ).order_by(delivery.c.created.desc(), delivery.c.id.desc())
    return [dict(row) for row in conn.execute(query.limit(most)).mappings()]
