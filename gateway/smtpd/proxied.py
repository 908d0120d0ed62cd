"""Who the peer is, as a load balancer tells it: the PROXY header, versions 1 and 2 (haproxy's proxy-protocol.txt)."""

import asyncio
from ipaddress import ip_address

from aiosmtpd.proxy_protocol import ProxyData, get_proxy

from gateway.model import IPAddress

V1, V2 = b"PROXY", b"\r\n\r\n\0\r\nQUIT\n"
V1_MOST = 107  # bytes, the line end included
V2_MOST = 4096  # bytes; addresses need 52, the rest is what some balancers add


class BadHeader(Exception):
    """The bytes are no PROXY header."""


def read_header(data: bytes) -> tuple[IPAddress | None, int] | None:
    """The peer's address (None: the balancer speaks for itself) and the length of the header; None: more is to come.

    Raises BadHeader.
    """
    length = length_of(data)
    if length is None or len(data) < length:
        return None
    found = parsed(data[:length])
    if not found.valid:
        raise BadHeader(found.error or "malformed")
    return (None if found.src_addr is None else ip_address(str(found.src_addr))), length


def length_of(data: bytes) -> int | None:
    if data.startswith(V1[: len(data)]):
        end = data.find(b"\n")
        if end < 0 and len(data) > V1_MOST:
            raise BadHeader("no end of line")
        return None if end < 0 else end + 1
    if not data.startswith(V2[: len(data)]):
        raise BadHeader("unknown signature")
    if len(data) < len(V2) + 4:
        return None
    length = len(V2) + 4 + int.from_bytes(data[14:16], "big")
    if length > V2_MOST:
        raise BadHeader("too long")
    return length


class Whole:
    """Bytes that are all there, as aiosmtpd's parser asks for them."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    async def read(self, n: int = -1) -> bytes:
        return self.take(len(self.data) if n < 0 else n)

    async def readexactly(self, n: int) -> bytes:
        if len(self.data) < n:
            raise asyncio.IncompleteReadError(self.data, n)
        return self.take(n)

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        end = self.data.find(separator)
        if end < 0:
            raise asyncio.IncompleteReadError(self.data, None)
        return self.take(end + len(separator))

    def take(self, count: int) -> bytes:
        taken, self.data = self.data[:count], self.data[count:]
        return taken


def parsed(header: bytes) -> ProxyData:
    """aiosmtpd's parser on a header that is there as a whole, so that it never waits."""
    reading = get_proxy(Whole(header))
    try:
        reading.send(None)
    except StopIteration as end:
        found: ProxyData = end.value
        return found
    reading.close()
    raise BadHeader("incomplete")
