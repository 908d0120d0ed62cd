"""The time that is asked about, cut into hours or days, and the one that it is compared with. Days are those of UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from gateway.i18n import _, ngettext
from gateway.statistics.kinds import DAY, HOUR, ONE_DAY, ONE_HOUR, day_of, hour_of
from gateway.store.shelves import View
from gateway.store.tallies import Span

BY_THE_HOUR = timedelta(days=8)  # longer times are shown by the day
LONGEST = timedelta(days=800)
WEEK = 7
PRESETS: Mapping[str, int] = {"24h": 1, "7d": 7, "30d": 30, "90d": 90}  # days


class Against(StrEnum):
    """With what a time is compared."""

    BEFORE = "before"  # the time of the same length before it
    WEEK = "week"  # the same, moved by whole weeks: the same weekdays
    NOTHING = "nothing"


class BadPeriod(ValueError):
    """A time that nobody can be told about; says why."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` to before `until`, both on a whole hour; shown by `grain`."""

    since: datetime
    until: datetime
    grain: str

    @property
    def days(self) -> int:
        """Begun days."""
        return -((self.since - self.until) // ONE_DAY)

    def starts(self) -> list[datetime]:
        """When each hour or day of it begins."""
        step = ONE_HOUR if self.grain == HOUR else ONE_DAY
        first = self.since if self.grain == HOUR else day_of(self.since)
        return [first + number * step for number in range(-((first - self.until) // step))]

    def start_of(self, at: datetime) -> datetime:
        return hour_of(at) if self.grain == HOUR else day_of(at)


def made(since: datetime, until: datetime) -> Period:
    return Period(since, until, HOUR if until - since <= BY_THE_HOUR else DAY)


def preset(name: str, now: datetime) -> Period:
    """One of PRESETS, with the hour that is running. Raises BadPeriod."""
    if name not in PRESETS:
        raise BadPeriod(
            _("There is no “%(name)s”; there are %(names)s, or two days.")
            % {"name": name[:20], "names": ", ".join(PRESETS)}
        )
    until = hour_of(now) + ONE_HOUR
    if PRESETS[name] == 1:
        return made(until - ONE_DAY, until)
    return made(day_of(now) - (PRESETS[name] - 1) * ONE_DAY, until)


def lasting(length: timedelta, now: datetime) -> Period:
    """The time of a length up to now, as a command asks for it: whole days where it has some. Raises BadPeriod."""
    if not ONE_HOUR <= length <= LONGEST:
        raise BadPeriod(
            ngettext("Ask for one hour to %(count)d day.", "Ask for one hour to %(count)d days.", LONGEST.days)
            % {"count": LONGEST.days}
        )
    until = hour_of(now) + ONE_HOUR
    if length > ONE_DAY and length % ONE_DAY == timedelta(0):
        return made(day_of(now) - length + ONE_DAY, until)
    return made(until - -(-length // ONE_HOUR) * ONE_HOUR, until)


def between(first: str, last: str, now: datetime) -> Period:
    """Two days as 2026-03-04, both of them in it. Raises BadPeriod."""
    since, end = midnight(first), midnight(last) + ONE_DAY
    if end <= since:
        raise BadPeriod(_("The last day is before the first."))
    if since > now:
        raise BadPeriod(_("The first day is still to come."))
    if end - since > LONGEST:
        raise BadPeriod(
            ngettext("That is more than %(count)d day.", "That is more than %(count)d days.", LONGEST.days)
            % {"count": LONGEST.days}
        )
    return made(since, min(end, hour_of(now) + ONE_HOUR))


def asked(length: timedelta, first: str | None, last: str | None, now: datetime) -> Period:
    """Two days where one is named, else the time of a length up to now. Raises BadPeriod."""
    if first or last:
        return between(first or "", last or f"{now:%Y-%m-%d}", now)
    return lasting(length, now)


def midnight(day: str) -> datetime:
    try:
        found = date.fromisoformat(day.strip())
    except ValueError as error:
        raise BadPeriod(_("Give both days, as in 2026-03-04.")) from error
    return datetime(found.year, found.month, found.day, tzinfo=UTC)


def earlier(period: Period, against: Against) -> Period | None:
    """What a time is compared with: moved back by whole days, so that a day that is not over meets as much of one."""
    if against is Against.NOTHING:
        return None
    days = period.days if against is Against.BEFORE else -(-period.days // WEEK) * WEEK
    return Period(period.since - days * ONE_DAY, period.until - days * ONE_DAY, period.grain)


def spans(view: View, period: Period, hours_from: datetime | None, *, apart: bool = False) -> list[Span]:
    """What has to be read for a time. Accounts are counted by the hour; everything else is read by the day where a
    whole one is meant, unless each hour is wanted by itself (`apart`). `hours_from`: since when there are hours; before
    that, a part of a day is told as the whole."""
    found = []
    houses = ("",) if view.is_all else tuple(sorted(view.domains))
    people = () if view.is_all else tuple(view.others)
    if people:
        found.append(Span(people, HOUR, period.since, period.until))
    if houses and period.grain == HOUR and (apart or hours_from is None):
        found.append(Span(houses, HOUR, period.since, period.until))
    elif houses:
        found += covering(houses, period, hours_from)
    return found


def covering(houses: tuple[str, ...], period: Period, hours_from: datetime | None) -> list[Span]:
    begin = day_of(period.since) + (ONE_DAY if period.since != day_of(period.since) else timedelta(0))
    end = day_of(period.until)
    found = []
    if period.since < begin:
        found.append(edge(houses, period.since, min(begin, period.until), hours_from))
    if begin < end:
        found.append(Span(houses, DAY, begin, end))
    if end < period.until and begin <= end:
        found.append(edge(houses, end, period.until, hours_from))
    return found


def edge(houses: tuple[str, ...], since: datetime, until: datetime, hours_from: datetime | None) -> Span:
    if hours_from is not None and since >= hours_from:
        return Span(houses, HOUR, since, until)
    return Span(houses, DAY, day_of(since), day_of(until - ONE_HOUR) + ONE_DAY)
