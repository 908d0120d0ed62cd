"""The approval desk: what people do with kept mail. Used by the command line, the pages and the API alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from gateway.bodies import Bodies, NoBody, NoRoom, Owner
from gateway.model import (
    CopyRow,
    CopyState,
    DeliveryState,
    Grade,
    MailIdentity,
    ReasonCode,
    Recipient,
    TombstoneOutcome,
)
from gateway.policy.address import normalise_sender
from gateway.policy.hold import OPEN_COPIES
from gateway.policy.retry import LIFETIME
from gateway.policy.sameness import Sameness, compare
from gateway.store import changes, copies, decisions, deliveries, memory, messages, sightings, tombstones
from gateway.store.deliveries import Owned
from gateway.store.memory import Remembered
from gateway.store.question import Question
from gateway.store.rows import fingerprint_of, rungs_from_json


@dataclass(frozen=True, slots=True)
class Person:
    """Who decides, and on which node."""

    name: str
    node: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What the settings say about decisions."""

    memory: timedelta  # how long an act of ours is remembered
    tombstones: timedelta


@dataclass(frozen=True, slots=True)
class Done:
    """What a decision did for one recipient."""

    recipient: str
    happened: bool
    words: str


class NoSuchMail(Exception):
    """Nothing is kept under that id."""


IN_FLIGHT = "its sender is delivering it right now; look again in a minute"


def release(
    conn: Connection,
    bodies: Bodies,
    number: str,
    wanted: Sequence[str],
    person: Person,
    terms: Terms,
    now: datetime,
    *,
    trust: bool = True,
) -> list[Done]:
    """Deliver a kept mail to these recipients (all, if none is named); with `trust` its sender is known from now on."""
    row = found(conn, number)
    mine = of(deliveries.of_message(conn, number), wanted)
    done = [release_held(conn, bodies, row, held, person, now) for held in mine]
    owned = {one.recipient for one in done}
    for copy in of(copies.of_message(conn, number), wanted):
        if copy["recipient"] not in owned:
            done.append(release_copy(conn, bodies, row, copy, person, terms, now))
    for one in done:
        if one.happened and trust:
            make_known(conn, row, one.recipient, person, terms, now)
    finish(conn, "released", row, done, person, now)
    return done


def refuse(
    conn: Connection, number: str, wanted: Sequence[str], person: Person, terms: Terms, now: datetime
) -> list[Done]:
    """Refuse a kept mail: what we own is not delivered, and the retry of what its sender owns is answered 550."""
    row = found(conn, number)
    done = [refuse_held(conn, held, person, now) for held in of(deliveries.of_message(conn, number), wanted)]
    owned = {one.recipient for one in done}
    for copy in of(copies.of_message(conn, number), wanted):
        if copy["recipient"] not in owned:
            done.append(refuse_copy(conn, row, copy, person, terms, now))
    finish(conn, "refused", row, done, person, now)
    return done


def found(conn: Connection, number: str) -> dict[str, Any]:
    row = messages.load(conn, number)
    if row is None:
        raise NoSuchMail(number)
    return row


def of(rows: Sequence[dict[str, Any]], wanted: Sequence[str]) -> list[dict[str, Any]]:
    return [row for row in rows if not wanted or row["recipient"] in wanted]


def finish(
    conn: Connection, kind: str, row: dict[str, Any], done: Sequence[Done], person: Person, now: datetime
) -> None:
    for one in done:
        if one.happened:
            sightings.settled(conn, row["sender_key"], one.recipient, fingerprint_of(row), now)
            decisions.happened(conn, kind, now, message=row["id"], recipient=one.recipient, who=person.name)
    changes.announce(conn, person.node)


# ---- mail that is ours ---------------------------------------------------------------------------------------------


def release_held(
    conn: Connection, bodies: Bodies, row: dict[str, Any], held: dict[str, Any], person: Person, now: datetime
) -> Done:
    recipient = held["recipient"]
    try:
        with conn.begin_nested():
            if not deliveries.move(conn, held["id"], DeliveryState.RELEASING, person.name, now):
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


# ---- copies of mail that its sender has ----------------------------------------------------------------------------


def release_copy(
    conn: Connection,
    bodies: Bodies,
    row: dict[str, Any],
    copy: dict[str, Any],
    person: Person,
    terms: Terms,
    now: datetime,
) -> Done:
    """The copy becomes ours; a tombstone answers the sender's retry: 451 until the backend has it, then 250."""
    recipient = copy["recipient"]
    to = Recipient(messages.stored_address(copy["recipient_raw"]), copy["notify"], copy["orcpt"])
    twins = twins_of(conn, row, recipient)
    if any(twin.state is CopyState.PASSING for twin in twins):
        return Done(recipient, False, IN_FLIGHT)
    try:
        with conn.begin_nested():
            if not copies.move(conn, copy["id"], CopyState.RELEASED, who=person.name, now=now):
                return Done(recipient, False, standing(copies.of_message(conn, row["id"]), copy))
            bodies.own(conn, row["id"], [Owner(to, DeliveryState.RELEASING, ReasonCode.PARTY_KNOWN)])
    except NoBody as error:
        return Done(recipient, False, f"its bytes are gone ({error})")
    except NoRoom as error:
        return Done(recipient, False, f"it cannot be made safe here: {error}")
    for twin in twins:
        copies.move(conn, twin.id, CopyState.PASSED, note="another copy of it was released", now=now)
    owned = Owned(to, DeliveryState.RELEASING, ReasonCode.PARTY_KNOWN, decided_by=person.name)
    deliveries.own(conn, row["id"], owned, now)
    expires = now + LIFETIME + terms.tombstones
    mail = identity(row, recipient)
    tombstones.make(conn, mail, TombstoneOutcome.PENDING, now, expires, message=row["id"], released=True)
    return Done(recipient, True, "released, on its way; its sender's retry will be recognised")


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
    return Done(copy["recipient"], True, "refused; its sender's retry will be answered 550")


def identity(row: dict[str, Any], recipient: str) -> MailIdentity:
    return MailIdentity(row["sender_key"], recipient, rungs_from_json(row["rungs"]), fingerprint_of(row))


def make_known(
    conn: Connection, row: dict[str, Any], recipient: str, person: Person, terms: Terms, now: datetime
) -> None:
    """An act of ours stands behind this sender now, from the identities it came with and for this recipient."""
    sender = row["sender_key"]
    normal = normalise_sender(sender) if sender else ""
    rungs = rungs_from_json(row["rungs"])
    comment = f"released {row['id']}"
    until = now + terms.memory
    known = Remembered(rungs, normal, recipient, Grade.KNOWN, "released", now, until, person.name, comment)
    memory.remember(conn, [known])
