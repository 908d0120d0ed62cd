"""A program that stands ready serves as one that was just started."""

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from webui.spare import Spare

PROGRAM = "import os, sys, time; said = sys.stdin.read(); time.sleep(3600 if said == 'slow' else 0); \
sys.exit(3) if said == 'bad' else print(os.getpid(), said, end='')"


@pytest.fixture
def spare() -> Iterator[Spare]:
    made = Spare([sys.executable, "-c", PROGRAM], dict)
    yield made
    made.close()


def test_every_piece_of_work_has_a_process_of_its_own_and_the_next_one_waits_already(spare: Spare) -> None:
    first, said = spare.run(b"one", 60).split()
    assert said == b"one"
    waiting = spare.ready
    assert waiting is not None
    second, said = spare.run(b"two", 60).split()
    assert (int(second), said) == (waiting.pid, b"two")
    assert first != second


def test_what_takes_too_long_is_ended_and_the_next_one_is_served(spare: Spare) -> None:
    began = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        spare.run(b"slow", 0.5)
    assert time.monotonic() - began < 60
    assert spare.run(b"on", 60).endswith(b"on")


def test_what_fails_is_told(spare: Spare) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        spare.run(b"bad", 60)


def test_one_that_was_ended_while_it_waited_is_not_asked(spare: Spare) -> None:
    spare.run(b"one", 60)
    assert spare.ready is not None
    spare.ready.kill()
    spare.ready.wait()
    assert spare.run(b"two", 60).endswith(b"two")


def test_nothing_is_left_behind(spare: Spare) -> None:
    spare.run(b"one", 60)
    waiting = spare.ready
    spare.close()
    assert waiting is not None
    assert waiting.returncode is not None
