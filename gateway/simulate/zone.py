"""DNS of the simulated world: what each host and domain has, in memory. Every name that is not here does not exist."""

from dataclasses import dataclass, field

from dns.reversename import from_address

from gateway.evidence.resolver import Records
from gateway.model import IPAddress


@dataclass
class Zone:
    """Answers as a resolver does (evidence.resolver.Resolver)."""

    records: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    async def lookup(self, name: str, kind: str) -> Records | None:
        return Records(self.records.get((name.lower().rstrip("."), kind), ()))

    def add(self, name: str, kind: str, *values: str) -> None:
        self.records[name, kind] = (*self.records.get((name, kind), ()), *values)

    def host(self, address: IPAddress, name: str) -> None:
        """An address whose name resolves back to it."""
        self.add(from_address(str(address)).to_text(omit_final_dot=True), "PTR", name)
        self.add(name, "AAAA" if address.version == 6 else "A", str(address))
