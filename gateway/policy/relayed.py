"""Rules about mail that a declared relay brings: a backup MX of ours, or a forwarder of our users.

It does not wait. Whoever gave it to the relay is judged, and only when the data have told who that was. It is not
refused for its content or its party, for the relay would have to return it, often to somebody who never sent it.
Their order is in `inbound`.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.model import Action, DataFacts, Level, RcptFacts, Reason, ReasonCode, RecipientClass, Verdict
from gateway.policy.opinion import admit, is_role

if TYPE_CHECKING:
    from gateway.policy.inbound import Policy

HOLDING_LEVELS = frozenset({Level.REVIEW_BEFORE, Level.KNOWN_ONLY})
# Not about content or party: a mail that goes in circles must end, and the backend's words are the backend's.
STILL_REFUSED = frozenset({ReasonCode.MESSAGE_LOOP, ReasonCode.RETRY_UNDELIVERABLE})


def declared_relay(facts: RcptFacts, policy: "Policy") -> Verdict | None:
    """At RCPT nobody knows yet who sends it: the level alone makes the class."""
    if facts.relayed is None:
        return None
    holds = facts.level in HOLDING_LEVELS and not is_role(facts)
    return admit(RecipientClass.HOLD if holds else RecipientClass.PASS, ReasonCode.RELAY_DECLARED)


def relayed_stranger(facts: RcptFacts, policy: "Policy") -> Verdict | None:
    """The relay would come back for certain, so there is nothing to learn by letting it wait."""
    return Verdict(Action.ACCEPT, (through(facts),), RecipientClass.PASS, review=facts.level is Level.REVIEW_AFTER)


def through(facts: RcptFacts) -> Reason:
    """That a relay brought it, and from whom; None: the relay's trace could not be read."""
    hop = facts.relayed.hop if facts.relayed else None
    return Reason(ReasonCode.RELAY_DECLARED, {"hop": str(hop.address) if hop else None})


def with_relay(facts: RcptFacts, found: Verdict) -> Verdict:
    """The verdict about whoever stands behind the relay, with the relay among its reasons."""
    if found.code is ReasonCode.RELAY_DECLARED:
        return found
    return replace(found, reasons=(*found.reasons, through(facts)))


def not_admitted(facts: DataFacts, policy: "Policy") -> Verdict | None:
    """Whoever stands behind a relay is judged after the dot, and may turn out not to be let in."""
    return facts.admitted if facts.admitted.action is not Action.ACCEPT else None


def spared(facts: DataFacts, found: Verdict) -> Verdict:
    """What would be refused is held where somebody looks at holds, and elsewhere delivered, tagged for Junk."""
    if facts.rcpt.relayed is None or found.action is not Action.REJECT or found.code in STILL_REFUSED:
        return found
    reasons = (*found.reasons, Reason(ReasonCode.RELAY_SPARED))
    if facts.rcpt.reviewed and not is_role(facts.rcpt):
        return Verdict(Action.HOLD, reasons)
    return Verdict(Action.ACCEPT, reasons, junk=True, review=facts.rcpt.level in (Level.REVIEW_AFTER, Level.WATCH))
