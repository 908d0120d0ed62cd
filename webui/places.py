"""Where a page of a list begins, as a link says it, and days as forms say them. What cannot be read is nothing."""

from datetime import UTC, date, datetime, time, timedelta

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
LARGEST = 2**63 - 1  # that the number of a row can be


def moment(said: str) -> datetime | None:
    """With its zone; None where it is none, or none that has a place in UTC."""
    try:
        found = datetime.fromisoformat(said)
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def day(said: str) -> datetime | None:
    """The end of a day (UTC); None where it is none."""
    try:
        return datetime.combine(date.fromisoformat(said) + DAY, time(), UTC)
    except (ValueError, OverflowError):
        return None


def number(said: str) -> int | None:
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 20 and int(said) <= LARGEST else None
