"""Strangers that hide who they are: no confirmed host name, no SPF pass, no sound signature, from a domain that nobody
here ever heard of.

A machine that retries would get in by patience alone, so its retry is taken and held for a person. Real servers without
any of these exist too: theirs is never sent away more often, or for longer, than it may be told apart from a loss.
What DNS did not say hides nobody.
"""

from datetime import timedelta
from typing import TYPE_CHECKING

from gateway.model import (
    Authentication,
    AuthResult,
    DataFacts,
    Grade,
    RcptFacts,
    Reason,
    ReasonCode,
    RecipientClass,
    SpfResult,
    Verdict,
)
from gateway.policy import greylist
from gateway.policy.greylist import Stage
from gateway.policy.opinion import hold

if TYPE_CHECKING:
    from gateway.policy.inbound import Policy

MOST_DEFERRALS = 3
LONGEST = timedelta(hours=4)
NO_PASS = frozenset(SpfResult) - {SpfResult.PASS, SpfResult.TEMPERROR}


def hides(facts: RcptFacts, found: Authentication) -> bool:
    """True when DNS was asked for all that could tell who a stranger is, and said that there is nothing."""
    asked = facts.peer.nameless and facts.spf is not None and facts.spf.result in NO_PASS
    stranger = facts.grade is Grade.STRANGER and facts.relayed is None and bool(facts.sender)
    return stranger and asked and not any(may_tell(one.result) for one in found.signatures if not one.flaws)


def may_tell(result: AuthResult) -> bool:
    """A signature that verifies, or whose key could not be asked for."""
    return result in (AuthResult.PASS, AuthResult.TEMPERROR)


def hidden_sender(facts: DataFacts, policy: "Policy") -> Verdict | None:
    """Its first attempt is any stranger's; when it is back, or cannot be sent away any more, a person decides."""
    if (
        not facts.new_domain
        or facts.sightings is None
        or not waits(facts)
        or not hides(facts.rcpt, facts.authentication)
    ):
        return None
    look = greylist.look(facts.sightings, facts.rcpt.rungs, facts.message.fingerprint, facts.now, policy.timing)
    tries = deferrals(facts)
    proved_patience = facts.admitted.code is ReasonCode.GREYLIST_PATIENT
    if look.stage is not Stage.PASSED and not proved_patience and tries < MOST_DEFERRALS and trying(facts) < LONGEST:
        return None
    return hold(facts, (Reason(ReasonCode.SENDER_HIDDEN, {"tries": tries}), *facts.suspicion))


def waits(facts: DataFacts) -> bool:
    """It is in the class of those who wait, or left it only because it stayed on the line."""
    by_patience = facts.admitted.code is ReasonCode.GREYLIST_PATIENT
    return facts.admitted.recipient_class is RecipientClass.WAIT or by_patience


def deferrals(facts: DataFacts) -> int:
    """How often this mail was sent away, from whatever network; before its data by its network alone."""
    content, here = facts.message.fingerprint, facts.rcpt.rungs
    return sum(
        one.tries
        for one in facts.sightings or ()
        if one.passed_at is None and greylist.content_agrees(one, content) and (one.saw_data or one.rungs & here)
    )


def trying(facts: DataFacts) -> timedelta:
    return timedelta(0) if facts.first_tried is None else facts.now - facts.first_tried
