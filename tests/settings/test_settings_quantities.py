"""Durations and sizes, read and written."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.quantities import (
    LONGEST,
    MILLISECOND,
    MOST,
    duration,
    duration_text,
    quoted,
    size,
    size_text,
    words,
)

DURATIONS = [
    ("0s", timedelta(0), "0 seconds"),
    ("500ms", timedelta(milliseconds=500), "500 milliseconds"),
    ("1s", timedelta(seconds=1), "1 second"),
    ("3m", timedelta(minutes=3), "3 minutes"),
    ("1h30m", timedelta(minutes=90), "1 hour and 30 minutes"),
    ("4d", timedelta(days=4), "4 days"),
    ("36d", timedelta(days=36), "36 days"),
    ("1d1h1m1s1ms", timedelta(1, 1, 0, 1, 1, 1), "1 day, 1 hour, 1 minute, 1 second and 1 millisecond"),
]


@pytest.mark.parametrize(("text", "value", "said"), DURATIONS)
def test_durations(text, value, said):
    assert duration(text) == value
    assert duration_text(value) == text
    assert words(value) == said


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("180s", timedelta(minutes=3)),
        ("90m", timedelta(minutes=90)),
        ("0d0s", timedelta(0)),
        ("08h", timedelta(hours=8)),
    ],
)
def test_other_ways_to_write_a_duration(text, value):
    assert duration(text) == value


@pytest.mark.parametrize(
    "value",
    ["", "s", "1", "-1s", "1.5h", "1 h", "1H", "1m1h", "1s1s", "1w", " 1s", "1s\n", "٣s", "1e3s", True, 1.5, None, []],
)
def test_what_is_no_duration(value):
    with pytest.raises(ValueError, match="is not a duration; write a duration such as"):
        duration(value)


def test_a_number_alone_is_refused_with_the_way_to_write_it():
    with pytest.raises(ValueError, match=r'^180 has no unit; write "180s" for seconds'):
        duration(180)


@pytest.mark.parametrize("text", ["36501d", "999999999d", "999999999d999999999h"])
def test_durations_beyond_the_calendar_are_refused(text):
    with pytest.raises(ValueError, match="at most 36500d"):
        duration(text)


@given(st.integers(0, LONGEST // MILLISECOND))
def test_durations_come_back(milliseconds):
    value = milliseconds * MILLISECOND
    assert duration(duration_text(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("50MiB", 52428800),
        ("2GiB", 2 << 30),
        ("64KiB", 65536),
        ("10MB", 10_000_000),
        ("1TiB", 1 << 40),
        ("0B", 0),
        ("7B", 7),
    ],
)
def test_sizes(text, value):
    assert size(text) == value
    assert size_text(value) == text


@pytest.mark.parametrize(("value", "number"), [(0, 0), (4096, 4096), ("2 GB", 2 * 10**9), ("1kB", 1000), ("1KB", 1000)])
def test_other_ways_to_write_a_size(value, number):
    assert size(value) == number


@pytest.mark.parametrize("value", ["", "50", "50M", "50mib", "-1B", "1.5GiB", "B", "1MiB1KiB", -1, True, 1.0, None])
def test_what_is_no_size(value):
    with pytest.raises(ValueError, match="is not a size; write a size such as"):
        size(value)


@pytest.mark.parametrize("value", [MOST + 1, "8388608TiB", 10**400])
def test_sizes_beyond_what_a_column_holds_are_refused(value):
    with pytest.raises(ValueError, match="is too much"):
        size(value)


@given(st.integers(0, MOST))
def test_sizes_come_back(value):
    assert size(size_text(value)) == value


@given(st.one_of(st.text(), st.integers(), st.booleans(), st.lists(st.text())))
def test_problems_show_values_on_one_short_line(value):
    assert "\n" not in quoted(value)
    assert len(quoted(value)) < 900
