"""RCPT: gather what is known about (peer, sender, recipient), ask the policy, remember the attempt."""

from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from gateway import clock, metrics
from gateway.model import (
    Action,
    Address,
    Grade,
    IPAddress,
    MailParameters,
    Peer,
    RcptFacts,
    ReasonCode,
    Recipient,
    Relayed,
    Reply,
    Rung,
    Sighting,
    Spf,
    Verdict,
)
from gateway.policy import helo, inbound, lists, recipients, stored
from gateway.policy.address import normalise_sender
from gateway.policy.identity import rungs_of
from gateway.policy.recipients import Transaction
from gateway.policy.reply import reply_to
from gateway.smtpd import asking
from gateway.smtpd.door import Door
from gateway.smtpd.guest import Guest
from gateway.store import decisions, sightings
from gateway.store.decisions import Decision
from gateway.store.engine import StoreUnavailable
from gateway.store.question import Question
from gateway.store.sightings import Attempt

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Admitted:
    """A recipient that is in the transaction."""

    recipient: Recipient
    facts: RcptFacts
    verdict: Verdict
    carried: bool


@dataclass(slots=True)
class Mail:
    """A transaction between MAIL and the end of the data."""

    id: str
    sender: Address | None
    parameters: MailParameters
    guest: Guest
    patient: bool = False  # the sender waited for our answer, in this transaction
    transaction: Transaction = field(default_factory=Transaction)
    admitted: list[Admitted] = field(default_factory=list)
    named: int = 0  # recipients, whatever became of them
    spf: Spf | None = None  # None: not asked, or not worth it

    @property
    def sender_key(self) -> str:
        return self.sender.key if self.sender else ""


async def admit(door: Door, mail: Mail, peer: Peer, recipient: Recipient) -> Reply:
    """Decide about one recipient and answer. An admitted one is in `mail.admitted` afterwards."""
    known = next((one for one in mail.admitted if one.recipient.address.key == recipient.address.key), None)
    if known is not None:  # named twice: delivered once
        return reply_to(known.verdict, door.wording, mail.id, at_rcpt=True)
    facts = await gather(door, mail, peer, recipient.address, clock.now())
    verdict = inbound.at_rcpt(facts, door.policy)
    if await asking.proved_patience(door, mail, facts, verdict):
        facts = replace(facts, pressure=replace(facts.pressure, patient=True), now=clock.now())
        verdict = inbound.at_rcpt(facts, door.policy)
    if verdict.code is ReasonCode.TRAP_HIT:
        await asking.mark_network(door, mail, facts)
    mail.transaction, verdict, carried = recipients.admit(mail.transaction, verdict)
    if verdict.action is Action.ACCEPT:
        mail.admitted.append(Admitted(recipient, facts, verdict, carried))
    answer = reply_to(verdict, door.wording, mail.id, at_rcpt=True)
    if verdict.action is not Action.ACCEPT:
        remember_attempt(door, facts, verdict)
        record(door, mail, facts, verdict, answer)
    return answer


async def gather(door: Door, mail: Mail, peer: Peer, recipient: Address, now: datetime) -> RcptFacts:
    if door.is_relay(peer.address):
        return await gather_behind_relay(door, mail, peer, recipient, now)
    is_local = recipient.domain in door.local
    pressure = door.tarpit.pressure(mail.guest, recipient.key, now, patient=mail.patient)
    level = door.level_of(recipient.key, recipient.domain)
    told = Remembrance(rungs_of(peer, mail.spf))
    if pressure.harvesting and is_local:
        told = await remembered(door, mail.sender_key, recipient.key, told, now)
    exists = await asking.exists(door, mail, recipient, pressure, told.grade) if is_local else False
    if exists and not pressure.harvesting:
        told = await identified(door, mail, peer, recipient.key, now)
    return RcptFacts(
        now=now,
        peer=peer,
        rungs=told.rungs,
        sender=mail.sender_key,
        recipient=recipient,
        is_local=is_local,
        recipient_exists=exists,
        level=level,
        reviewed=door.is_reviewed(recipient.key, level),
        listed=lists.matching(door.listed, peer.address, mail.sender, recipient, now, rungs=told.rungs),
        grade=told.grade,
        sightings=told.sightings,
        switches=door.switches(now),
        announced_size=mail.parameters.size,
        pressure=pressure,
        mode=door.mode,
        spf=mail.spf,
        helo=helo.flaws(peer, door.ours),
        expected=door.expected_by(recipient.key, now),
        hoster=door.hosters.of(peer),
    )


async def gather_behind_relay(door: Door, mail: Mail, peer: Peer, recipient: Address, now: datetime) -> RcptFacts:
    """Who sends it is in the data: so far the recipient is all there is to judge."""
    is_local, is_trap = recipient.domain in door.local, recipient.key in door.tarpit.delays.traps
    level = door.level_of(recipient.key, recipient.domain)
    return RcptFacts(
        now=now,
        peer=peer,
        rungs=frozenset(),
        sender=mail.sender_key,
        recipient=recipient,
        is_local=is_local,
        recipient_exists=await door.directory.exists(recipient) if is_local and not is_trap else False,
        level=level,
        reviewed=door.is_reviewed(recipient.key, level),
        listed=(),
        grade=Grade.STRANGER,
        sightings=(),
        relayed=Relayed(rungs_of(peer)),
        switches=door.switches(now),
        announced_size=mail.parameters.size,
        mode=door.mode,
        expected=door.expected_by(recipient.key, now),
    )


