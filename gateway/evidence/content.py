"""The front of content evidence: readers of mail, processes that may be ended at any moment.

A look is an opinion or None. None is said when all readers are busy for too long, when one dies over a mail, and when
one takes longer than it may: then it is killed, and the mails that waited behind go to the next. Nothing here raises
for what a mail does to its reader, and nobody waits longer than `within`.
"""

import asyncio
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import structlog

from gateway.evidence import frames
from gateway.evidence.frames import READY, Answers, NoOpinion
from gateway.model import ContentFacts

log = structlog.get_logger()

AT_ONCE = 4  # mails that a reader has before it: while it answers one, the next is there
PAUSES = (0.0, 0.2, 1.0, 5.0)  # seconds before a reader that died without having answered is started again
HOPELESS = 3  # such deaths in a row, after which nobody waits for readers
READY_WITHIN = 20.0  # seconds
SAYS_EVERY = 10.0  # seconds between two lines of the log about mails that nobody looked at


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail for a reader: its bytes, or the path of a file with them that stays until the answer; and whose it is.

    `wants_all` False asks only for what it may share with other mail, which takes less than half of the time.
    """

    data: bytes = b""
    path: str = ""
    accounts: tuple[str, ...] = ()
    wants_all: bool = True

    def request(self, number: int) -> bytes:
        kind, data = (frames.PATH, os.fsencode(self.path)) if self.path else (frames.BYTES, self.data)
        return frames.request(number, kind, data, self.accounts, wants_all=self.wants_all)


class Looking(Protocol):
    """Whoever looks at mail."""

    def start(self) -> None: ...

    async def look(self, letter: Letter) -> ContentFacts | None: ...

    async def close(self) -> None: ...


class Nobody:
    """Content is not looked at."""

    def start(self) -> None:
        pass

    async def look(self, letter: Letter) -> ContentFacts | None:
        return None

    async def close(self) -> None:
        pass


@dataclass(eq=False, slots=True)
class Job:
    """A mail on its way. `number` tells its answer from others."""

    number: int
    letter: Letter
    answer: "asyncio.Future[ContentFacts | None]"


class Reader(asyncio.Protocol):
    """One process, and the mails before it, the one it is at first."""

    def __init__(self, pool: "Readers", process: "subprocess.Popen[bytes]") -> None:
        self.pool = pool
        self.process = process
        self.jobs: deque[Job] = deque()
        self.answers = Answers()
        self.transport: asyncio.Transport | None = None
        self.is_ready = False
        self.has_answered = False
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        self.wait(READY_WITHIN)

    def data_received(self, data: bytes) -> None:
        for number, told in self.answers.feed(data):
            if number == READY:
                self.is_ready = True
                if problem := frames.problem(told):
                    log.error("what the classifier learnt cannot be read", error=problem)
            elif self.jobs and self.jobs[0].number == number:
                self.has_answered = True
                self.conclude(self.jobs.popleft(), told)
        self.wait(self.pool.within if self.jobs else None)
        self.pool.hand_out()

    def conclude(self, job: Job, told: bytes) -> None:
        try:
            found = frames.facts(told)
        except NoOpinion as error:
            self.pool.say_nobody(str(error))
            found = None
        settle(job, found)

    def give(self, job: Job) -> None:
        assert self.transport is not None
        self.jobs.append(job)
        self.transport.write(job.letter.request(job.number))
        if len(self.jobs) == 1:
            self.wait(self.pool.within)

    def wait(self, seconds: float | None) -> None:
        """From now on so long for the mail it is at; None: there is none."""
        if self.timer is not None:
            self.timer.cancel()
        self.timer = None if seconds is None else self.pool.loop.call_later(seconds, self.take_too_long)

    def take_too_long(self) -> None:
        log.warning("a reader of mail took too long and was ended", pid=self.process.pid)
        self.process.kill()  # the rest follows when its end of the socket closes

    def connection_lost(self, error: Exception | None) -> None:
        self.wait(None)
        self.process.kill()
        self.pool.lost(self)


class Readers:
    """`number` processes that look. `within` is in seconds, `memory` in bytes; `queue` mails may wait for them; `model`
    is the folder of what the classifier learnt; links are looked for in `in_files` bytes of a mail's files."""

    def __init__(self, *, number: int, within: float, memory: int, queue: int, model: Path, in_files: int = 0) -> None:
        self.number = number
        self.within = within
        self.memory = memory
        self.queue = queue
        self.model = model
        self.in_files = in_files
        self.readers: list[Reader] = []
        self.waiting: deque[Job] = deque()
        self.starting: set[asyncio.Task[None]] = set()
        self.deaths = 0  # of readers that had not answered anything, in a row
        self.last = READY
        self.is_closed = False
        self.unseen = 0  # mails, since the log said so last
        self.says_next = 0.0
        self.loop: asyncio.AbstractEventLoop

    # ---- mails -----------------------------------------------------------------------------------------------------

    async def look(self, letter: Letter) -> ContentFacts | None:
        """What is in a mail; None when nobody could say in time. Never raises for what is in it."""
        self.start()
        if (why := self.why_nobody()) is not None:
            self.say_nobody(why)
            return None
        self.last += 1
        job = Job(self.last, letter, self.loop.create_future())
        self.waiting.append(job)
        self.hand_out()
        late = self.loop.call_later(self.within, self.give_up, job)
        try:
            return await job.answer
        finally:
            late.cancel()

    def give_up(self, job: Job) -> None:
        if not job.answer.done():
            self.say_nobody("no answer in time")
            settle(job, None)

    @property
    def is_hopeless(self) -> bool:
        """True when readers die before they answer anything, one after the other."""
        return self.deaths >= HOPELESS and not any(one.is_ready for one in self.readers)

    def why_nobody(self) -> str | None:
        """Why a mail that comes now is not looked at; None when it is."""
        while self.waiting and self.waiting[0].answer.done():
            self.waiting.popleft()
        if self.is_closed or self.is_hopeless:
            return "there is no reader"
        return "too many wait" if len(self.waiting) >= self.queue else None

    def say_nobody(self, why: str) -> None:
        """In the log, but not for each mail of a flood."""
        self.unseen += 1
        if self.loop.time() >= self.says_next:
            log.warning("nobody looked at a mail", why=why, mails=self.unseen)
            self.unseen, self.says_next = 0, self.loop.time() + SAYS_EVERY

    def hand_out(self) -> None:
        """Mails that wait to the readers that have the least before them."""
        while self.waiting:
            free = [one for one in self.readers if one.is_ready and len(one.jobs) < AT_ONCE]
            if not free:
                return
            job = self.waiting.popleft()
            if not job.answer.done():
                min(free, key=lambda one: len(one.jobs)).give(job)

    # ---- readers ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the readers that are missing, and wait for none of them."""
        self.loop = asyncio.get_running_loop()
        while not self.is_closed and len(self.readers) + len(self.starting) < self.number:
            pause = PAUSES[min(self.deaths, len(PAUSES) - 1)]
            task = self.loop.create_task(self.begin(pause))
            self.starting.add(task)
            task.add_done_callback(self.starting.discard)

    async def begin(self, pause: float) -> None:
        await asyncio.sleep(pause)
        ours, theirs = socket.socketpair()
        program = [sys.executable, "-m", "gateway.evidence.reader"]
        command = [*program, str(theirs.fileno()), str(self.memory), str(self.model), str(self.in_files)]
        try:
            process = subprocess.Popen(  # noqa: ASYNC220, S603  (our own program; starting one does not wait)
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=environment()
            )
        except OSError as error:  # no memory, or too many processes: that passes
            log.error("a reader of mail could not be started", error=error.strerror)
            ours.close()
            self.deaths += 1
            return
        finally:
            theirs.close()
        reader = Reader(self, process)
        self.readers.append(reader)
        ours.setblocking(False)
        await self.loop.create_unix_connection(lambda: reader, sock=ours)

    def lost(self, reader: Reader) -> None:
        """A reader is gone: the mail that it was at gets no opinion, the others another reader."""
        self.readers.remove(reader)
        self.loop.run_in_executor(None, reader.process.wait)
        self.deaths = 0 if reader.has_answered else self.deaths + 1
        if reader.jobs:
            self.say_nobody("its reader died")
            settle(reader.jobs.popleft(), None)
        self.waiting.extendleft(reversed(reader.jobs))
        if self.is_hopeless:
            while self.waiting:
                settle(self.waiting.popleft(), None)
        if not self.is_closed:
            self.start()

    async def close(self) -> None:
        self.is_closed = True
        for job in (*self.waiting, *(job for reader in self.readers for job in reader.jobs)):
            settle(job, None)
        for task in self.starting:
            task.cancel()
        for reader in list(self.readers):
            if reader.transport is not None:
                reader.transport.abort()
            await asyncio.to_thread(reader.process.wait)


def settle(job: Job, found: ContentFacts | None) -> None:
    if not job.answer.done():
        job.answer.set_result(found)


def environment() -> dict[str, str]:
    """What a reader knows of the world: where its code is. One thread is enough for arithmetic."""
    path: Sequence[str] = (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))
    told = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(filter(None, path))}
    return {**told, "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1", "LANG": "C.UTF-8"}
