"""Correspondents that pass, known by heart."""

from collections import OrderedDict
from datetime import datetime, timedelta

from gateway.model import Grade, Rung

MOST_KNOWN = 50_000
KNOWN_FOR = timedelta(minutes=10)
REFRESHED_EVERY = timedelta(hours=1)  # how often the memory of one correspondent is made to last longer


class KnownByHeart:
    """Correspondents that pass, in bounded memory: they are answered while the database is away."""

    def __init__(self) -> None:
        self.grades: OrderedDict[tuple[frozenset[Rung], str, str], tuple[Grade, datetime]] = OrderedDict()
        self.refreshed: OrderedDict[tuple[frozenset[Rung], str, str], datetime] = OrderedDict()

    def grade(self, rungs: frozenset[Rung], sender: str, recipient: str, now: datetime) -> Grade | None:
        """The grade, or None when it is not known by heart."""
        known = self.grades.get((rungs, sender, recipient))
        return known[0] if known is not None and now - known[1] < KNOWN_FOR else None

    def learn(self, rungs: frozenset[Rung], sender: str, recipient: str, grade: Grade, now: datetime) -> None:
        if not rungs:  # it has no standing here: one customer of a pool is not the next
            return
        self.grades[(rungs, sender, recipient)] = (grade, now)
        if len(self.grades) > MOST_KNOWN:
            self.grades.popitem(last=False)

    def is_due(self, rungs: frozenset[Rung], sender: str, recipient: str, now: datetime) -> bool:
        """True once an hour: the memory of this correspondent is to last longer again."""
        key = (rungs, sender, recipient)
        if now - self.refreshed.get(key, now - REFRESHED_EVERY) < REFRESHED_EVERY:
            return False
        self.refreshed[key] = now
        self.refreshed.move_to_end(key)
        if len(self.refreshed) > MOST_KNOWN:
            self.refreshed.popitem(last=False)
        return True

    def forget(self) -> None:
        self.grades.clear()
        self.refreshed.clear()
