"""Lines in and bytes out over one TCP or unix connection, with TLS on request (RFC 5321 4.5.3, RFC 3207)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from gateway.deadline import Deadline

MAX_LINE = 4096  # bytes of one reply line
READ_AHEAD = 65536  # unread bytes beyond which the hop has to wait
LARGE = 16384  # bytes in one write that is surely not the only one of its mail


class Broken(Exception):
    """The connection is of no more use: lost, timed out, or the other side speaks no SMTP."""


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds to wait for: a connection, a reply (the greeting included), one write, the reply to the final dot."""

    connect: float = 10.0
    command: float = 30.0
    write: float = 180.0
    final: float = 300.0


@asynccontextmanager
async def time_limit(seconds: float, purpose: str) -> AsyncIterator[None]:
    """Raises Broken where `seconds` were not enough."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise Broken(f"{purpose}: not within {seconds:g} s") from None


@dataclass(slots=True)
class Limit:
    """Within what something must have happened, and what it is called."""

    seconds: float
    purpose: str
    is_over: bool = False


class Wire(asyncio.Protocol):
    """A connection with bounded memory: what the hop sends unasked stays in the kernel beyond READ_AHEAD."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._unread = bytearray()
        self._ended = False
        self._paused = False
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._limit: Limit | None = None  # of what is going on now
        self._deadline = Deadline(asyncio.get_running_loop(), self._on_deadline)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._unread += data
        self._news.set()
        self._writable.set()  # a hop that answers early may have stopped reading: let the writer look
        if len(self._unread) > READ_AHEAD and not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.end()
        self._ended = True
        self._news.set()
        self._writable.set()

    def eof_received(self) -> None:
        """A hop that half-closes has nothing more to say: returning None closes the connection."""
        self._ended = True
        self._news.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    @property
    def is_over(self) -> bool:
        return self._ended or self._transport.is_closing()

    @property
    def has_unread(self) -> bool:
        return bool(self._unread)

    def limit(self, seconds: float, purpose: str) -> None:
        """From now on reading and writing together may take so long; then they raise Broken."""
        self._limit = Limit(seconds, purpose)
        self._deadline.set(seconds)

    def no_limit(self) -> None:
        self._limit = None
        self._deadline.clear()

    def _on_deadline(self) -> None:
        if self._limit is not None:
            self._limit.is_over = True
        self._news.set()
        self._writable.set()

    def _check_limit(self) -> None:
        if self._limit is not None and self._limit.is_over:
            raise Broken(f"{self._limit.purpose}: not within {self._limit.seconds:g} s")

    async def line(self) -> bytes:
        """The next line without its end. Raises Broken when it is longer than MAX_LINE, never comes, or too late."""
        while (end := self._unread.find(b"\n", 0, MAX_LINE)) < 0:
            if len(self._unread) >= MAX_LINE:
                raise Broken("reply line too long")
            if self._ended:
                raise Broken("connection lost")
            self._check_limit()
            self._news.clear()
            await self._news.wait()
        line = bytes(self._unread[:end]).removesuffix(b"\r")
        del self._unread[: end + 1]
        self._read_on()
        return line

    def _read_on(self) -> None:
        if self._paused and len(self._unread) <= READ_AHEAD and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    async def write(self, data: bytes) -> None:
        """Hands the bytes to the network and waits until it has room again; Broken when nothing was sent, or late.

        A connection that ends while we wait is found by the next line() or write(): an answer may have come before.
        """
        if self.is_over:
            raise Broken("connection lost")
        self._transport.write(data)
        if len(data) >= LARGE:
            await asyncio.sleep(0)  # a fast network would never let another task run, nor tell us of an early answer
        if not self._writable.is_set():
            await self._writable.wait()
            self._check_limit()

    async def start_tls(self, context: ssl.SSLContext, name: str) -> None:
        """Goes on encrypted. Raises Broken when the handshake fails or plaintext came in ahead of it (RFC 3207 4.2)."""
        if self.has_unread or self.is_over:
            raise Broken("plaintext between the reply to STARTTLS and TLS")
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(self._transport, self, context, server_hostname=name)
        except OSError as error:
            raise Broken(f"TLS: {error}") from error
        self._transport = cast(asyncio.Transport, transport)

    def leave(self, farewell: bytes) -> None:
        """Sends the last bytes and closes without waiting for an answer."""
        if not self.is_over:
            self._transport.write(farewell)
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()


async def connect_tcp(host: str, port: int) -> Wire:
    """Raises Broken when nobody listens there."""
    try:
        return (await asyncio.get_running_loop().create_connection(Wire, host, port))[1]
    except OSError as error:
        raise Broken(f"connect: {error}") from error


async def connect_unix(path: str) -> Wire:
    """Raises Broken when nobody listens there."""
    try:
        return (await asyncio.get_running_loop().create_unix_connection(Wire, path))[1]
    except OSError as error:
        raise Broken(f"connect: {error}") from error
