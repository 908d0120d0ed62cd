"""How long mail waited, counted in buckets whose bounds double in eight steps: few, and no quantile is far off.

A quantile is told as the two ends of the bucket that it is in. The true one (the smallest wait that at least this share
of all waits do not exceed) is between them, so their middle is at most 4.5 % off, however many mails there were.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil, inf, sqrt

STEPS = 8  # buckets from one duration to its double
SHORTEST, LONGEST = -12, 8  # doublings from an hour: 0.9 s and 10.7 days
# Upper ends in seconds. They stand in the database by their place: never changed.
BOUNDS = tuple(3600 * 2 ** (step / STEPS) for step in range(SHORTEST * STEPS, LONGEST * STEPS + 1))
SHARES = (0.5, 0.9, 0.95, 0.99)
ERROR = 2 ** (1 / (2 * STEPS)) - 1  # of the middle of a bucket, at most


def bucket_of(seconds: float) -> int:
    """The bucket of a wait: bucket 0 ends with the first bound, the last one never."""
    return bisect_left(BOUNDS, seconds)


def ends_of(bucket: int) -> tuple[float, float]:
    """From more than, up to: seconds. The last one has no end."""
    low = BOUNDS[bucket - 1] if bucket else 0.0
    return low, BOUNDS[bucket] if bucket < len(BOUNDS) else inf


@dataclass(frozen=True, slots=True)
class Quantile:
    """`share` of the mails waited no longer than this; the exact figure is from `low` to `high`, seconds."""

    share: float
    low: float
    high: float

    @property
    def seconds(self) -> float:
        """In the middle of the two, as far from one as from the other in proportion."""
        return self.low if self.high == inf else sqrt(self.low * self.high) if self.low else self.high

    @property
    def span(self) -> timedelta:
        return timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Bar:
    """How many waited for more than `low` and up to `high` seconds."""

    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Waits:
    """Waits of mail that came back and was let in."""

    count: int
    quantiles: tuple[Quantile, ...]
    bars: tuple[Bar, ...]

    def quantile(self, share: float) -> Quantile | None:
        return next((one for one in self.quantiles if one.share == share), None)


def waits(buckets: Mapping[int, int]) -> Waits:
    """Quantiles and bars of counted buckets. No quantile is told of fewer mails than it takes to have one."""
    counts = {bucket: count for bucket, count in sorted(buckets.items()) if count > 0}
    whole = sum(counts.values())
    told = tuple(quantile(counts, share, whole) for share in SHARES if whole * (1 - share) >= 1 - 1e-9)
    return Waits(whole, told, bars(counts))


def quantile(counts: Mapping[int, int], share: float, whole: int) -> Quantile:
    rank, seen = ceil(share * whole - 1e-9), 0
    for bucket, count in counts.items():
        seen += count
        if seen >= rank:
            return Quantile(share, *ends_of(bucket))
    raise ValueError("no mail waited")


def bars(counts: Mapping[int, int]) -> tuple[Bar, ...]:
    """One for each doubling, from the first that has any to the last."""
    if not counts:
        return ()
    doublings: dict[int, int] = {}
    for bucket, count in counts.items():
        place = ceil(bucket / STEPS)
        doublings[place] = doublings.get(place, 0) + count
    return tuple(bar(place, doublings.get(place, 0)) for place in range(min(doublings), max(doublings) + 1))


def bar(place: int, count: int) -> Bar:
    last = (LONGEST - SHORTEST) * STEPS
    low = BOUNDS[(place - 1) * STEPS] if place else 0.0
    return Bar(low, BOUNDS[min(place * STEPS, last)] if place * STEPS <= last else inf, count)
