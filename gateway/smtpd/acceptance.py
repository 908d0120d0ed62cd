"""After the dot: gather what is known about each recipient's mail, ask the policy, and carry out the one plan."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from gateway import clock
from gateway.bodies import NoRoom
from gateway.model import DataFacts, MessageFacts, Reply, Sighting
from gateway.policy import inbound, recipients
from gateway.policy.recipients import Plan
from gateway.policy.reply import reply_to
from gateway.smtpd import passage, relayed
from gateway.smtpd.admission import Admitted
from gateway.smtpd.door import Door
from gateway.smtpd.keeping import consume, keep_copies, own
from gateway.smtpd.message import Beaten, Judged, Later, Received, fail, record
from gateway.store.answer import Answer
from gateway.store.engine import StoreUnavailable
from gateway.store.keys import text_key
from gateway.store.question import Question

log = structlog.get_logger()


async def accept(door: Door, received: Received) -> tuple[Reply, Later | None]:
    """Decide, act, and answer. With it comes what to do should the answer not reach the peer."""
    received = replace(received, message=with_short_id(received.message))
    now = clock.now()
    if received.relayed is not None:
        received = await relayed.judge_hop(door, received, now)
    told = await look_up(door, received, now)
    facts = [facts_of(one, received, told, now) for one in received.mail.admitted]
    verdicts = [inbound.at_data(one, door.policy) for one in facts]
    plan = recipients.join(verdicts, sender_known=received.mail.transaction.sender_known, wait=door.policy.timing.wait)
    judged = [
        Judged(admitted, fact, verdict, disposition)
        for admitted, fact, verdict, disposition in zip(
            received.mail.admitted, facts, plan.verdicts, plan.dispositions, strict=True
        )
    ]
    return await carry_out(door, received, plan, judged, told)


def with_short_id(message: MessageFacts) -> MessageFacts:
    """From here on the Message-ID is a digest: it is compared and stored, never shown."""
    short = replace(message.fingerprint, message_id=text_key(message.fingerprint.message_id))
    return replace(message, fingerprint=short)


async def carry_out(
    door: Door, received: Received, plan: Plan, judged: Sequence[Judged], told: Answer | None
) -> tuple[Reply, Later | None]:
    if plan.reply is None:
        return await passage.pass_on(door, received, judged)
    try:
        if plan.owns:
            await own(door, received, judged)
        else:
            await keep_copies(door, received, judged, told)
            await consume(door, judged)
    except (StoreUnavailable, Beaten, NoRoom) as error:
        return fail(door, received, judged, error), None
    answer = reply_to(plan.reply, door.wording, received.mail.id, at_rcpt=False)
    record(door, received, judged, answer)
    return answer, None


# ---- facts ---------------------------------------------------------------------------------------------------------


async def look_up(door: Door, received: Received, now: datetime) -> Answer | None:
    """What the store knows about this mail; None when it cannot be asked."""
    keys = tuple(one.recipient.address.key for one in received.mail.admitted)
    rungs, content = received.rungs, received.message.fingerprint
    try:
        return await door.lookup.ask(Question(received.mail.sender_key, "", keys, rungs, now, content))
    except StoreUnavailable as error:
        log.warning("the database could not be asked", error=str(error))
        return None


def facts_of(one: Admitted, received: Received, told: Answer | None, now: datetime) -> DataFacts:
    key = one.recipient.address.key
    return DataFacts(
        now=now,
        rcpt=one.facts,
        admitted=one.verdict,
        carried=one.carried,
        message=received.message,
        sightings=None if told is None else merged(told.seen[key].sightings, one.facts.sightings or ()),
        copies=None if told is None else told.copies[key],
        tombstones=None if told is None else told.tombstones[key],
        first_tried=None if told is None else told.seen[key].first_tried,
    )


def merged(now: tuple[Sighting, ...], before: tuple[Sighting, ...]) -> tuple[Sighting, ...]:
    """What was found by content, and what RCPT had found by identity alone."""
    return tuple({sighting.id: sighting for sighting in (*before, *now)}.values())
