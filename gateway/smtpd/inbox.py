"""What a peer has sent and we have not used yet: taken as lines, or in pieces as they come."""

import asyncio

PIECE = 64 * 1024


class LineTooLong(Exception):
    """A command longer than allowed; it was read to its end and thrown away."""


class Inbox:
    """A small buffer over a stream reader. Bytes behind the end of data can be put back: they are commands."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self.reader = reader
        self.held = b""

    @property
    def has_line(self) -> bool:
        return b"\n" in self.held

    @property
    def is_empty(self) -> bool:
        return not self.held

    async def line(self, limit: int) -> bytes | None:
        """The next line with its line end; None at the end of the stream. Raises LineTooLong after the line's end."""
        overlong = False
        while (end := self.held.find(b"\n")) < 0:
            if len(self.held) > limit:
                overlong, self.held = True, b""
            if not await self.fill():
                return None
        line, self.held = self.held[: end + 1], self.held[end + 1 :]
        if overlong or len(line) > limit:
            raise LineTooLong
        return line

    async def piece(self) -> bytes:
        """Whatever there is, at most 64 KiB or what was put back; b"" at the end of the stream."""
        if self.is_empty and not await self.fill():
            return b""
        piece, self.held = self.held, b""
        return piece

    async def fill(self) -> bool:
        """Wait for more; False at the end of the stream."""
        more = await self.reader.read(PIECE)
        self.held += more
        return bool(more)

    def put_back(self, data: bytes) -> None:
        self.held = data + self.held

    def clear(self) -> None:
        """Forget what was sent before TLS began (RFC 3207 4.2)."""
        self.held = b""
