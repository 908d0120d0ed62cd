"""The private lists: who is allowed, who is blocked, for whom, and until when."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.model import Address, Binds, IPAddress, IPNetwork, ListEntry, ListKind, ListVerb, Rung, RungKind


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

    def naming(self, use: "Use", recipient: Address) -> Iterator[ListEntry]:
        """The entries whose value names the peer, the sender, an author, who signed, or the recipient, in order."""
        names = {(ListKind.RECIPIENT, recipient.key), (ListKind.RECIPIENT, recipient.domain)}
        for key in use.names:
            names |= {(ListKind.ADDRESS, key), *((ListKind.DOMAIN, domain) for domain in above(domain_of(key)))}
        names |= {(ListKind.SIGNATURE, domain) for signer in use.signers for domain in above(signer)}
        places = {place for name in names for place in self.named.get(name, ())}
        if use.address is not None:
            places.update(self.networks.around(use.address))
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


def in_force(entry: ListEntry, now: datetime) -> bool:
    return entry.withdrawn_at is None and (entry.expires is None or entry.expires > now)


def within(entry: ListEntry, address: IPAddress) -> bool:
    """True when the address is in the entry's network; an IPv4-mapped address counts as IPv4."""
    address = as_ipv4(address)
    return entry.network is not None and address.version == entry.network.version and address in entry.network


def allows_network(listed: Listed, address: IPAddress, now: datetime) -> bool:
    """True when somebody is allowed to send from there, whoever it is: all that is known when a peer connects."""
    return any(entry.verb is ListVerb.ALLOW and in_force(entry, now) for entry in listed.around(address))


def in_scope(entry: ListEntry, recipient: Address) -> bool:
    return entry.scope is None or entry.scope in (recipient.key, recipient.domain)


# ---- what a mail says of itself, and what proves it ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Use:
    """Whose names a mail uses, and what stands behind them. `address` None: nobody knows from where it comes.

    `authors` are the addresses in From; None before the dot. A rung of a signature is there only for a mail of one
    author, and is of that author's organisation (gateway.policy.authentication).
    """

    address: IPAddress | None
    sender: str  # Address.key, "" for the null reverse-path
    rungs: frozenset[Rung] = frozenset()
    authors: tuple[str, ...] | None = None

    @property
    def names(self) -> frozenset[str]:
        return frozenset({self.sender, *(self.authors or ())}) - {""}

    @property
    def signers(self) -> frozenset[str]:
        return self.domains(RungKind.DKIM)

    def domains(self, *kinds: RungKind) -> frozenset[str]:
        return frozenset(rung.value for rung in self.rungs if rung.kind in kinds)


def domain_of(key: str) -> str:
    return key.rpartition("@")[2]


def names_party(entry: ListEntry, key: str) -> bool:
    """True when an entry of a sender's name names this address."""
    if not key:
        return False
    if entry.kind is ListKind.ADDRESS:
        return entry.value == key
    return entry.kind is ListKind.DOMAIN and entry.value in above(domain_of(key))


def are_related(one: str, other: str) -> bool:
    """True when one domain is the other, or above it; a bare top-level domain is above nobody."""
    return one == other or (one in above(other) and "." in one) or (other in above(one) and "." in other)


def is_signed_by(domain: str, use: Use) -> bool:
    return any(domain in above(signer) for signer in use.signers)


def is_signed_for(entry: ListEntry, use: Use) -> bool:
    """The name's own signature: of its author's organisation, or of the envelope sender's domain."""
    if any(names_party(entry, author) for author in use.authors or ()) and use.signers:
        return True
    return names_party(entry, use.sender) and proves_sender(use, use.signers)


def proves_sender(use: Use, domains: frozenset[str]) -> bool:
    """True when the sender is of one of these domains, or of that of an author who was signed for."""
    own = domain_of(use.sender)
    if use.signers and own in map(domain_of, use.authors or ()):
        return True
    return any(are_related(own, domain) for domain in domains)


def is_unproved(entry: ListEntry, use: Use) -> bool:
    """Somebody uses the name and nothing proves it; only the data tell. SPF speaks for the envelope, not for From."""
    if use.authors is None:
        return False
    if any(names_party(entry, author) for author in use.authors) and not use.signers:
        return True
    return names_party(entry, use.sender) and not proves_sender(use, use.domains(RungKind.DKIM, RungKind.SPF))


def counts(entry: ListEntry, use: Use) -> bool:
    """Anyone can write any name: an allowed one counts only with its network or its signature."""
    if entry.kind in (ListKind.NETWORK, ListKind.RECIPIENT):
        return True
    if entry.network is not None and (use.address is None or not within(entry, use.address)):
        return False
    if entry.signature is not None and not is_signed_by(entry.signature, use):
        return False
    if entry.kind is ListKind.SIGNATURE:
        return True
    if entry.verb is ListVerb.BLOCK:
        return entry.binds is Binds.EVERYTHING or is_unproved(entry, use)
    return entry.network is not None or entry.signature is not None or is_signed_for(entry, use)


def frees(entry: ListEntry, allowed: Sequence[ListEntry]) -> bool:
    """True when a name that is blocked unless proved is allowed from here: its network is a proof as well."""
    names = [one.value for one in allowed if one.verb is ListVerb.ALLOW and one.kind in NAMES]
    return entry.binds is Binds.UNAUTHENTICATED and any(are_nested(entry.value, name) for name in names)


NAMES = frozenset({ListKind.ADDRESS, ListKind.DOMAIN})


def are_nested(one: str, other: str) -> bool:
    """True when one name, an address or a domain, is or contains the other."""
    return one == other or is_below(one, other) or is_below(other, one)


def is_below(name: str, domain: str) -> bool:
    return "@" not in domain and domain in above(domain_of(name))


def matching(
    listed: Listed,
    address: IPAddress | None,
    sender: Address | None,
    recipient: Address,
    now: datetime,
    *,
    rungs: frozenset[Rung] = frozenset(),
    authors: tuple[str, ...] | None = None,
) -> tuple[ListEntry, ...]:
    """All entries that hold for this mail now: asked at RCPT with what is known then, after the dot with everything.

    `address` None: nobody knows from where. `authors` None: the data were not seen yet.
    """
    if not listed.entries:
        return ()
    use = Use(address, sender.key if sender else "", rungs, authors)
    found = [
        entry
        for entry in listed.naming(use, recipient)
        if in_force(entry, now) and in_scope(entry, recipient) and counts(entry, use)
    ]
    return tuple(entry for entry in found if not frees(entry, found))
