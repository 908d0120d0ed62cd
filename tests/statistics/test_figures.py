"""Figures about any time are what a recount of the raw rows of that time says."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, event, select

from gateway.statistics import Against, BadPeriod, Period, figures
from gateway.statistics.kinds import ANSWERS
from gateway.statistics.period import between, earlier, lasting, made, preset, spans
from gateway.statistics.rollup import count_decisions
from gateway.store import tallies
from gateway.store.shelves import EVERYBODY, View
from gateway.store.tallies import SETTLED_AFTER
from sql.tables import decision
from tests.statistics.recount import made_up, write
from tests.store.making import BO, DAY, HOUR, NOW

MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
VIEWS = (
    EVERYBODY,
    View(addresses=frozenset({BO})),
    View(addresses=frozenset({BO, "dee@other.example"}), domains=frozenset({"example.com"})),
    View(domains=frozenset({"example.com", "other.example"})),
)


@pytest.fixture
def counted(engine: Engine) -> Engine:
    with engine.begin() as conn:
        write(conn, made_up(random.Random(1), 700, over=70 * DAY))
    for after in range(3):
        done = 1
        while done:
            with engine.begin() as conn:
                done = count_decisions(conn, NOW + after * SETTLED_AFTER)
    return engine


def by_hand(conn: Connection, view: View, since: datetime, until: datetime) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in conn.execute(select(decision).where(decision.c.at >= since, decision.c.at < until)).mappings():
        nobodys = one["code"] == "relay.denied" and not view.is_all
        personal = view.others == sorted(view.addresses) and one["code"] == "recipient.unknown" and view.addresses
        strangers = one["code"] == "recipient.unknown" and one["recipient"] in view.others
        if view.has(one["recipient"]) and not nobodys and not (personal and not view.domains) and not strangers:
            found[one["action"]] = found.get(one["action"], 0) + 1
    return found


@pytest.mark.parametrize("view", VIEWS)
def test_any_time_is_told_as_a_recount_tells_it(counted: Engine, view: View) -> None:
    chance = random.Random(2)
    with counted.connect() as conn:
        periods = [preset(name, NOW) for name in ("24h", "7d", "30d", "90d")]
        for _ in range(15):
            since = (NOW - chance.random() * 60 * DAY).replace(minute=0, second=0, microsecond=0)
            periods.append(made(since, since + chance.randrange(1, 900) * HOUR))
        for period in periods:
            found = figures(conn, view, period, NOW)
            should = by_hand(conn, view, period.since, period.until)
            assert {kind: n for kind, n in found.totals.items() if kind in ANSWERS} == should, period
            assert sum(sum(point.counts.values()) for point in found.points) == sum(should.values())
            assert found.answers == sum(line.answers for line in found.by_reason)
            if found.before is not None:
                assert found.compared is not None
                then = by_hand(conn, view, found.compared.since, found.compared.until)
                assert sum(point.before or 0 for point in found.points) == sum(then.values())
                assert sum(line.before or 0 for line in found.by_reason) == sum(then.values())


def test_days_are_told_about_when_their_hours_are_forgotten(counted: Engine) -> None:
    with counted.begin() as conn:
        while tallies.forget_old(conn, NOW - 20 * DAY, NOW - 200 * DAY, 1000):
            pass
        whole = preset("90d", NOW)
        assert (
            figures(conn, EVERYBODY, whole, NOW).totals["accept"]
            == by_hand(conn, EVERYBODY, whole.since, whole.until)["accept"]
        )
        few = between("2026-01-10", "2026-01-12", NOW)
        found = figures(conn, EVERYBODY, few, NOW)
        assert len(found.points) == 3, "by the day"
        assert found.known_since is None
        mine = figures(conn, View(addresses=frozenset({BO})), whole, NOW)
        assert mine.known_since is not None, "of one account only hours are counted, and those are forgotten"
        assert mine.known_since >= NOW - 20 * DAY
        assert found.totals["accept"] == by_hand(conn, EVERYBODY, few.since, few.until)["accept"]


def test_of_one_time_only_what_is_on_record_as_a_whole_is_compared(counted: Engine) -> None:
    with counted.connect() as conn:
        assert figures(conn, EVERYBODY, preset("30d", NOW), NOW).is_on_record
        assert not figures(conn, EVERYBODY, preset("90d", NOW), NOW).is_on_record
        assert figures(conn, EVERYBODY, preset("30d", NOW), NOW, Against.NOTHING).compared is None


# ---- times ---------------------------------------------------------------------------------------------------------


@given(MOMENTS, st.integers(1, 2000), st.sampled_from([Against.BEFORE, Against.WEEK]))
def test_the_time_before_is_as_long_and_wholly_before(at: datetime, hours: int, against: Against) -> None:
    since = at.replace(minute=0, second=0, microsecond=0)
    period = made(since, since + hours * HOUR)
    then = earlier(period, against)
    assert then is not None
    assert then.until - then.since == period.until - period.since
    assert then.until <= period.since
    assert then.since.hour == period.since.hour
    assert against is Against.BEFORE or then.since.weekday() == period.since.weekday()
    assert period.since - then.since < period.until - period.since + (7 if against is Against.WEEK else 1) * DAY


@given(MOMENTS, st.integers(1, 2000))
def test_what_is_read_covers_each_hour_once(at: datetime, hours: int) -> None:
    since = at.replace(minute=0, second=0, microsecond=0)
    period = made(since, since + hours * HOUR)
    read = sorted((one.since, one.until) for one in spans(EVERYBODY, period, since - 100 * DAY))
    assert read[0][0] == period.since
    assert read[-1][1] == period.until
    assert all(one[1] == after[0] for one, after in pairwise(read))


@given(MOMENTS)
def test_a_preset_ends_with_the_hour_that_is_running(at: datetime) -> None:
    for name, days in (("24h", 1), ("7d", 7), ("30d", 30), ("90d", 90)):
        period = preset(name, at)
        assert at < period.until <= at + HOUR
        assert period.days == days
        assert period.starts()[0] == period.start_of(period.since)
        assert period.starts()[-1] == period.start_of(at)


@pytest.mark.parametrize("length", [timedelta(0), timedelta(minutes=59), timedelta(days=801)])
def test_a_time_that_is_too_short_or_too_long_is_refused(length: timedelta) -> None:
    with pytest.raises(BadPeriod):
        lasting(length, NOW)


def test_a_time_up_to_now_begins_with_a_whole_hour_or_day() -> None:
    assert lasting(36 * HOUR, NOW) == Period(
        NOW.replace(hour=1, minute=0, second=0, microsecond=0) - DAY, preset("24h", NOW).until, "hour"
    )
    assert lasting(30 * DAY, NOW) == preset("30d", NOW)


@pytest.mark.parametrize("many", [1, 2, 60])
def test_people_and_domains_are_found_by_the_key(conn: Connection, many: int) -> None:
    """However many: an index of all that happened in a time is a thousand times as long. MariaDB looks into its indexes
    before it chooses, and needs no telling."""
    if conn.dialect.name != "sqlite":
        return
    view = View(frozenset(f"user{n}@example.com" for n in range(many)), frozenset(f"d{n}.example" for n in range(many)))
    said: list[tuple[str, Any]] = []

    def note(conn: Any, cursor: Any, statement: str, values: Any, context: Any, many: bool) -> None:
        said.append((statement, values))

    event.listen(conn, "before_cursor_execute", note)
    figures(conn, view, preset("30d", NOW), NOW)
    event.remove(conn, "before_cursor_execute", note)
    plans = [
        told[3]
        for statement, values in said
        for told in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        if "FROM tally" in statement and "SEARCH" in told[3]
    ]
    assert len(plans) > 5
    assert [one for one in plans if "PRIMARY KEY (scope=?" not in one and "source" not in one] == []
