"""How alerts go out. None of it goes through our own queue or database: these may be what is amiss."""

import asyncio
import hmac
import http.client
import json
import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol
from urllib.parse import urlsplit

import structlog

from gateway.alerts import written
from gateway.alerts.written import News
from gateway.i18n import ENGLISH, Language, speaking
from gateway.model import Envelope, Recipient
from gateway.policy.address import parse_address
from gateway.relay.nexthop import NextHop, Outgoing

log = structlog.get_logger()

WITHIN = 15.0  # seconds that a hook may take


class Channel(Protocol):
    """Somewhere to tell."""

    async def tell(self, news: News) -> bool:
        """False where it did not come there; never raises."""


@dataclass(frozen=True, slots=True)
class Mailed:
    """To one admin, by a next hop."""

    hop: NextHop
    sender: str
    recipient: str
    language: Language = ENGLISH

    def __str__(self) -> str:
        return self.recipient

    async def tell(self, news: News) -> bool:
        with speaking(self.language):
            data = written.mail(news, self.sender, self.recipient)
        envelope = Envelope(None, (Recipient(parse_address(self.recipient)),))
        (attempt,) = await self.hop.deliver(Outgoing(envelope, lambda: iter([data]), len(data)))
        if attempt.reply.code // 100 != 2:
            log.warning("an alert could not be sent", to=self.recipient, error=str(attempt.reply))
            return False
        return True


@dataclass(frozen=True, slots=True)
class Posted:
    """To a hook, signed as Standard Webhooks says: HMAC-SHA256 over id, time and body. No redirect is followed."""

    address: str
    secret: bytes

    def __str__(self) -> str:
        return host_of(self.address)

    async def tell(self, news: News) -> bool:
        try:
            status = await asyncio.to_thread(self.post, written.as_json(news), int(news.at.timestamp()))
        except (OSError, http.client.HTTPException) as error:
            log.warning("an alert could not be sent", to=host_of(self.address), error=str(error) or repr(error))
            return False
        if status // 100 != 2:
            log.warning("an alert could not be sent", to=host_of(self.address), error=f"HTTP {status}")
            return False
        return True

    def post(self, told: Mapping[str, Any], at: int) -> int:
        """The status. Raises OSError, HTTPException."""
        body = json.dumps(told).encode()
        parts = urlsplit(self.address)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        line: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            line = http.client.HTTPSConnection(parts.netloc, timeout=WITHIN, context=context)
        else:
            line = http.client.HTTPConnection(parts.netloc, timeout=WITHIN)
        try:
            line.request("POST", path, body, self.headers(body, at))
            return line.getresponse().status
        finally:
            line.close()

    def headers(self, body: bytes, at: int) -> dict[str, str]:
        number = f"msg_{sha256(body).hexdigest()[:24]}"
        seal = hmac.digest(self.secret, f"{number}.{at}.".encode() + body, "sha256")
        return {
            "Content-Type": "application/json",
            "User-Agent": "Greygate",
            "webhook-id": number,
            "webhook-timestamp": str(at),
            "webhook-signature": f"v1,{b64encode(seal).decode()}",
        }


def host_of(address: str) -> str:
    """What may be logged: the rest of an address may be a secret."""
    return urlsplit(address).netloc
