"""Decisions about copies of mail that its sender has, and will bring again."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from gateway.bodies import Bodies, NoBody, NoRoom, Owner
from gateway.desk.nouns import Done, Person, Terms
from gateway.desk.owned import IN_FLIGHT, standing
from gateway.i18n import _
from gateway.model import CopyRow, CopyState, DeliveryState, MailIdentity, ReasonCode, Recipient, TombstoneOutcome
from gateway.policy.hold import OPEN_COPIES
from gateway.policy.retry import LIFETIME
from gateway.policy.sameness import Sameness, compare
from gateway.store import copies, deliveries, messages, tombstones
from gateway.store.deliveries import Owned
from gateway.store.question import Question
from gateway.store.rows import fingerprint_of, rungs_from_json


def release_copy(
    conn: Connection,
    bodies: Bodies,
    row: dict[str, Any],
    copy: dict[str, Any],
    person: Person,
    terms: Terms,
    now: datetime,
    due: datetime | None = None,
) -> Done:
    """The copy becomes ours; a tombstone answers the sender's retry: 451 until the backend has it, then 250."""
    recipient = copy["recipient"]
    to = Recipient(messages.stored_address(copy["recipient_raw"]), copy["notify"], copy["orcpt"])
    twins = twins_of(conn, row, recipient)
    if any(twin.state is CopyState.PASSING for twin in twins):
        return Done(recipient, False, _(IN_FLIGHT))
    try:
        with conn.begin_nested():
            if not copies.move(conn, copy["id"], CopyState.RELEASED, who=person.name, now=now):
                return Done(recipient, False, standing(copies.of_message(conn, row["id"]), copy))
            bodies.own(conn, row["id"], [Owner(to, DeliveryState.RELEASING, ReasonCode.PARTY_KNOWN)])
    except NoBody as error:
        return Done(recipient, False, _("its bytes are gone (%(why)s)") % {"why": error})
    except NoRoom as error:
        return Done(recipient, False, _("it cannot be made safe here: %(why)s") % {"why": error})
    for twin in twins:
        copies.move(conn, twin.id, CopyState.PASSED, note="another copy of it was released", now=now)
    owned = Owned(to, DeliveryState.RELEASING, ReasonCode.PARTY_KNOWN, decided_by=person.name, due=due)
    deliveries.own(conn, row["id"], owned, now)
    expires = now + LIFETIME + terms.tombstones
    mail = identity(row, recipient)
    tombstones.make(conn, mail, TombstoneOutcome.PENDING, now, expires, message=row["id"], released=True)
    return Done(recipient, True, _("released, on its way; its sender's retry will be recognised"))


def twins_of(conn: Connection, row: dict[str, Any], recipient: str) -> list[CopyRow]:
    """Other open copies of the very same mail: two nodes may have kept it at the same moment."""
    mail = identity(row, recipient)
    asked = Question(row["sender_key"], "", (recipient,), mail.rungs, row["received_at"], mail.fingerprint)
    found = copies.find(conn, [asked])[0][recipient]
    return [
        copy
        for copy in found
        if copy.message != row["id"] and copy.state in OPEN_COPIES and compare(copy.mail, mail) >= Sameness.WHOLE
    ]


def refuse_copy(
    conn: Connection, row: dict[str, Any], copy: dict[str, Any], person: Person, terms: Terms, now: datetime
) -> Done:
    if not copies.move(conn, copy["id"], CopyState.REFUSED, who=person.name, now=now):
        return Done(copy["recipient"], False, standing(copies.of_message(conn, row["id"]), copy))
    mail = identity(row, copy["recipient"])
    tombstones.make(conn, mail, TombstoneOutcome.REFUSED, now, now + terms.tombstones, message=row["id"])
    return Done(copy["recipient"], True, _("refused; its sender's retry will be answered 550"))


def identity(row: dict[str, Any], recipient: str) -> MailIdentity:
    return MailIdentity(row["sender_key"], recipient, rungs_from_json(row["rungs"]), fingerprint_of(row))
