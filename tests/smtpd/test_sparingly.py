"""What is worth doing while there is little of it is done less when there is much."""

from datetime import UTC, datetime, timedelta

from gateway.smtpd.noted import Sparingly

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


def test_some_at_once_and_then_so_many_a_second() -> None:
    spare = Sparingly(2.0, 5)
    assert [spare.may(NOW) for _ in range(7)] == [True] * 5 + [False] * 2
    later = NOW + timedelta(seconds=1)
    assert [spare.may(later) for _ in range(3)] == [True, True, False]
    assert [spare.may(later + timedelta(hours=1)) for _ in range(7)].count(True) == 5


def test_a_clock_that_goes_back_stops_nothing() -> None:
    spare = Sparingly(2.0, 2)
    assert spare.may(NOW)
    assert spare.may(NOW - timedelta(hours=1))
    assert not spare.may(NOW - timedelta(hours=1))
    assert spare.may(NOW)
