"""Decisions about held mail: it is ours."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from gateway.bodies import Bodies, NoBody
from gateway.desk.nouns import Done, Person
from gateway.i18n import _
from gateway.marked import N_
from gateway.model import CopyState, DeliveryState
from gateway.store import deliveries

IN_FLIGHT = N_("its sender is delivering it right now; look again in a minute")
STATES: Mapping[str, str] = {
    DeliveryState.HELD: N_("held"),
    DeliveryState.RELEASING: N_("releasing"),
    DeliveryState.DELIVERED: N_("delivered"),
    DeliveryState.UNDELIVERABLE: N_("undeliverable"),
    DeliveryState.REFUSED: N_("refused"),
    DeliveryState.EXPIRED: N_("expired"),
    CopyState.SENDER_HELD: N_("sender held"),
    CopyState.PASSED: N_("passed"),
    CopyState.TAKEN_OVER: N_("taken over"),
    CopyState.RELEASED: N_("released"),
    CopyState.ABANDONED: N_("abandoned"),
    CopyState.LISTED: N_("listed"),
    CopyState.LOOKED_AT: N_("looked at"),
    CopyState.CALLED_SPAM: N_("called spam"),
    CopyState.CALLED_HAM: N_("called ham"),
    CopyState.UNSEEN: N_("unseen"),
}


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
        return Done(recipient, False, _("its bytes are gone (%(why)s)") % {"why": error})
    return Done(recipient, True, _("released, on its way"))


def refuse_held(conn: Connection, held: dict[str, Any], person: Person, now: datetime) -> Done:
    if deliveries.move(conn, held["id"], DeliveryState.REFUSED, person.name, now):
        return Done(held["recipient"], True, _("refused, it will not be delivered"))
    return Done(held["recipient"], False, standing(deliveries.of_message(conn, held["message"]), held))


def standing(rows: Sequence[dict[str, Any]], before: dict[str, Any]) -> str:
    """How it stands now; what was read before the decision may be old, for somebody was first."""
    row = next((row for row in rows if row["id"] == before["id"]), before)
    if row["state"] == CopyState.PASSING:
        return _(IN_FLIGHT)
    state = _(STATES[row["state"]])
    if not row["decided_by"]:
        return _("nothing to decide: it is %(state)s") % {"state": state}
    return _("nothing to decide: it is %(state)s by %(who)s") % {"state": state, "who": row["decided_by"]}
