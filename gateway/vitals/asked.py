"""Questions that may take long, asked in the background: whoever looks never waits longer than they want to."""

import threading
from collections.abc import Callable
from time import perf_counter
from typing import Generic, TypeVar

T = TypeVar("T")

ANSWER_WITHIN = 3.0  # seconds; a view that waits longer shows what it has


class Asked(Generic[T]):
    """One question, asked by one thread at a time, for everybody who wants to know.

    It is asked anew after `every` seconds, and not for `rest` times as long as the answer took. `last`: the answer,
    None while there is none; `before`: the one before it, for whoever can do with an old one.
    """

    def __init__(self, ask: Callable[[], T], every: float = 0.0, rest: float = 0.0) -> None:
        self.ask = ask
        self.every = every
        self.rest = rest
        self.last: T | None = None
        self.before: T | None = None
        self.took = 0.0
        self.begun = float("-inf")
        self.thread: threading.Thread | None = None
        self.lock = threading.Lock()

    def begin(self) -> threading.Thread | None:
        """Ask, if it is time to and nobody does; who is asking now."""
        with self.lock:
            if self.thread is not None and not self.thread.is_alive():
                self.thread = None
            if self.thread is None and perf_counter() - self.begun >= max(self.every, self.rest * self.took):
                self.begun = perf_counter()
                self.thread = threading.Thread(target=self.run, daemon=True)  # nobody waits for it at the end
                self.thread.start()
            return self.thread

    def answer(self, within: float = ANSWER_WITHIN) -> T | None:
        """The answer, or None when there is none within so many seconds."""
        asking = self.begin()
        if asking is not None:
            asking.join(within)
            if asking.is_alive():
                return None
        return self.last

    def run(self) -> None:
        began = perf_counter()
        self.before, self.last = self.last or self.before, None
        self.last = self.ask()
        self.took = perf_counter() - began
