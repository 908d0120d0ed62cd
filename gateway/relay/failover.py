"""Several next hops for the same mail, in order of preference (as the MX hosts of RFC 5321 5.1)."""

from collections.abc import Sequence

from gateway.model import Address
from gateway.relay.nexthop import UNREACHABLE, Attempt, AttemptEnd, Capabilities, NextHop, Outgoing


class FailOver:
    """A NextHop made of others. Mail goes to the next one only when the one before surely has none of it."""

    def __init__(self, hops: Sequence[NextHop]) -> None:
        self._hops = tuple(hops)

    async def deliver(self, mail: Outgoing) -> list[Attempt]:
        attempts = [UNREACHABLE] * len(mail.envelope.recipients)
        for hop in self._hops:
            attempts = await hop.deliver(mail)
            if any(attempt.end is not AttemptEnd.UNREACHABLE for attempt in attempts):
                break
        return attempts

    async def recipient_exists(self, address: Address) -> bool | None:
        for hop in self._hops:
            if (exists := await hop.recipient_exists(address)) is not None:
                return exists
        return None

    async def capabilities(self) -> Capabilities | None:
        for hop in self._hops:
            if (capabilities := await hop.capabilities()) is not None:
                return capabilities
        return None

    async def close(self) -> None:
        for hop in self._hops:
            await hop.close()
