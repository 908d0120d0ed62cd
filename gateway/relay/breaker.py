"""Spares a next hop that cannot be reached, and the senders the wait for it."""

import time
from collections.abc import Callable


class Breaker:
    """Opens after `failures` in a row; then one probe passes per `rest` seconds until one succeeds."""

    def __init__(self, failures: int = 5, rest: float = 30.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures = failures
        self._rest = rest
        self._clock = clock
        self._failed = 0
        self._next_probe = 0.0

    def admits(self) -> bool:
        """Whether to try now. Saying yes to a probe says no to everybody else for `rest` seconds."""
        if self._failed < self._failures:
            return True
        now = self._clock()
        if now < self._next_probe:
            return False
        self._next_probe = now + self._rest
        return True

    def failed(self) -> None:
        self._failed += 1
        self._next_probe = self._clock() + self._rest

    def succeeded(self) -> None:
        self._failed = 0
