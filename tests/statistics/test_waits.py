"""Quantiles of counted waits are as near to the true ones as they say, however the waits are spread."""

from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.statistics.figures import Rate
from gateway.statistics.waits import BOUNDS, ERROR, SHARES, bucket_of, ends_of, waits

SECONDS = st.one_of(st.integers(0, 2_000_000), st.floats(0, 2e6, allow_nan=False))


def counted(found: list[float]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for one in found:
        counts[bucket_of(one)] = counts.get(bucket_of(one), 0) + 1
    return counts


@given(SECONDS)
def test_a_wait_is_between_the_ends_of_its_bucket(seconds: float) -> None:
    low, high = ends_of(bucket_of(seconds))
    assert low < seconds <= high or (seconds == 0 and low == 0)


@given(st.lists(SECONDS, min_size=1, max_size=400))
def test_the_true_quantile_is_where_it_is_told_to_be(found: list[float]) -> None:
    made, ordered = waits(counted(found)), sorted(found)
    assert made.count == len(found) == sum(bar.count for bar in made.bars)
    for one in made.quantiles:
        rank = next(place for place in range(1, len(found) + 1) if place >= one.share * len(found) - 1e-9)
        true = ordered[rank - 1]
        assert one.low <= true <= one.high
        if BOUNDS[0] < true <= BOUNDS[-1]:
            assert abs(one.seconds / true - 1) <= ERROR + 1e-9


@given(st.lists(SECONDS, min_size=1, max_size=400))
def test_each_bar_holds_what_is_between_its_ends(found: list[float]) -> None:
    bars = waits(counted(found)).bars
    for bar in bars:
        assert bar.count == sum(bar.low < one <= bar.high or (one == 0 and bar.low == 0) for one in found)
    assert all(one.high == after.low for one, after in pairwise(bars))
    assert all(after.high in (2 * after.low, inf) for after in bars if after.low)


@pytest.mark.parametrize(
    ("count", "told"), [(0, 0), (1, 0), (2, 1), (9, 1), (10, 2), (19, 2), (20, 3), (99, 3), (100, 4)]
)
def test_of_few_mails_the_rare_is_not_told(count: int, told: int) -> None:
    found = waits({bucket_of(600): count})
    assert [one.share for one in found.quantiles] == list(SHARES[:told])


def test_the_bounds_stay_as_they_are_in_databases() -> None:
    assert len(BOUNDS) == 161
    assert [BOUNDS[place] for place in (0, 96, 104, 160)] == [3600 / 2**12, 3600, 7200, 3600 * 256]
    assert ERROR < 0.0443


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"), [(0, 10, 0.0, 0.278), (5, 10, 0.237, 0.763), (1, 100, 0.002, 0.054)]
)
def test_a_share_comes_with_what_it_is_worth(part: int, whole: int, low: float, high: float) -> None:
    """Against Wilson's interval as tables have it."""
    found = Rate(part, whole).between
    assert found == pytest.approx((low, high), abs=0.001)
    assert Rate(0, 0).between is None
    assert Rate(0, 0).share is None
