"""The only reader of the clock: everything else is told what time it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

Source = Callable[[], datetime]


def of_this_machine() -> datetime:
    return datetime.now(UTC)


source: Source = of_this_machine


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return source()


@contextmanager
def told_by(other: Source) -> Iterator[None]:
    """Let another source tell the time in this process, for as long as a simulation runs."""
    global source
    before, source = source, other
    try:
        yield
    finally:
        source = before
