"""Rules about what became of a mail before: it goes in circles, it was delivered or refused, or it is on its way.

Their order is in `inbound`.
"""

from typing import TYPE_CHECKING

from gateway.model import Action, DataFacts, Reason, ReasonCode, TombstoneOutcome, Verdict
from gateway.policy import sameness
from gateway.policy.opinion import verdict

if TYPE_CHECKING:
    from gateway.policy.inbound import Policy


def looping_message(facts: DataFacts, policy: "Policy") -> Verdict | None:
    if facts.message.received_count >= policy.max_received:
        return verdict(Action.REJECT, ReasonCode.MESSAGE_LOOP, received=facts.message.received_count)
    return None


SETTLED = {
    TombstoneOutcome.PENDING: (Action.DEFER, ReasonCode.RETRY_IN_FLIGHT),
    TombstoneOutcome.DELIVERED: (Action.DISCARD, ReasonCode.RETRY_DELIVERED),
    TombstoneOutcome.REFUSED: (Action.REJECT, ReasonCode.RETRY_REFUSED),
    TombstoneOutcome.UNDELIVERABLE: (Action.REJECT, ReasonCode.RETRY_UNDELIVERABLE),
}


def settled_mail(facts: DataFacts, policy: "Policy") -> Verdict | None:
    """This very mail was delivered, refused, or is on its way: say so and do not do it again."""
    for tombstone in facts.tombstones or ():
        if sameness.settles(tombstone, facts.mail, facts.now):
            action, code = SETTLED[tombstone.outcome]
            return Verdict(action, (Reason(code, {"tombstone": tombstone.id}),), reply=tombstone.reply)
    return None


def copy_in_flight(facts: DataFacts, policy: "Policy") -> Verdict | None:
    for copy in facts.copies or ():
        if sameness.in_flight(copy, facts.mail, facts.now):
            return verdict(Action.DEFER, ReasonCode.RETRY_IN_FLIGHT, copy=copy.id)
    return None
