"""The Bayesian voice: in how many spams and hams each word was, which people can read and which is unlearnt exactly.

Robinson's estimate for each word, and of the words that say most the normal form of Fisher's combination: under chance
the sum of their log-odds has no preference and a spread that grows with the root of their number.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.features import Indices

UNSEEN = 0.5  # the spamicity of a word that nobody ever saw
STRENGTH = 0.018  # how many mails that opinion is worth
LEAST = 0.375  # how far from the middle a word has to be to be counted
MOST = 150  # words

Counts = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Labels:
    """From how many mails of each kind was learnt."""

    spam: int = 0
    ham: int = 0

    @property
    def fewer(self) -> int:
        return min(self.spam, self.ham)


def spamicity(spam: NDArray[np.integer], ham: NDArray[np.integer], labels: Labels) -> NDArray[np.float64]:
    """Of words that were in so many mails of each kind; 0.5 for what was never seen, never 0 or 1."""
    bad, good = spam / max(labels.spam, 1), ham / max(labels.ham, 1)
    count = spam + ham
    share = np.divide(bad, bad + good, out=np.full(len(count), UNSEEN), where=count > 0)
    found: NDArray[np.float64] = (STRENGTH * UNSEEN + count * share) / (STRENGTH + count)
    return found


def opinions(spam: Counts, ham: Counts, words: Indices, labels: Labels) -> NDArray[np.float64]:
    """The log-odds of each word, 0 for those that are not counted."""
    found = spamicity(spam.take(words), ham.take(words), labels)
    far = np.abs(found - 0.5)
    counted = far > LEAST
    if np.count_nonzero(counted) > MOST:
        last = np.argsort(-far, kind="stable")[MOST:]
        counted[last] = False
    return np.where(counted, np.log(found / (1 - found)), 0.0)


def evidence(found: NDArray[np.float64]) -> float:
    """All opinions in one number; 0 where there is none."""
    count = np.count_nonzero(found)
    return float(found.sum() / math.sqrt(count)) if count else 0.0


def indicator(found: NDArray[np.float64]) -> float:
    """Fisher's combination of the same opinions as a probability (0 ham, 1 spam, 0.5 undecided)."""
    strong = found[found != 0]
    spam, ham = np.logaddexp(0, -strong), np.logaddexp(0, strong)  # -ln p and -ln(1-p)
    return (1 + tail(float(spam.sum()), len(strong)) - tail(float(ham.sum()), len(strong))) / 2


def tail(half: float, count: int) -> float:
    """How likely a chi-square with 2·count degrees of freedom exceeds 2·half."""
    if not count or half > 700:
        return 0.0 if count else 1.0
    term = total = math.exp(-half)
    for step in range(1, count):
        term *= half / step
        total += term
        if term < total * 1e-12 and step > half:
            break
    return min(total, 1.0)
