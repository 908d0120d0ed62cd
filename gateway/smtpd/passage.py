"""Passing mail to the backend while the peer waits: 250 is said only after the backend's 250."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from gateway import clock
from gateway.bodies import NoRoom
from gateway.model import (
    Action,
    CopyState,
    DeliveryState,
    Grade,
    Reason,
    ReasonCode,
    Reply,
    TombstoneOutcome,
    Verdict,
)
from gateway.policy import header, recipients
from gateway.policy.address import normalise_sender
from gateway.policy.identity import network_of
from gateway.policy.recipients import After, Disposition
from gateway.policy.reply import reply_to, with_id
from gateway.policy.standing import Outcome
from gateway.relay.nexthop import LOST, Attempt, AttemptEnd, Outgoing
from gateway.smtpd import bounces, campaigns, reviews
from gateway.smtpd.door import Door
from gateway.smtpd.earned import note_fate, note_use, note_wait
from gateway.smtpd.keeping import consume, make_durable, restore
from gateway.smtpd.message import Beaten, Judged, Later, Received, fail, record
from gateway.store import copies, memory, sightings, tombstones
from gateway.store.deliveries import Owned
from gateway.store.engine import StoreUnavailable
from gateway.store.memory import Remembered
from gateway.store.sightings import Passed

log = structlog.get_logger()

LONGEST = timedelta(minutes=14)  # a backend transaction ends or is cut
LEASE = timedelta(minutes=15)  # so that no claim ends before its transaction


WAITED = frozenset({ReasonCode.GREYLIST_PASSED, ReasonCode.GREYLIST_PATIENT})
# Whose delivered mail speaks for its network; mail to postmaster, say, is taken from anybody.
EARNED = WAITED | {ReasonCode.PARTY_KNOWN, ReasonCode.PARTY_REMEMBERED, ReasonCode.LIST_ALLOWED}
# Somebody expected it, which is no act about its sender; a bounce of ours says nothing of who else bounces from there;
# or it was delivered, tagged, because nobody looks at holds.
EARNS_NOTHING = frozenset({ReasonCode.EXPECTED_MAIL, ReasonCode.BOUNCE_OURS, ReasonCode.SENDER_HIDDEN})


@dataclass(frozen=True, slots=True)
class Passing:
    """The recipients that are being passed, and the copies claimed for them."""

    received: Received
    judged: tuple[Judged, ...]
    others: tuple[Judged, ...]  # refused or discarded in the same transaction
    claimed: tuple[int, ...]


async def pass_on(door: Door, received: Received, judged: Sequence[Judged]) -> tuple[Reply, Later | None]:
    """Claim, deliver, answer in time. What takes longer than the peer may wait goes on without it."""
    inline = tuple(one for one in judged if one.disposition is Disposition.INLINE)
    others = tuple(one for one in judged if one.disposition is not Disposition.INLINE)
    try:
        claimed = await claim(door, inline)
    except (StoreUnavailable, Beaten) as error:
        return fail(door, received, judged, error), None
    passing = Passing(received, inline, others, claimed)
    task = asyncio.create_task(deliver(door, passing))
    done, _ = await asyncio.wait({task}, timeout=within(door, received).total_seconds())
    if not done:
        return await go_on_without_peer(door, passing, task), None
    answer = await conclude(door, passing, task.result())
    return answer, (lambda: bury(door, passing)) if answer.is_positive else None


def within(door: Door, received: Received) -> timedelta:
    """How long the peer may wait: long where its retry could not be told from another mail."""
    matchable = received.message.fingerprint.headers is not None
    return door.patience.matchable if matchable else door.patience.unmatchable


async def claim(door: Door, inline: Sequence[Judged]) -> tuple[int, ...]:
    """Take every open copy of this mail, or none. Raises Beaten when somebody was first."""
    wanted = [copy.id for one in inline for copy in one.same_copies()]
    if not wanted:
        return ()
    now = clock.now()

    def take(conn: Connection) -> None:
        for number in wanted:
            if not copies.claim(conn, number, door.name, now, now + LEASE):
                raise Beaten

    await door.database.write(take)
    return tuple(wanted)


# ---- to the backends -----------------------------------------------------------------------------------------------


async def deliver(door: Door, passing: Passing) -> list[Attempt]:
    """One attempt per recipient; recipients behind one next hop share a transaction there."""
    groups: dict[tuple[int, bool], list[Judged]] = {}
    for one in passing.judged:
        hop = door.hops[one.admitted.recipient.address.domain]
        groups.setdefault((id(hop), one.verdict.junk), []).append(one)
    if len(groups) == 1:
        return await deliver_group(door, passing.received, passing.judged)
    found = await asyncio.gather(*(deliver_group(door, passing.received, group) for group in groups.values()))
    by_key = {
        one.key: attempt
        for group, attempts in zip(groups.values(), found, strict=True)
        for one, attempt in zip(group, attempts, strict=True)
    }
    return [by_key[one.key] for one in passing.judged]


async def deliver_group(door: Door, received: Received, group: Sequence[Judged]) -> list[Attempt]:
    hop = door.hops[group[0].admitted.recipient.address.domain]
    try:
        async with asyncio.timeout(LONGEST.total_seconds()):
            return await hop.deliver(outgoing(door, received, group))
    except TimeoutError:
        return [LOST] * len(group)


def outgoing(door: Door, received: Received, group: Sequence[Judged]) -> Outgoing:
    now = clock.now()
    envelope = replace(received.envelope, recipients=tuple(one.admitted.recipient for one in group))
    fields = header.delivery_fields(
        [one.verdict for one in group],
        received.mail.id,
        received.message.fingerprint.whole,
        now,
        door.verdict_key,
        door.junk_header,
    )
    # Received names a recipient only if the peer gave one: the others of the transaction are none of its business.
    top = (fields + received.trace(door.hostname, now)).encode("utf-8")

    def chunks() -> Iterator[bytes]:
        yield top
        yield from received.chunks(door.hostname)

    return Outgoing(envelope, chunks, len(top) + received.size(door.hostname), received.peer, received.mail.id)


# ---- the answer ----------------------------------------------------------------------------------------------------


async def conclude(door: Door, passing: Passing, attempts: Sequence[Attempt]) -> Reply:
    """Record what the backends said, and answer for all of them."""
    outcome = recipients.join_replies([attempt.reply for attempt in attempts])
    if not outcome.reply.is_positive:
        return await give_back(door, passing, attempts, outcome.reply)
    stranded = [
        (one, attempt, after)
        for one, attempt, after in zip(passing.judged, attempts, outcome.after, strict=True)
        if after is not After.DELIVERED
    ]
    delivered = [one for one, after in zip(passing.judged, outcome.after, strict=True) if after is After.DELIVERED]
    try:
        if stranded:
            await own_stranded(door, passing, stranded)
    except (NoRoom, StoreUnavailable, Beaten) as error:
        await bury(door, replace(passing, judged=tuple(delivered)))
        await move_claimed(door, passing, CopyState.SENDER_HELD, "")
        return fail(door, passing.received, [one for one, _, _ in stranded], error)
    await settle(door, passing, delivered)
    answer = with_id(outcome.reply, passing.received.mail.id)
    record(door, passing.received, [*passing.judged, *passing.others], answer)
    reviews.list_for_review(door, passing.received, delivered)
    return answer


async def give_back(door: Door, passing: Passing, attempts: Sequence[Attempt], said: Reply) -> Reply:
    """Nobody got it: the sender keeps it, and our copies return to it or end with the backend's refusal."""
    target = CopyState.REFUSED if said.is_permanent else CopyState.SENDER_HELD
    await move_claimed(door, passing, target, "the backend refused it" if said.is_permanent else "")
    answer = with_id(said, passing.received.mail.id)
    judged = [
        replace(one, verdict=unanswered(one.verdict, attempt))
        for one, attempt in zip(passing.judged, attempts, strict=True)
    ]
    record(door, passing.received, [*judged, *passing.others], answer)
    return answer


