"""The listening sockets of [smtp] listen: made here, or handed over by systemd."""

import errno
import socket
import time
from collections.abc import Sequence
from typing import Any

from gateway import systemd
from gateway.settings import Settings
from gateway.settings.addresses import Endpoint
from gateway.smtpd.backlog import BACKLOG
from gateway.systemd import Passed

BIND_WITHIN = 5.0  # seconds; workers of a supervisor that was killed let go of its sockets a moment later


class Mismatch(Exception):
    """The sockets that were handed over are not those of [smtp] listen."""


def listen(settings: Settings) -> list[socket.socket]:
    """A socket for each of [smtp] listen, in its order.

    Raises Mismatch, or OSError with the address in its text.
    """
    handed_over = systemd.passed()
    if handed_over:
        return matched(settings.smtp.listen, handed_over)
    return [patient_listener(endpoint) for endpoint in settings.smtp.listen]


def listen_everywhere(settings: Settings) -> tuple[list[socket.socket], list[socket.socket]]:
    """The sockets of [smtp] listen, and those of [submission] listen and listen_tls. Raises what `listen` raises."""
    inbound, chosen = settings.smtp.listen, settings.submission
    submitted = (*chosen.listen, *chosen.listen_tls)
    handed_over = systemd.passed()
    if handed_over:
        found = matched(inbound, handed_over, submitted)
    else:
        found = [patient_listener(endpoint) for endpoint in (*inbound, *submitted)]
    return found[: len(inbound)], found[len(inbound) :]


def patient_listener(endpoint: Endpoint) -> socket.socket:
    deadline = time.monotonic() + BIND_WITHIN
    while True:
        try:
            return listener(endpoint)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def listener(endpoint: Endpoint) -> socket.socket:
    try:
        family, address = where(endpoint)
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError as error:
        about = f"cannot listen on {endpoint.host} port {endpoint.port}: {error.strerror}"
        raise OSError(error.errno, about) from error
    return made


def where(endpoint: Endpoint) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    """The family and the address to bind."""
    found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = found[0]
    return family, address


def matched(
    endpoints: Sequence[Endpoint], handed_over: Sequence[Passed], submitted: Sequence[Endpoint] = ()
) -> list[socket.socket]:
    """The sockets in the order of the settings, those for submitted mail last.

    Raises Mismatch when one is missing, unfit or too many.
    """
    left = {address_of(one): one for one in handed_over}
    if len(left) < len(handed_over):
        raise Mismatch("two of the sockets that were handed over have the same address")
    found = []
    for endpoint in (*endpoints, *submitted):
        family, address = where(endpoint)
        one = left.pop((family, *address[:2]), None)
        if one is None:
            section = "[smtp] listen" if endpoint in endpoints else "[submission]"
            raise Mismatch(f"{section} names {endpoint}, and no socket of that address was handed over{told(left)}")
        one.socket.setblocking(False)
        found.append(one.socket)
    if left:
        raise Mismatch(f"sockets were handed over that [smtp] listen does not name{told(left)}")
    return found


def address_of(one: Passed) -> tuple[object, ...]:
    """Family, host and port. Raises Mismatch for what mail cannot come in by."""
    sock = one.socket
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type != socket.SOCK_STREAM:
        raise Mismatch(f"the socket {one.name} is not one of TCP")
    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise Mismatch(f"the socket {one.name} does not listen (Accept= must be no)")
    if sock.family == socket.AF_INET6 and not sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        raise Mismatch(f"the socket {one.name} takes IPv4 over IPv6; set BindIPv6Only=ipv6-only in its unit")
    return (sock.family, *sock.getsockname()[:2])


def told(left: dict[tuple[object, ...], Passed]) -> str:
    """The sockets, for the one who wrote the unit."""
    named = [f"{one.name} on {Endpoint(str(key[1]), int(str(key[2])))}" for key, one in left.items()]
    return f" ({', '.join(named)})" if named else ""
