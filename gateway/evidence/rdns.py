"""Forward-confirmed reverse DNS: the name of an address, if that name resolves back to it (RFC 8601 2.7.3)."""

from ipaddress import ip_address

from dns.reversename import from_address

from gateway.evidence.resolver import Resolver
from gateway.model import IPAddress

MOST_NAMES = 5  # an address with more names tells nothing


async def confirmed_name(address: IPAddress, resolver: Resolver) -> str | None:
    """The name, lower-case and without the last dot. None: there is none, or nobody answered."""
    names = await resolver.lookup(from_address(str(address)).to_text(omit_final_dot=True), "PTR")
    for name in (names or ())[:MOST_NAMES]:
        if await resolves_to(name, address, resolver):
            return name.rstrip(".").lower()
    return None


async def resolves_to(name: str, address: IPAddress, resolver: Resolver) -> bool:
    records = await resolver.lookup(name, "AAAA" if address.version == 6 else "A")
    return any(ip_address(record) == address for record in records or ())


def worth_asking(address: IPAddress, *, own_servers: bool) -> bool:
    """A public server knows nothing of loopback and link-local addresses; asking would only cost time."""
    return own_servers or not (address.is_loopback or address.is_link_local)
