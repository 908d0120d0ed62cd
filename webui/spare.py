"""A program that stands ready: to start it takes longer than what it does, and somebody waits for that."""

import atexit
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress


class Spare:
    """Starts a program for every piece of work, and the next one as soon as the work is done; it waits for its input.

    It serves once and ends, as if it had been started for that. Where several work at once, the others are started when
    they are needed.
    """

    def __init__(self, program: Sequence[str], environment: Callable[[], Mapping[str, str]]) -> None:
        self.program, self.environment = program, environment
        self.ready: subprocess.Popen[bytes] | None = None
        self.lock = threading.Lock()
        atexit.register(self.close)

    def run(self, data: bytes, within: float) -> bytes:
        """What it says to this. Raises SubprocessError or OSError."""
        process = self.taken() or self.started()
        try:
            said, _ = process.communicate(data, timeout=within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        finally:
            self.stand_ready()
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, list(self.program))
        return said

    def taken(self) -> subprocess.Popen[bytes] | None:
        with self.lock:
            process, self.ready = self.ready, None
        if process is None or process.poll() is None:
            return process
        process.communicate()  # somebody ended it meanwhile
        return None

    def started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  (our own program)
            list(self.program),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(self.environment()),
        )

    def stand_ready(self) -> None:
        with self.lock, suppress(OSError):  # no room for a process: then it is started when it is needed
            self.ready = self.ready or self.started()

    def close(self) -> None:
        with self.lock:
            process, self.ready = self.ready, None
        if process is not None:
            process.kill()
            process.communicate()
