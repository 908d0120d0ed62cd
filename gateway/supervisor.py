"""One parent for all processes: owns the listening sockets, starts what died, replaces all on SIGHUP, stops on SIGTERM.

Nothing here waits for one process: a turn of the loop looks after each of them, whatever the others are doing.
A process is told to leave only when another one has taken its place, so that there is always somebody to accept.
"""

import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from gateway.channel import LEAVE, READY, REPLACE, STAY, STOP

log = structlog.get_logger()

PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # seconds before a process that keeps dying is started again
STEADY = 30.0  # seconds after which a process counts as started well
READY_WITHIN = 60.0  # seconds from a start to the first work
STOP_WITHIN = 100.0  # a worker may need 30 s for its sessions and 60 s for late deliveries
MOST_LEAVING = 2  # old processes of one child at a time: their sessions may take long
TICK = 0.1


@dataclass
class Run:
    """One running process, and our end of the channel to it. Times are monotonic seconds."""

    process: "subprocess.Popen[bytes]"
    channel: socket.socket
    started: float
    is_ready: bool = False
    asks: bool = False  # to be replaced
    speaks: bool = True  # its end of the channel is open
    cut_at: float = float("inf")

    @property
    def is_over(self) -> bool:
        return self.process.poll() is not None

    def hear(self) -> None:
        """Take in what it says; never waits."""
        try:
            words = self.channel.recv(64)
        except BlockingIOError:
            return
        except OSError:
            words = b""
        self.speaks = bool(words)
        self.is_ready = self.is_ready or READY in words
        self.asks = self.asks or REPLACE in words

    def tell(self, word: bytes) -> None:
        with suppress(OSError):  # it is gone already
            self.channel.send(word)

    def end(self, word: bytes, within: float) -> None:
        """Tell it to end, within so many seconds; an earlier limit stays."""
        self.cut_at = min(self.cut_at, time.monotonic() + within)
        self.tell(word)

    def close(self) -> int:
        """Its exit status, once it is over."""
        self.channel.close()
        return self.process.wait()


@dataclass
class Child:
    """A process that shall run: how it is started, the one that works, the one that comes, and those that leave."""

    name: str
    command: Sequence[str]
    sockets: Sequence[int] = ()
    carries_mail: bool = True  # we are not up without it
    current: Run | None = None
    coming: Run | None = None
    leaving: list[Run] = field(default_factory=list)
    failures: int = 0
    not_before: float = 0.0
    wanted_since: float | None = None  # when somebody asked for a new one
    has_failed: bool = False  # the last start

    @property
    def runs(self) -> list[Run]:
        return [run for run in (self.current, self.coming, *self.leaving) if run is not None]

    def failed(self) -> None:
        self.not_before = time.monotonic() + PAUSES[min(self.failures, len(PAUSES) - 1)]
        self.failures += 1

    def start(self) -> None:
        """Start a new one beside whatever runs."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        number = theirs.fileno()
        command = [*self.command, "--channel", str(number)]
        self.has_failed = False
        try:
            # A session of its own: Ctrl-C at the terminal reaches the supervisor alone, which then stops them in order.
            process = subprocess.Popen(  # noqa: S603  (our own program)
                command, pass_fds=(number, *self.sockets), start_new_session=True, stdin=subprocess.DEVNULL
            )
        except OSError as error:  # no memory, or too many processes: that passes
            log.error("a process could not be started", name=self.name, error=error.strerror)
            ours.close()
            self.give_up()
        else:
            self.coming = Run(process, ours, time.monotonic())
        finally:
            theirs.close()

    def give_up(self) -> None:
        """No new one for now. Who wanted it has to ask again, except where nobody works."""
        self.coming, self.wanted_since, self.has_failed = None, None, True
        if self.current is not None:
            self.current.asks = False
            self.current.tell(STAY)
        self.failed()


@dataclass
class Supervisor:
    """Keeps children running. `leave_within` bounds how long an old process may serve its last sessions, in seconds.

    `tell` tells systemd how we fare, and `watched` is how often it wants a sign of life, in seconds.
    """

    children: list[Child]
    check_reload: Callable[[], bool] = lambda: True
    leave_within: float = 3600.0
    tell: Callable[..., None] = lambda *states: None
    watched: float | None = None
    stopping: bool = False
    reload_asked: bool = False
    is_up: bool = False
    to_replace: deque[Child] = field(default_factory=deque)
    is_reloading: bool = False
    next_sign: float = 0.0

    def run(self) -> int:
        """Run until told to stop; 0 when all children ended well."""
        signal.signal(signal.SIGTERM, self.on_stop)
        signal.signal(signal.SIGINT, self.on_stop)
        signal.signal(signal.SIGHUP, self.on_reload)
        while not self.stopping:
            for child in self.children:
                look_after(child, self.leave_within)
            if not self.is_up and all(child.current is not None for child in self.children if child.carries_mail):
                self.is_up = True
                self.tell("READY=1")
            self.reload()
            self.sign_of_life()
            self.listen()
        return self.stop()

    def on_stop(self, number: int, frame: object) -> None:
        self.stopping = True

    def on_reload(self, number: int, frame: object) -> None:
        self.reload_asked = True

    def listen(self) -> None:
        """Wait until a process says something, or for a tick."""
        with selectors.DefaultSelector() as selector:
            runs = {run.channel: run for child in self.children for run in child.runs if run.speaks}
            for channel in runs:
                selector.register(channel, selectors.EVENT_READ)
            for key, _ in selector.select(TICK):
                runs[key.fileobj].hear()  # type: ignore[index]

    def sign_of_life(self) -> None:
        if self.is_up and self.watched is not None and time.monotonic() >= self.next_sign:
            self.next_sign = time.monotonic() + self.watched
            self.tell("WATCHDOG=1")

    # ---- SIGHUP ----------------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Replace the children one by one. Asked again meanwhile, it begins anew when it has ended."""
        if self.is_reloading:
            self.go_on_reloading()
        elif self.reload_asked:
            self.reload_asked = False
            self.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
            if not self.check_reload():
                log.error("the settings have errors: everything goes on as before")
                self.tell("READY=1")
                return
            log.info("reloading")
            self.is_reloading = True
            self.to_replace = deque(self.children)
            self.to_replace[0].wanted_since = time.monotonic()

    def go_on_reloading(self) -> None:
        child = self.to_replace[0]
        if child.wanted_since is not None:
            return
        self.to_replace.popleft()
        if self.to_replace and not child.has_failed:
            self.to_replace[0].wanted_since = time.monotonic()
            return
        if child.has_failed:
            log.error("not reloaded: what was not replaced goes on as before", name=child.name)
        else:
            log.info("reloaded")
        self.is_reloading = False
        self.tell("READY=1")

    # ---- SIGTERM ---------------------------------------------------------------------------------------------------

    def stop(self) -> int:
        """Tell all of them to stop, and wait for them."""
        self.tell("STOPPING=1")
        runs = [run for child in self.children for run in child.runs]
        for run in runs:
            run.end(STOP, STOP_WITHIN)
        while any(not run.is_over for run in runs):
            for run in runs:
                if not run.is_over and time.monotonic() > run.cut_at:
                    run.process.kill()
            self.sign_of_life()
            time.sleep(TICK / 2)
        # A child that was told to stop by others too, before it could listen to anybody, ended by the signal itself.
        return 0 if all(run.close() in (0, -signal.SIGTERM) for run in runs) else 1


