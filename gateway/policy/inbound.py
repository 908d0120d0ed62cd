"""The inbound mail policy: two tuples of rules, each read from the top; the first rule with an opinion wins."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from gateway.model import (
    Action,
    DataFacts,
    FileKind,
    Grade,
    Level,
    Mode,
    RcptFacts,
    Reason,
    ReasonCode,
    RecipientClass,
    RungKind,
    Switch,
    Verdict,
)
from gateway.policy import attachments, audit, campaign, expecting, greylist, observe
from gateway.policy.audit import NOBODY_AUDITS, AuditTerms
from gateway.policy.authentication import forged_author
from gateway.policy.bounce import bounce_of_ours
from gateway.policy.campaign import CampaignTerms
from gateway.policy.greylist import Stage, Timing
from gateway.policy.hidden import hidden_sender
from gateway.policy.hosters import EVERYBODYS, HosterTerms, deferred_at_hoster, timing_for
from gateway.policy.listing import allowed_party, blocked_author, blocked_party
from gateway.policy.opinion import admit, hold, is_listed, is_role, verdict
from gateway.policy.order import first_opinion
from gateway.policy.pressure import early_talker, harvester, patient_client, trap, trapped_network
from gateway.policy.relayed import declared_relay, not_admitted, relayed_stranger, spared, with_relay
from gateway.policy.score import USUAL, Scale, is_suspicious
from gateway.policy.settled import copy_in_flight, looping_message, settled_mail
from gateway.policy.suspicion import weighed


@dataclass(frozen=True, slots=True)
class Policy:
    """What the settings say to the rules."""

    timing: Timing
    at_rcpt: bool = False  # greylist at RCPT rather than after the data
    large: int = 2 * 1024 * 1024  # bytes; strangers announcing more are deferred at RCPT first
    give_up: timedelta = timedelta(hours=8)  # when a sender is assumed to give up
    max_received: int = 50  # hops
    pass_without_store: bool = False
    refuse_early_talkers: bool = False
    hosters: HosterTerms = EVERYBODYS
    refuse_forged: bool = False  # 550 for mail that its author's domain asks to reject
    sealers: frozenset[str] = frozenset()  # whose ARC seals are believed
    scale: Scale = USUAL
    held_files: frozenset[FileKind] = attachments.HELD
    campaigns: CampaignTerms = campaign.USUAL
    audit: AuditTerms = NOBODY_AUDITS


RcptRule = Callable[[RcptFacts, Policy], Verdict | None]
DataRule = Callable[[DataFacts, Policy], Verdict | None]


# ---- at RCPT -------------------------------------------------------------------------------------------------------


def relay_denied(facts: RcptFacts, policy: Policy) -> Verdict | None:
    if not facts.is_local:
        return verdict(Action.REJECT, ReasonCode.RELAY_DENIED, domain=facts.recipient.domain)
    return None


def unknown_recipient(facts: RcptFacts, policy: Policy) -> Verdict | None:
    if facts.recipient_exists is None:
        return verdict(Action.DEFER, ReasonCode.RECIPIENT_UNVERIFIED)
    if not facts.recipient_exists:
        return verdict(Action.REJECT, ReasonCode.RECIPIENT_UNKNOWN)
    return None


def bypassed(facts: RcptFacts, policy: Policy) -> Verdict | None:
    if Switch.BYPASS in facts.switches:
        return admit(RecipientClass.PASS, ReasonCode.SWITCH_BYPASS)
    return None


def exempt_recipient(facts: RcptFacts, policy: Policy) -> Verdict | None:
    """RFC 5321 4.5.1 and RFC 2142: whoever has trouble with us must be able to say so."""
    if is_role(facts):
        return admit(RecipientClass.PASS, ReasonCode.RECIPIENT_EXEMPT)
    return None


def exempt_level(facts: RcptFacts, policy: Policy) -> Verdict | None:
    if facts.level is Level.OFF:
        return admit(RecipientClass.PASS, ReasonCode.LEVEL_OFF)
    if facts.level is Level.WATCH:
        return admit(RecipientClass.PASS, ReasonCode.LEVEL_WATCH, review=facts.grade is not Grade.KNOWN)
    return None


def store_unavailable(facts: RcptFacts, policy: Policy) -> Verdict | None:
    """Without the store nobody can be told from a stranger; what to do then is the admin's choice."""
    if facts.grade is not None and facts.sightings is not None:
        return None
    if policy.pass_without_store:
        return admit(RecipientClass.PASS, ReasonCode.STORE_UNAVAILABLE)
    return verdict(Action.DEFER, ReasonCode.STORE_UNAVAILABLE)


