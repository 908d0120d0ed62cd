"""When a digest is due, and whether there is something to tell."""

from collections.abc import Collection, Sequence
from datetime import datetime, time, timedelta, tzinfo

from gateway.model import DigestWish

LATE = timedelta(hours=6)  # after its moment a digest is not made up for: the next one is near
SOON = timedelta(hours=48)  # before held mail expires it is told of once more
SATURDAY = 5


def latest(times: Collection[time], zone: tzinfo, now: datetime, *, weekends: bool = True) -> datetime | None:
    """The last moment, in UTC, that a digest was due at; None where that is longer ago than it is made up for.

    `times` are by the clock on the wall in `zone`: in the night that an hour is left out they come an hour later, in
    the one that has an hour twice they come once.
    """
    here = now.astimezone(zone)
    moments = [
        datetime.combine(day, at, tzinfo=zone).astimezone(now.tzinfo)
        for day in (here.date() - timedelta(days=1), here.date())
        if weekends or day.weekday() < SATURDAY
        for at in times
    ]
    found = max((one for one in moments if one <= now), default=None)
    return found if found is not None and now - found <= LATE else None


def due(wish: DigestWish, usual: Collection[time], zone: tzinfo, now: datetime) -> datetime | None:
    """The moment of somebody's digest that is due. Who chose a time does not get what was due before they did."""
    slot = latest(wish.times or usual, zone, now, weekends=wish.weekends)
    return None if slot is None or (wish.since is not None and slot < wish.since) else slot


def is_worth_telling(
    arrived: Sequence[datetime], expire: Sequence[datetime], told: datetime | None, now: datetime
) -> bool:
    """True where something came since somebody was told last, or expires soon without a decision.

    `arrived`, `expire`: of each mail that waits. `told`: the last digest's moment; None: there was none.
    """
    if told is None:
        return bool(arrived)
    return any(at > told for at in arrived) or any(now < at <= now + SOON and told < at - SOON for at in expire)
