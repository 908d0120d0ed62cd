"""Ctrl-C as a note: the exception that Python makes of it is lost when it comes while something is thrown away."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupted() -> Iterator[threading.Event]:
    """Set by Ctrl-C; for commands that go on until then, and look now and then whether it is."""
    over = threading.Event()
    before = signal.signal(signal.SIGINT, lambda number, frame: over.set())
    try:
        yield over
    finally:
        signal.signal(signal.SIGINT, before)
