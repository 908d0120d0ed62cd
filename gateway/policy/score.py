"""What all evidence weighs together: each reason has its weight, and from a threshold on the mail is suspicious.

A suspicious mail is held where somebody looks at held mail, and tagged elsewhere; none is refused for its score. Whom
our people know has credit, which counts against the small weights and not against those that decide by themselves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gateway.model import DataFacts, Grade, Level, Reason, ReasonCode

if TYPE_CHECKING:
    from gateway.policy.inbound import Policy

HOLD = 5.0
ALONE = 10.0  # holds by itself, whatever credit the sender has

# What a reason weighs that does not bring its own weight; one that is not here weighs ALONE.
WEIGHTS: Mapping[ReasonCode, float] = {
    ReasonCode.STRUCTURE_FIELDS: 1.0,
    ReasonCode.STRUCTURE_DATE: 1.0,
    ReasonCode.STRUCTURE_DOUBLED: 1.5,
    ReasonCode.STRUCTURE_RECEIVED: 0.5,
    ReasonCode.STRUCTURE_HELO: 1.5,
    ReasonCode.STRUCTURE_PARTS: 1.0,
    ReasonCode.STRUCTURE_LETTERS: 1.5,
    ReasonCode.STRUCTURE_HIDDEN: 1.0,
    ReasonCode.CONTENT_UNPARSEABLE: 2.0,
}


@dataclass(frozen=True, slots=True)
class Scale:
    """How it is weighed. `hold_at`: thresholds of single levels. `weights`: instead of those in WEIGHTS.

    `learned` and `prior` are what a step of the classifier's voice weighs, after `labels` verdicts of people of each
    kind and before. `known` and `remembered` are the credit of such a sender.
    """

    hold: float = HOLD
    hold_at: Mapping[Level, float] = field(default_factory=dict)
    weights: Mapping[ReasonCode, float] = field(default_factory=dict)
    learned: float = 2.5
    prior: float = 0.5
    labels: int = 200
    known: float = 3.0
    remembered: float = 1.0

    def weight(self, reason: Reason) -> float:
        """As the settings say, else as the reason brings it, else as it is in WEIGHTS."""
        if (chosen := self.weights.get(reason.code)) is not None:
            return chosen
        return WEIGHTS.get(reason.code, ALONE) if reason.weight is None else reason.weight

    def threshold(self, level: Level) -> float:
        return self.hold_at.get(level, self.hold)

    def credit(self, grade: Grade | None) -> float:
        return {Grade.KNOWN: self.known, Grade.REMEMBERED: self.remembered}.get(grade or Grade.STRANGER, 0.0)


USUAL = Scale()


def weigh(reasons: Iterable[Reason], facts: DataFacts, scale: Scale) -> tuple[Reason, ...]:
    """The reasons with their weights, the heaviest first; behind them the sender's credit, where there is anything that
    it could stand against. What weighs nothing is no reason."""
    weighed = [replace(reason, weight=scale.weight(reason)) for reason in reasons]
    found = sorted((one for one in weighed if one.weight), key=lambda one: -(one.weight or 0.0))
    credit = scale.credit(facts.rcpt.grade)
    if credit and any((one.weight or 0.0) > 0 for one in found):
        grade = Grade(facts.rcpt.grade or 0).name.lower()
        found.append(Reason(ReasonCode.SCORE_CREDIT, {"sender": grade}, -credit))
    return tuple(found)


def total(reasons: Iterable[Reason]) -> float:
    """Rounded, so that weights add up as people add them."""
    return round(sum(reason.weight or 0.0 for reason in reasons), 3)


def is_suspicious(facts: DataFacts, policy: "Policy") -> bool:
    """True when what was weighed reaches the threshold of the recipient's level."""
    return bool(facts.suspicion) and total(facts.suspicion) >= policy.scale.threshold(facts.rcpt.level)
