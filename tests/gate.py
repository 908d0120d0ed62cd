"""The program under test, as an admin runs it: `greygate up` on a settings file, a backend beside it, and the CLI."""

import atexit
import contextlib
import functools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.store.engine import sync_engine
from sql import schema
from tests import activation

PROGRAM = [sys.executable, "-m", "gateway"]
UP_WITHIN = 60.0


def free_port() -> int:
    """A free port below those that outgoing connections take: on a busy machine it is still free a moment later."""
    while True:
        port = random.randint(15000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(one) for one in value) + "]"
    return json.dumps(value)


@functools.cache
def made_before() -> Path:
    """An empty database with the schema: making one takes as long as all else of a start."""
    folder = tempfile.mkdtemp(prefix="greygate-empty-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    engine = sync_engine(f"sqlite:///{folder}/empty.db")
    schema.upgrade(engine)
    engine.dispose()
    return Path(folder) / "empty.db"


def write_settings(path: Path, sections: dict[str, dict[str, Any]], routes: list[dict[str, Any]] = ()) -> None:  # type: ignore[assignment]
    lines = []
    for name, section in sections.items():
        for keys in section if isinstance(section, list) else [section]:
            lines.append(f"[[{name}]]" if isinstance(section, list) else f"[{name}]")
            lines += [f"{key} = {toml(value)}" for key, value in keys.items()]
    for route in routes:
        lines.append("[[route]]")
        lines += [f"{key} = {toml(value)}" for key, value in route.items()]
    path.write_text("\n".join(lines) + "\n")


def merged(base: dict[str, dict[str, Any]], over: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    repeated = {name: section for name, section in over.items() if isinstance(section, list)}
    names = [name for name in {**base, **over} if name not in repeated]
    return {name: {**base.get(name, {}), **over.get(name, {})} for name in names} | repeated


@dataclass
class Gate:
    """A running Greygate. `settings` are laid over the test's defaults: wait 1s, one worker, example.com."""

    folder: Path
    backend: str  # URL
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    routes: list[dict[str, Any]] = field(default_factory=list)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    handed_over: list[socket.socket] = field(default_factory=list)  # listening sockets, as systemd hands them over
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "greygate.toml"

    @property
    def log_path(self) -> Path:
        return self.folder / "gate.log"

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def configure(self) -> None:
        defaults: dict[str, dict[str, Any]] = {
            "smtp": {"listen": [f"127.0.0.1:{self.port}"], "hostname": "gate.example.com", "workers": 1},
            "domains": {"local": ["example.com"]},
            "backend": {"url": self.backend},
            "database": {"url": f"sqlite://{self.folder}/gate.db"},
            "storage": {"path": f"{self.folder}/storage", "reserve": "1MiB"},
            "greylist": {"wait": "1s"},
            "audit": {"share": 0},  # chance is for those who test it
            "tarpit": {"greet_pause": "0s"},
            "web": {"enabled": False},
            "content": {"within": "20s"},  # a reader on a slow machine has an opinion all the same
        }
        if "servers" in self.settings.get("dns", {}):  # of ours; and who answers slowly answers
            defaults["dns"] = {"timeout": "20s", "within": "20s"}
        write_settings(self.config, merged(defaults, self.settings), self.routes)

    def start(self) -> "Gate":
        self.configure()
        if "database" not in self.settings and not (file := self.folder / "gate.db").exists():
            shutil.copy(made_before(), file)
        with open(self.log_path, "ab") as log:
            command = activation.command([*PROGRAM, "up", "--config", str(self.config)], self.handed_over)
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                pass_fds=[one.fileno() for one in self.handed_over],
                env={**os.environ, **self.environment},
            )
        self.wait_until_ready()
        return self

    def wait_until_ready(self) -> None:
        """Every worker has said that it is ready since this supervisor began."""
        wanted = self.settings.get("smtp", {}).get("workers", 1)
        began = self.log.count("worker ready")
        deadline = time.monotonic() + UP_WITHIN
        while time.monotonic() < deadline:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"greygate up ended:\n{self.log}")
            if self.log.count("worker ready") >= wanted and (began == 0 or self.log.count("worker ready") > began):
                return
            time.sleep(0.05)
        raise AssertionError(f"greygate up was not ready in {UP_WITHIN} s:\n{self.log}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop the supervisor; its exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(number)
        status = self.process.wait(120)
        self.process = None
        return status

    def children(self, name: str = "") -> list[int]:
        """The pids of our running processes (smtpd, courier, sweep)."""
        assert self.process is not None
        found = []
        for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
                if "gateway" in command and (not name or name in command):
                    found.append(int(pid))
        return found

    def kill(self, name: str) -> list[int]:
        """kill -9 every process of that name; their pids."""
        pids = self.children(name)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return pids

    def cli(self, *arguments: str, check: bool = True) -> str:
        """What a greygate command prints; with check=False the exit status does not matter."""
        done = subprocess.run(
            [*PROGRAM, *arguments, "--config", str(self.config)],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "COLUMNS": "240", "NO_COLOR": "1"},
        )
        if check:
            assert done.returncode == 0, f"greygate {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def queue(self) -> list[dict[str, Any]]:
        return list(json.loads(self.cli("queue", "list", "--all", "--json")))

    def why(self, wanted: str) -> list[dict[str, Any]]:
        """What is on record about an answer or a recipient, once there is something: it is written a moment later."""
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            said = self.cli("queue", "why", wanted, "--json", check=False)
            found[:] = json.loads(said) if said.startswith("[") else []
            return bool(found)

        until(is_there)
        return found

    def rss_kib(self, name: str = "smtpd") -> int:
        """Resident memory of the processes of that name, in KiB."""
        total = 0
        for pid in self.children(name):
            status = Path(f"/proc/{pid}/status").read_text()
            total += next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        return total


@contextlib.contextmanager
def running(gate: Gate) -> Iterator[Gate]:
    try:
        yield gate.start()
    finally:
        gate.stop()


def catches(pid: int, number: int) -> bool:
    """A process that handles this signal, or is gone: one that still starts would be killed by it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(mask, 16) >> (number - 1) & 1)


def until(condition: Callable[[], object], within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


# ---- where nothing can be seen from outside ------------------------------------------------------------------------

BUSY = ("R", "D")  # proc_pid_stat(5): it runs, or would if there were room; it waits for a disk
SAMPLES, APART = 4, 0.05  # looks in a row that find nobody busy, and seconds between them


def rest(seconds: float = 0.0) -> None:
    """Let so many seconds pass for all that we started, however slow the machine is.

    A pause that counts from a moment when nobody was busy, and then as long as it takes until nobody is: what was begun
    is done, and what was due within the pause has happened. For notes that are written a moment later, and for workers
    that look for changes once a second, where no row, line or mail tells that they did.
    """
    settle()
    time.sleep(seconds)
    settle()


def settle(within: float = 60.0) -> None:
    """Until no process below this one, and no other thread of this one, has anything to do; at most so many seconds."""
    deadline = time.monotonic() + within
    quiet = 0
    while quiet < SAMPLES and time.monotonic() < deadline:
        time.sleep(APART)
        quiet = 0 if busy() else quiet + 1


def busy() -> bool:
    me = threading.get_native_id()
    return any(state in BUSY for thread, state in threads(os.getpid()) if thread != me)


def threads(pid: int) -> Iterator[tuple[int, str]]:
    """Every thread of a process and of all below it, with its state."""
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            yield int(task.name), (task / "stat").read_text().rpartition(")")[2].split()[0]
            for child in (task / "children").read_text().split():
                yield from threads(int(child))
