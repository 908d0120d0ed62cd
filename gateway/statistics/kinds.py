"""What is counted, under which names. They stand in the database: none is used again for something else."""

from datetime import datetime, timedelta
from enum import StrEnum


class Kind(StrEnum):
    """What happened to one mail for one recipient."""

    # Answers: one for each attempt. The names are those of `gateway.model.Action`.
    ACCEPT = "accept"
    DEFER = "defer"
    HOLD = "hold"
    REJECT = "reject"
    DISCARD = "discard"
    WAITED = "waited"  # accepted after it had waited; `what` is the bucket of how long
    # What became of held mail: the last word about it.
    RELEASED = "released"
    REFUSED = "refused"
    EXPIRED = "expired"


ANSWERS = (Kind.ACCEPT, Kind.DEFER, Kind.HOLD, Kind.REJECT, Kind.DISCARD)
FATES = (Kind.RELEASED, Kind.REFUSED, Kind.EXPIRED)

HOUR, DAY = "hour", "day"  # grains
NULL, OTHERS = "<>", "*"  # senders: the null sender, and all that are not kept by name

EVERYBODY = ""


def hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def day_of(at: datetime) -> datetime:
    """The midnight (UTC) before a moment."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


ONE_HOUR, ONE_DAY = timedelta(hours=1), timedelta(days=1)
