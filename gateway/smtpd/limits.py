"""How many connections at once: in all, per address, per network. Counted per worker."""

from collections import Counter
from dataclasses import dataclass, field

from gateway.model import IPAddress
from gateway.policy.identity import network_of


@dataclass(slots=True)
class Gate:
    """Lets connections in until one of the counts is reached."""

    total: int
    per_address: int
    per_network: int
    open: int = 0
    addresses: Counter[IPAddress] = field(default_factory=Counter)
    networks: Counter[str] = field(default_factory=Counter)

    def enter(self, address: IPAddress, *, is_relay: bool = False) -> bool:
        """True when there is a place; it must then be left. A declared relay speaks for many, and is bound by none."""
        network = str(network_of(address))
        crowded = self.addresses[address] >= self.per_address or self.networks[network] >= self.per_network
        if self.open >= self.total or (crowded and not is_relay):
            return False
        self.open += 1
        self.addresses[address] += 1
        self.networks[network] += 1
        return True

    def leave(self, address: IPAddress) -> None:
        network = str(network_of(address))
        self.open -= 1
        self.addresses -= Counter({address: 1})
        self.networks -= Counter({network: 1})


def share(total: int, workers: int) -> int:
    """One worker's part of a count for all; connections spread over workers, but not evenly."""
    return total if workers == 1 else -(-total * 3 // (2 * workers))