@dataclass(frozen=True, slots=True)
class Remembrance:
    """What we remember of who has these rungs; `grade` and `sightings` are None when the store cannot be asked."""

    rungs: frozenset[Rung]
    grade: Grade | None = Grade.STRANGER
    sightings: tuple[Sighting, ...] | None = ()


async def identified(door: Door, mail: Mail, peer: Peer, recipient: str, now: datetime) -> Remembrance:
    """Who sends it, and what we remember of that. Whom we know by heart needs no further evidence."""
    rungs = rungs_of(peer, mail.spf)
    normal = normalise_sender(mail.sender_key) if mail.sender_key else ""
    if mail.spf is None and door.known.grade(door.lending(rungs, normal), normal, recipient, now) is None:
        mail.spf = await door.evidence.spf_of(peer.address, mail.sender, peer.helo)
        rungs = rungs_of(peer, mail.spf)
    return await remembered(door, mail.sender_key, recipient, Remembrance(rungs), now)


async def remembered(door: Door, sender: str, recipient: str, who: Remembrance, now: datetime) -> Remembrance:
    """The grade and the sightings; by heart for those who pass."""
    normal = normalise_sender(sender) if sender else ""
    standing = door.lending(who.rungs, normal)
    by_heart = door.known.grade(standing, normal, recipient, now)
    if by_heart is not None:
        return replace(who, grade=by_heart)
    try:
        told = await door.lookup.ask(Question(sender, normal, (recipient,), who.rungs, now))
    except StoreUnavailable as error:
        log.warning("the database could not be asked", error=str(error))
        return replace(who, grade=None, sightings=None)
    grade = told.grades[recipient]
    if grade is Grade.STRANGER:
        return replace(who, sightings=told.seen[recipient].sightings)
    door.known.learn(standing, normal, recipient, grade, now)
    return replace(who, grade=grade)


# Deferred because it has to wait, or because it came in company: the wait begins now.
SEEN = frozenset(
    {
        ReasonCode.GREYLIST_NEW,
        ReasonCode.GREYLIST_EARLY,
        ReasonCode.GREYLIST_LARGE,
        ReasonCode.HOSTER_WAIT,
        ReasonCode.RECIPIENT_OTHER_CLASS,
    }
)


def remember_attempt(door: Door, facts: RcptFacts, verdict: Verdict) -> None:
    if verdict.code not in SEEN or facts.relayed is not None:
        return
    anew = facts.now - door.policy.timing.window
    tried = Attempt(facts.sender, facts.recipient.key, facts.rungs, None, facts.announced_size, facts.now, anew)
    door.database.note(sightings.saw, tried)


def record(door: Door, mail: Mail, facts: RcptFacts, verdict: Verdict, answer: Reply) -> None:
    """Keep the decision with its facts, and write its line into the log."""
    decided = Decision(
        reply_id=mail.id,
        at=facts.now,
        stage="rcpt",
        peer=str(facts.peer.address),
        sender=facts.sender,
        recipient=facts.recipient.key,
        verdict=verdict,
        facts=stored.to_json(facts),
        reply=str(answer),
        shadow=door.shadow_of(verdict, facts),
    )
    door.database.note(decisions.add, decided)
    log_decision(decided)


def log_decision(decided: Decision) -> None:
    """The canonical line: one a decision, stable keys (docs/log.md)."""
    metrics.decided(decided.stage, decided.verdict.action, decided.verdict.code)
    log.info(
        "decision",
        id=decided.reply_id,
        stage=decided.stage,
        peer=decided.peer,
        sender=decided.sender,
        recipient=decided.recipient,
        action=str(decided.verdict.action),
        reason=str(decided.verdict.code),
        reply=decided.reply,
        **would_be(decided),
    )


def would_be(decided: Decision) -> dict[str, str]:
    """What only observing let in, or a draft of the settings would change; other lines are no longer for it."""
    observed = decided.verdict.observed
    told = {} if observed is None else {"would": f"{observed.action} {observed.code}"}
    return told if decided.shadow is None else told | {"shadow": str(decided.shadow)}


def record_for_all(door: Door, mail: Mail, address: IPAddress, verdict: Verdict, answer: Reply) -> None:
    """One verdict about the data for every recipient."""
    now = clock.now()
    decided = [
        Decision(
            reply_id=mail.id,
            at=now,
            stage="data",
            peer=str(address),
            sender=mail.sender_key,
            recipient=one.recipient.address.key,
            verdict=verdict,
            facts=stored.to_json(one.facts),
            reply=str(answer),
        )
        for one in mail.admitted
    ]
    for one in decided:
        door.database.note(decisions.add, one)
        log_decision(one)
