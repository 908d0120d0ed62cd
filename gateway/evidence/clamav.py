"""A virus scanner, clamd, over its socket: one connection for a mail, its bytes in chunks, one line back (INSTREAM).

What it does not say in time is no opinion: neither an error nor a time-out counts for or against a mail.
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import structlog

log = structlog.get_logger()

INSTREAM = b"zINSTREAM\0"
CHUNK = 256 * 1024  # bytes
LONGEST_ANSWER = 1000  # bytes
FOUND = re.compile(r"stream: (.{1,200}) FOUND")
CLEAN = "stream: OK"


class Scanner(Protocol):
    """Whoever knows viruses."""

    async def virus_in(self, chunks: Iterable[bytes]) -> str | None:
        """The name of the virus in a mail; None for none, and when nobody could say."""
        ...


class NoScanner:
    async def virus_in(self, chunks: Iterable[bytes]) -> str | None:
        return None


@dataclass(frozen=True, slots=True)
class Clamd:
    """`place` is the path of a socket, or host:port; `within` in seconds, for all of one mail."""

    place: str
    within: float

    async def virus_in(self, chunks: Iterable[bytes]) -> str | None:
        try:
            async with asyncio.timeout(self.within):
                answer = await self.asked(chunks)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            log.warning("the virus scanner did not answer", error=str(error) or type(error).__name__)
            return None
        if (found := FOUND.fullmatch(answer)) is not None:
            return "".join(filter(str.isprintable, found[1]))
        if answer != CLEAN:
            log.warning("the virus scanner did not answer", error=answer[:200])
        return None

    async def asked(self, chunks: Iterable[bytes]) -> str:
        reader, writer = await self.connected()
        try:
            writer.write(INSTREAM)
            for chunk in chunks:
                for start in range(0, len(chunk), CHUNK):
                    piece = chunk[start : start + CHUNK]
                    writer.write(len(piece).to_bytes(4) + piece)
                    await writer.drain()
            writer.write(bytes(4))
            await writer.drain()
            answer = await reader.readuntil(b"\0")
        finally:
            writer.close()
        return answer[:-1].decode("utf-8", "replace").strip()

    async def connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.place.startswith("/"):
            return await asyncio.open_unix_connection(self.place, limit=LONGEST_ANSWER)
        host, _, port = self.place.rpartition(":")
        return await asyncio.open_connection(host.strip("[]"), int(port), limit=LONGEST_ANSWER)
