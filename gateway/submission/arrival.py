"""The doorstep of those who send mail: nobody waits for a greeting, and TLS may come before the first word."""

import asyncio
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable
from typing import cast

from gateway.model import IPAddress
from gateway.smtpd.certificate import Certificate
from gateway.smtpd.door import Door
from gateway.smtpd.doorstep import Doorstep
from gateway.smtpd.guest import Guest
from gateway.smtpd.worker import Greet
from gateway.submission.office import Office
from gateway.submission.server import SubmissionServer


def greeter(office: Office, with_starttls: int) -> Greet:
    """Receives connections: at the first `with_starttls` listeners in plain, at the others under TLS."""

    def greet(
        door: Door, certificate: Certificate, listener: int, loop: asyncio.AbstractEventLoop
    ) -> Callable[[], Doorstep]:
        def serve(guest: Guest) -> SubmissionServer:
            return SubmissionServer(door, guest, office, tls=certificate.contexts[listener], loop=loop)

        kind = Arrival if listener < with_starttls else EncryptedArrival
        return lambda: kind(door, serve, loop)

    return greet


class Arrival(Doorstep):
    """Mail programs are no strangers to be slowed down: who may send is asked later."""

    __slots__ = ()

    def arrive(self, address: IPAddress, *, allowed: bool = False) -> None:
        super().arrive(address, allowed=True)


class EncryptedArrival(Arrival):
    """TLS from the first byte (RFC 8314 3.3)."""

    __slots__ = ()

    def let_in(self) -> None:
        guest, self.guest = self.guest, None
        assert guest is not None
        self.stop_waiting()
        server = cast(SubmissionServer, self.serve(guest))
        if server.tls_context is None or not guest.encrypt():
            guest.leave()
            return self.transport.abort()
        done: asyncio.Future[None] = self.loop.create_future()
        within = int(self.door.limits.tls_handshake.total_seconds()) or 1
        layer = SSLProtocol(self.loop, server, server.tls_context, done, server_side=True, ssl_handshake_timeout=within)
        server.begin_encrypted(layer)
        done.add_done_callback(lambda over: self.shook_hands(over, server, guest))
        self.transport.set_protocol(layer)
        layer.connection_made(self.transport)
        self.hand_over(layer)
        return None

    def hand_over(self, layer: SSLProtocol) -> None:
        """What came with the header of a load balancer is TLS already."""
        held, self.held = memoryview(self.held), b""
        if held:
            self.transport.resume_reading()
        while held:
            room = layer.get_buffer(len(held))
            taken = min(len(room), len(held))
            room[:taken] = held[:taken]
            layer.buffer_updated(taken)
            held = held[taken:]

    def shook_hands(self, over: "asyncio.Future[None]", server: SubmissionServer, guest: Guest) -> None:
        """A handshake that failed leaves no session to give the place back."""
        failed = over.cancelled() or over.exception() is not None
        if failed or not server.has_begun:
            guest.leave()
