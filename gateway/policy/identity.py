"""Who is it: the rungs of a peer's identity. Today the network, the forward-confirmed name and the SPF domain."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network

from gateway.model import IPAddress, IPNetwork, Peer, Rung, RungKind, Spf, SpfResult
from gateway.policy.shared import Shared

IPV4_PREFIX = 24
IPV6_PREFIX = 64
IPV6_SITE = 48
RECENT = 4096  # peers whose answer is not worked out anew for every step of a session


@lru_cache(RECENT)
def network_of(address: IPAddress) -> IPNetwork:
    """The /24 (IPv4) or /64 (IPv6) that an address counts as; an IPv4-mapped address counts as IPv4."""
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.version == 4:
        return IPv4Network((address, IPV4_PREFIX), strict=False)
    return IPv6Network((address, IPV6_PREFIX), strict=False)


def quota_network(address: IPAddress) -> IPNetwork:
    """The /24 or /48 that shares one quota of kept copies: a /48 is what one customer gets."""
    network = network_of(address)
    return network if network.version == 4 else network.supernet(new_prefix=IPV6_SITE)


@lru_cache(RECENT)
def rungs_of(peer: Peer, spf: Spf | None = None) -> frozenset[Rung]:
    """All rungs that hold for a peer before its message was seen. `spf` is about the sender that it names."""
    rungs = {Rung(RungKind.NETWORK, str(network_of(peer.address)))}
    if peer.organisation is not None:
        rungs.add(Rung(RungKind.FCRDNS, peer.organisation))
    if spf is not None and spf.result is SpfResult.PASS:
        rungs.add(Rung(RungKind.SPF_WIDE if spf.wide else RungKind.SPF, vouching(peer, spf)))
    return frozenset(rungs)


def vouching(peer: Peer, spf: Spf) -> str:
    """Who vouches for the address. A host's own name, where it is confirmed to be the organisation's, stands for that:
    the next try of a bounce comes from another host of the same pool."""
    own = peer.organisation
    if spf.of_helo and own is not None and (spf.domain == own or spf.domain.endswith(f".{own}")):
        return own
    return spf.domain


# A name that resolves back tells who it is and no more; whom SPF permits has standing where it earned it: its network.
EARNING = frozenset({RungKind.NETWORK, RungKind.DKIM})


def earning(rungs: frozenset[Rung]) -> frozenset[Rung]:
    """The rungs that standing is earned on, and found by."""
    return frozenset(rung for rung in rungs if rung.kind in EARNING)


def lending(rungs: frozenset[Rung], normal: str, shared: Shared) -> frozenset[Rung]:
    """The rungs on which this normalised sender may earn standing from this peer.

    Of a pool that many share, neither the name nor the network tells one customer from the next; the address does, if
    it is one: numbered bounce addresses of a pool are everybody's. The null sender is everybody's anywhere: one honest
    bounce must not open the way for all that are forged.
    """
    standing = earning(rungs)
    if is_address(normal) or (normal and not any(shared.has(rung) for rung in rungs)):
        return standing
    return frozenset(rung for rung in standing if rung.kind is RungKind.DKIM and not shared.has(rung))


def is_address(normal: str) -> bool:
    """True for a sender that is one mailbox; False for the null sender, and where numbers were taken out."""
    return bool(normal) and "#" not in normal.rpartition("@")[0]


def lasting_for_all(rungs: frozenset[Rung], shared: Shared) -> frozenset[Rung]:
    """The rungs that may be remembered for everybody of ours: authenticated, and one organisation's own."""
    return frozenset(rung for rung in rungs if rung.kind is RungKind.DKIM and not shared.has(rung))


def strongest(rungs: frozenset[Rung]) -> RungKind:
    """The kind of the strongest rung; the network when there is none."""
    return max((rung.kind for rung in rungs), default=RungKind.NETWORK)
