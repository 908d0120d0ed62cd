"""Whether much more mail is held than at the same hours of the last weeks, or much less."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import sqrt
from statistics import fmean, median

from sqlalchemy import Connection

from gateway.statistics.figures import BY_ITSELF, progress
from gateway.statistics.kinds import EVERYBODY, HOUR, ONE_DAY, ONE_HOUR, Kind, hour_of
from gateway.store import tallies
from gateway.store.tallies import Span

DAY = 24  # hours
WINDOWS = (1, 6, DAY)  # hours that are compared: a flood shows in one, and few mails a day in 24
WEEKS, LEAST_WEEKS = 6, 3
WEEK = 7 * ONE_DAY
SURE = 5.0  # standard deviations: in ten years of hours of steady houses chance did not get there
HALF = 0.5  # of the mail that is usual: below, it is no wonder that less is held
BEHIND = timedelta(minutes=5)  # what is older is counted, on every database
STALE = timedelta(hours=2)  # who counts is away, and nothing can be said of now


class Way(StrEnum):
    RISE = "rise"
    FALL = "fall"


@dataclass(frozen=True, slots=True)
class Mails:
    """Of some hours: what was held for a person, and what was let in."""

    held: int = 0
    let_in: int = 0

    @property
    def all(self) -> int:
        return self.held + self.let_in

    @property
    def part(self) -> float:
        """That was held."""
        return self.held / self.all if self.all else 0.0


@dataclass(frozen=True, slots=True)
class Sudden:
    """`usual`: what was held at the same hours, in the middle of the weeks."""

    way: Way
    hours: int
    held: int
    usual: float


Hours = Mapping[datetime, Mails]  # by when each began; one in which nothing happened may be missing


def sudden(hours: Hours, since: datetime, until: datetime, times: int, least: int) -> Sudden | None:
    """What the shortest time before `until` tells. `since`: the first hour on record. `times`: how many times as much,
    or as little, is much; `least`: how many mails have to be held, or usual."""
    ends = [until - number * WEEK for number in range(1, WEEKS + 1)]
    there = [one for one in ends if total(hours, one, DAY).all]  # a day without any mail: we were away
    for window in WINDOWS:
        now = total(hours, until, window)
        mine = [one for one in there if one - window * ONE_HOUR >= since]
        weeks = [total(hours, one, window) for one in mine]
        if len(weeks) < LEAST_WEEKS:
            continue
        way, far = change(now, weeks, times, least)
        if way and far >= SURE and far >= SURE * spread(hours, mine, window):
            return Sudden(way, window, now.held, median(one.held for one in weeks))
    return None


def total(hours: Hours, until: datetime, window: int) -> Mails:
    """Of so many hours before a moment."""
    found = [hours[at] for number in range(1, window + 1) if (at := until - number * ONE_HOUR) in hours]
    return Mails(sum(one.held for one in found), sum(one.let_in for one in found))


def change(now: Mails, weeks: Sequence[Mails], times: int, least: int) -> tuple[Way | None, float]:
    """Which way, by the number of what is held and by its part of all mail: where there is merely more mail or less of
    it, the part stays. And how far from usual, as `distance` says. Middles are compared, so one week with a flood or a
    holiday changes nothing."""
    usual, part = median(one.held for one in weeks), median(one.part for one in weeks)
    odds = (now.held + HALF) / (now.let_in + HALF)
    usual_odds = part / (1 - part) if part < 1 else now.held + HALF
    if now.held >= max(least, times * usual) and odds >= times * usual_odds:
        return Way.RISE, distance(now.held, usual)
    flows = now.let_in >= max(least, HALF * median(one.let_in for one in weeks))
    due = min(usual, part * now.all)
    if flows and due >= max(least, times * now.held) and odds * times <= usual_odds:
        return Way.FALL, distance(due, now.held)
    return None, 0.0


def distance(count: float, usual: float) -> float:
    """In standard deviations where mail comes by chance (Poisson): roots of counts spread alike, however large."""
    return 2 * (sqrt(count + 3 / 8) - sqrt(usual + 3 / 8))


def spread(hours: Hours, ends: Sequence[datetime], window: int) -> float:
    """Of the weeks among themselves, in the same unit, over all such times of a day, so that few weeks tell it well:
    mail of large houses comes in bursts. The week that is farthest off is left out."""
    squares: list[float] = []
    for before in range(0, DAY, window):
        held = [total(hours, one - before * ONE_HOUR, window).held for one in ends]
        usual = median(held)
        squares += sorted(distance(one, usual) ** 2 for one in held)[:-1]
    return sqrt(fmean(squares))


def told(conn: Connection, now: datetime, times: int, least: int) -> Sudden | None:
    """None too while not everything is counted, and where there are no hours of three weeks."""
    counted, since = progress(conn).until, tallies.earliest(conn, HOUR)
    if not times or counted is None or since is None or now - counted > STALE:
        return None
    until = hour_of(counted - BEHIND)
    longest = DAY * ONE_HOUR
    ends = [until - number * WEEK for number in range(WEEKS + 1)]
    spans = [Span((EVERYBODY,), HOUR, end - longest, end) for end in ends if end > since]
    held = tallies.hours(conn, spans, Kind.HOLD, BY_ITSELF)
    let_in = tallies.hours(conn, spans, Kind.ACCEPT, ())
    hours = {at: Mails(held[at], let_in[at]) for at in held.keys() | let_in.keys()}
    return sudden(hours, since, until, times, least)
