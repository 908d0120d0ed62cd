"""Decisions about held mail: it is ours."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from gateway.bodies import Bodies, NoBody
from gateway.desk.nouns import Done, Person
from gateway.model import CopyState, DeliveryState
from gateway.store import deliveries

IN_FLIGHT = "its sender is delivering it right now; look again in a minute"


def release_held(
    conn: Connection,
    bodies: Bodies,
    row: dict[str, Any],
    held: dict[str, Any],
    person: Person,
    now: datetime,
    due: datetime | None = None,
) -> Done:
    recipient = held["recipient"]
    try:
        with conn.begin_nested():
            if not deliveries.move(conn, held["id"], DeliveryState.RELEASING, person.name, now, due):
                return Done(recipient, False, standing(deliveries.of_message(conn, row["id"]), held))
            bodies.kept(conn, row["id"])
    except NoBody as error:
        return Done(recipient, False, f"its bytes are gone ({error})")
    return Done(recipient, True, "released, on its way")


def refuse_held(conn: Connection, held: dict[str, Any], person: Person, now: datetime) -> Done:
    if deliveries.move(conn, held["id"], DeliveryState.REFUSED, person.name, now):
        return Done(held["recipient"], True, "refused, it will not be delivered")
    return Done(held["recipient"], False, standing(deliveries.of_message(conn, held["message"]), held))


def standing(rows: Sequence[dict[str, Any]], before: dict[str, Any]) -> str:
    """How it stands now; what was read before the decision may be old, for somebody was first."""
    row = next((row for row in rows if row["id"] == before["id"]), before)
    if row["state"] == CopyState.PASSING:
        return IN_FLIGHT
    by = f" by {row['decided_by']}" if row["decided_by"] else ""
    return f"nothing to decide: it is {row['state'].replace('_', ' ')}{by}"
