"""One timer for many deadlines: a session's limit moves with every line, and setting a timer each time is not free."""

import asyncio
from collections.abc import Callable


class Deadline:
    """Calls `ring` once, when the time set last is over. A timer that rings too early looks again.

    When it rings is remembered here, for uvloop's handle of a timer that is due at once cannot be asked.
    """

    __slots__ = ("loop", "ring", "rings_at", "timer", "when")

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self.loop = loop
        self.ring: Callable[[], None] | None = ring
        self.when: float | None = None  # loop time
        self.timer: asyncio.Handle | None = None
        self.rings_at = 0.0

    def set(self, seconds: float) -> None:
        """From now on so many seconds; 0 or less means at once."""
        self.when = self.loop.time() + seconds
        if self.timer is None or self.rings_at > self.when:
            self.start(self.when)

    def clear(self) -> None:
        """There is no limit now."""
        self.when = None

    def end(self) -> None:
        """There will be none any more; and nothing here holds on to whoever had it."""
        self.when = self.ring = None
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def start(self, when: float) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.rings_at = when
        self.timer = self.loop.call_at(when, self.look)

    def look(self) -> None:
        self.timer = None
        if self.when is None or self.ring is None:
            return
        if self.loop.time() < self.when:
            self.start(self.when)
        else:
            self.ring()
