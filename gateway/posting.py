"""A signed POST as Standard Webhooks says: HMAC-SHA256 over id, time and body. No redirect is followed."""

import hmac
import http.client
import socket
import ssl
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from threading import Timer
from urllib.parse import urlsplit

WITHIN = 15.0  # seconds that all of it may take, but for the name to be found


@dataclass(frozen=True, slots=True)
class Hook:
    """Where something is posted, and what signs it."""

    address: str
    secret: bytes

    def __str__(self) -> str:
        """What may be logged: the rest of an address may be a secret."""
        return urlsplit(self.address).netloc.rpartition("@")[2]

    def post(self, number: str, body: bytes, at: int) -> int:
        """The status. `number`: the same for the same news; `at`: now, in seconds of 1970. Raises OSError,
        HTTPException."""
        parts = urlsplit(self.address)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        line: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            line = http.client.HTTPSConnection(parts.netloc, timeout=WITHIN, context=context)
        else:
            line = http.client.HTTPConnection(parts.netloc, timeout=WITHIN)
        end = Timer(WITHIN, cut, [line])  # whoever answers a byte at a time is slow, too
        end.daemon = True
        end.start()
        try:
            line.request("POST", path, body, headers(number, at, body, self.secret))
            return line.getresponse().status
        finally:
            end.cancel()
            line.close()


def cut(line: http.client.HTTPConnection) -> None:
    if line.sock is not None:
        with suppress(OSError):
            line.sock.shutdown(socket.SHUT_RDWR)


def headers(number: str, at: int, body: bytes, secret: bytes) -> dict[str, str]:
    seal = hmac.digest(secret, f"{number}.{at}.".encode() + body, "sha256")
    return {
        "Content-Type": "application/json",
        "User-Agent": "Greygate",
        "webhook-id": number,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{b64encode(seal).decode()}",
    }
