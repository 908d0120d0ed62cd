"""A real gate: generated settings, and `greygate up` as a child process in a folder of its own."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from gateway.demo.company import DOMAIN, LEVELS, STAFF
from gateway.settings import duration_text

PROGRAM = [sys.executable, "-m", "gateway"]
UP_WITHIN = 60.0  # seconds
DOWN_WITHIN = 60.0
COMMAND_WITHIN = 60.0

SETTINGS = """\
[smtp]
listen = ["127.0.0.1:{port}"]
hostname = "gate.{domain}"
workers = 1
proxy_from = ["127.0.0.1/32"]

[domains]
local = ["{domain}"]

[recipients]
verify = "list"
list = {staff}

[backend]
url = "{backend}"

[database]
url = "sqlite://{folder}/greygate.db"

[storage]
path = "{folder}/storage"
reserve = "1MiB"

[greylist]
wait = "{wait}"

[protection]
overrides = {levels}

[dns]
servers = ["127.0.0.1:{nobody}"]
timeout = "50ms"
"""


class GateFailed(Exception):
    """The gate did not start, or a command of it failed."""


def free_port() -> int:
    """A free port below those that outgoing connections take, so that it is still free a moment later."""
    while True:
        port = random.randint(15000, 32000)  # noqa: S311  (no secret)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass
class Gate:
    """`greygate up` in a folder. `wait` is how long strangers wait, `pause` for the greeting."""

    folder: Path
    wait: timedelta
    pause: timedelta
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def config(self) -> Path:
        return self.folder / "greygate.toml"

    @property
    def log(self) -> str:
        path = self.folder / "gate.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def configure(self, backend: str) -> None:
        """Write the settings, for a backend at this URL."""
        self.port = free_port()
        levels = "{ " + ", ".join(f'"{who}" = "{level}"' for who, level in LEVELS.items()) + " }"
        text = SETTINGS.format(
            port=self.port,
            nobody=free_port(),  # the addresses are made up: nobody is asked for their names
            domain=DOMAIN,
            staff=json.dumps(STAFF),
            backend=backend,
            folder=self.folder,
            wait=duration_text(self.wait),
            levels=levels,
        )
        self.config.write_text(text + tarpit(self.pause), encoding="utf-8")

    def start(self) -> None:
        """Start it, and wait until it takes mail. Raises GateFailed with the end of its log."""
        with open(self.folder / "gate.log", "ab") as log:
            # A session of its own: Ctrl-C reaches the demonstration alone, which then stops the gate.
            self.process = subprocess.Popen(  # noqa: S603  (our own program)
                [*PROGRAM, "up", "--config", str(self.config)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        deadline = time.monotonic() + UP_WITHIN
        while "worker ready" not in self.log:
            if not self.is_running or time.monotonic() > deadline:
                raise GateFailed("the gate did not start:\n" + "\n".join(self.log.splitlines()[-15:]))
            time.sleep(0.05)

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> int:
        """Stop it with all its processes; its exit status, 0 when it was not started."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(DOWN_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()  # its children see that it is gone, and end
            return process.wait()

    def must(self, *words: str) -> str:
        """What a command printed that has to end well. Raises GateFailed."""
        status, output = self.command(words, 100)
        if status != 0:
            raise GateFailed(f"greygate {' '.join(words)} ended with {status}:\n{output}")
        return output

    def command(self, words: tuple[str, ...], width: int) -> tuple[int, str]:
        """Run a greygate command as somebody at a terminal of that width; its status and what it printed."""
        terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(width), "PYTHONUTF8": "1"}
        done = subprocess.run(  # noqa: S603  (our own program)
            [*PROGRAM, *words, "--config", str(self.config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **terminal},
            timeout=COMMAND_WITHIN,
            start_new_session=True,
            check=False,
        )
        return done.returncode, done.stdout.decode("utf-8", "replace").rstrip()


def tarpit(pause: timedelta) -> str:
    return f'\n[tarpit]\ngreet_pause = "{duration_text(pause)}"\nearly_talker = "reject"\n'