def known_correspondent(facts: RcptFacts, policy: Policy) -> Verdict | None:
    """An act of ours opens every level; silence skips the wait and nothing else."""
    if facts.grade is Grade.KNOWN:
        return admit(RecipientClass.PASS, ReasonCode.PARTY_KNOWN)
    if facts.grade is Grade.REMEMBERED and facts.level in (Level.GREYLIST, Level.REVIEW_AFTER):
        return admit(RecipientClass.PASS, ReasonCode.PARTY_REMEMBERED, review=facts.level is Level.REVIEW_AFTER)
    return None


def holding_level(facts: RcptFacts, policy: Policy) -> Verdict | None:
    if facts.level is Level.REVIEW_BEFORE:
        return admit(RecipientClass.HOLD, ReasonCode.LEVEL_REVIEW_BEFORE)
    if facts.level is Level.KNOWN_ONLY:
        return admit(RecipientClass.HOLD, ReasonCode.LEVEL_KNOWN_ONLY)
    return None


def greylist_switched_off(facts: RcptFacts, policy: Policy) -> Verdict | None:
    if Switch.GREYLIST_OFF in facts.switches:
        return admit(RecipientClass.PASS, ReasonCode.SWITCH_GREYLIST_OFF, review=facts.level is Level.REVIEW_AFTER)
    return None


def deferred_before_data(facts: RcptFacts, policy: Policy) -> Verdict | None:
    """Defer at RCPT where nothing is gained by the data; never the null sender, whose call-outs must get an answer.

    When we are short of places, nothing is gained by the data of a host without a name. Where mail is expected, its
    signature is in the data.
    """
    if not facts.sender or facts.expected:
        return None
    nameless = all(rung.kind <= RungKind.NETWORK for rung in facts.rungs)
    at_rcpt = policy.at_rcpt or (facts.pressure.stressed and nameless)
    sightings, size = facts.sightings or (), facts.announced_size or 0
    timing = timing_for(facts, policy)
    look = greylist.look(sightings, facts.rungs, None, facts.now, timing)
    uploaded = greylist.already_uploaded(sightings, facts.rungs, facts.announced_size, facts.now, timing)
    if look.stage is Stage.NEW and at_rcpt:
        return verdict(Action.DEFER, ReasonCode.GREYLIST_NEW)
    if look.stage is Stage.NEW and size > policy.large:
        return verdict(Action.DEFER, ReasonCode.GREYLIST_LARGE, size=size)
    if look.stage is Stage.EARLY and (at_rcpt or uploaded):
        return deferred_at_hoster(facts, policy, look) or verdict(
            Action.DEFER, ReasonCode.GREYLIST_EARLY, waited=int(look.waited.total_seconds())
        )
    return None


def waiting_stranger(facts: RcptFacts, policy: Policy) -> Verdict | None:
    return admit(RecipientClass.WAIT, ReasonCode.GREYLIST_DATA)


RCPT_RULES: tuple[RcptRule, ...] = (
    relay_denied,
    trap,
    harvester,
    unknown_recipient,
    bypassed,
    declared_relay,
    blocked_party,
    exempt_recipient,
    exempt_level,
    allowed_party,
    store_unavailable,
    known_correspondent,
    trapped_network,
    early_talker,
    expecting.expected_mail,
    holding_level,
    greylist_switched_off,
    patient_client,
    deferred_before_data,
    waiting_stranger,
)


# Asked when the data have told who stands behind a declared relay.
RELAYED_RULES: tuple[RcptRule, ...] = (
    bypassed,
    blocked_party,
    exempt_recipient,
    exempt_level,
    allowed_party,
    store_unavailable,
    known_correspondent,
    expecting.expected_mail,
    holding_level,
    relayed_stranger,
)


def at_rcpt(facts: RcptFacts, policy: Policy) -> Verdict:
    """Decide about one recipient when it is named."""
    found = first_opinion(RCPT_RULES, facts, policy)
    return observe.at_rcpt(found) if facts.mode is Mode.OBSERVE else found


def behind_relay(facts: RcptFacts, policy: Policy) -> Verdict:
    """Decide about one recipient of a declared relay's mail, when the hop before the relay is known."""
    return with_relay(facts, first_opinion(RELAYED_RULES, facts, policy))


# ---- after the dot -------------------------------------------------------------------------------------------------


def carried_along(facts: DataFacts, policy: Policy) -> Verdict | None:
    """A known sender's mail is taken at once; who would have waited gets it after the wait."""
    if not facts.carried:
        return None
    reasons = (Reason(ReasonCode.GREYLIST_CARRIED), *facts.suspicion)
    if is_suspicious(facts, policy):
        return hold(facts, reasons)
    return Verdict(Action.HOLD, reasons, release_after=policy.timing.wait, review=is_listed(facts))


