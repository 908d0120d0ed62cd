"""What one worker noted lately in the database, so that it does not note it with every mail."""

from collections import OrderedDict
from collections.abc import Hashable
from datetime import UTC, datetime, timedelta

NOTED_EVERY = timedelta(days=1)
MOST_NOTED = 20_000  # of whatever kind, in each worker


class Sparingly:
    """So many a second in the long run, and some at once: what is worth doing as long as there is little of it."""

    def __init__(self, a_second: float, at_once: int) -> None:
        self.a_second, self.at_once = a_second, at_once
        self.left, self.looked_at = float(at_once), datetime.min.replace(tzinfo=UTC)

    def may(self, now: datetime) -> bool:
        passed = max(0.0, (now - self.looked_at).total_seconds())
        self.left, self.looked_at = min(self.at_once, self.left + passed * self.a_second), now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Noted:
    """What was noted lately, in bounded memory: once a day is enough."""

    def __init__(self, most: int = MOST_NOTED) -> None:
        self.most = most
        self.at: OrderedDict[Hashable, datetime] = OrderedDict()

    def is_due(self, key: Hashable, now: datetime) -> bool:
        if key in self.at and now - self.at[key] < NOTED_EVERY:
            return False
        self.at[key] = now
        self.at.move_to_end(key)
        if len(self.at) > self.most:
            self.at.popitem(last=False)
        return True
