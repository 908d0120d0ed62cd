"""How alerts go out. None of it goes through our own queue or database: these may be what is amiss."""

import asyncio
import http.client
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import structlog

from gateway.alerts import written
from gateway.alerts.written import News
from gateway.i18n import ENGLISH, Language, speaking
from gateway.model import Envelope, Recipient
from gateway.policy.address import parse_address
from gateway.posting import Hook
from gateway.relay.nexthop import NextHop, Outgoing

log = structlog.get_logger()


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
    """To a hook."""

    address: str
    secret: bytes

    def __str__(self) -> str:
        return str(Hook(self.address, self.secret))

    async def tell(self, news: News) -> bool:
        body = json.dumps(written.as_json(news)).encode()
        number = f"msg_{sha256(body).hexdigest()[:24]}"
        try:
            hook = Hook(self.address, self.secret)
            status = await asyncio.to_thread(hook.post, number, body, int(news.at.timestamp()))
        except (OSError, http.client.HTTPException) as error:
            log.warning("an alert could not be sent", to=str(self), error=str(error) or repr(error))
            return False
        if status // 100 != 2:
            log.warning("an alert could not be sent", to=str(self), error=f"HTTP {status}")
            return False
        return True
