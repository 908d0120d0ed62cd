"""Private hosters: places that anybody can rent, whose strangers wait longer or are held. Never for those we know."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_network
from typing import TYPE_CHECKING

from gateway.model import (
    Action,
    DataFacts,
    Hoster,
    HosterKind,
    IPAddress,
    IPNetwork,
    Peer,
    RcptFacts,
    Reason,
    ReasonCode,
    Verdict,
)
from gateway.policy.greylist import Look, Stage, Timing
from gateway.policy.lists import Networks, above, as_ipv4
from gateway.policy.opinion import verdict

if TYPE_CHECKING:
    from gateway.policy.inbound import Policy


@dataclass(frozen=True, slots=True)
class HosterTerms:
    """What a stranger at a hoster meets. `wait` counts where it is longer than that of everybody."""

    wait: timedelta = timedelta(hours=1)
    holds: bool = False  # a person decides, instead of the longer wait


EVERYBODYS = HosterTerms()


class Systems:
    """The autonomous system of an address, found by bisection. IPv6 counts by its first 64 bits."""

    def __init__(self, networks: Iterable[tuple[IPNetwork, int]] = ()) -> None:
        spans: dict[int, list[tuple[int, int, int]]] = {4: [], 6: []}
        for network, number in networks:
            spans[network.version].append((*span(network), number))
        self.tables = {version: flattened(found) for version, found in spans.items()}

    def of(self, address: IPAddress) -> int | None:
        """The number; None where the file says nothing."""
        address = as_ipv4(address)
        starts, numbers = self.tables[address.version]
        place = bisect_right(starts, int(address) if address.version == 4 else int(address) >> 64) - 1
        return (numbers[place] or None) if place >= 0 else None


Table = tuple["array[int]", "array[int]"]  # where another system begins, and which; 0: nobody's


def flattened(spans: list[tuple[int, int, int]]) -> Table:
    """Networks within networks as one row of places; an inner network comes before the one around it."""
    starts, numbers = array("Q"), array("Q")
    inside: list[tuple[int, int]] = []  # where each ends, and its system; the innermost last

    def begin(at: int, number: int) -> None:
        if starts and starts[-1] == at:
            numbers[-1] = number
        else:
            starts.append(at)
            numbers.append(number)

    def leave(until: int | None) -> None:
        while inside and (until is None or inside[-1][0] <= until):
            end, _ = inside.pop()
            begin(end, inside[-1][1] if inside else 0)

    for start, end, number in sorted(spans, key=lambda one: (one[0], -one[1])):
        leave(start)
        begin(start, number)
        inside.append((end, number))
    leave(None)
    return starts, numbers


def span(network: IPNetwork) -> tuple[int, int]:
    """Its first address, and the first behind it; of IPv6 the first 64 bits."""
    first, size = int(network.network_address), network.num_addresses
    if network.version == 4:
        return first, first + size
    return first >> 64, (first >> 64) + max(1, size >> 64)


class Hosters:
    """The entries, found by the peer. `systems` may be empty: then no AS is known."""

    def __init__(self, entries: Iterable[Hoster] = (), systems: Systems | None = None) -> None:
        self.entries = tuple(entries)
        self.systems = systems or Systems()
        self.names = {one.value for one in self.entries if one.kind is HosterKind.NAME}
        self.numbers = {int(one.value[2:]): one.value for one in self.entries if one.kind is HosterKind.AS}
        self.networks = Networks()
        for place, one in enumerate(self.entries):
            if one.kind is HosterKind.NETWORK:
                self.networks.add(ip_network(one.value), place)

    def of(self, peer: Peer) -> str | None:
        """What the peer is listed as: by its network, its confirmed name, or its system; None: it is not."""
        if not self.entries:
            return None
        place = next(self.networks.around(peer.address), None)
        if place is not None:
            return self.entries[place].value
        named = next((name for name in above(peer.name or "") if name in self.names), None)
        return named or self.numbers.get(self.systems.of(peer.address) or 0)


# ---- what it means -------------------------------------------------------------------------------------------------

# As what RCPT let a stranger in that has to prove its patience: nobody we know, no exempt recipient, no switch.
STRANGERS = frozenset({ReasonCode.GREYLIST_DATA, ReasonCode.GREYLIST_PATIENT})


def waits_longer(facts: RcptFacts, policy: "Policy") -> bool:
    return facts.hoster is not None and not policy.hosters.holds and policy.hosters.wait > policy.timing.wait


def timing_for(facts: RcptFacts, policy: "Policy") -> Timing:
    """How long this stranger waits."""
    return replace(policy.timing, wait=policy.hosters.wait) if waits_longer(facts, policy) else policy.timing


def deferred_at_hoster(facts: RcptFacts, policy: "Policy", look: Look) -> Verdict | None:
    """Its wait would be over if it came from anywhere else."""
    if not waits_longer(facts, policy) or look.stage is not Stage.EARLY or look.waited < policy.timing.wait:
        return None
    wait, waited = seconds(policy.hosters.wait), seconds(look.waited)
    return verdict(Action.DEFER, ReasonCode.HOSTER_WAIT, hoster=facts.hoster, wait=wait, waited=waited)


def seconds(time: timedelta) -> int:
    return int(time.total_seconds())


def held_at_hoster(facts: DataFacts, policy: "Policy") -> Reason | None:
    """That it comes from a hoster is evidence against a stranger's mail: its retry is held, or tagged."""
    if facts.rcpt.hoster is None or not policy.hosters.holds or facts.carried or facts.admitted.code not in STRANGERS:
        return None
    return Reason(ReasonCode.HOSTER_HOLD, {"hoster": facts.rcpt.hoster})
