"""What the voices say together."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from classifier.bayes import Labels

RAW, DECODED, WORDS, BAYES, ACCOUNT = "raw", "decoded", "words", "bayes", "account"
SPREAD = 4.0  # log-odds at which a voice is loud
LOUDNESS = {RAW: 1.0, DECODED: 1.0, WORDS: 1.0, BAYES: 0.5, ACCOUNT: 1.0}
SHY = 100  # mails of the rarer kind after which the Bayesian voice is half as loud as it gets
CONFIDENT = 2.0  # of at most 3.5: what a label against it is asked back at
ENOUGH = 10  # mails of each kind before anything is asked back


@dataclass(frozen=True, slots=True)
class Score:
    """`z`: the sum of the voices, above 0 for spam; `p`: the probability of spam; `labels`: learnt from how many.

    `voices`: what each adds to `z`. `indicator`: the Bayesian voice alone as people know it from other filters.
    """

    p: float
    z: float
    voices: Mapping[str, float]
    labels: Labels
    indicator: float = 0.5


def loudness(voice: str, labels: Labels) -> float:
    """How much a voice adds at most."""
    return LOUDNESS[voice] * (labels.fewer / (labels.fewer + SHY) if voice == BAYES else 1.0)


def heard(voice: str, evidence: float, labels: Labels) -> float:
    """What a voice adds for the evidence that it has (log-odds)."""
    return loudness(voice, labels) * math.tanh(evidence / SPREAD)


def doubts(score: Score, is_spam: bool) -> bool:
    """Whether a person's label contradicts a confident model that learnt enough: then they are asked once more."""
    return score.labels.fewer >= ENOUGH and abs(score.z) > CONFIDENT and (score.z > 0) is not is_spam


@dataclass(slots=True)
class Calibration:
    """Turns z into a probability (Platt) and goes on learning how; with the squares of its steps so far."""

    slope: float = 2.0
    shift: float = 0.0
    slope_squares: float = 10.0
    shift_squares: float = 10.0

    RATE = 0.5
    LEAST = 0.2

    def chance(self, z: float) -> float:
        return 1.0 / (1.0 + math.exp(-self.slope * z - self.shift))

    def learn(self, z: float, is_spam: bool) -> None:
        miss = float(is_spam) - self.chance(z)
        self.slope_squares += (miss * z) ** 2
        self.shift_squares += miss**2
        self.slope = max(self.slope + self.RATE * miss * z / math.sqrt(self.slope_squares), self.LEAST)
        self.shift += self.RATE * miss / math.sqrt(self.shift_squares)
