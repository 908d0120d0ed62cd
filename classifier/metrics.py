"""How good a filter is, as the trials of TREC and CEAS counted it. Scores: the higher, the more like spam."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 500
BINS = 15

Scores = NDArray[np.float64]
Truth = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the bounds that it keeps in 95 of 100 resamples."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Quality:
    """In percent. `roca`: 1-ROCA%; `lam`: logistic mean of `hm` (hams lost) and `sm` (spams missed) at the threshold;
    `missed_at`: spams missed where one ham in a thousand is lost, at the order of the scores alone."""

    roca: Interval
    lam: float
    hm: float
    sm: float
    missed_at: float


def quality(scores: Scores, truth: Truth, threshold: float = 0.0) -> Quality:
    """Raises ValueError unless there are spams and hams."""
    if truth.all() or not truth.any():
        raise ValueError("there have to be spams and hams")
    lost, missed = (scores[~truth] > threshold), (scores[truth] <= threshold)
    return Quality(
        interval(scores, truth),
        lam(int(lost.sum()), len(lost), int(missed.sum()), len(missed)),
        100 * float(lost.mean()),
        100 * float(missed.mean()),
        missed_at(scores, truth, 0.001),
    )


def area(scores: Scores, truth: Truth) -> float:
    """The chance that a spam is above a ham; ties are halves."""
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    spam = int(truth.sum())
    return float((ranks[truth].sum() - spam * (spam + 1) / 2) / (spam * (len(truth) - spam)))


def roca(scores: Scores, truth: Truth) -> float:
    return 100 * (1 - area(scores, truth))


def resampled(scores: Sequence[Scores], truth: Truth) -> NDArray[np.float64]:
    """1-ROCA% of each filter in resamples of the mails, the same resample for all of them; a row for each."""
    draw = np.random.default_rng(0)
    rows = []
    for _ in range(RESAMPLES):
        chosen = draw.integers(0, len(truth), len(truth))
        if truth[chosen].any() and not truth[chosen].all():
            rows.append([roca(one[chosen], truth[chosen]) for one in scores])
    return np.array(rows)


def interval(scores: Scores, truth: Truth) -> Interval:
    """By the normal law on the logit, as the trials did it."""
    value = roca(scores, truth)
    found = resampled([scores], truth)[:, 0]
    spread = float(np.std([logit(one / 100) for one in found])) if len(found) else 0.0
    middle = logit(value / 100)
    return Interval(value, 100 * logistic(middle - 1.96 * spread), 100 * logistic(middle + 1.96 * spread))


def ratio(ours: Scores, theirs: Scores, truth: Truth) -> Interval:
    """Our 1-ROCA% by theirs, on the same mails in each resample."""
    found = resampled([ours, theirs], truth)
    low, high = np.percentile(found[:, 0] / np.maximum(found[:, 1], 1e-7), [2.5, 97.5])
    return Interval(roca(ours, truth) / max(roca(theirs, truth), 1e-7), float(low), float(high))


def lam(lost: int, hams: int, missed: int, spams: int) -> float:
    """Logistic mean of two rates, in percent."""
    rates = ((lost + 0.5) / (hams + 1), (missed + 0.5) / (spams + 1))
    return 100 * logistic(sum(map(logit, rates)) / 2)


def missed_at(scores: Scores, truth: Truth, share: float) -> float:
    """Percent of spam below the threshold that loses that share of ham."""
    hams = np.sort(scores[~truth])[::-1]
    return 100 * float((scores[truth] <= hams[int(share * len(hams))]).mean())


def calibration(chances: Scores, truth: Truth) -> tuple[float, float]:
    """Expected calibration error in equal bins, and Brier's score."""
    order = np.argsort(chances, kind="stable")
    bins = [one for one in np.array_split(order, BINS) if len(one)]
    error = sum(abs(float(chances[one].mean()) - float(truth[one].mean())) * len(one) for one in bins) / len(truth)
    return error, float(((chances - truth) ** 2).mean())


def logit(share: float) -> float:
    """Of a share; none and all are as far out as a billionth."""
    share = min(max(share, 1e-9), 1 - 1e-9)
    return math.log(share / (1 - share))


def logistic(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))
