"""The process that looks at mail, one at a time: `python -m gateway.evidence.reader FD MEMORY FOLDER IN_FILES`, of a
worker.

It may be ended at any moment. It has the one socket, bounds of the system on memory and processor time, and nothing to
tell but what it found. When the worker is gone, so is it.
"""

import os
import resource
import signal
import socket
import sys
from contextlib import suppress

from classifier.model import Model
from gateway.evidence import frames
from gateway.evidence.frames import PATH, READY, Request
from gateway.evidence.looking import glance, look
from gateway.model import ContentFacts

MOST_READ = 64 * 1024 * 1024  # bytes of a mail
PROCESSOR = 5  # seconds for one mail; the worker's patience usually ends before
OPEN_FILES = 64
RECURSION = 500  # calls within calls


def main(number: int, memory: int, folder: str, in_files: int) -> None:
    """Look at what comes through the socket of that number until it ends. `memory` is in bytes; what the classifier
    learnt is in the folder; links are looked for in so many bytes of files."""
    for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(ending, signal.SIG_IGN)  # whoever means us closes the socket, or kills
    bound(memory)
    model, problem = opened(folder)
    with suppress(ConnectionError), socket.socket(fileno=number) as there, there.makefile("rb") as requests:
        there.sendall(frames.answer(READY, {"problem": problem}))
        for one in frames.requested(requests):
            grant_time()
            answer, goes_on = judged(one, model, in_files)
            there.sendall(frames.answer(one.number, answer))
            if not goes_on:
                return


def judged(one: Request, model: Model | None, in_files: int) -> tuple[dict[str, object], bool]:
    """What is to be answered, and whether this process is still good for the next mail."""
    try:
        data = content(one.data) if one.kind == PATH else one.data
    except OSError as error:
        return {"failed": type(error).__name__}, True
    except MemoryError:
        return frames.found(ContentFacts(unparseable=True)), False
    try:
        if not one.wants_all:
            return frames.found(glance(data, in_files=in_files)), True
        return frames.found(look(data, model, one.accounts, in_files=in_files)), True
    except MemoryError:
        return frames.found(ContentFacts(unparseable=True)), False
    except Exception as error:  # a mail that breaks the reading of it is a fact, and no other mail's trouble
        print(f"a mail could not be read: {type(error).__name__}", file=sys.stderr)  # never what is in it
        return frames.found(ContentFacts(unparseable=True)), True


def opened(folder: str) -> tuple[Model | None, str]:
    """What the classifier learnt, and what is wrong with it. Where there is no memory for it, mail has no score."""
    try:
        model = Model.at_hand(folder)
        return model, model.problem
    except MemoryError:
        return None, "there is no memory for it: see [content] memory"


def content(path: bytes) -> bytes:
    with open(path, "rb") as file:
        return file.read(MOST_READ)


def bound(memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.setrecursionlimit(RECURSION)


def grant_time() -> None:
    """So many seconds of the processor from now on; then the system ends this process."""
    times = os.times()
    used = int(times.user + times.system) + 1
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = used + PROCESSOR
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
