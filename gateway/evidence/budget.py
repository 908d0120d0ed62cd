"""What one piece of evidence may ask of DNS: so many questions, until one moment."""

import asyncio

from gateway.evidence.resolver import Records, Resolver


class Budget:
    """A resolver for one piece of evidence. When its time or its questions are used up, everything further is unknown.

    `within` is in seconds from now; it is one deadline for all that is asked.
    """

    def __init__(self, resolver: Resolver, *, within: float, questions: int) -> None:
        self.resolver = resolver
        self.deadline = asyncio.get_running_loop().time() + within
        self.left = questions

    async def lookup(self, name: str, kind: str) -> Records | None:
        if self.left <= 0:
            return None
        self.left -= 1
        try:
            async with asyncio.timeout_at(self.deadline):
                return await self.resolver.lookup(name, kind)
        except TimeoutError:
            return None
