"""Where a page of a list begins: opaque to whoever asks, and good for one list only.

It names the last row above, so that rows that come or go meanwhile shift nothing, and nothing is ever counted.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime

from webui import places
from webui.api.problems import Problem, invalid

LONGEST = 500  # characters


def written(of: str, *parts: datetime | int | str) -> str:
    """`of`: which list it is."""
    told = [of, *(one.isoformat() if isinstance(one, datetime) else one for one in parts)]
    return urlsafe_b64encode(json.dumps(told, separators=(",", ":")).encode()).decode().rstrip("=")


def read(of: str, said: str) -> list[str]:
    """The parts as text. Raises Problem where it is none of this list."""
    try:
        found = json.loads(urlsafe_b64decode(said + "=" * (-len(said) % 4)))
    except (ValueError, RecursionError):
        raise bad() from None
    if not isinstance(found, list) or not found or found[0] != of or written(of, *found[1:]) != said:
        raise bad()
    return [str(one) for one in found[1:]]


def bad() -> Problem:
    return invalid([{"parameter": "after", "detail": "That is no place in this list: take `next` of an answer."}])


def place(of: str, said: str | None) -> tuple[datetime, int] | None:
    """A moment and a number. Raises Problem."""
    if said is None:
        return None
    parts = read(of, said)
    if len(parts) != 2:
        raise bad()
    at, number = places.moment(parts[0]), places.number(parts[1])
    if at is None or number is None:
        raise bad()
    return at, number


def number(of: str, said: str | None) -> int | None:
    """Raises Problem."""
    if said is None:
        return None
    parts = read(of, said)
    found = places.number(parts[0]) if len(parts) == 1 else None
    if found is None:
        raise bad()
    return found


def text(of: str, said: str | None) -> str:
    """Raises Problem."""
    if said is None:
        return ""
    parts = read(of, said)
    if len(parts) != 1:
        raise bad()
    return parts[0]
