"""One parent for all processes: owns the listening sockets, starts what died, reloads on SIGHUP, stops on SIGTERM."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

log = structlog.get_logger()

PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # seconds before a process that keeps dying is started again
STEADY = 30.0  # seconds after which a process counts as started well
STOP_WITHIN = 100.0  # a worker may need 30 s for its sessions and 60 s for late deliveries
TICK = 0.1


@dataclass
class Child:
    """A process that shall run: how to start it, and how it fares. Times are monotonic seconds."""

    name: str
    command: Sequence[str]
    sockets: Sequence[int] = ()
    overlaps: bool = False  # a new one may start before the old one has ended
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    not_before: float = 0.0

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


@dataclass
class Supervisor:
    """Keeps children running. The lifeline tells them when their parent is gone."""

    children: list[Child]
    lifeline: tuple[int, int] = field(default_factory=os.pipe)
    stopping: bool = False
    reloading: bool = False
    check_reload: Callable[[], bool] = lambda: True

    def run(self) -> int:
        """Run until told to stop; 0 when all children ended well."""
        signal.signal(signal.SIGTERM, self.on_stop)
        signal.signal(signal.SIGINT, self.on_stop)
        signal.signal(signal.SIGHUP, self.on_reload)
        while not self.stopping:
            for child in self.children:
                self.look_after(child)
            if self.reloading:
                self.reload()
            time.sleep(TICK)
        return self.stop()

    def on_stop(self, number: int, frame: object) -> None:
        self.stopping = True

    def on_reload(self, number: int, frame: object) -> None:
        self.reloading = True

    def look_after(self, child: Child) -> None:
        """Start a child that does not run, with growing pauses when it keeps dying."""
        if child.is_running:
            if time.monotonic() - child.started > STEADY:
                child.failures = 0
            return
        now = time.monotonic()
        if child.process is not None:
            log.error("a process ended", name=child.name, status=child.process.returncode)
            child.process = None
            child.not_before = now + PAUSES[min(child.failures, len(PAUSES) - 1)]
            child.failures += 1
        if now >= child.not_before:
            self.start(child)

    def start(self, child: Child) -> None:
        reading = self.lifeline[0]
        command = [*child.command, "--lifeline", str(reading)]
        # A session of its own: Ctrl-C at the terminal reaches the supervisor alone, which then stops them in order.
        child.process = subprocess.Popen(  # noqa: S603  (our own program)
            command, pass_fds=(reading, *child.sockets), start_new_session=True, stdin=subprocess.DEVNULL
        )
        child.started = time.monotonic()

    def reload(self) -> None:
        """Replace the children one by one; the sockets stay open, so nobody is refused."""
        self.reloading = False
        if not self.check_reload():
            log.error("the settings have errors: everything goes on as before")
            return
        log.info("reloading")
        for child in self.children:
            old = child.process
            if child.overlaps:
                self.start(child)
            if old is not None:
                old.terminate()
                wait(old)
            if not child.overlaps:
                self.start(child)
        log.info("reloaded")

    def stop(self) -> int:
        for child in self.children:
            if child.process is not None and child.is_running:
                child.process.terminate()
        ended = [wait(child.process) for child in self.children if child.process is not None]
        # A child that was told to stop before it could listen to us ended by the signal itself.
        return 0 if all(status in (0, -signal.SIGTERM) for status in ended) else 1


def wait(process: "subprocess.Popen[bytes]") -> int:
    try:
        return process.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def children(config: Path, workers: int, sockets: Sequence[socket.socket]) -> list[Child]:
    """The processes of one machine."""
    program = [sys.executable, "-m", "gateway"]
    numbers = [one.fileno() for one in sockets]
    inherited = [argument for number in numbers for argument in ("--fd", str(number))]
    smtpd = [*program, "smtpd", "--config", str(config), *inherited]
    made = [Child(f"smtpd {number + 1}", smtpd, numbers, overlaps=True) for number in range(workers)]
    made.append(Child("courier", [*program, "courier", "--config", str(config)]))
    made.append(Child("sweep", [*program, "sweep", "--config", str(config)]))
    return made


def exporter(config: Path) -> Child:
    """The process that serves the metrics."""
    return Child("metrics", [sys.executable, "-m", "gateway", "metrics", "--config", str(config)])
