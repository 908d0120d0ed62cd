"""An event loop whose time is made: when nothing is left to do at a moment, it is the next timer's moment.

asyncio keeps its timers in a heap already; here nobody waits for them. What sleeps for a day sleeps for no time at all,
and everything that measures time by the loop (deadlines, pauses, batches of notes) keeps its order exactly.
"""

import asyncio
import random
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from gateway import clock

T = TypeVar("T")

# A Monday, at midnight; in years to come, for a signature is dated by the machine and must not be of the future.
BEGIN = datetime(2035, 1, 1, tzinfo=UTC)


class NothingLeft(RuntimeError):
    """Something waits for what no timer will ever bring."""


class Leap(selectors.SelectSelector):
    """Waits for nothing: the time that it should have waited has passed when it returns."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0  # seconds since the beginning

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NothingLeft("the simulation waits for something that will not come")
        self.passed += max(0.0, timeout)
        return super().select(0)


class SimulatedLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.leap = Leap()
        super().__init__(self.leap)

    def time(self) -> float:
        return self.leap.passed

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.leap.passed)


class AtOnce(ThreadPoolExecutor):
    """Runs what it is given before it returns: no thread is waited for while the time stands still."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:  # handed over as an executor does
            done.set_exception(error)
        return done


def run(main: Coroutine[Any, Any, T], seed: int) -> T:
    """Run to the end in simulated time. Ids are made of the seed too: the same seed, the same week."""
    loop = SimulatedLoop()
    loop.set_default_executor(AtOnce(1))
    before = random.getstate()
    random.seed(seed)
    try:
        with clock.told_by(loop.now):
            return loop.run_until_complete(main)
    finally:
        random.setstate(before)
        cancel_all(loop)
        loop.close()


def cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