def unanswered(verdict: Verdict, attempt: Attempt) -> Verdict:
    """The verdict as the backend changed it."""
    code = ReasonCode.BACKEND_REFUSED if attempt.reply.is_permanent else ReasonCode.BACKEND_DEFERRED
    if attempt.end is not AttemptEnd.ANSWERED:
        code = ReasonCode.BACKEND_DOWN
    action = Action.REJECT if attempt.reply.is_permanent else Action.DEFER
    reasons = (Reason(code, {"said": str(attempt.reply)}), *verdict.reasons)
    return replace(verdict, action=action, reasons=reasons, review=False)


async def own_stranded(door: Door, passing: Passing, stranded: Sequence[tuple[Judged, Attempt, After]]) -> None:
    """Somebody got it, so the sender will not come back: for the others it is ours, before we say so."""
    now = clock.now()
    states = {After.COURIER: DeliveryState.RELEASING, After.UNDELIVERABLE: DeliveryState.UNDELIVERABLE}
    codes = {After.COURIER: ReasonCode.BACKEND_DEFERRED, After.UNDELIVERABLE: ReasonCode.BACKEND_REFUSED}
    owned = [
        Owned(one.admitted.recipient, states[after], codes[after], junk=one.verdict.junk, last_reply=str(attempt.reply))
        for one, attempt, after in stranded
    ]
    await make_durable(door, passing.received, owned, now, ())


