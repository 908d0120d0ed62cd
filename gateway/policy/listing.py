"""Rules about who stands on the private lists. Their order is in `inbound`."""

from typing import TYPE_CHECKING

from gateway.model import (
    Action,
    DataFacts,
    ListEntry,
    ListVerb,
    RcptFacts,
    ReasonCode,
    RecipientClass,
    Switch,
    Verdict,
)
from gateway.policy.opinion import admit, verdict

if TYPE_CHECKING:
    from gateway.policy.inbound import Policy


def blocked_party(facts: RcptFacts, policy: "Policy") -> Verdict | None:
    return blocked_by(facts.listed)


def allowed_party(facts: RcptFacts, policy: "Policy") -> Verdict | None:
    for entry in facts.listed:
        if entry.verb is ListVerb.ALLOW:
            return admit(
                RecipientClass.PASS, ReasonCode.LIST_ALLOWED, entry=entry.id, kind=entry.kind, value=entry.value
            )
    return None


def is_allowed(facts: RcptFacts) -> bool:
    return any(entry.verb is ListVerb.ALLOW for entry in facts.listed)


def blocked_author(facts: DataFacts, policy: "Policy") -> Verdict | None:
    """A blocked name counts in From too, and what is blocked unless it is proved can be told only now.

    Here the lists are as they hold since the data were seen.
    """
    return None if Switch.BYPASS in facts.rcpt.switches else blocked_by(facts.rcpt.listed)


def blocked_by(listed: tuple[ListEntry, ...]) -> Verdict | None:
    for entry in listed:
        if entry.verb is ListVerb.BLOCK:
            return verdict(Action.REJECT, ReasonCode.LIST_BLOCKED, entry=entry.id, kind=entry.kind, value=entry.value)
    return None
