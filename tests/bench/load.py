"""Load by the tools of Debian's Postfix: `smtp-source` sends, `smtp-sink` receives and counts."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.gate import free_port

REJECTED = re.compile(r"^\S*smtp-source: warning: (.+?) rejected: (\d{3} .*)$")
DIFFERENT = re.compile(r" *\[\w+\]$|<[^>]*>:? *")  # what is different in each reply: ids and addresses
COUNTED = re.compile(rb"mesg=(\d+)")
STANDSTILL = 300.0  # seconds for one run; the slowest take twenty
LOOK_EVERY = 0.005  # seconds; the sink writes a counter for each message, and reading each at once would cost


class Broken(Exception):
    """The load did not do what it should have done, so that a figure would be a lie."""


def tool(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/lib/postfix/sbin")
    if found is None:
        sys.exit(f"{name} is not installed: apt-get install postfix postgrey")
    return found


@dataclass(frozen=True)
class Load:
    """What one run sends: messages of `size` bytes, one connection each, `sessions` at a time."""

    messages: int
    sessions: int = 40
    size: int = 4096

    def command(self, port: int, sender: str, recipient: str, *, numbered: bool) -> list[str]:
        """`numbered` puts a number before each recipient, so that every mail is another triplet."""
        return [
            tool("smtp-source"), "-A", *(["-N"] if numbered else []), "-s", str(self.sessions),
            "-m", str(self.messages), "-l", str(self.size), "-f", sender, "-t", recipient, f"127.0.0.1:{port}",
        ]  # fmt: skip


@dataclass
class Sent:
    """What smtp-source saw: the replies that were no yes."""

    messages: int
    seconds: float
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def greylisted(self) -> int:
        return sum(count for reply, count in self.refused.items() if reply.startswith("45") and "Greylisted" in reply)

    @property
    def accepted(self) -> int:
        return self.messages - self.refused.total()


def read_complaints(text: str) -> tuple[Counter[str], list[str]]:
    """Refusals by what was said, and whatever else smtp-source complained about."""
    refused, trouble = Counter[str](), []
    for line in text.splitlines():
        found = REJECTED.match(line)
        if found:
            refused[DIFFERENT.sub("", found[2])] += 1
        else:
            trouble.append(line)
    return refused, trouble


def send(load: Load, port: int, sender: str, recipient: str, *, numbered: bool) -> Sent:
    """Send it all; raises Broken when smtp-source gave up or a connection failed, or when a server stood still."""
    began = time.perf_counter()
    command = load.command(port, sender, recipient, numbered=numbered)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=STANDSTILL)
    except subprocess.TimeoutExpired as error:
        raise Broken(f"nothing ended within {STANDSTILL:.0f} s: {' '.join(command)}") from error
    seconds = time.perf_counter() - began
    refused, trouble = read_complaints(done.stderr)
    if done.returncode or trouble:
        raise Broken(f"smtp-source ended with {done.returncode}: {trouble[:3]}")
    return Sent(load.messages, seconds, refused)


@dataclass
class Sink:
    """A running smtp-sink and how many messages it has taken.

    A thread reads what it writes, all the time: with its pipe full, it would take no more mail.
    """

    port: int
    process: subprocess.Popen[bytes]
    count: int = 0
    has_ended: bool = False

    def __post_init__(self) -> None:
        threading.Thread(target=self.read, name="count", daemon=True).start()

    def read(self) -> None:
        assert self.process.stdout is not None
        rest = b""
        while piece := os.read(self.process.stdout.fileno(), 1 << 16):
            self.count, rest = counted(rest + piece, self.count)
            time.sleep(LOOK_EVERY)
        self.has_ended = True

    def wait_for(self, count: int, within: float) -> float:
        """Until it has so many; the moment (perf_counter) when that was seen. Raises Broken."""
        deadline = time.perf_counter() + within
        while self.count < count:
            if self.has_ended:
                raise Broken("smtp-sink ended")
            if time.perf_counter() > deadline:
                raise Broken(f"the sink has {self.count} of {count} messages after {within:.0f} s")
            time.sleep(LOOK_EVERY)
        return time.perf_counter()


def counted(data: bytes, before: int) -> tuple[int, bytes]:
    """The last whole counter in what the sink wrote, and the rest behind it."""
    whole, _, rest = data.rpartition(b"\r")
    found = COUNTED.findall(whole)
    return (int(found[-1]) if found else before), rest


@contextmanager
def smtp_sink() -> Iterator[Sink]:
    port = free_port()
    process = subprocess.Popen(
        [tool("smtp-sink"), "-c", "-u", "nobody", f"127.0.0.1:{port}", "256"],
        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(0.5)
    try:
        yield Sink(port, process)
    finally:
        process.terminate()
        process.wait()
