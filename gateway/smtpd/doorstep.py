"""Where a connection waits until it is greeted: no session yet, only an address and a timer.

Thousands may stand here, so what stands here is small. What the load balancer says about the peer is read here too;
who is let in is handed over to the server together with its place.
"""

import asyncio
import fcntl
import struct
import termios
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, cast

import structlog

from gateway import clock
from gateway.model import IPAddress, Mode, Switch
from gateway.policy import reply
from gateway.policy.tarpit import Standing
from gateway.smtpd.guest import Guest
from gateway.smtpd.proxied import BadHeader, read_header

if TYPE_CHECKING:
    from gateway.smtpd.door import Door

log = structlog.get_logger()

HEADER_WITHIN = 10.0  # seconds a load balancer has to tell who the peer is
MOST_HELD = 4096  # bytes of early talk; the rest stays in the kernel

Serve = Callable[[Guest], asyncio.Protocol]


class Doorstep(asyncio.Protocol):
    """The first protocol of a connection; `serve` makes the second."""

    __slots__ = ("began", "door", "guest", "held", "loop", "serve", "timer", "transport")

    def __init__(self, door: "Door", serve: Serve, loop: asyncio.AbstractEventLoop) -> None:
        self.door = door
        self.serve = serve
        self.loop = loop
        self.transport: asyncio.Transport
        self.guest: Guest | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.held = b""
        self.began = 0.0

    # ---- the connection --------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        if not peer:  # it left already
            return transport.close()
        address = ip_address(str(peer[0]).partition("%")[0])
        self.door.sessions.add(self)
        if any(address in network for network in self.door.proxies):
            self.timer = self.loop.call_later(HEADER_WITHIN, self.transport.abort)
        else:
            self.arrive(address)
        return None

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        spoke_before = bool(self.held)
        self.held += data
        if self.guest is None:
            return self.read_header()
        if not spoke_before:
            self.door.tarpit.talked_early(self.guest)
        if len(self.held) > MOST_HELD:
            self.transport.pause_reading()
        return None

    def connection_lost(self, error: Exception | None) -> None:
        self.stop_waiting()
        if self.guest is not None:
            self.guest.leave()

    # ---- who is it -------------------------------------------------------------------------------------------------

    def read_header(self) -> None:
        """What a load balancer says; its bytes are not the peer's."""
        try:
            found = read_header(self.held)
        except BadHeader as error:
            log.warning("a proxy sent no valid PROXY header", proxy=str(self.peer()), error=str(error))
            return self.transport.abort()
        if found is None:
            return None
        address, length = found
        self.held = self.held[length:]
        self.stop_timer()
        if address is None:  # the balancer itself, to see whether we live
            return self.arrive(self.peer(), allowed=True)
        return self.arrive(address)

    def peer(self) -> IPAddress:
        return ip_address(str(self.transport.get_extra_info("peername")[0]).partition("%")[0])

    def arrive(self, address: IPAddress, *, allowed: bool = False) -> None:
        door = self.door
        bypassed = bool(door.switched_on) and Switch.BYPASS in door.switches(clock.now())
        everybody = bypassed or door.mode is Mode.OBSERVE
        relay = door.is_relay(address)
        guest = door.tarpit.receive(address, door.listed, allowed=allowed or everybody, is_relay=relay)
        if guest is None:
            return self.send_away(str(reply.TOO_MANY_CONNECTIONS))
        self.guest = guest
        pause = door.tarpit.pause(guest)
        if not pause:
            return self.let_in()
        self.began = self.loop.time()
        self.timer = self.loop.call_later(pause, door.tarpit.greet_in_turn, self)
        door.tarpit.waiting[self] = None
        if self.held:
            door.tarpit.talked_early(guest)
        return None

    # ---- the end of the wait ---------------------------------------------------------------------------------------

    def greet(self) -> None:
        """It has waited long enough, or we need to be quick."""
        assert self.guest is not None
        self.guest.paused = self.loop.time() - self.began
        if not self.held and not self.unread():
            self.door.tarpit.was_patient(self.guest)
        self.let_in()

    def let_in(self) -> None:
        """Greet: from here on it is the server's."""
        guest, self.guest = self.guest, None
        assert guest is not None
        if guest.who is Standing.STRANGER and (self.held or self.unread()):
            self.door.tarpit.talked_early(guest)
        self.stop_waiting()
        server = self.serve(guest)
        self.transport.set_protocol(server)
        server.connection_made(self.transport)
        if self.held:
            server.data_received(self.held)
            self.transport.resume_reading()

    def end(self) -> None:
        """Make room for somebody we know."""
        self.send_away(str(reply.TOO_MANY_CONNECTIONS))

    def stop_politely(self) -> None:
        self.send_away(str(reply.STOPPING))

    def send_away(self, word: str) -> None:
        self.stop_waiting()
        if self.guest is not None:
            self.guest.leave()
        if not self.transport.is_closing():
            self.transport.write(f"{word}\r\n".encode())
            self.transport.close()

    def stop_waiting(self) -> None:
        self.stop_timer()
        self.door.tarpit.waiting.pop(self, None)
        self.door.sessions.discard(self)

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def unread(self) -> bool:
        """True when the peer has sent something that we have not read yet (FIONREAD)."""
        sock = self.transport.get_extra_info("socket")
        try:
            return bool(struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.FIONREAD, b"\0" * 4))[0])
        except (OSError, ValueError):
            return False
