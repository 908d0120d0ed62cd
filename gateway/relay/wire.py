"""Lines in and bytes out over one TCP or unix connection, with TLS on request (RFC 5321 4.5.3, RFC 3207)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

MAX_LINE = 4096  # bytes of one reply line
READ_AHEAD = 65536  # unread bytes beyond which the hop has to wait


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

    async def line(self) -> bytes:
        """The next line without its end. Raises Broken when it is longer than MAX_LINE or never comes."""
        while (end := self._unread.find(b"\n", 0, MAX_LINE)) < 0:
            if len(self._unread) >= MAX_LINE:
                raise Broken("reply line too long")
            if self._ended:
                raise Broken("connection lost")
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
        """Hands the bytes to the network and waits until it has room again. Raises Broken when nothing was sent.

        A connection that ends while we wait is found by the next line() or write(): an answer may have come before.
        """
        if self.is_over:
            raise Broken("connection lost")
        self._transport.write(data)
        await asyncio.sleep(0)  # a fast network would never let another task run, nor tell us of an early answer
        await self._writable.wait()

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
