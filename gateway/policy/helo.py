"""What a peer calls itself (RFC 5321 4.1.1.1), and what is wrong with it.

Mail hosts with a broken HELO exist in numbers: a bare word, a name of the inside, the address of another interface.
So nothing of it refuses a mail, and most of it is only on record. Whoever calls itself by *our* name lies for certain.
"""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network

from gateway.model import HeloFlaw, IPAddress, Peer, RcptFacts, Reason, ReasonCode
from gateway.policy.expecting import PROVING, is_in
from gateway.policy.hostname import is_generic
from gateway.policy.lists import as_ipv4

# Addresses that are somebody's own behind a gateway (RFC 1918, RFC 4193): such a peer may well have our name.
INSIDE = tuple(ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))


@dataclass(frozen=True, slots=True)
class Ours:
    """What we are called: our host name and domains in small letters, and the addresses that we listen on."""

    names: frozenset[str] = frozenset()
    addresses: frozenset[IPAddress] = frozenset()


@lru_cache(4096)
def flaws(peer: Peer, ours: Ours) -> tuple[HeloFlaw, ...]:
    """What is wrong with the name that a peer gave; nothing where it gave none."""
    said = peer.helo.lower().rstrip(".")
    if not said:
        return ()
    literal = address_in(said)
    if literal is not None:
        return of_address(literal, peer, ours, bracketed=said.startswith("["))
    return of_name(said, peer, ours)


def of_address(literal: IPAddress, peer: Peer, ours: Ours, *, bracketed: bool) -> tuple[HeloFlaw, ...]:
    found = []
    if as_ipv4(literal) != as_ipv4(peer.address):
        forged = literal in ours.addresses and is_foreign(peer, ours)
        found.append(HeloFlaw.OURS if forged else HeloFlaw.OTHER_ADDRESS)
    if not bracketed:
        found.append(HeloFlaw.BARE_ADDRESS)
    return tuple(found)


def of_name(said: str, peer: Peer, ours: Ours) -> tuple[HeloFlaw, ...]:
    if said in ours.names and is_foreign(peer, ours) and peer.name != said:
        return (HeloFlaw.OURS,)
    if "." not in said:
        return (HeloFlaw.NO_DOT,)
    return (HeloFlaw.LINE,) if is_generic(said, peer.address) else ()


def address_in(said: str) -> IPAddress | None:
    """The address of a literal (RFC 5321 4.1.3), with or without its brackets."""
    try:
        return ip_address(said.removeprefix("[").removesuffix("]").removeprefix("ipv6:"))
    except ValueError:
        return None


def is_foreign(peer: Peer, ours: Ours) -> bool:
    address = as_ipv4(peer.address)
    own = address.is_loopback or address.is_link_local or address in ours.addresses
    return not own and not any(address.version == network.version and address in network for network in INSIDE)


def forged(facts: RcptFacts) -> Reason | None:
    """It calls itself by our name, and proves nothing of the kind."""
    if HeloFlaw.OURS not in facts.helo or facts.relayed is not None:
        return None
    said = facts.peer.helo.lower().rstrip(".")
    if any(rung.kind in PROVING and is_in(said, rung.value) for rung in facts.rungs):
        return None
    return Reason(ReasonCode.HELO_FORGED, {"helo": facts.peer.helo[:255]})
