"""Mails that are made to cost: each is over within its time and memory, and other mail goes on beside them."""

import asyncio
import resource
import time
from pathlib import Path

import pytest

from gateway.evidence.content import Letter, Readers
from gateway.model import ContentFacts
from tests.content.bombs import BOMBS
from tests.content.letters import plain

WITHIN, MEMORY = 60.0, 512 * 1024 * 1024  # more than a test machine needs, and not for ever
READY_AFTER = 60.0  # seconds a test machine may need to start Python


async def ready(
    number: int = 1, within: float = WITHIN, memory: int = MEMORY, queue: int = 64, model: Path = Path("/nowhere")
) -> Readers:
    """Readers that have begun."""
    readers = Readers(number=number, within=within, memory=memory, queue=queue, model=model, in_files=8 * 1024 * 1024)
    readers.start()
    deadline = time.monotonic() + READY_AFTER
    while not (len(readers.readers) == number and all(one.is_ready for one in readers.readers)):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    return readers


def peak(pid: int) -> int:
    """The most memory that a process ever had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmPeak")) * 1024


def test_there_are_sixty_of_them():
    assert len(BOMBS) >= 60


async def test_each_is_over_within_its_time_and_memory():
    readers = await ready()
    (reader,) = readers.readers
    slow: dict[str, float] = {}
    for name, make in BOMBS.items():
        data = make()
        began = time.perf_counter()
        found = await readers.look(Letter(data))
        slow[name] = time.perf_counter() - began
        assert isinstance(found, ContentFacts), f"{name}: nobody could say"
        assert slow[name] < WITHIN, name
    assert readers.readers == [reader], "the reader had to be ended"
    assert peak(reader.process.pid) <= MEMORY
    assert resource.prlimit(reader.process.pid, resource.RLIMIT_AS) == (MEMORY, MEMORY)
    print({name: round(took, 2) for name, took in sorted(slow.items(), key=lambda one: -one[1])[:12]})
    await readers.close()


@pytest.mark.parametrize("count", [20])
async def test_other_mail_goes_on_beside_them(count):
    """With one reader all stand in one row: what an honest mail waits is what the bombs before it take."""
    readers = await ready()
    bombs = [make() for make in list(BOMBS.values())[::3]][:count]
    flood = [asyncio.create_task(readers.look(Letter(data))) for data in bombs]
    found = await readers.look(Letter(plain()))
    assert found is not None
    assert found.findings == ()
    await asyncio.gather(*flood)
    assert (await readers.look(Letter(plain()))) is not None, "and then all is as before"
    await readers.close()