def look_after(child: Child, leave_within: float) -> None:
    """Start what shall run and does not, and let a new process take its place as soon as it is ready."""
    now = time.monotonic()
    see_off(child, now)
    if child.current is not None:
        notice(child, child.current, now)
    if child.coming is not None:
        welcome(child, child.coming, now, leave_within)
    elif now >= child.not_before and is_needed(child):
        child.start()


def is_needed(child: Child) -> bool:
    """True when another process is to be started."""
    if child.current is None:
        return True
    return child.wanted_since is not None and len(child.leaving) < MOST_LEAVING


def notice(child: Child, run: Run, now: float) -> None:
    """How the working process fares: did it end, or ask to be replaced?"""
    if run.is_over:
        log.error("a process ended", name=child.name, status=run.close())
        child.current = None
        child.failed()
        return
    if now - run.started > STEADY:
        child.failures = 0
    if run.asks and child.wanted_since is None:
        log.info("a process was told to stop: another takes its place first", name=child.name)
        child.wanted_since = now


def welcome(child: Child, run: Run, now: float, leave_within: float) -> None:
    """The new process: ready, still on its way, or failed."""
    if run.is_ready and not run.is_over:
        if child.current is not None:
            child.current.end(LEAVE, leave_within)
            child.leaving.append(child.current)
        child.current, child.coming = run, None
        if child.wanted_since is not None and run.started >= child.wanted_since:
            child.wanted_since = None
        return
    if now - run.started > READY_WITHIN:
        run.process.kill()
    if run.is_over or now - run.started > READY_WITHIN:
        goes_on = child.current is not None
        child.give_up()  # before the line: whoever reads it may ask again at once
        log.error("a process did not start", name=child.name, status=run.close(), the_old_goes_on=goes_on)


def see_off(child: Child, now: float) -> None:
    """Forget old processes that have ended, and end those that do not."""
    for run in list(child.leaving):
        if not run.is_over and now > run.cut_at:
            run.process.kill()
        if run.is_over:
            child.leaving.remove(run)
            if (status := run.close()) != 0:
                log.error("a process ended", name=child.name, status=status)


def children(config: Path, workers: int, sockets: Sequence[socket.socket]) -> list[Child]:
    """The processes of one machine."""
    program = [sys.executable, "-m", "gateway"]
    numbers = [one.fileno() for one in sockets]
    inherited = [argument for number in numbers for argument in ("--fd", str(number))]
    smtpd = [*program, "smtpd", "--config", str(config), *inherited]
    made = [Child(f"smtpd {number + 1}", smtpd, numbers) for number in range(workers)]
    made.append(Child("courier", [*program, "courier", "--config", str(config)]))
    made.append(Child("pupil", [*program, "pupil", "--config", str(config)], carries_mail=False))
    made.append(Child("sweep", [*program, "sweep", "--config", str(config)]))
    return made


def submission(config: Path, sockets: Sequence[socket.socket]) -> Child:
    """The process that takes the mail of our people."""
    numbers = [one.fileno() for one in sockets]
    inherited = [argument for number in numbers for argument in ("--fd", str(number))]
    command = [sys.executable, "-m", "gateway", "submission", "serve", "--config", str(config), *inherited]
    return Child("submission", command, numbers)


def web(config: Path) -> Child:
    """The process that serves the pages."""
    command = [sys.executable, "-m", "gateway", "web", "--config", str(config)]
    return Child("web", command, carries_mail=False)


def exporter(config: Path) -> Child:
    """The process that serves the metrics."""
    command = [sys.executable, "-m", "gateway", "metrics", "--config", str(config)]
    return Child("metrics", command, carries_mail=False)
