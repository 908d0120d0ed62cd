"""A next hop with a stopwatch: how long each attempt took, how it ended, and whether the hop could be reached."""

from time import perf_counter

from gateway import metrics
from gateway.model import Address
from gateway.relay.nexthop import Attempt, AttemptEnd, Capabilities, NextHop, Outgoing


class Measured:
    """A NextHop around another. `by` is the process that asks, `name` the hop's URL."""

    def __init__(self, hop: NextHop, by: str, name: str) -> None:
        self.hop = hop
        self.by = by
        self.name = name
        self.told: Capabilities | None = None

    async def deliver(self, mail: Outgoing) -> list[Attempt]:
        began = perf_counter()
        attempts = await self.hop.deliver(mail)
        metrics.attempted(self.by, self.name, (outcome(one) for one in attempts), perf_counter() - began)
        metrics.backend_is(self.name, any(one.end is not AttemptEnd.UNREACHABLE for one in attempts))
        return attempts

    async def recipient_exists(self, address: Address) -> bool | None:
        return await self.hop.recipient_exists(address)

    async def capabilities(self) -> Capabilities | None:
        told = await self.hop.capabilities()
        if told is None or told is not self.told:  # the same ones again: remembered, nobody was asked
            metrics.backend_is(self.name, told is not None)
        self.told = told
        return told

    async def close(self) -> None:
        await self.hop.close()


def outcome(attempt: Attempt) -> str:
    """delivered | deferred | refused as the hop answered; unreachable | lost when it did not."""
    if attempt.end is not AttemptEnd.ANSWERED:
        return str(attempt.end.value)
    return "delivered" if attempt.reply.is_positive else "refused" if attempt.reply.is_permanent else "deferred"
