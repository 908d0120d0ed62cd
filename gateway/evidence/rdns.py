"""Forward-confirmed reverse DNS: the name of an address, if that name resolves back to it (RFC 8601 2.7.3)."""

from dataclasses import dataclass
from ipaddress import ip_address

from dns.reversename import from_address

from gateway.evidence.domain import organisational
from gateway.evidence.resolver import Resolver
from gateway.model import IPAddress
from gateway.policy.hostname import is_generic

MOST_NAMES = 5  # an address with more names tells nothing


@dataclass(frozen=True, slots=True)
class HostName:
    """The confirmed name of an address, in small letters. `certain`: where there is none, DNS itself said so.

    `organisation`: whose domain the name is in; None also where it is the name of a line and not of a server.
    """

    value: str | None = None
    certain: bool = False
    organisation: str | None = None

    @property
    def is_missing(self) -> bool:
        return self.value is None and self.certain


async def confirmed_name(address: IPAddress, resolver: Resolver) -> HostName:
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    told = await resolver.lookup(from_address(str(address)).to_text(omit_final_dot=True), "PTR")
    if told is None:
        return HostName()
    certain = True
    for name in told.values[:MOST_NAMES]:
        confirmed = await resolves_to(name, address, resolver)
        if confirmed:
            return HostName(name, True, None if is_generic(name, address) else organisational(name))
        certain = certain and confirmed is False
    return HostName(None, certain)


async def resolves_to(name: str, address: IPAddress, resolver: Resolver) -> bool | None:
    """None: nobody answered."""
    told = await resolver.lookup(name, "AAAA" if address.version == 6 else "A")
    return None if told is None else any(ip_address(value) == address for value in told.values)