def passing_class(facts: DataFacts, policy: Policy) -> Verdict | None:
    admitted = facts.admitted
    if admitted.recipient_class is not RecipientClass.PASS:
        return None
    suspicious = is_suspicious(facts, policy)
    if suspicious and admitted.code not in NEVER_HELD:
        return hold(facts, (*facts.suspicion, *admitted.reasons))
    listed = admitted.review or (admitted.code is ReasonCode.LEVEL_WATCH and suspicious)
    return Verdict(Action.ACCEPT, (*admitted.reasons, *facts.suspicion), review=listed)


# `off`, `watch`, postmaster and abuse are never held, and bypass means what it says.
NEVER_HELD = frozenset(
    {ReasonCode.LEVEL_OFF, ReasonCode.LEVEL_WATCH, ReasonCode.RECIPIENT_EXEMPT, ReasonCode.SWITCH_BYPASS}
)


def holding_class(facts: DataFacts, policy: Policy) -> Verdict | None:
    if facts.admitted.recipient_class is RecipientClass.HOLD:
        return Verdict(Action.HOLD, (*facts.admitted.reasons, *facts.suspicion))
    return None


def store_lost(facts: DataFacts, policy: Policy) -> Verdict | None:
    """A stranger's retry cannot be recognised while the store is away."""
    if facts.sightings is None or facts.copies is None or facts.tombstones is None:
        return verdict(Action.DEFER, ReasonCode.STORE_UNAVAILABLE)
    return None


def look_at(facts: DataFacts, policy: Policy) -> greylist.Look:
    rcpt, content = facts.rcpt, facts.message.fingerprint
    return greylist.look(facts.sightings or (), rcpt.rungs, content, facts.now, timing_for(rcpt, policy))


def patient_stranger(facts: DataFacts, policy: Policy) -> Verdict | None:
    look = look_at(facts, policy)
    if look.stage is not Stage.PASSED:
        return None
    passed = Reason(ReasonCode.GREYLIST_PASSED, {"waited": int(look.waited.total_seconds())})
    if is_suspicious(facts, policy):
        return hold(facts, (*facts.suspicion, passed))
    return Verdict(Action.ACCEPT, (passed, *facts.suspicion), review=is_listed(facts))


def taken_over(facts: DataFacts, policy: Policy) -> Verdict | None:
    """From half of the time after which the sender gives up, its mail is no longer sent away."""
    if facts.first_tried is None or facts.now - facts.first_tried < policy.give_up / 2:
        return None
    trying = facts.now - facts.first_tried
    due = Reason(ReasonCode.TAKEOVER_DUE, {"trying": int(trying.total_seconds())})
    return hold(facts, (due, *facts.suspicion), junk=is_suspicious(facts, policy))


def deferred_stranger(facts: DataFacts, policy: Policy) -> Verdict | None:
    look = look_at(facts, policy)
    if look.stage is Stage.EARLY:
        return deferred_at_hoster(facts.rcpt, policy, look) or verdict(
            Action.DEFER, ReasonCode.GREYLIST_EARLY, waited=int(look.waited.total_seconds())
        )
    if look.other_content:
        return verdict(Action.DEFER, ReasonCode.GREYLIST_OTHER_CONTENT)
    return verdict(Action.DEFER, ReasonCode.GREYLIST_NEW)


# What became of this very mail before: true whatever the mode is.
SETTLING_RULES: tuple[DataRule, ...] = (looping_message, settled_mail, copy_in_flight)

DATA_RULES: tuple[DataRule, ...] = (
    *SETTLING_RULES,
    not_admitted,
    blocked_author,
    forged_author,
    expecting.expected_after_all,
    carried_along,
    hidden_sender,
    passing_class,
    bounce_of_ours,
    holding_class,
    store_lost,
    patient_stranger,
    taken_over,
    deferred_stranger,
)


def unless_another(facts: DataFacts, policy: Policy) -> DataFacts:
    """RCPT let it in as expected, and the data show another author: it is a stranger's after all."""
    if facts.admitted.code is not ReasonCode.EXPECTED_MAIL or expecting.after_all(facts) is not None:
        return facts
    return replace(facts, admitted=at_rcpt(replace(facts.rcpt, expected=()), policy))


def at_data(facts: DataFacts, policy: Policy) -> Verdict:
    """Decide about one recipient's mail after the dot. While we observe, RCPT's would-be verdict is what counts."""
    facts = weighed(unless_another(facts, policy), policy)
    would = facts.admitted.observed
    if would is None:
        found = first_opinion(DATA_RULES, facts, policy)
    elif would.action is Action.DEFER:  # it would have been sent away before its data
        found = first_opinion((*SETTLING_RULES, blocked_author, lambda facts, policy: would), facts, policy)
    else:
        found = first_opinion(DATA_RULES, replace(facts, admitted=would), policy)
    found = audit.sampled(facts, spared(facts, found), policy.audit)
    return observe.at_data(found) if facts.rcpt.mode is Mode.OBSERVE else found
