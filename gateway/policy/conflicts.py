"""Entries of the private lists that contradict each other, or of which one makes the other idle."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.model import Binds, ListEntry, ListKind, ListVerb
from gateway.policy.lists import NAMES, Networks, above, are_nested, domain_of, in_force, is_below


class Conflict(StrEnum):
    """What one entry, the second, means for another, the first."""

    COVERED = "covered"  # it says what the second says already
    SHADOWED = "shadowed"  # it allows what the second blocks, and never counts
    EXCEPTION = "exception"  # it allows more than the second blocks
    CROSSING = "crossing"  # some mail is meant by both
    OVER = "over"  # its time has come


@dataclass(frozen=True, slots=True)
class Finding:
    """A conflict of an entry with another; `other` is None where it needs none."""

    entry: ListEntry
    conflict: Conflict
    other: ListEntry | None = None


def conflicts(entries: Iterable[ListEntry], now: datetime) -> tuple[Finding, ...]:
    """All conflicts in these lists, in the order of their entries."""
    there = [entry for entry in entries if entry.withdrawn_at is None]
    living = [entry for entry in there if in_force(entry, now)]
    found = [Finding(entry, Conflict.OVER) for entry in there if not in_force(entry, now)]
    index, seen = Index(living), set()
    for entry in living:
        for other in index.near(entry):
            pair = frozenset({entry.id, other.id})
            if pair not in seen and (finding := between(entry, other)):
                seen.add(pair)
                found.append(finding)
    return tuple(sorted(found, key=lambda one: (one.entry.id, one.other.id if one.other else 0)))


def conflicts_of(entry: ListEntry, entries: Iterable[ListEntry], now: datetime) -> tuple[Finding, ...]:
    """What adding an entry to these would mean."""
    if not in_force(entry, now):
        return (Finding(entry, Conflict.OVER),)
    others = (one for one in entries if one.id != entry.id and in_force(one, now))
    return tuple(finding for other in others if (finding := between(entry, other)))


def between(one: ListEntry, other: ListEntry) -> Finding | None:
    if one.verb is other.verb:
        if covers(other, one):
            return Finding(one, Conflict.COVERED, other)
        return Finding(other, Conflict.COVERED, one) if covers(one, other) else None
    allow, block = (one, other) if one.verb is ListVerb.ALLOW else (other, one)
    if block.binds is Binds.UNAUTHENTICATED:  # what is proved is allowed, what is not is blocked: that is no quarrel
        return None
    if covers(block, allow):
        return Finding(allow, Conflict.SHADOWED, block)
    if covers(allow, block):
        return Finding(allow, Conflict.EXCEPTION, block)
    return Finding(allow, Conflict.CROSSING, block) if cross(allow, block) else None


# ---- what an entry means -------------------------------------------------------------------------------------------


def covers(wide: ListEntry, narrow: ListEntry) -> bool:
    """True when whatever mail the one means, the other means too, for at least as long."""
    return (
        covers_party(wide, narrow)
        and covers_network(wide, narrow)
        and covers_signature(wide, narrow)
        and covers_scope(wide, narrow)
        and (wide.binds is Binds.EVERYTHING or narrow.binds is wide.binds)
        and (wide.expires is None or (narrow.expires is not None and narrow.expires <= wide.expires))
    )


def covers_party(wide: ListEntry, narrow: ListEntry) -> bool:
    if wide.kind not in NAMES:  # anybody, with this network, signature or recipient
        return True
    return narrow.kind in NAMES and (wide.value == narrow.value or is_below(narrow.value, wide.value))


def covers_network(wide: ListEntry, narrow: ListEntry) -> bool:
    if wide.network is None:
        return True
    return narrow.network is not None and is_inside(narrow, wide)


def is_inside(narrow: ListEntry, wide: ListEntry) -> bool:
    one, other = narrow.network, wide.network
    if one is None or other is None or one.version != other.version:
        return False
    return one.network_address in other and one.prefixlen >= other.prefixlen


def signature_of(entry: ListEntry) -> str | None:
    """Who must have signed; "" where the name must have been signed for by its own organisation."""
    if entry.kind is ListKind.SIGNATURE:
        return entry.value
    bare = entry.verb is ListVerb.ALLOW and entry.kind in NAMES and entry.network is None
    return entry.signature if entry.signature is not None else "" if bare else None


def covers_signature(wide: ListEntry, narrow: ListEntry) -> bool:
    wanted, given = signature_of(wide), signature_of(narrow)
    if wanted is None or wanted == given:
        return True
    if given is None:
        return False
    # Its own organisation signs for a name; a signer that is named may be another one.
    return bool(wanted) and bool(given) and wanted in above(given)


def covers_scope(wide: ListEntry, narrow: ListEntry) -> bool:
    return all(any(one == given or is_below(given, one) for given in scopes(narrow)) for one in scopes(wide))


def scopes(entry: ListEntry) -> list[str]:
    """The recipients that it holds for: all of these conditions at once."""
    named = entry.value if entry.kind is ListKind.RECIPIENT else None
    return [scope for scope in (named, entry.scope) if scope is not None]


def cross(allow: ListEntry, block: ListEntry) -> bool:
    """True when two that name senders mean some mail both; that a network is allowed and somebody in it blocked, or
    the other way round, is what two entries are for."""
    if allow.kind not in NAMES or block.kind not in NAMES or not are_nested(allow.value, block.value):
        return False
    apart = allow.network and block.network and not (is_inside(allow, block) or is_inside(block, allow))
    return not apart and all(are_nested(one, other) for one in scopes(allow) for other in scopes(block))


# ---- finding neighbours --------------------------------------------------------------------------------------------


class Index:
    """Finds, for each entry, the wider ones that may mean the same mail; so every pair is found from its narrower."""

    def __init__(self, entries: Iterable[ListEntry]) -> None:
        self.entries = tuple(entries)
        self.by_value: dict[str, list[ListEntry]] = {}
        self.networks = Networks()
        for place, entry in enumerate(self.entries):
            if entry.kind is ListKind.NETWORK and entry.network is not None:
                self.networks.add(entry.network, place)
            else:
                self.by_value.setdefault(entry.value, []).append(entry)

    def near(self, entry: ListEntry) -> Iterator[ListEntry]:
        """Each once, without the entry itself."""
        names = {name for text in (entry.value, entry.signature, *scopes(entry)) if text for name in wider(text)}
        found = {other.id: other for name in names for other in self.by_value.get(name, ())}
        if entry.network is not None:
            around = self.networks.around(entry.network.network_address)
            found |= {self.entries[place].id: self.entries[place] for place in around}
        return (other for number, other in found.items() if number != entry.id)


def wider(text: str) -> set[str]:
    return {text, *above(domain_of(text))}
