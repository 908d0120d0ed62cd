"""When a digest is due: by the clock on the wall, once a moment, and only where there is something to tell."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.model import DigestWish
from gateway.policy.digest import LATE, due, is_worth_telling, latest

BERLIN = ZoneInfo("Europe/Berlin")
USUAL = (time(8), time(13))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "wanted"),
    [
        ("2026-11-30 06:59:59", None),  # 07:59 in Berlin, and yesterday's last was long ago
        ("2026-11-30 07:00:00", "2026-11-30 07:00:00"),
        ("2026-11-30 11:59:59", "2026-11-30 07:00:00"),
        ("2026-11-30 12:00:00", "2026-11-30 12:00:00"),
        ("2026-11-30 18:00:00", "2026-11-30 12:00:00"),
        ("2026-11-30 18:00:01", None),
        ("2026-07-01 06:00:00", "2026-07-01 06:00:00"),  # in summer an hour earlier
    ],
)
def test_it_is_due_by_the_clock_on_the_wall(now: str, wanted: str | None) -> None:
    assert latest(USUAL, BERLIN, at(now)) == (at(wanted) if wanted else None)


def test_one_before_midnight_is_made_up_for_after_it() -> None:
    assert latest((time(23, 30),), BERLIN, at("2026-12-01 01:00:00")) == at("2026-11-30 22:30:00")


def test_in_the_nights_that_are_shorter_and_longer_it_comes_once() -> None:
    for day in ("2026-03-29", "2026-10-25"):  # 02:30 is left out, and is there twice
        moments = {
            slot
            for minute in range(24 * 60)
            if (slot := latest((time(2, 30),), BERLIN, at(f"{day} 00:00:00") + timedelta(minutes=minute)))
            and slot >= at(f"{day} 00:00:00") - HOUR
        }
        assert len(moments) == 1, day


@pytest.mark.parametrize(("day", "is_due"), [("2026-11-27", True), ("2026-11-28", False), ("2026-11-29", False)])
def test_without_weekends_saturday_and_sunday_are_free(day: str, is_due: bool) -> None:
    found = latest(USUAL, BERLIN, at(f"{day} 07:30:00"), weekends=False)
    assert (found is not None) == is_due
    assert latest(USUAL, BERLIN, at(f"{day} 07:30:00")) is not None


def test_own_times_go_before_the_usual_ones_and_count_from_when_they_were_chosen() -> None:
    now = at("2026-11-30 12:30:00")
    assert due(DigestWish(), USUAL, BERLIN, now) == at("2026-11-30 12:00:00")
    assert due(DigestWish(times=(time(10),)), USUAL, BERLIN, now) == at("2026-11-30 09:00:00")
    assert due(DigestWish(times=(time(10),), since=at("2026-11-30 09:00:01")), USUAL, BERLIN, now) is None
    assert due(DigestWish(times=(time(10),), since=at("2026-11-30 08:00:00")), USUAL, BERLIN, now) is not None


def test_there_is_something_to_tell_when_it_is_new_or_will_be_over_soon() -> None:
    now = at("2026-11-30 07:00:00")
    told = now - DAY
    assert not is_worth_telling([], [], None, now)
    assert is_worth_telling([now - 9 * DAY], [], None, now), "the first one tells of everything"
    assert is_worth_telling([told + HOUR], [], told, now)
    assert not is_worth_telling([told - HOUR], [now + 20 * DAY], told, now)
    assert is_worth_telling([told - HOUR], [now + 40 * HOUR], told, now)
    assert not is_worth_telling([told - HOUR], [now + 20 * HOUR], told, now), "that was told yesterday"
    assert not is_worth_telling([told - HOUR], [now - HOUR], told, now), "it is over"


def test_late_is_less_than_a_day() -> None:
    assert LATE < DAY
