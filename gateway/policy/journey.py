"""The way of a mail, as its Received fields tell it (RFC 5321 4.4): who handed it to whom, when, and after how long.

Each field is the word of whoever wrote it, and all but those of our own hosts may be made up: it is shown, and decides
nothing. What cannot be read is a step all the same, with its text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from gateway.policy.trail import MOST_CHARACTERS, Part, read_hop, split

MOST_STEPS = 50
MOST_DATE = 100  # characters
CLAUSES = ("from", "by", "via", "with", "id", "for")
DIFFERS = timedelta(seconds=-2)  # clocks that are set by the network differ by less


@dataclass(frozen=True, slots=True)
class Step:
    """`took`: since the step before, as far as both say when they were. `text`: of what cannot be read."""

    giver: str = ""
    address: str = ""
    taker: str = ""
    protocol: str = ""
    at: datetime | None = None
    took: timedelta | None = None
    text: str = ""
    is_ours: bool = False

    @property
    def is_before(self) -> bool:
        """True where it was over before it began: one of the two clocks is wrong."""
        return self.took is not None and self.took < DIFFERS


def steps(received: Sequence[str], written: datetime | None, ours: Step) -> tuple[Step, ...]:
    """From the writer to us. `received`: the unfolded values, the topmost first; `ours`: how it came to us."""
    found = [read(value) for value in received[:MOST_STEPS]][::-1]
    told, before = [], written
    for step in (*found, replace(ours, is_ours=True)):
        took = step.at - before if step.at is not None and before is not None else None
        told.append(replace(step, took=took))
        before = step.at or before
    return tuple(told)


def read(value: str) -> Step:
    value = value[:MOST_CHARACTERS]
    hosts, _, date = value.rpartition(";")
    said = clauses(split(hosts or value))
    if "by" not in said:
        return Step(at=moment(date), text=value)
    hop = read_hop(value)
    address = "" if hop is None else str(hop.address)
    return Step(said.get("from", ""), address, said["by"], said.get("with", ""), moment(date))


def clauses(parts: Sequence[Part]) -> dict[str, str]:
    """The word behind each of the words that open a clause; the first of each counts."""
    words = [text for is_comment, text in parts if not is_comment]
    found: dict[str, str] = {}
    place = 0
    while place + 1 < len(words):
        name = words[place].lower()
        if name in CLAUSES and name not in found:
            found[name] = words[place + 1]
            place += 1
        place += 1
    return found


def moment(text: str) -> datetime | None:
    """What a date says (RFC 5322 3.3), in UTC; None for what is none."""
    try:
        found = parsedate_to_datetime(text.strip()[:MOST_DATE])
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
