"""DNS from a table, behind the Protocol that the evaluators know."""

import asyncio
from collections.abc import Mapping

from gateway.evidence.resolver import Records


class Table:
    """A resolver that knows what a zone says; None where nobody answers. `slow` names are answered after so many
    seconds."""

    def __init__(
        self, zone: Mapping[tuple[str, str], tuple[str, ...] | None], slow: Mapping[str, float] | None = None
    ) -> None:
        self.zone = zone
        self.slow = slow or {}
        self.asked: list[tuple[str, str]] = []

    async def lookup(self, name: str, kind: str) -> Records | None:
        self.asked.append((name, kind))
        await asyncio.sleep(self.slow.get(name, 0))
        found = self.zone.get((name, kind), ())
        return None if found is None else Records(found)


class Silence:
    """Nobody answers."""

    async def lookup(self, name: str, kind: str) -> Records | None:
        return None
