"""A flood is told, and so is a judge that is gone; Monday morning, holidays and chance are not."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from math import exp, sqrt

import pytest
from sqlalchemy import Connection, Engine

from gateway import clock
from gateway.model import ReasonCode
from gateway.settings.read import from_table
from gateway.statistics.sudden import WEEK, Hours, Mails, Sudden, Way, sudden, told
from gateway.store import tallies
from gateway.store.upsert import upsert
from gateway.vitals import NoDatabase, Watcher, troubles
from sql.tables import tally_progress

HOUR = timedelta(hours=1)
START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
NOW = START + 8 * WEEK + 10 * HOUR  # a Monday at ten
AWAY_SINCE = 2 * WEEK + 30 * HOUR
Usual = Callable[[datetime], tuple[float, float]]


def poisson(chance: random.Random, mean: float) -> int:
    if mean > 60:
        return max(0, round(chance.gauss(mean, sqrt(mean))))
    count, left, limit = 0, chance.random(), exp(-mean)
    while left > limit:
        count, left = count + 1, left * chance.random()
    return count


def history(usual: Usual, until: datetime = NOW, seed: int = 7) -> dict[datetime, Mails]:
    """Hour by hour as chance has it; `usual`: what is held and let in on average."""
    chance, found, at = random.Random(seed), {}, START
    while at < until:
        held, let_in = usual(at)
        found[at] = Mails(poisson(chance, held), poisson(chance, let_in))
        at += HOUR
    return found


def is_at_work(at: datetime) -> bool:
    return at.weekday() < 5 and 7 <= at.hour < 18


def quiet(at: datetime) -> tuple[float, float]:
    return (0.3, 4) if is_at_work(at) else (0.1, 0.5)


def busy(at: datetime) -> tuple[float, float]:
    monday = 2 if at.weekday() == 0 and at.hour < 12 else 1
    return (60 * monday, 900 * monday) if is_at_work(at) else (40, 120)


def seen(hours: Hours, until: datetime = NOW) -> Sudden | None:
    return sudden(hours, START, until, 3, 20)


def last(hours: dict[datetime, Mails], count: int, held: float = 1, let_in: float = 1, more: int = 0) -> Hours:
    """The last hours, with so many times as much in them."""
    mine = {NOW - number * HOUR for number in range(1, count + 1)}
    return {
        at: Mails(int(one.held * held) + more, int(one.let_in * let_in)) if at in mine else one
        for at, one in hours.items()
    }


@pytest.mark.parametrize("usual", [quiet, busy])
def test_what_is_as_on_any_monday_is_not_told(usual: Usual) -> None:
    hours = history(usual)
    for number in range(200):
        assert seen(hours, NOW - number * HOUR) is None


@pytest.mark.parametrize(
    ("held", "let_in"), [(0.05, 1), (1, 20), (3, 12), (7, 30), (10, 10), (30, 400)], ids=lambda one: str(one)
)
def test_in_ten_thousand_hours_of_a_steady_office_chance_wakes_nobody(held: float, let_in: float) -> None:
    hours = history(lambda _: (held, let_in), START + 7 * WEEK + 10_000 * HOUR)
    found = [one for number in range(10_000) if (one := seen(hours, START + 7 * WEEK + number * HOUR))]
    assert found == []


def test_a_flood_is_told_after_its_first_hour() -> None:
    found = seen(last(history(quiet), 1, more=40))
    assert found is not None
    assert (found.way, found.hours, found.held >= 40, found.usual < 2) == (Way.RISE, 1, True, True)
    found = seen(last(history(busy), 1, held=4))
    assert found is not None
    assert (found.way, found.hours) == (Way.RISE, 1)


def test_a_slow_flood_is_told_when_it_is_enough_of_it() -> None:
    found = seen(last(history(quiet), 6, more=5))
    assert found is not None
    assert (found.way, found.hours) == (Way.RISE, 6)


def test_few_are_no_flood_however_few_there_were() -> None:
    assert seen(last(history(lambda _: (0, 3)), 1, more=19)) is None
    assert seen(last(history(lambda _: (0, 3)), 1, more=20)) is not None


def test_a_judge_that_is_gone_is_told_while_mail_flows() -> None:
    hours = history(busy)
    found = seen(last(hours, 1, held=0, let_in=1.06))
    assert found is not None
    assert (found.way, found.hours, found.held) == (Way.FALL, 1, 0)
    assert seen(last(hours, 1, held=0, let_in=0.1)) is None, "a holiday, or a line that is down"
    assert seen(last(hours, 24, held=0, let_in=0)) is None
    large = history(lambda _: (400, 4000))
    assert seen(last(large, 1, held=0, let_in=0.4)) is None, "it does not flow as usual"
    assert seen(last(large, 1, held=0, let_in=0.7)) is not None


def test_in_a_small_house_it_takes_a_day_to_see_it() -> None:
    hours = history(lambda _: (2, 20))
    assert seen(last(hours, 3, held=0)) is None
    found = seen(last(hours, 24, held=0))
    assert found is not None
    assert (found.way, found.hours) == (Way.FALL, 24)


def test_more_mail_and_less_of_it_are_no_change_of_what_is_held_of_it() -> None:
    hours = history(busy)
    assert seen(last(hours, 6, held=5, let_in=5)) is None
    assert seen(last(hours, 24, let_in=0.1)) is None, "a holiday: spam comes as ever"


def test_a_flood_last_week_hides_none_now_and_ends_as_if_it_had_not_been() -> None:
    hours = history(busy)
    then = {NOW - WEEK - number * HOUR for number in range(1, 25)}
    flooded = {at: Mails(one.held * 30, one.let_in) if at in then else one for at, one in hours.items()}
    assert seen(flooded) is None
    found = seen(last(flooded, 1, held=4))
    assert found is not None
    assert found.way is Way.RISE


def test_a_new_house_and_one_that_was_away_are_compared_with_nothing() -> None:
    hours = last(history(quiet), 1, more=400)
    assert sudden(hours, NOW - 2 * WEEK - 2 * HOUR, NOW, 3, 20) is None
    assert sudden(hours, NOW - 3 * WEEK - 2 * HOUR, NOW, 3, 20) is not None
    away = {at: one for at, one in hours.items() if at >= NOW - AWAY_SINCE}
    assert seen(away) is None


def test_a_house_whose_mail_comes_in_bursts_is_told_of_later() -> None:
    """What is far off in a steady house is within what this one is used to."""
    chance = random.Random(3)
    hours = history(lambda _: (40 * chance.lognormvariate(0, 0.5), 300))
    assert [one for number in range(300) if (one := seen(hours, NOW - number * HOUR))] == []
    assert seen(last(history(lambda _: (60, 300)), 1, held=4)) is not None
    assert seen(last(hours, 1, more=2000)) is not None


# ---- from the database ---------------------------------------------------------------------------------------------


def write(engine: Engine, hours: Hours, counted_at: datetime) -> None:
    rows = {}
    for at, one in hours.items():
        rows["", "hour", at, "hold", str(ReasonCode.CONTENT_SUSPICIOUS), "greylist"] = one.held
        rows["", "hour", at, "hold", str(ReasonCode.GREYLIST_CARRIED), "greylist"] = 100
        rows["", "hour", at, "accept", str(ReasonCode.GREYLIST_PASSED), "greylist"] = one.let_in
        rows["example.com", "hour", at, "hold", str(ReasonCode.CONTENT_SUSPICIOUS), "greylist"] = one.held
    row = {"began": 0, "upto": 9, "settled": 9, "seen": 9, "seen_at": counted_at, "counted_at": counted_at}
    with engine.begin() as conn:
        tallies.add(conn, rows)
        upsert(conn, tally_progress, [row | {"source": one} for one in tallies.SOURCES], key=("source",))


def test_what_is_counted_is_what_is_compared(engine: Engine) -> None:
    hours = last(history(quiet), 1, more=40)
    write(engine, hours, NOW + 7 * timedelta(minutes=1))
    at = NOW + 8 * timedelta(minutes=1)
    with engine.connect() as conn:
        assert told(conn, at, 3, 20) == seen(hours)
        assert seen(hours) is not None
        assert told(conn, at, 0, 20) is None, "off"
        assert told(conn, at, 3, 60) is None
        assert told(conn, at + 3 * HOUR, 3, 20) is None, "nobody counts any more"


def test_an_hour_counts_when_it_is_counted_as_a_whole(engine: Engine) -> None:
    write(engine, last(history(quiet), 1, more=40), NOW + 4 * timedelta(minutes=1))
    with engine.connect() as conn:
        assert told(conn, NOW + 5 * timedelta(minutes=1), 3, 20) is None


def test_before_anything_is_counted_nothing_is_told(engine: Engine) -> None:
    with engine.connect() as conn:
        assert told(conn, NOW, 3, 20) is None


def test_health_looks_for_it_with_the_rest(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    minute = timedelta(minutes=1)
    write(engine, last(history(quiet), 1, more=40), NOW + 7 * minute)
    monkeypatch.setattr(clock, "now", lambda: NOW + 8 * minute)
    settings = from_table({"domains": {"local": ["example.com"]}, "backend": {"url": "smtp://127.0.0.1:1"}})
    watcher = Watcher(settings, engine.connect, patience=60.0)
    kinds = {(one.kind, one.about) for one in troubles(watcher.look(), settings)}
    assert ("hold_change", "rise") in kinds

    def away() -> AbstractContextManager[Connection]:
        raise NoDatabase("away")

    assert Watcher(settings, away, patience=60.0).look().sudden is None
