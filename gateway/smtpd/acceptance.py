"""After the dot: gather what is known about each recipient's mail, ask the policy, and carry out the one plan."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlalchemy import Connection

from gateway import clock
from gateway.bodies import NoRoom
from gateway.model import CopyRow, DataFacts, MessageFacts, Reply, Sighting, Tombstone
from gateway.policy import inbound, recipients
from gateway.policy.identity import rungs_of
from gateway.policy.recipients import Plan
from gateway.policy.reply import reply_to
from gateway.smtpd import passage
from gateway.smtpd.admission import Admitted
from gateway.smtpd.door import Door
from gateway.smtpd.keeping import consume, keep_copies, own
from gateway.smtpd.message import Beaten, Judged, Later, Received, fail, record
from gateway.store import copies, sightings, tombstones
from gateway.store.engine import StoreUnavailable
from gateway.store.keys import text_key

log = structlog.get_logger()


async def accept(door: Door, received: Received) -> tuple[Reply, Later | None]:
    """Decide, act, and answer. With it comes what to do should the answer not reach the peer."""
    received = replace(received, message=with_short_id(received.message))
    facts = await gather(door, received)
    verdicts = [inbound.at_data(one, door.policy) for one in facts]
    plan = recipients.join(verdicts, sender_known=received.mail.transaction.sender_known, wait=door.policy.timing.wait)
    judged = [
        Judged(admitted, fact, verdict, disposition)
        for admitted, fact, verdict, disposition in zip(
            received.mail.admitted, facts, plan.verdicts, plan.dispositions, strict=True
        )
    ]
    return await carry_out(door, received, plan, judged)


def with_short_id(message: MessageFacts) -> MessageFacts:
    """From here on the Message-ID is a digest: it is compared and stored, never shown."""
    short = replace(message.fingerprint, message_id=text_key(message.fingerprint.message_id))
    return replace(message, fingerprint=short)


async def carry_out(door: Door, received: Received, plan: Plan, judged: Sequence[Judged]) -> tuple[Reply, Later | None]:
    if plan.reply is None:
        return await passage.pass_on(door, received, judged)
    try:
        if plan.owns:
            await own(door, received, judged)
        else:
            await keep_copies(door, received, judged)
            await consume(door, judged)
    except (StoreUnavailable, Beaten, NoRoom) as error:
        return fail(door, received, judged, error), None
    answer = reply_to(plan.reply, door.wording, received.mail.id, at_rcpt=False)
    record(door, received, judged, answer)
    return answer, None


# ---- facts ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store knows about this mail, per recipient."""

    sightings: dict[str, tuple[Sighting, ...]]
    copies: dict[str, tuple[CopyRow, ...]]
    tombstones: dict[str, tuple[Tombstone, ...]]
    first_tries: dict[str, datetime]


async def gather(door: Door, received: Received) -> list[DataFacts]:
    now = clock.now()
    stored = await look_up(door, received, now)
    return [facts_of(one, received, stored, now) for one in received.mail.admitted]


async def look_up(door: Door, received: Received, now: datetime) -> Stored | None:
    """All of it in one visit to the store; None when it cannot be asked."""
    sender = received.mail.sender_key
    keys = [one.recipient.address.key for one in received.mail.admitted]
    content = received.message.fingerprint
    rungs = rungs_of(received.peer)

    def look(conn: Connection) -> Stored:
        return Stored(
            sightings.find(conn, sender, keys, rungs, content),
            copies.find(conn, sender, keys, content),
            tombstones.find(conn, sender, keys, now),
            sightings.first_tries(conn, sender, keys, content),
        )

    try:
        return await door.database.read(look)
    except StoreUnavailable as error:
        log.warning("the database could not be asked", error=str(error))
        return None


def facts_of(one: Admitted, received: Received, stored: Stored | None, now: datetime) -> DataFacts:
    key = one.recipient.address.key
    seen = None if stored is None else merged(stored.sightings[key], one.facts.sightings or ())
    return DataFacts(
        now=now,
        rcpt=one.facts,
        admitted=one.verdict,
        carried=one.carried,
        message=received.message,
        sightings=seen,
        copies=None if stored is None else stored.copies[key],
        tombstones=None if stored is None else stored.tombstones[key],
        first_tried=None if stored is None else stored.first_tries.get(key),
    )


def merged(now: tuple[Sighting, ...], before: tuple[Sighting, ...]) -> tuple[Sighting, ...]:
    """What was found by content, and what RCPT had found by identity alone."""
    return tuple({sighting.id: sighting for sighting in (*before, *now)}.values())
