"""Readers of mail may be ended at any moment: whoever waits gets no opinion, and the next mail another reader."""

import asyncio
import os
import resource
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from classifier.features import Features
from classifier.learner import Learner
from classifier.mail import parse
from classifier.state import Entry
from gateway.evidence import content
from gateway.evidence.content import Letter, Nobody, Reader, Readers
from gateway.model import ContentFacts, FileKind
from tests.content.letters import HEAD, plain, with_file
from tests.content.test_bombs import ready

MAIL = Letter(plain())


def stop(readers: Readers) -> Reader:
    """Nothing comes from the first one any more, as if a mail kept it busy."""
    os.kill(readers.readers[0].process.pid, signal.SIGSTOP)
    return readers.readers[0]


def is_over(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def until(condition, within: float = 60.0) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_what_is_found_comes_back():
    readers = await ready()
    found = await readers.look(Letter(with_file("setup.exe", b"x")))
    assert found is not None
    assert found.files[0].kinds == (FileKind.PROGRAM,)
    assert await readers.look(MAIL) == await readers.look(MAIL)
    await readers.close()


async def test_a_large_mail_is_read_from_its_file(tmp_path: Path):
    readers = await ready()
    file = tmp_path / "mail"
    file.write_bytes(with_file("setup.exe", bytes(3_000_000)))
    with open(file, "rb") as opened:
        file.unlink()
        found = await readers.look(Letter(path=f"/proc/{os.getpid()}/fd/{opened.fileno()}"))
    assert found is not None
    assert found.files[0].name == "setup.exe"
    assert await readers.look(Letter(path=str(file))) is None, "what cannot be opened is no opinion"
    assert await readers.look(MAIL) is not None
    await readers.close()


async def test_a_reader_that_is_killed_over_a_mail_has_no_opinion_on_it():
    readers = await ready(within=3600)
    reader = stop(readers)
    looking = asyncio.create_task(readers.look(MAIL))
    behind = asyncio.create_task(readers.look(MAIL))
    await until(lambda: len(reader.jobs) == 2)
    os.kill(reader.process.pid, signal.SIGKILL)
    assert await asyncio.wait_for(looking, 60) is None, "it is not waited for to the end"
    assert isinstance(await behind, ContentFacts), "the mail behind it goes to the next reader"
    assert await readers.look(MAIL) is not None
    await until(lambda: is_over(reader.process.pid))
    await readers.close()


async def test_a_reader_that_takes_too_long_is_ended():
    readers = await ready(within=1)
    reader = stop(readers)
    began = time.monotonic()
    assert await readers.look(MAIL) is None
    assert time.monotonic() - began > 0.9
    readers.within = 60
    await until(lambda: is_over(reader.process.pid) and readers.readers and readers.readers[0].is_ready)
    assert await readers.look(MAIL) is not None
    await readers.close()


async def test_nobody_waits_longer_than_he_may_behind_others():
    readers = await ready(within=0.5)
    stop(readers)
    found = await asyncio.wait_for(asyncio.gather(*(readers.look(MAIL) for _ in range(30))), 60)
    assert set(found) == {None}
    await readers.close()


async def test_when_too_many_wait_the_next_is_told_at_once():
    readers = await ready(within=3600, queue=3)
    stop(readers)
    waiting = [asyncio.create_task(readers.look(MAIL)) for _ in range(content.AT_ONCE + 3)]
    await until(lambda: len(readers.waiting) == 3)
    assert await asyncio.wait_for(readers.look(MAIL), 60) is None
    await readers.close()
    assert set(await asyncio.gather(*waiting)) == {None}


async def test_another_reader_goes_on_while_one_is_busy():
    readers = await ready(number=2, within=3600)
    stop(readers)
    looks = [asyncio.create_task(readers.look(MAIL)) for _ in range(20)]
    await until(lambda: sum(one.done() for one in looks) >= 16)
    assert all(isinstance(one.result(), ContentFacts) for one in looks if one.done())
    await readers.close()
    await asyncio.gather(*looks)


async def test_memory_is_bounded_by_the_system_and_what_needs_more_is_a_fact():
    readers = await ready(memory=128 * 1024 * 1024)
    reader = readers.readers[0]
    found = await readers.look(Letter(HEAD + b"\r\n" + bytes(60_000_000)))
    assert found is None or found.unparseable
    await until(lambda: is_over(reader.process.pid))
    assert await readers.look(MAIL) is not None
    await readers.close()


async def test_a_reader_has_its_bounds_and_nothing_else():
    readers = await ready()
    pid = readers.readers[0].process.pid
    await readers.look(MAIL)
    assert resource.prlimit(pid, resource.RLIMIT_CPU)[0] <= 20
    assert resource.prlimit(pid, resource.RLIMIT_CORE)[1] == 0
    links = {os.readlink(f"/proc/{pid}/fd/{one}") for one in os.listdir(f"/proc/{pid}/fd")}
    assert sum(link.startswith("socket:") for link in links) == 1
    names = {one.split("=")[0] for one in Path(f"/proc/{pid}/environ").read_text().split("\0") if one}
    assert names <= {"PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "OPENBLAS_NUM_THREADS", "LANG"}
    await readers.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_what_is_said_to_all_processes_at_once_does_not_end_it(number):
    readers = await ready()
    reader = readers.readers[0]
    os.kill(reader.process.pid, number)
    assert await readers.look(MAIL) is not None
    assert readers.readers == [reader]
    await readers.close()


async def test_it_ends_with_its_worker():
    readers = await ready()
    pid = readers.readers[0].process.pid
    assert readers.readers[0].transport is not None
    readers.is_closed = True
    readers.readers[0].process.kill = lambda: None  # type: ignore[method-assign]  # the socket alone tells it
    readers.readers[0].transport.close()
    await until(lambda: is_over(pid))


async def test_closing_leaves_no_process():
    readers = await ready(number=2)
    pids = [one.process.pid for one in readers.readers]
    await readers.close()
    assert all(map(is_over, pids))
    assert await readers.look(MAIL) is None


async def test_readers_that_cannot_start_keep_nobody_waiting():
    readers = Readers(number=1, within=3600, memory="much", queue=5, model=Path("/nowhere"))  # type: ignore[arg-type]  # it cannot read that
    for _ in range(2):
        assert await asyncio.wait_for(readers.look(MAIL), 60) is None
    await readers.close()


async def test_nobody_has_no_opinion():
    nobody = Nobody()
    nobody.start()
    assert await nobody.look(MAIL) is None
    await nobody.close()


async def test_what_people_teach_is_seen_by_the_next_mail(tmp_path: Path):
    readers = await ready(model=tmp_path)
    before = await readers.look(MAIL)
    learner = Learner.open(tmp_path)
    learner.learn(Entry("one", True, Features.of(parse(MAIL.data)), datetime(2026, 3, 1, tzinfo=UTC)))
    assert learner.publish().done
    after = await readers.look(MAIL)
    learner.strike("one")
    learner.publish(anyway=True)
    again = await readers.look(MAIL)
    learner.close()
    await readers.close()
    scores = [one.score for one in (before, after, again) if one is not None and one.score is not None]
    assert scores[1] > scores[0]
    assert scores[2] == pytest.approx(scores[0], abs=1e-6)
