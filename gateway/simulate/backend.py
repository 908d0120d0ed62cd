"""The mail server behind the simulated gate: takes everything, notes what came, and is down when it is told to be."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway import clock
from gateway.model import Address, Reply
from gateway.relay.nexthop import UNREACHABLE, Attempt, Capabilities, Outgoing

TOKEN = re.compile(rb"^Simulated: (\d+)\r$", re.MULTILINE)
TAKEN = Attempt.answered(Reply(250, "2.0.0", "Taken"))


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail as it came, for one recipient. `mail` is its number; `junk`: tagged for the Junk folder."""

    mail: int
    recipient: str
    at: datetime
    junk: bool
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outage:
    """The backend cannot be reached from a moment on, for a while."""

    begins: datetime
    lasts: timedelta

    def covers(self, now: datetime) -> bool:
        return self.begins <= now < self.begins + self.lasts


@dataclass
class Backend:
    """A next hop (relay.nexthop.NextHop). Arrivals are noted in their order."""

    junk_header: bytes
    outages: Sequence[Outage] = ()
    arrivals: list[Arrival] = field(default_factory=list)
    arrived: set[tuple[int, str]] = field(default_factory=set)  # mail and recipient

    async def deliver(self, mail: Outgoing) -> list[Attempt]:
        now = clock.now()
        if any(outage.covers(now) for outage in self.outages):
            return [UNREACHABLE] * len(mail.envelope.recipients)
        data = b"".join(mail.chunks())
        found = TOKEN.search(data)
        number = int(found[1]) if found else 0  # a notice of the gate itself
        junk = data.partition(b"\r\n\r\n")[0].find(self.junk_header) >= 0
        for recipient in mail.envelope.recipients:
            self.arrivals.append(Arrival(number, recipient.address.key, now, junk, data))
            self.arrived.add((number, recipient.address.key))
        return [TAKEN] * len(mail.envelope.recipients)

    def has(self, mail: int, recipient: str) -> bool:
        return (mail, recipient) in self.arrived

    async def recipient_exists(self, address: Address) -> bool | None:
        return True

    async def capabilities(self) -> Capabilities | None:
        return Capabilities(size=None, eight_bit=True, smtputf8=True, dsn=True)

    async def close(self) -> None:
        """Nothing is open."""
