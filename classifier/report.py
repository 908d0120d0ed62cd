"""What an evaluation found, as figures."""

import resource
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from classifier import metrics
from classifier.evaluate import Run
from classifier.metrics import Interval, Quality
from classifier.score import CONFIDENT

STRETCHES = ((0, 500), (500, 2000), (2000, None))  # of the learning curve, in mails


@dataclass(frozen=True, slots=True)
class Pace:
    """Milliseconds for each mail: half of them take no more than the first, 95 of 100 no more than the second."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Staff:
    """If all mail between the confident scores were left to people: its share, and what the rest gets wrong."""

    share: float
    hams_lost: int
    spams_in: int


@dataclass(frozen=True, slots=True)
class Report:
    """`ece` and `brier`: calibration. `rss`: MiB at most. `ratio`: our 1-ROCA% by bogofilter's, paired."""

    mails: int
    spams: int
    flipped: int
    prompts: int
    quality: Quality
    ece: float
    brier: float
    staff: Staff
    curve: tuple[tuple[str, float], ...]
    judging: Pace
    learning: Pace
    rss: float
    rival: Quality | None = None
    rival_judging: Pace | None = None
    ratio: Interval | None = None

    def facts(self) -> dict[str, Any]:
        """All of it as plain data."""
        return asdict(self)


def report(run: Run) -> Report:
    """Raises ValueError unless there were spams and hams."""
    truth, scores = np.array(run.truth, bool), np.array(run.scores)
    ece, brier = metrics.calibration(np.array(run.chances), truth)
    rival = np.array(run.rival)
    return Report(
        mails=len(truth),
        spams=int(truth.sum()),
        flipped=run.flipped,
        prompts=run.prompts,
        quality=metrics.quality(scores, truth),
        ece=ece,
        brier=brier,
        staff=staff(scores, truth),
        curve=tuple(curve(scores, truth)),
        judging=pace(run.judging),
        learning=pace(run.learning),
        rss=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        rival=metrics.quality(rival, truth, 0.5) if len(rival) else None,
        rival_judging=pace(run.rival_judging) if len(rival) else None,
        ratio=metrics.ratio(scores, rival, truth) if len(rival) else None,
    )


def staff(scores: metrics.Scores, truth: metrics.Truth) -> Staff:
    between = np.abs(scores) <= CONFIDENT
    lost, let_in = ~truth & (scores > CONFIDENT), truth & (scores < -CONFIDENT)
    return Staff(100 * float(between.mean()), int(lost.sum()), int(let_in.sum()))


def curve(scores: metrics.Scores, truth: metrics.Truth) -> list[tuple[str, float]]:
    """1-ROCA% of stretches of the mail, where they have both kinds."""
    found = []
    for begin, end in STRETCHES:
        part = truth[begin:end]
        if part.any() and not part.all():
            found.append((f"{begin}–{end or len(truth)}", metrics.roca(scores[begin:end], part)))  # noqa: RUF001
    return found


def pace(seconds: Sequence[float]) -> Pace:
    p50, p95 = np.percentile(np.array(seconds or [0.0]) * 1000, [50, 95])
    return Pace(float(p50), float(p95))
