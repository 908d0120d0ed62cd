"""Whether what was learnt may be shown to others: how it does on held entries beside the model before."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from classifier.state import Entry, State

FEWEST = 20  # entries; with fewer nothing can be said
MORE = 2  # errors that are no reason
MORE_IN = 0.02  # errors per entry that are none


@dataclass(frozen=True, slots=True)
class Quality:
    """On how many entries a model was tried, how many it had on the wrong side, and its mean loss (nats)."""

    tried: int
    errors: int
    loss: float


def quality(state: State, held: Sequence[Entry]) -> Quality:
    scores = [(state.score(entry.features, entry.account), entry.is_spam) for entry in held]
    errors = sum((score.z > 0) is not is_spam for score, is_spam in scores)
    lost = sum(-math.log(max(score.p if is_spam else 1 - score.p, 1e-12)) for score, is_spam in scores)
    return Quality(len(held), errors, lost / max(len(held), 1))


def closes(now: Quality, before: Quality) -> bool:
    return now.tried >= FEWEST and now.errors > before.errors + max(MORE, MORE_IN * now.tried)
