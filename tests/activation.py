"""Starts a program with listening sockets as systemd does (sd_listen_fds(3)): numbers from 3 on, meant for one pid."""

import fcntl
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

FIRST = 3
ABOVE = 100  # where the sockets wait until their numbers are free


def command(program: Sequence[str], sockets: Sequence[socket.socket], names: Sequence[str] = ()) -> list[str]:
    """The program itself when there are no sockets. Their numbers have to be passed on to it (pass_fds)."""
    if not sockets:
        return list(program)
    numbers = ",".join(str(one.fileno()) for one in sockets)
    called = ":".join(names or ("smtp",) * len(sockets))
    return [sys.executable, str(Path(__file__)), numbers, called, *program]


def listening(address: str, port: int, *, dual: bool = False) -> socket.socket:
    """What a socket unit makes of ListenStream=; `dual` takes IPv4 over IPv6 too."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual)
    made.bind((address, port))
    made.listen(4096)
    return made


def main() -> None:
    numbers = [int(number) for number in sys.argv[1].split(",")]
    for index, number in enumerate([fcntl.fcntl(number, fcntl.F_DUPFD, ABOVE) for number in numbers]):
        os.dup2(number, FIRST + index)
    os.closerange(FIRST + len(numbers), ABOVE + len(numbers))
    os.environ.update(LISTEN_FDS=str(len(numbers)), LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES=sys.argv[2])
    os.execvp(sys.argv[3], sys.argv[3:])


if __name__ == "__main__":
    main()
