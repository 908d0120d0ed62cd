"""What a peer has sent and we have not used yet: taken as lines, or in pieces as they come."""

import asyncio

MOST = 64 * 1024  # bytes held before the peer has to wait


class LineTooLong(Exception):
    """A command longer than allowed; it was read to its end and thrown away."""


class Inbox:
    """A small buffer with one reader. Bytes behind the end of data can be put back: they are commands."""

    __slots__ = ("ended", "held", "paused", "reader", "transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.held = bytearray()
        self.ended = False
        self.paused = False
        self.reader: asyncio.Future[None] | None = None

    @property
    def is_empty(self) -> bool:
        return not self.held

    # ---- the network's side ----------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        self.held += data
        if len(self.held) > MOST and not self.paused:
            self.paused = True
            self.transport.pause_reading()
        self.wake()

    def end(self) -> None:
        """Nothing more will come."""
        self.ended = True
        self.wake()

    def wake(self) -> None:
        if self.reader is not None and not self.reader.done():
            self.reader.set_result(None)

    # ---- the session's side ----------------------------------------------------------------------------------------

    async def line(self, limit: int) -> bytes | None:
        """The next line with its line end; None at the end of the stream. Raises LineTooLong after the line's end."""
        overlong, searched = False, 0
        while (end := self.held.find(b"\n", searched)) < 0:
            searched = len(self.held)
            if searched > limit:
                overlong, searched = True, 0
                self.held.clear()
            if not await self.fill():
                return None
        line = bytes(self.held[: end + 1])
        del self.held[: end + 1]
        if overlong or len(line) > limit:
            raise LineTooLong
        return line

    async def piece(self) -> bytes:
        """Whatever there is; b"" at the end of the stream."""
        if self.is_empty and not await self.fill():
            return b""
        piece = bytes(self.held)
        self.held.clear()
        return piece

    async def fill(self) -> bool:
        """Wait for more; False at the end of the stream."""
        if self.ended:
            return False
        if self.paused:
            self.paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()
        before = len(self.held)
        self.reader = asyncio.get_running_loop().create_future()
        try:
            await self.reader
        finally:
            self.reader = None
        return len(self.held) > before

    def put_back(self, data: bytes) -> None:
        self.held[:0] = data

    def clear(self) -> None:
        """Forget what was sent before TLS began (RFC 3207 4.2)."""
        self.held.clear()
