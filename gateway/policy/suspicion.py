"""All that speaks against a mail, and what speaks for it, gathered to be weighed together.

Whom we remember, know or allow is not suspected for how it calls itself, or for how its mail is built.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.model import DataFacts, Grade, Reason, ReasonCode
from gateway.policy import attachments, bounce, campaign, content, helo, lookalike, score, structure
from gateway.policy.authentication import forged
from gateway.policy.hosters import held_at_hoster

if TYPE_CHECKING:
    from gateway.policy.inbound import Policy

# What comes from the facts anew each time, so that other settings may see it otherwise.
MADE_HERE = frozenset(
    {
        ReasonCode.AUTH_FORGED,
        ReasonCode.HOSTER_HOLD,
        ReasonCode.HELO_FORGED,
        ReasonCode.SENDER_LOOKALIKE,
        ReasonCode.BOUNCE_FOREIGN,
        ReasonCode.SCORE_CREDIT,
        *campaign.CODES,
        *content.CODES,
        *structure.CODES,
        *attachments.CODES,
    }
)


def weighed(facts: DataFacts, policy: "Policy") -> DataFacts:
    """The facts with all that was weighed; doing so again changes nothing."""
    others = (reason for reason in facts.suspicion if reason.code not in MADE_HERE)
    found = score.weigh((*against(facts, policy), *others), facts, policy.scale)
    return facts if found == facts.suspicion else replace(facts, suspicion=found)


def against(facts: DataFacts, policy: "Policy") -> Iterator[Reason]:
    of_stranger = facts.rcpt.grade is Grade.STRANGER and facts.admitted.code is not ReasonCode.LIST_ALLOWED
    yield from (reason for reason in (forged(facts, policy), held_at_hoster(facts, policy)) if reason is not None)
    if of_stranger:
        yield from (reason for reason in (helo.forged(facts.rcpt), lookalike.reason(facts.marks)) if reason is not None)
    yield from bounce.suspicion(facts.bounce)
    yield from attachments.reasons(facts, policy)
    yield from content.reasons(facts, policy)
    yield from campaign.reasons(facts, policy)
    if of_stranger:
        yield from structure.reasons(facts)
