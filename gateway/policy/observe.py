"""Observing: what would have delayed or held a mail lets it in, and says so in its place.

The verdict is made by the same rules; here it is only set aside. What protects the house stays: whatever is refused
(relaying, unknown recipients, blocks, loops, mail that a person refused), and what would be delivered twice.
"""

from gateway.model import Action, Reason, ReasonCode, RecipientClass, Verdict

# The backend did not say whether the recipient exists; this very mail is being delivered by another connection.
STAYS = frozenset({ReasonCode.RECIPIENT_UNVERIFIED, ReasonCode.RECIPIENT_HARVEST, ReasonCode.RETRY_IN_FLIGHT})


def at_rcpt(would: Verdict) -> Verdict:
    """The verdict on a recipient while we observe: every class becomes pass."""
    if would.action is Action.REJECT or would.code in STAYS or would.recipient_class is RecipientClass.PASS:
        return would
    return let_in(would, str(would.recipient_class or would.action))


def at_data(would: Verdict) -> Verdict:
    """The verdict after the dot while we observe: nothing is sent away, held or tagged."""
    if would.action in (Action.REJECT, Action.DISCARD) or would.code in STAYS:
        return would
    if would.action is Action.ACCEPT:
        return let_in(would, "tag") if would.junk else would
    return let_in(would, str(would.action))


def let_in(would: Verdict, word: str) -> Verdict:
    """Accepted, with what would have been in the evidence and its reasons behind."""
    reason = Reason(ReasonCode.OBSERVE_LET_IN, {"would": word, "because": str(would.code)})
    return Verdict(Action.ACCEPT, (reason, *would.reasons), RecipientClass.PASS, observed=would)
