"""What a sender is: when it comes back, from where, who vouches for it, and what it sends. Values, as data."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate

Minutes = tuple[float, ...]  # of the retries, since the first attempt

HOUR = 60.0
DAY = 24 * HOUR


class Kind(StrEnum):
    """What is sent."""

    MAIL = "mail"
    CODE = "code"  # a one-time code: worth something for ten minutes
    LIST = "list"  # every mail has an envelope sender of its own (VERP)
    NOTICE = "notice"  # a delivery status notification: the null sender
    ASKING = "asking"  # a call-out: the null sender, and no data
    BARE = "bare"  # a script's mail: neither Date nor Message-ID


class Pick(StrEnum):
    """Which of its addresses the next attempt comes from."""

    SAME = "same"
    TURN = "turn"
    ANY = "any"


class Vouched(StrEnum):
    """What the SPF record of the sender's domain says of the address."""

    PASS = "pass"  # noqa: S105  (a result, no password)
    NOTHING = "nothing"  # there is no record
    WIDE = "wide"  # it permits everybody


@dataclass(frozen=True, slots=True)
class Pool:
    """Addresses, and the networks (/24; IPv6: /64) they are spread over. `named`: they have confirmed names."""

    addresses: int = 1
    networks: int = 1
    pick: Pick = Pick.SAME
    named: bool = True
    spf: Vouched = Vouched.PASS
    ipv6: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """One kind of sender. `late`: up to so many minutes later than the ladder says, at each retry.

    `obeys`: it comes back when our reply says, if that names a time. `splits`: who is told to come in a transaction
    of its own (452) gets it at once, not with the next retry. `careless`: it forgets who was deferred once somebody
    was not. `loses`: how often our 250 does not reach it. `company`: a mail has so many recipients more.
    """

    name: str
    ladder: Minutes
    pool: Pool = Pool()
    kind: Kind = Kind.MAIL
    late: float = 0.0
    obeys: bool = False
    splits: bool = False
    careless: bool = False
    loses: float = 0.0
    company: int = 0
    tenants: int = 2  # domains that send through it
    signs: bool = False
    known: bool = False
    known_by_signature: bool = False
    wanted: bool = True  # False: spam
    spray: int = 0  # so many senders at once from one network
    varies: bool = False  # other content at every attempt
    again: float = 0.0  # minutes until the same senders begin anew, with other content; 0: they do not
    rides: str = ""  # the model whose pool it sends through
    pairs: int = 2  # correspondents for each level
    mails: int = 3  # that each pair exchanges in a week

    @property
    def retries(self) -> bool:
        return bool(self.ladder)

    @property
    def is_helpless(self) -> bool:
        """True when a deferral loses mail whatever we do: its sender does not come back with it."""
        return self.wanted and (self.careless or not self.retries) and self.kind is not Kind.ASKING


def every(minutes: float, until: float) -> Minutes:
    """A retry every so many minutes, until it gives up."""
    return tuple(minutes * turn for turn in range(1, int(until / minutes) + 1))


def growing(first: float, factor: float, most: float, until: float) -> Minutes:
    """Pauses that grow by a factor up to the longest, until it gives up."""
    times, pause, at = [], first, first
    while at <= until:
        times.append(at)
        pause = min(pause * factor, most)
        at += pause
    return tuple(times)


def then(begin: Minutes, minutes: float, until: float) -> Minutes:
    """These times, and from the last on a retry every so many minutes."""
    more = int((until - begin[-1]) / minutes)
    return (*begin, *(begin[-1] + minutes * turn for turn in range(1, more + 1)))


def by_age(least: float, most: float, until: float) -> Minutes:
    """Each pause is as long as the mail is old, within bounds (Postfix' queue manager)."""
    times, at = [], least
    while at <= until:
        times.append(at)
        at += max(least, min(most, at))
    return tuple(times)


def squares(seconds: float, until: float) -> Minutes:
    """The n-th retry n² times so many seconds after the first attempt (qmail's schedule)."""
    times = []
    turn = 1
    while (at := seconds * turn * turn / 60) <= until:
        times.append(at)
        turn += 1
    return tuple(times)


def doubling(seconds: float, times: int) -> Minutes:
    """Pauses of so many seconds, twice that, four times that …"""
    return tuple(accumulate(seconds / 60 * 2**turn for turn in range(times)))
