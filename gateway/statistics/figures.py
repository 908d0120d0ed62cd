"""All figures about a time, for whoever may see them: one value, which page, command and others show alike."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import sqrt

from sqlalchemy import Connection

from gateway.model import Level, ReasonCode
from gateway.policy.hold import waits_for_a_person
from gateway.statistics.kinds import ANSWERS, DAY, EVERYBODY, FATES, HOUR, ONE_DAY, Kind, day_of
from gateway.statistics.period import Against, Period, earlier, spans
from gateway.statistics.waits import Waits, waits
from gateway.store import reviews, tallies
from gateway.store.shelves import View

SENDERS = 20  # that are shown
SURE = 1.96  # standard deviations: 19 of 20 such intervals hold the true share
BY_ITSELF = frozenset(str(code) for code in ReasonCode if not waits_for_a_person(code))


@dataclass(frozen=True, slots=True)
class Rate:
    """`part` of `whole`, and between which shares the true one is likely to be (Wilson's interval, 95 %)."""

    part: int
    whole: int

    @property
    def share(self) -> float | None:
        return self.part / self.whole if self.whole else None

    @property
    def between(self) -> tuple[float, float] | None:
        if not self.whole:
            return None
        seen, square = self.part / self.whole, SURE * SURE
        middle = (seen + square / (2 * self.whole)) / (1 + square / self.whole)
        spread = SURE * sqrt(seen * (1 - seen) / self.whole + square / (4 * self.whole**2)) / (1 + square / self.whole)
        return max(0.0, middle - spread), min(1.0, middle + spread)


@dataclass(frozen=True, slots=True)
class Line:
    """What has one name in common: a reason, a level, a sender. `before`: answers in the time compared with."""

    name: str
    counts: Mapping[str, int]
    before: int | None = None

    @property
    def answers(self) -> int:
        return sum(self.counts.get(kind, 0) for kind in ANSWERS)

    @property
    def holds(self) -> Rate:
        """Released of what a decision was made about, or was due about."""
        return holds(self.counts)


@dataclass(frozen=True, slots=True)
class Point:
    at: datetime
    counts: Mapping[str, int]
    before: int | None = None  # answers at this place of the time compared with


@dataclass(frozen=True, slots=True)
class Progress:
    """Until when everything is counted, and while there is more to count, how much of it is (0 to 1)."""

    until: datetime | None
    share: float


@dataclass(frozen=True, slots=True)
class Figures:
    """`before` and what is named so is None where nothing is compared, or that time is not on record as a whole."""

    period: Period
    compared: Period | None
    is_on_record: bool  # whether the time compared with is, as a whole
    known_since: datetime | None  # when what is counted of it begins, where that is later than the time does
    progress: Progress
    totals: Mapping[str, int]
    before: Mapping[str, int] | None
    points: tuple[Point, ...]
    waits: Waits
    waits_before: Waits | None
    audit: Rate  # called spam of what somebody looked at
    audit_chosen: int
    by_reason: tuple[Line, ...]
    by_level: tuple[Line, ...]
    by_sender: tuple[Line, ...]

    @property
    def answers(self) -> int:
        return sum(self.totals.get(kind, 0) for kind in ANSWERS)

    @property
    def holds(self) -> Rate:
        return holds(self.totals)

    @property
    def holds_before(self) -> Rate | None:
        return None if self.before is None else holds(self.before)

    @property
    def waited(self) -> Rate:
        """Of what was accepted, how much had waited."""
        return Rate(self.totals.get(Kind.WAITED, 0), self.totals.get(Kind.ACCEPT, 0))


def holds(counts: Mapping[str, int]) -> Rate:
    released = max(0, counts.get(Kind.RELEASED, 0))
    return Rate(released, released + sum(max(0, counts.get(kind, 0)) for kind in (Kind.REFUSED, Kind.EXPIRED)))


def figures(conn: Connection, view: View, period: Period, now: datetime, against: Against = Against.BEFORE) -> Figures:
    """What happened to the mail that somebody sees, in a time. Reads counts alone, but for the audit's few mails."""
    hours, days = tallies.earliest(conn, HOUR), tallies.earliest(conn, DAY)
    if period.grain == HOUR and hours and days and period.since < hours and days < day_of(hours):
        period = replace(period, grain=DAY)  # its hours are forgotten
    compared = earlier(period, against)
    known = compared if compared is not None and is_on_record(compared, view, hours, days) else None
    since = counted_since(period, view, hours, days)
    counted = tallies.totals(conn, spans(view, period, hours))
    before = None if known is None else tallies.totals(conn, spans(view, known, hours))
    told = reviews.audited(conn, period.since, period.until, view)
    return Figures(
        period=period,
        compared=compared,
        is_on_record=known is not None,
        known_since=since if since is not None and since > period.since else None,
        progress=progress(conn),
        totals=by_kind(counted),
        before=None if before is None else by_kind(before),
        points=points(conn, view, period, known, hours),
        waits=waits(buckets(counted)),
        waits_before=None if before is None else waits(buckets(before)),
        audit=Rate(told.spam, told.looked_at),
        audit_chosen=told.chosen,
        by_reason=lines(counted, before, 1),
        by_level=sorted_levels(lines(counted, before, 2)),
        by_sender=senders(conn, view, period),
    )


def is_on_record(compared: Period, view: View, hours: datetime | None, days: datetime | None) -> bool:
    """Whether all of a time can be told about."""
    since = counted_since(compared, view, hours, days)
    return since is not None and compared.since >= since


def counted_since(period: Period, view: View, hours: datetime | None, days: datetime | None) -> datetime | None:
    """When what a time is told from begins: accounts are counted by the hour alone."""
    return hours if period.grain == HOUR or (not view.is_all and bool(view.others)) else days


def progress(conn: Connection) -> Progress:
    found = tallies.progress(conn)
    if set(found) != set(tallies.SOURCES):
        return Progress(None, 0.0)
    done = all(one.is_done for one in found.values())
    return Progress(
        min(one.counted_at for one in found.values()) if done else None, min(one.share for one in found.values())
    )


def by_kind(counted: Mapping[tuple[str, str, str], int]) -> dict[str, int]:
    """How often each; what was to be released by itself is no decision of anybody's."""
    found: Counter[str] = Counter()
    for (kind, what, _), count in counted.items():
        if kind not in FATES or what not in BY_ITSELF:
            found[kind] += count
    return dict(found)


def buckets(counted: Mapping[tuple[str, str, str], int]) -> dict[int, int]:
    found: Counter[int] = Counter()
    for (kind, what, _), count in counted.items():
        if kind == Kind.WAITED and what.isdigit():
            found[int(what)] += count
    return dict(found)


def points(
    conn: Connection, view: View, period: Period, compared: Period | None, hours: datetime | None
) -> tuple[Point, ...]:
    """Every hour or day of the time, also those in which nothing happened."""
    shown = gathered(tallies.series(conn, spans(view, period, hours, apart=True), ANSWERS), period)
    if compared is None:
        return tuple(Point(at, shown.get(at, {})) for at in period.starts())
    then = gathered(tallies.series(conn, spans(view, compared, hours, apart=True), ANSWERS), compared)
    moved = period.since - compared.since
    return tuple(Point(at, shown.get(at, {}), sum(then.get(at - moved, {}).values())) for at in period.starts())


def gathered(counted: Mapping[tuple[datetime, str], int], period: Period) -> dict[datetime, dict[str, int]]:
    found: dict[datetime, dict[str, int]] = {}
    for (at, kind), count in counted.items():
        mine = found.setdefault(period.start_of(at), {})
        mine[kind] = mine.get(kind, 0) + count
    return found


def lines(
    counted: Mapping[tuple[str, str, str], int], before: Mapping[tuple[str, str, str], int] | None, place: int
) -> tuple[Line, ...]:
    """By what stands at a place of the keys, the most frequent first; waits are told elsewhere."""
    names: dict[str, Counter[str]] = {}
    for key, count in counted.items():
        if key[0] != Kind.WAITED:
            names.setdefault(key[place], Counter())[key[0]] += count
    then: Counter[str] = Counter()
    for key, count in (before or {}).items():
        if key[0] in ANSWERS:
            then[key[place]] += count
    for name in then:
        names.setdefault(name, Counter())
    found = [Line(name, dict(counts), None if before is None else then[name]) for name, counts in names.items()]
    return tuple(sorted(found, key=lambda one: (-one.answers, -one.holds.whole, one.name)))


def sorted_levels(found: Iterable[Line]) -> tuple[Line, ...]:
    order = {str(level): place for place, level in enumerate(Level)}
    return tuple(sorted(found, key=lambda one: order.get(one.name, len(order))))


def senders(conn: Connection, view: View, period: Period) -> tuple[Line, ...]:
    """Who sent most, by whole days."""
    scopes = [EVERYBODY] if view.is_all else [*sorted(view.domains), *view.others]
    if not scopes:
        return ()
    last = day_of(period.until)
    until = last if last == period.until else last + ONE_DAY
    return tuple(
        Line(name, counts) for name, counts in tallies.senders(conn, scopes, day_of(period.since), until, SENDERS)
    )