async def settle(door: Door, passing: Passing, delivered: Sequence[Judged]) -> None:
    """The backend has it: close our copies before we say so, and remember who was patient."""
    await move_claimed(door, passing, CopyState.PASSED, "")
    now = clock.now()
    strangers = [one for one in delivered if one.verdict.code in WAITED]
    bounces.note_unsubscribing(door, passing.received)
    earned = [one for one in delivered if one.verdict.code in EARNED and not one.verdict.junk]
    campaigns.note_accepted(door, passing.received, earned, now)
    is_relayed = passing.received.relayed is not None
    if not is_relayed and earned:
        door.tarpit.networks.was_delivered(str(network_of(passing.received.peer.address)), now)
        note_use(door, passing.received, now)
        note_fate(door, passing.received, Outcome.ACCEPTED, now)
    elif any(one.verdict.junk for one in delivered):
        note_fate(door, passing.received, Outcome.JUNKED, now)
    rest = [one for one in delivered if one not in strangers and one.verdict.code not in EARNS_NOTHING]
    remember(door, passing.received, strangers, "waited", now)
    remember(door, passing.received, rest, "accepted", now)
    try:
        await consume(door, passing.others)
    except StoreUnavailable as error:
        log.warning("a dropped retry was not noted", id=passing.received.mail.id, error=str(error))


async def move_claimed(door: Door, passing: Passing, target: CopyState, note: str) -> None:
    """Failing here costs an entry in somebody's queue: the lease ends, and the copy shows as waiting again."""
    if not passing.claimed:
        return
    now = clock.now()

    def move(conn: Connection) -> None:
        for number in passing.claimed:
            copies.move(conn, number, target, note=note, now=now)

    try:
        await door.database.write(move)
    except StoreUnavailable as error:
        log.error("copies could not be closed", id=passing.received.mail.id, target=target, error=str(error))


