"""The private lists: who is allowed, who is blocked, for whom, and until when."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from gateway.model import Address, IPAddress, IPNetwork, ListEntry, ListKind, ListVerb, Peer
from gateway.policy.identity import network_of


class Listed:
    """The entries, found by what they name: built when the lists change, asked for every recipient.

    What an answer costs does not grow with the number of entries, only with that of those which fit.
    """

    __slots__ = ("beside", "entries", "named", "networks")

    def __init__(self, entries: Iterable[ListEntry] = ()) -> None:
        self.entries = tuple(entries)
        self.named: dict[tuple[ListKind, str], list[int]] = {}  # places in `entries`
        self.networks = Networks()
        self.beside = Networks()  # of names that count from there
        for place, entry in enumerate(self.entries):
            if entry.kind is not ListKind.NETWORK:
                self.named.setdefault((entry.kind, entry.value), []).append(place)
            if entry.network is not None:
                kind = self.networks if entry.kind is ListKind.NETWORK else self.beside
                kind.add(entry.network, place)

    def __iter__(self) -> Iterator[ListEntry]:
        return iter(self.entries)

    def naming(self, address: IPAddress | None, sender: Address | None, recipient: Address) -> Iterator[ListEntry]:
        """The entries whose value names the peer, the sender or the recipient, in their order."""
        names = {(ListKind.RECIPIENT, recipient.key), (ListKind.RECIPIENT, recipient.domain)}
        if sender is not None:
            names |= {(ListKind.ADDRESS, sender.key), *((ListKind.DOMAIN, domain) for domain in above(sender.domain))}
        places = [place for name in names for place in self.named.get(name, ())]
        if address is not None:
            places += self.networks.around(address)
        return (self.entries[place] for place in sorted(places))

    def around(self, address: IPAddress) -> Iterator[ListEntry]:
        """The entries with a network, as their value or beside it, that the address is in."""
        return (self.entries[place] for network in (self.networks, self.beside) for place in network.around(address))


class Networks:
    """Places by network; found by as many look-ups as there are prefix lengths."""

    __slots__ = ("by_length",)

    def __init__(self) -> None:
        self.by_length: dict[tuple[int, int], dict[int, list[int]]] = {}  # (version, bits that may differ)

    def add(self, network: IPNetwork, place: int) -> None:
        free = network.max_prefixlen - network.prefixlen
        same_length = self.by_length.setdefault((network.version, free), {})
        same_length.setdefault(int(network.network_address) >> free, []).append(place)

    def around(self, address: IPAddress) -> Iterator[int]:
        address = as_ipv4(address)
        number = int(address)
        for (version, free), networks in self.by_length.items():
            if version == address.version:
                yield from networks.get(number >> free, ())


def as_ipv4(address: IPAddress) -> IPAddress:
    """An IPv4-mapped address as IPv4, any other as it is."""
    if address.version == 6 and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def above(domain: str) -> Iterator[str]:
    """The domain and all above it: a listed domain covers itself and what is below it."""
    yield domain
    while domain:
        _, dot, domain = domain.partition(".")
        if dot:
            yield domain


def within(entry: ListEntry, address: IPAddress) -> bool:
    """True when the address is in the entry's network; an IPv4-mapped address counts as IPv4."""
    address = as_ipv4(address)
    return entry.network is not None and address.version == entry.network.version and address in entry.network


def allows_network(listed: Listed, address: IPAddress, now: datetime) -> bool:
    """True when somebody is allowed to send from there, whoever it is: all that is known when a peer connects."""
    return any(
        entry.verb is ListVerb.ALLOW and (entry.expires is None or entry.expires > now)
        for entry in listed.around(address)
    )


def in_scope(entry: ListEntry, recipient: Address) -> bool:
    return entry.scope is None or entry.scope in (recipient.key, recipient.domain)


def counts(entry: ListEntry, address: IPAddress | None) -> bool:
    """Anyone can write any name: an allowed one counts only from the network beside it (until it is authenticated)."""
    if entry.kind in (ListKind.NETWORK, ListKind.RECIPIENT):
        return True
    if entry.verb is ListVerb.BLOCK and entry.network is None:
        return True
    return address is not None and within(entry, address)


def matching(
    listed: Listed, address: IPAddress | None, sender: Address | None, recipient: Address, now: datetime
) -> tuple[ListEntry, ...]:
    """All entries that hold for this peer, sender and recipient now. `address` None: nobody knows from where."""
    return tuple(
        entry
        for entry in listed.naming(address, sender, recipient)
        if (entry.expires is None or entry.expires > now) and in_scope(entry, recipient) and counts(entry, address)
    )


def default_network(peer: Peer) -> str:
    """The network that is proposed beside a name."""
    return str(network_of(peer.address))
