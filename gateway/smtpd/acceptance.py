"""After the dot: gather what is known about each recipient's mail, ask the policy, and carry out the one plan."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog

from gateway import clock
from gateway.bodies import NoRoom
from gateway.model import DataFacts, MessageFacts, ReasonCode, Reply, Sighting
from gateway.policy import inbound, recipients
from gateway.policy.recipients import Plan
from gateway.policy.reply import reply_to
from gateway.policy.suspicion import weighed
from gateway.smtpd import bounces, campaigns, contents, passage, pending, proof, relayed, reviews
from gateway.smtpd.acquaintance import is_new_domain, marks_of
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
    if pending.waits(received):
        received = await proved(door, received, now)
        told = await look_up(door, received, now)
        bare = await facts_of_all(door, received, told, now)
        plan, judged = judge(door, received, bare)
        if pending.needs_no_look(door, plan):
            return await send_away(door, received, plan, judged, told, pending.look_and_record)
        found = await contents.found_in(door, received)
        shares = await campaigns.compared(door, received, found, now)
    else:
        received, found = await asyncio.gather(proved(door, received, now), contents.found_in(door, received))
        told, shares = await asyncio.gather(
            look_up(door, received, now), campaigns.compared(door, received, found, now)
        )
        bare = await facts_of_all(door, received, told, now)
    seen = [contents.with_content(one, one.rcpt.recipient.key, found, shares.campaigns) for one in bare]
    plan, judged = judge(door, received, seen)
    campaigns.note(door, shares, judged, now)
    return await carry_out(door, received, plan, judged, told)


def judge(door: Door, received: Received, bare: Sequence[DataFacts]) -> tuple[Plan, list[Judged]]:
    """What becomes of the mail for each recipient, given the facts about it."""
    facts = [weighed(one, door.policy) for one in bare]
    verdicts = [inbound.at_data(one, door.policy) for one in facts]
    plan = recipients.join(verdicts, sender_known=received.mail.transaction.sender_known, wait=door.policy.timing.wait)
    return plan, [
        Judged(admitted, fact, verdict, disposition)
        for admitted, fact, verdict, disposition in zip(
            received.mail.admitted, facts, plan.verdicts, plan.dispositions, strict=True
        )
    ]


async def proved(door: Door, received: Received, now: datetime) -> Received:
    """The mail with its proofs, and its recipients admitted anew where these tell more than RCPT knew."""
    received = await proof.authenticated(door, received, now)
    if received.relayed is not None:
        received = await relayed.judge_hop(door, received, now)
    return await proof.recognised(door, received, now)


def with_short_id(message: MessageFacts) -> MessageFacts:
    """From here on the Message-ID is a digest: it is compared and stored, never shown."""
    short = replace(message.fingerprint, message_id=text_key(message.fingerprint.message_id))
    return replace(message, fingerprint=short)


async def carry_out(
    door: Door, received: Received, plan: Plan, judged: Sequence[Judged], told: Answer | None
) -> tuple[Reply, Later | None]:
    if plan.reply is None:
        return await passage.pass_on(door, received, judged)
    if not plan.owns:
        return await send_away(door, received, plan, judged, told, record)
    try:
        await own(door, received, judged)
    except (StoreUnavailable, Beaten, NoRoom) as error:
        return fail(door, received, judged, error), None
    answer = reply_to(plan.reply, door.wording, received.mail.id, at_rcpt=False)
    record(door, received, judged, answer)
    reviews.list_for_review(door, received, judged)
    return answer, partial(passage.bury_owned, door, received, judged) if answer.is_positive else None


async def send_away(
    door: Door,
    received: Received,
    plan: Plan,
    judged: Sequence[Judged],
    told: Answer | None,
    put_on_record: Callable[[Door, Received, Sequence[Judged], Reply], None],
) -> tuple[Reply, Later | None]:
    """Nobody gets it now: copies of what was deferred, and an end to what was delivered before."""
    assert plan.reply is not None
    try:
        await keep_copies(door, received, judged, told)
        await consume(door, judged)
    except (StoreUnavailable, Beaten, NoRoom) as error:
        return fail(door, received, judged, error), None
    answer = reply_to(plan.reply, door.wording, received.mail.id, at_rcpt=False)
    put_on_record(door, received, judged, answer)
    return answer, partial(passage.bury_owned, door, received, judged) if answer.is_positive else None


# ---- facts ---------------------------------------------------------------------------------------------------------


async def look_up(door: Door, received: Received, now: datetime) -> Answer | None:
    """What the store knows about this mail; None when it cannot be asked."""
    keys = tuple(one.recipient.address.key for one in received.mail.admitted)
    content = received.message.fingerprint
    # Attempts of those who need not wait decide nothing.
    rungs = frozenset() if all(map(needs_no_wait, received.mail.admitted)) else received.rungs
    try:
        return await door.lookup.ask(Question(received.mail.sender_key, "", keys, rungs, now, content))
    except StoreUnavailable as error:
        log.warning("the database could not be asked", error=str(error))
        return None


# Let in for good, whatever else the data show of who sends it.
NEVER_WAITS = frozenset(
    {ReasonCode.PARTY_KNOWN, ReasonCode.PARTY_REMEMBERED, ReasonCode.LIST_ALLOWED, ReasonCode.LEVEL_OFF}
)


def needs_no_wait(one: Admitted) -> bool:
    return one.verdict.code in NEVER_WAITS


async def identify(door: Door, received: Received, told: Answer | None) -> None:
    """Who is known by heart was not looked up. Its retry has to show all that the tombstone's mail was known by."""
    mail = received.mail
    settled = told is not None and any(told.tombstones.values())
    if not settled or received.relayed is not None:
        return
    if mail.spf is None:
        mail.spf = await door.evidence.spf_of(received.peer.address, mail.sender, received.peer.helo)
    mail.admitted = [
        replace(one, facts=replace(one.facts, rungs=received.rungs, spf=mail.spf)) for one in mail.admitted
    ]


async def facts_of_all(door: Door, received: Received, told: Answer | None, now: datetime) -> list[DataFacts]:
    """All that is known about the mail for each recipient, but for what is in it."""
    await identify(door, received, told)
    about = await bounces.about(door, received)
    new, marks = await is_new_domain(door, received), marks_of(door, received)
    return [
        replace(facts_of(one, received, told, now), new_domain=new, marks=marks, bounce=about)
        for one in received.mail.admitted
    ]


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
        authentication=received.authentication,
    )


def merged(now: tuple[Sighting, ...], before: tuple[Sighting, ...]) -> tuple[Sighting, ...]:
    """What was found by content, and what RCPT had found by identity alone."""
    return tuple({sighting.id: sighting for sighting in (*before, *now)}.values())
