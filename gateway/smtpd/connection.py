"""One connection's life: time limits, replies, peers that vanish, and whether our last word arrived.

aiosmtpd cancels its handler when a peer closes its side, and waits for ever for one that does not read. Here nothing
is cancelled, because a commit under way must end, and every wait for the peer has a limit.
"""

import asyncio
import contextlib
import fcntl
import logging
import struct
import termios
from asyncio import sslproto
from ssl import SSLContext
from typing import Any, cast

from aiosmtpd.smtp import SMTP

from gateway import metrics
from gateway.deadline import Deadline
from gateway.model import Reply
from gateway.policy import reply
from gateway.smtpd import stress
from gateway.smtpd.door import Door
from gateway.smtpd.guest import Guest
from gateway.smtpd.inbox import Inbox
from gateway.smtpd.session import Session

logging.getLogger("mail").setLevel(logging.ERROR)  # aiosmtpd's own log names every command line

# asyncio allocates this much for each TLS connection, and a mail server has many idle ones.
sslproto.SSLProtocol.max_size = 64 * 1024

ABORT_AFTER = 5.0  # seconds between the last reply and cutting a peer that does not read it


class Connection(SMTP):
    """Bytes in, replies out, and the end. What is said in between is `Server`'s."""

    def __init__(self, door: Door, guest: Guest, *, tls: SSLContext | None, loop: asyncio.AbstractEventLoop) -> None:
        # Not SMTP.__init__: it looks through its handler and itself by inspection, for each connection anew, which
        # costs more than all the commands of a short session. These are the attributes of it that we use.
        self.loop = loop
        self.tls_context = tls
        self.transport = None
        self._tls_protocol = None
        self._original_transport = None
        self._handle_hooks = {}
        self.door = door
        self.guest = guest
        self.limits = door.limits
        self.visit: Session | None = None
        self.inbox: Inbox  # made with the connection
        self.serving: asyncio.Task[None]  # so that nobody else forgets it
        self.began = loop.time()
        self.deadline = Deadline(loop, self._timeout_cb)
        self.cutter: asyncio.TimerHandle | None = None
        self.room: asyncio.Future[None] | None = None  # while what we wrote waits for the peer to read
        self.errors = 0
        self.closing = False
        self.lost: Exception | None = None
        self.unconfirmed = False  # our last 250 for data may not have arrived

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        wire = cast(asyncio.Transport, transport)
        self.transport = wire
        if self._original_transport is not None:  # TLS has begun: nothing said before it counts (RFC 3207 4.2)
            assert self.visit is not None
            self.inbox.clear()
            self.inbox.transport = wire
            self.visit.forget_hello(tls=True)
        else:
            self.inbox = Inbox(wire)
            self.door.sessions.add(self)
            metrics.session_began()
            self.serving = self.loop.create_task(self._handle_client())

    def data_received(self, data: bytes) -> None:
        self.inbox.feed(data)

    def connection_lost(self, error: Exception | None) -> None:
        """Wake whoever reads; never cancel: a commit under way must end, and will find nobody to answer."""
        self.deadline.end()
        if self.cutter is not None:
            self.cutter.cancel()
        self.door.sessions.discard(self)
        self.guest.gone()
        self.lost = error or ConnectionResetError("closed")
        if self.unconfirmed and (error is not None or self.unacknowledged() > 0):
            self.reply_was_lost()
        if self._original_transport is not None:
            self._original_transport.close()
        self.inbox.end()
        self.resume_writing()
        self.transport = None

    def eof_received(self) -> bool | None:
        """A peer may close its side and still wait for our answer."""
        self.inbox.end()
        self.guest.gone()
        return self._tls_protocol is None

    @property
    def wire(self) -> asyncio.Transport | None:
        """What we write to; uvloop's transports are no instances of asyncio's."""
        return cast("asyncio.Transport | None", self.transport)

    def unacknowledged(self) -> int:
        """Bytes we sent that the peer's TCP has not confirmed (SIOCOUTQ); 0 when nobody knows."""
        transport = self._original_transport or self.transport
        sock = transport.get_extra_info("socket") if transport is not None else None
        if sock is None:
            return 0
        try:
            return int(struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0])
        except (OSError, ValueError):  # ValueError: the socket below TLS is closed by now
            return 0

    def reply_was_lost(self) -> None:
        self.unconfirmed = False
        if self.visit is not None:
            self.door.in_background(self.visit.reply_was_lost())

    def expect(self, seconds: float) -> None:
        """From now on the peer has so many seconds."""
        self.deadline.set(seconds)

    def stop_timer(self) -> None:
        self.deadline.clear()

    def _timeout_cb(self) -> None:
        """Say so if the peer reads at all, and cut it either way: close() alone waits for a buffer nobody empties."""
        transport = self.wire
        if transport is None:
            return
        if self.unconfirmed and self.unacknowledged() > 0:
            self.reply_was_lost()
        if transport.get_write_buffer_size() == 0:
            transport.write(f"{reply.TIMED_OUT}\r\n".encode())
            transport.close()
            self.cut_soon()
        else:
            transport.abort()

    def cut_soon(self) -> None:
        """Unless it ends by itself; nothing holds on to what has ended."""
        if self.lost is None and self.cutter is None:
            self.deadline.clear()
            self.cutter = self.loop.call_later(ABORT_AFTER, self.cut)

    def cut(self) -> None:
        """End it now if it has not ended by itself; under TLS at the socket, for the layer above may be gone."""
        transport = cast("asyncio.Transport | None", self._original_transport or self.transport)
        if self.lost is None and transport is not None:
            transport.abort()

    async def push(self, status: Any) -> None:
        """Write a reply; a peer that does not read it is cut after the command time-out."""
        self.say(status)

    def say(self, status: Any) -> None:
        transport = self.wire
        if transport is None:
            return
        text = str(status)
        data = text.encode("utf-8", "replace") + b"\r\n"
        metrics.replied(text[0])
        if self.guest.slow is not None:  # byte by byte
            self.guest.slow.say(data)
        else:
            transport.write(data)
        if isinstance(status, Reply) and status.code >= 500:
            self.errors += 1

    def pause_writing(self) -> None:
        """The network has enough of our words for now."""
        self.room = self.loop.create_future()

    def resume_writing(self) -> None:
        if self.room is not None and not self.room.done():
            self.room.set_result(None)
        self.room = None

    def patience(self) -> float:
        """Seconds until the next command."""
        seconds = self.limits.command_timeout.total_seconds()
        return min(seconds, stress.COMMAND_TIMEOUT) if self.guest.is_hurried else seconds

    async def flush(self) -> None:
        """Wait until the network has taken what we said; no longer than the command time-out."""
        if self.guest.slow is not None:
            await self.guest.slow.said.wait()
        if self.room is not None:
            self.expect(self.limits.command_timeout.total_seconds())
            await self.room

    def hang_up(self) -> None:
        """Close, and cut if the peer does not take our last words in time."""
        self.stop_timer()
        transport = self.wire
        if transport is not None:
            transport.close()
            self.cut_soon()

    def idle(self) -> bool:
        return self.visit is None or self.visit.is_idle

    def stop_politely(self) -> None:
        """End a connection that is between mails; the others are told after theirs."""
        transport = self.wire
        if self.idle() and transport is not None and not transport.is_closing() and not self.closing:
            self.closing = True
            self.say(reply.STOPPING)
            self.hang_up()

    async def linger(self) -> None:
        """Let the peer read why we go: closing with bytes unread resets the connection, and our words with it."""
        transport = self.wire
        if transport is None or self._tls_protocol is not None:
            return
        self.stop_timer()
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(ABORT_AFTER):
                if self.room is not None:
                    await self.room
                transport.write_eof()
                while await self.inbox.piece():
                    pass
