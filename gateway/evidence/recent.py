"""What was found out a moment ago: one peer sends many mails, and one domain writes many of them."""

import asyncio
from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

MOST = 5000
LIVES = 60.0  # seconds; DNS itself is believed for longer


class Recent(Generic[K, V]):
    """A bounded memory of answers; each is good for a minute. Only answers belong here, never that nobody answered."""

    def __init__(self) -> None:
        self.kept: OrderedDict[K, tuple[V, float]] = OrderedDict()

    def get(self, key: K) -> V | None:
        found = self.kept.get(key)
        return found[0] if found is not None and found[1] > asyncio.get_running_loop().time() else None

    def put(self, key: K, answer: V) -> V:
        self.kept[key] = answer, asyncio.get_running_loop().time() + LIVES
        self.kept.move_to_end(key)
        if len(self.kept) > MOST:
            self.kept.popitem(last=False)
        return answer
