"""How many at once, how often, how slowly: places, guesses at recipients, the rate of a mail. Per worker."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.model import IPAddress

Place = tuple[tuple[int, int], ...]  # (length of the prefix, its bits), each counted

HOUR = 3600.0
MOST_GUESSERS = 20_000
DRAIN_TIMES = 4  # the size of a mail
DRAIN_LEAST = 100 * 2**20  # bytes
DRAIN_WITHIN = 300.0  # seconds
RESERVED = 10  # one place in so many is for networks whose mail was delivered


@dataclass(frozen=True, slots=True)
class Most:
    """Sessions at a time: all, from one address, /24 or /64, /56, /48, from a known network, and encrypted ones."""

    total: int
    address: int
    network: int
    home: int
    site: int
    known_network: int
    tls: int

    def of(self, prefix: int) -> int:
        by_prefix = {32: self.address, 24: self.network, 128: self.address, 64: self.network, 56: self.home}
        return by_prefix.get(prefix, self.site)


def levels(address: IPAddress) -> Place:
    """What an address is counted as: itself, its /24, or its /64, /56 and /48; IPv4-mapped counts as IPv4."""
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    bits = int(address)
    if address.version == 4:
        return (32, bits), (24, bits >> 8)
    return (128, bits), (64, bits >> 64), (56, bits >> 72), (48, bits >> 80)


class Gate:
    """Lets connections in until one of the counts is reached. `refused` counts for metrics."""

    def __init__(self, most: Most) -> None:
        self.most = most
        self.open = 0
        self.open_tls = 0
        self.refused = 0
        self.counts: Counter[tuple[int, int]] = Counter()
        self.known: Counter[tuple[int, int]] = Counter()

    @property
    def is_full(self) -> bool:
        return self.open >= self.most.total

    def enter(self, address: IPAddress, *, known: bool) -> Place | None:
        """The place, which must be left; None when there is none. A known network has a count of its own."""
        taken = levels(address)
        if known:
            taken = taken[1:2]
            full = self.is_full or self.known[taken[0]] >= self.most.known_network
        else:
            full = self.open >= self.most.total - self.most.total // RESERVED
            full = full or any(self.counts[level] >= self.most.of(level[0]) for level in taken)
        if full:
            self.refused += 1
            return None
        self.open += 1
        for level in taken:
            (self.known if known else self.counts)[level] += 1
        return taken

    def leave(self, place: Place, *, known: bool) -> None:
        self.open -= 1
        counts = self.known if known else self.counts
        for level in place:
            counts[level] -= 1
            if not counts[level]:
                del counts[level]

    def encrypt(self, *, known: bool) -> bool:
        """True when one more session may be encrypted; `decrypt` gives it back."""
        if self.open_tls >= self.most.tls and not known:
            return False
        self.open_tls += 1
        return True

    def decrypt(self) -> None:
        self.open_tls -= 1


def share(total: int, workers: int) -> int:
    """One worker's part of a count for all; connections spread over workers, but not evenly."""
    return total if workers == 1 else -(-total * 3 // (2 * workers))


class Guesses:
    """How many recipients who do not exist somebody named within the hour. Times are the loop's, in seconds."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.made: dict[str, tuple[float, int]] = {}  # since when, how many

    def wrong(self, who: Iterable[str], now: float) -> None:
        for name in who:
            began, count = self.made.pop(name, (now, 0))
            self.made[name] = (began, count + 1) if now - began < HOUR else (now, 1)
            if len(self.made) > MOST_GUESSERS:
                del self.made[next(iter(self.made))]

    def are_too_many(self, who: Iterable[str], now: float, times: int = 1) -> bool:
        """True when one of these names made its share of wrong guesses, or so many times that."""
        for name in who:
            began, count = self.made.get(name, (now, 0))
            if count >= self.most * times and now - began < HOUR:
                return True
        return False


class Pace:
    """A mail has `patience` seconds, and more for every byte that came: who keeps the rate is never cut."""

    def __init__(self, began: float, patience: float, rate: int) -> None:
        self.ends = began + patience
        self.patience = patience
        self.rate = rate
        self.received = 0  # bytes

    def left(self, now: float) -> float:
        """How many seconds the next bytes may take; a moment when the time is over."""
        return max(0.001, min(self.patience, self.ends + self.received / self.rate - now))


class Drain:
    """Data that we shall not keep are read to their end, so that the sender hears our reply; but not for ever."""

    def __init__(self, size: int) -> None:
        self.most = max(DRAIN_TIMES * size, DRAIN_LEAST)
        self.read = 0
        self.ends = float("inf")

    def saw(self, count: int, now: float) -> None:
        self.read += count
        self.ends = min(self.ends, now + DRAIN_WITHIN)

    def is_over(self, now: float) -> bool:
        return self.read > self.most or now > self.ends
