"""Settings that are not in force, and what they would decide about facts of mail that was or is being decided about.

What the facts say stays: who it was, who was listed, known and seen then, who exists. What settings say of a recipient
is taken from the draft: its level, whether somebody looks at its holds, whether its domain is ours, all timers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.model import (
    Action,
    Address,
    DataFacts,
    Level,
    Mode,
    RcptFacts,
    Reason,
    ReasonCode,
    RecipientClass,
    Verdict,
)
from gateway.policy import greylist, inbound
from gateway.policy.greylist import Stage
from gateway.policy.hold import HOLDING_LEVELS
from gateway.policy.inbound import Policy

TAG = "tag"  # accepted, but tagged for Junk


@dataclass(frozen=True, slots=True)
class Draft:
    """What a settings file says to the rules. `mode` None: the mode that the facts name."""

    policy: Policy
    local: frozenset[str]
    level: Level
    levels: Mapping[str, Level]  # by address or domain
    reviewed: bool
    mode: Mode | None = None
    readers: frozenset[str] = frozenset()  # recipients whose holds a digest tells somebody of

    def level_of(self, recipient: Address) -> Level:
        return self.levels.get(recipient.key) or self.levels.get(recipient.domain) or self.level


@dataclass(frozen=True, slots=True)
class Said:
    """A verdict as it is compared with another: an action, or `tag`, and its first reason."""

    action: str
    code: str

    def __str__(self) -> str:
        return f"{self.action} {self.code}"


def said(verdict: Verdict) -> Said:
    return word(str(verdict.action), str(verdict.code), junk=verdict.junk)


def word(action: str, code: str, *, junk: bool) -> Said:
    return Said(TAG if junk and action == Action.ACCEPT else action, code)


# ---- what a draft says ---------------------------------------------------------------------------------------------


def decide(facts: RcptFacts | DataFacts, draft: Draft) -> Said:
    """What would be decided under the draft."""
    return after_the_dot(facts, draft) if isinstance(facts, DataFacts) else when_named(facts, draft)


def under(facts: RcptFacts, draft: Draft) -> RcptFacts:
    """The facts as they would have been."""
    level = draft.level_of(facts.recipient)
    return replace(
        facts,
        is_local=facts.recipient.domain in draft.local,
        level=level,
        reviewed=draft.reviewed or level in HOLDING_LEVELS or facts.recipient.key in draft.readers,
        mode=draft.mode or facts.mode,
    )


def when_named(facts: RcptFacts, draft: Draft) -> Said:
    """Who was sent away at RCPT might have been asked for the mail: what its class and patience make likely then."""
    facts = under(facts, draft)
    verdict = inbound.at_rcpt(facts, draft.policy)
    if verdict.action is not Action.ACCEPT or verdict.recipient_class is RecipientClass.PASS:
        return said(verdict)
    if verdict.recipient_class is RecipientClass.HOLD:
        return Said(str(Action.HOLD), str(verdict.code))
    look = greylist.look(facts.sightings or (), facts.rungs, None, facts.now, draft.policy.timing)
    if look.stage is Stage.PASSED:
        return Said(str(Action.ACCEPT), str(ReasonCode.GREYLIST_PASSED))
    return Said(str(Action.DEFER), str(verdict.code))


def after_the_dot(facts: DataFacts, draft: Draft) -> Said:
    rcpt = under(facts.rcpt, draft)
    judge = inbound.at_rcpt if rcpt.relayed is None else inbound.behind_relay
    admitted = judge(rcpt, draft.policy)
    if admitted.action is not Action.ACCEPT:
        return said(admitted)
    carried = facts.carried and admitted.recipient_class is RecipientClass.WAIT
    return said(inbound.at_data(replace(facts, rcpt=rcpt, admitted=admitted, carried=carried), draft.policy))


# ---- what was said -------------------------------------------------------------------------------------------------

# Said on top of what the policy had said, because of other recipients or of the mail server behind us.
ON_TOP = {
    ReasonCode.BACKEND_DEFERRED: Action.ACCEPT,
    ReasonCode.BACKEND_REFUSED: Action.ACCEPT,
    ReasonCode.BACKEND_DOWN: Action.ACCEPT,
    ReasonCode.GREYLIST_COMPANY: Action.DEFER,
}
# Said in its place: by what the mail was with, by a defect, or because something of ours failed.
INSTEAD = frozenset(
    {
        ReasonCode.RECIPIENT_OTHER_CLASS,
        ReasonCode.BACKEND_SLOW,
        ReasonCode.STORAGE_FULL,
        ReasonCode.MESSAGE_DEFECT,
        ReasonCode.INTERNAL_FAILURE,
    }
)


def by_policy(
    action: str, reasons: Sequence[Reason], facts: RcptFacts | DataFacts, *, junk: bool = False
) -> Said | None:
    """What the policy had said, before a plan for all recipients or the backend changed it; None: it was not asked."""
    code = reasons[0].code
    if code in INSTEAD or is_own_fault(reasons[0], facts):
        return None
    if code in ON_TOP and len(reasons) > 1:
        return word(str(ON_TOP[code]), str(reasons[1].code), junk=junk)
    return word(action, str(code), junk=junk)


def is_own_fault(reason: Reason, facts: RcptFacts | DataFacts) -> bool:
    """True when it could not be taken although the facts were there, or when somebody else was first."""
    if reason.code is ReasonCode.RETRY_IN_FLIGHT:
        return not reason.evidence
    if reason.code is not ReasonCode.STORE_UNAVAILABLE:
        return False
    known = [facts.rcpt.grade, facts.sightings, facts.copies] if isinstance(facts, DataFacts) else [facts.grade]
    return all(one is not None for one in known) and facts.sightings is not None