def remember(door: Door, received: Received, judged: Sequence[Judged], earned: str, now: datetime) -> None:
    """Silence earns "remembered" and no more, for the recipient that got the mail; behind a relay it earns nothing."""
    if received.relayed is not None:
        return
    rungs = received.rungs
    sender = received.mail.sender_key
    normal = normalise_sender(sender) if sender else ""
    standing = door.lending(rungs, normal)
    for one in judged:
        if earned == "waited":
            note_wait(door, received, normal, one.key, now)
            door.database.note(sightings.passed, Passed(sender, one.key, rungs, now))
        elif not door.known.is_due(standing, normal, one.key, now):
            continue
        lasting = Remembered(standing, normal, one.key, Grade.REMEMBERED, earned, now, now + door.memory_for)
        door.database.note(memory.remember, lasting)


# ---- when the answer does not arrive -------------------------------------------------------------------------------


async def go_on_without_peer(door: Door, passing: Passing, task: "asyncio.Task[list[Attempt]]") -> Reply:
    """The peer has waited long enough. Its retry is told 451 while this runs, and 250 once the backend has it."""
    passing.received.spool.share()
    made = await make_tombstones(door, passing, TombstoneOutcome.PENDING, LEASE)
    door.in_background(finish_without_peer(door, passing, task, made))
    verdict = Verdict(Action.DEFER, (Reason(ReasonCode.BACKEND_SLOW),))
    answer = reply_to(verdict, door.wording, passing.received.mail.id, at_rcpt=False)
    record(door, passing.received, [replace(one, verdict=verdict) for one in passing.judged], answer)
    return answer


async def finish_without_peer(
    door: Door, passing: Passing, task: "asyncio.Task[list[Attempt]]", made: Sequence[int]
) -> None:
    attempts = await task
    passing.received.spool.close()
    delivered = [one for one, attempt in zip(passing.judged, attempts, strict=True) if attempt.reply.is_positive]
    ends = clock.now() + door.tombstones_for

    def end(conn: Connection) -> None:
        for number, attempt in zip(made, attempts, strict=False):
            if attempt.reply.is_positive:
                tombstones.settle(conn, number, TombstoneOutcome.DELIVERED, ends)
            else:
                tombstones.drop(conn, [number])

    try:
        await door.database.write(end)
    except StoreUnavailable as error:
        log.error("a late delivery was not noted", id=passing.received.mail.id, error=str(error))
    everybody = len(delivered) == len(passing.judged)
    if everybody:
        await settle(door, passing, delivered)
    else:
        await move_claimed(door, passing, CopyState.SENDER_HELD, "")
    log.info("late delivery ended", id=passing.received.mail.id, delivered=len(delivered), of=len(passing.judged))


async def make_tombstones(door: Door, passing: Passing, outcome: TombstoneOutcome, life: timedelta) -> list[int]:
    """One for each recipient, where a retry could be told from another mail at all; in the recipients' order."""
    if passing.received.message.fingerprint.headers is None:
        return []
    now = clock.now()

    def make(conn: Connection) -> list[int]:
        return [tombstones.make(conn, one.facts.mail, outcome, now, now + life) for one in passing.judged]

    try:
        return await door.database.write(make)
    except StoreUnavailable as error:
        log.error("no tombstone was written", id=passing.received.mail.id, error=str(error))
        return []


async def bury(door: Door, passing: Passing) -> None:
    """The backend has the mail and the peer does not know it: its retry is to be recognised."""
    log.info("delivered, but the sender will try again", id=passing.received.mail.id)
    await make_tombstones(door, passing, TombstoneOutcome.DELIVERED, door.tombstones_for)
    await restore(door, passing.others)


async def bury_owned(door: Door, received: Received, judged: Sequence[Judged]) -> None:
    """The mail is ours, or was dropped, and the peer does not know it: its retry is not to become a second one."""
    mine = tuple(one for one in judged if one.disposition in (Disposition.HOLD, Disposition.COURIER))
    log.info("taken, but the sender will try again", id=received.mail.id)
    if mine:
        passing = Passing(received, mine, (), ())
        await make_tombstones(door, passing, TombstoneOutcome.DELIVERED, door.tombstones_for)
    await restore(door, judged)
