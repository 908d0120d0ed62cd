"""Greylisting as a function of time: has this sender waited long enough, and did the same sender come back?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from gateway.model import Fingerprint, Rung, RungKind, Sighting
from gateway.policy.identity import EARNING


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a stranger waits, and within what time it must be back."""

    wait: timedelta
    window: timedelta


class Stage(Enum):
    NEW = "new"
    EARLY = "early"
    PASSED = "passed"


@dataclass(frozen=True, slots=True)
class Look:
    """What the sightings say. `sighting` is the one that counts, None when NEW."""

    stage: Stage
    sighting: Sighting | None = None
    waited: timedelta = timedelta(0)
    other_content: bool = False  # only mail with other content was seen from this network


# Shared by neighbours, or by very many: two sprays must not make a retry.
NEEDS_CONTENT = frozenset({RungKind.SPF_WIDE, RungKind.NETWORK})


def content_agrees(sighting: Sighting, content: Fingerprint | None) -> bool:
    """True when the Message-ID or the body agree, or when either side has not seen the data."""
    if content is None or not sighting.saw_data:
        return True
    same_id = sighting.message_id is not None and sighting.message_id == content.message_id
    return same_id or sighting.body == content.body


def counts(sighting: Sighting, rungs: frozenset[Rung], content: Fingerprint | None) -> bool:
    """True when this attempt is a retry of that sighting (its sender and recipient agree already)."""
    shared = {rung.kind for rung in sighting.rungs & rungs}
    if sighting.passed_at is not None and not (content is not None and sighting.saw_data):
        shared &= EARNING
    strong = shared - NEEDS_CONTENT
    if sighting.passed_at is not None:  # its wait is spent: the next mail needs standing, or is this mail once more
        strong &= EARNING
    return bool(strong) or (bool(shared) and content_agrees(sighting, content))


def look(
    sightings: tuple[Sighting, ...],
    rungs: frozenset[Rung],
    content: Fingerprint | None,
    now: datetime,
    timing: Timing,
) -> Look:
    """The stage of an attempt, given all sightings of its sender and recipient on any of its rungs."""
    fresh = [sighting for sighting in sightings if now - sighting.first_seen <= timing.window]
    matching = [sighting for sighting in fresh if counts(sighting, rungs, content)]
    if not matching:
        return Look(Stage.NEW, other_content=any(sighting.rungs & rungs for sighting in fresh))
    first = min(matching, key=lambda sighting: sighting.first_seen)
    waited = now - first.first_seen
    return Look(Stage.PASSED if waited >= timing.wait else Stage.EARLY, first, waited)


def already_uploaded(
    sightings: tuple[Sighting, ...], rungs: frozenset[Rung], size: int | None, now: datetime, timing: Timing
) -> bool:
    """True when a mail of the announced size was uploaded before and is still waiting: nobody sends 40 MB twice."""
    return size is not None and any(
        sighting.saw_data
        and sighting.passed_at is None
        and sighting.size == size
        and sighting.rungs & rungs
        and now - sighting.first_seen < timing.wait
        for sighting in sightings
    )
