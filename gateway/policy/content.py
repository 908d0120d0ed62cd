"""What the content says as a whole: the classifier's voice, and that it could not be read at all."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.model import DataFacts, Reason, ReasonCode

if TYPE_CHECKING:
    from gateway.policy.inbound import Policy

CODES = frozenset({ReasonCode.CONTENT_UNPARSEABLE, ReasonCode.CONTENT_LEARNED})
LOUDEST = 3.5  # of the classifier's voice, either way
FAINTEST = 0.1  # of a weight that is worth a reason


def reasons(facts: DataFacts, policy: "Policy") -> Iterator[Reason]:
    found = facts.content
    if found is None:
        return
    if found.unparseable:
        yield Reason(ReasonCode.CONTENT_UNPARSEABLE)
    if found.score is not None:
        own = sum(said for account, said in found.own if account == facts.rcpt.recipient.key)
        told = learned(found.score, own, found.labels, policy)
        if told is not None:
            yield told


def learned(said: float, own: float, labels: int, policy: "Policy") -> Reason | None:
    """The classifier's voice, with what the recipient's own mail taught it. Until people have taught it enough of both
    kinds it counts for little: it speaks of the mail of others."""
    scale = policy.scale
    is_taught = labels >= scale.labels
    voice = max(-LOUDEST, min(LOUDEST, said + own))
    weight = round(voice * (scale.learned if is_taught else scale.prior), 2)
    if abs(weight) < FAINTEST:
        return None
    evidence = {"says": round(voice, 2), "taught": is_taught}
    if abs(own) >= FAINTEST:
        evidence["own"] = round(own, 2)
    return Reason(ReasonCode.CONTENT_LEARNED, evidence, weight)
