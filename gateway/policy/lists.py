"""The private lists: who is allowed, who is blocked, for whom, and until when."""

from collections.abc import Iterable
from datetime import datetime

from gateway.model import Address, IPAddress, ListEntry, ListKind, ListVerb, Peer
from gateway.policy.identity import network_of


def names_party(entry: ListEntry, peer: Peer, sender: Address | None, recipient: Address) -> bool:
    """True when the entry's value names the peer, the sender or the recipient."""
    match entry.kind:
        case ListKind.NETWORK:
            return entry.network is not None and within(entry, peer.address)
        case ListKind.RECIPIENT:
            return entry.value in (recipient.key, recipient.domain)
        case ListKind.ADDRESS:
            return sender is not None and entry.value == sender.key
        case ListKind.DOMAIN:
            return sender is not None and covers(entry.value, sender.domain)


def covers(listed: str, domain: str) -> bool:
    """A listed domain covers itself and what is below it."""
    return domain == listed or domain.endswith("." + listed)


def within(entry: ListEntry, address: IPAddress) -> bool:
    """True when the address is in the entry's network; an IPv4-mapped address counts as IPv4."""
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return entry.network is not None and address.version == entry.network.version and address in entry.network


def allows_network(entries: Iterable[ListEntry], address: IPAddress, now: datetime) -> bool:
    """True when somebody is allowed to send from there, whoever it is: all that is known when a peer connects."""
    return any(
        entry.verb is ListVerb.ALLOW and (entry.expires is None or entry.expires > now) and within(entry, address)
        for entry in entries
    )


def in_scope(entry: ListEntry, recipient: Address) -> bool:
    return entry.scope is None or entry.scope in (recipient.key, recipient.domain)


def counts(entry: ListEntry, peer: Peer) -> bool:
    """Anyone can write any name: an allowed one counts only from the network beside it (until it is authenticated)."""
    if entry.kind in (ListKind.NETWORK, ListKind.RECIPIENT):
        return True
    if entry.verb is ListVerb.BLOCK:
        return entry.network is None or within(entry, peer.address)
    return within(entry, peer.address)


def matching(
    entries: Iterable[ListEntry], peer: Peer, sender: Address | None, recipient: Address, now: datetime
) -> tuple[ListEntry, ...]:
    """All entries that hold for this peer, sender and recipient now."""
    return tuple(
        entry
        for entry in entries
        if (entry.expires is None or entry.expires > now)
        and in_scope(entry, recipient)
        and names_party(entry, peer, sender, recipient)
        and counts(entry, peer)
    )


def default_network(peer: Peer) -> str:
    """The network that is proposed beside a name."""
    return str(network_of(peer.address))
