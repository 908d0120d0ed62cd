"""Whether people get the digests that they should."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from gateway.model import DigestWish
from gateway.policy.digest import LATE, due
from gateway.settings import Settings
from gateway.store import digests

GRACE = timedelta(minutes=30)  # for making them all
UNDER_WAY = timedelta(hours=1)  # until the mail server has one
COUNTED = 999
AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Letters:
    """People whose digest is due and was not made, and digests that have not come to their readers."""

    missing: int = 0
    undelivered: int = 0


NOTHING = Letters()


def letters(conn: Connection, settings: Settings, now: datetime) -> Letters:
    if not settings.tells:
        return NOTHING
    undelivered = digests.undelivered(conn, now - LATE * 4, now - UNDER_WAY, COUNTED)
    return Letters(missing(conn, settings, now - GRACE), undelivered)


def missing(conn: Connection, settings: Settings, then: datetime) -> int:
    """Whose digest was due by then, and is not made now."""
    made, given = digests.made_since(conn, then - LATE), settings.digest
    usual, zone = given.moments, given.clock
    count = after = 0
    while True:
        found = digests.readers(conn, settings.tells, after, AT_ONCE)
        for one in found:
            slot = due(one.wish or DigestWish(), usual, zone, then)
            count += slot is not None and slot >= one.since and (one.person, slot) not in made
        if len(found) < AT_ONCE:
            return count
        after = found[-1].person
