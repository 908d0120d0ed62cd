"""What systemd hands over and wants to hear: sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3).

Whoever else speaks that protocol may do so too. Without it nothing here does anything.
"""

import os
import socket
from contextlib import suppress
from dataclasses import dataclass

TELL_WITHIN = 1.0  # seconds for systemd to listen; it is never that busy
FIRST = 3  # the number of the first socket that is handed over


@dataclass(frozen=True, slots=True)
class Passed:
    """A socket that was handed over, and the name that its unit gives it (FileDescriptorName=)."""

    name: str
    socket: socket.socket


def passed() -> list[Passed]:
    """The sockets handed over to this process; asked once, for they are told to nobody else.

    Raises OSError when one of them is no socket.
    """
    whose, count, names = (os.environ.pop(f"LISTEN_{name}", "") for name in ("PID", "FDS", "FDNAMES"))
    if whose != str(os.getpid()) or not count.isdecimal():
        return []
    called = names.split(":")
    found = []
    for index in range(int(count)):
        os.set_inheritable(FIRST + index, False)
        name = called[index] if index < len(called) and called[index] else "unknown"
        found.append(Passed(name, socket.socket(fileno=FIRST + index)))
    return found


def tell(*states: str) -> None:
    """Tell systemd how this process fares, such as READY=1; nothing when it did not ask, or does not listen."""
    where = os.environ.get("NOTIFY_SOCKET", "")
    if not where.startswith(("/", "@")):
        return
    address = "\0" + where[1:] if where.startswith("@") else where
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
        to.settimeout(TELL_WITHIN)
        to.sendto("\n".join(states).encode(), address)


def watchdog() -> float | None:
    """Seconds between two signs of life, half of what systemd waits for one; None when it does not watch us."""
    told, whose = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not told.isdecimal() or int(told) == 0 or whose not in {"", str(os.getpid())}:
        return None
    return int(told) / 2_000_000
