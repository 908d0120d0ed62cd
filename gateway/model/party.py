"""Who it is: addresses of hosts, rungs of identity, what DNS says of a peer, and what we remember of its network."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # of what has not happened


class RungKind(IntEnum):
    """How a peer is identified; a greater value is a stronger rung of the ladder."""

    SPF_WIDE = 0  # the domain whose SPF record permits the address, and very many others
    NETWORK = 1  # the /24 or /64 it connects from
    FCRDNS = 2  # the organisation in the name that its address resolves to and back
    SPF = 3  # the domain whose SPF record permits the address
    DKIM = 4  # the aligned domain that signed the message


@dataclass(frozen=True, slots=True)
class Rung:
    """One identity of a peer, for instance (NETWORK, "192.0.2.0/24")."""

    kind: RungKind
    value: str


@dataclass(frozen=True, slots=True)
class Peer:
    """The connecting host. `name` is its forward-confirmed name; None: there is none, or DNS did not say.

    `nameless`: DNS said that there is none. `organisation`: who registered the name, unless it is the name of a line.
    """

    address: IPAddress
    helo: str = ""
    name: str | None = None
    tls: bool = False
    esmtp: bool = True
    nameless: bool = False
    organisation: str | None = None


class HeloFlaw(StrEnum):
    """What is wrong with the name that a peer gave itself."""

    OURS = "ours"  # our own name, one of our domains, or our address
    OTHER_ADDRESS = "other_address"  # an address that it does not come from
    BARE_ADDRESS = "bare_address"  # an address without brackets
    NO_DOT = "no_dot"  # no full name
    LINE = "line"  # the name of a subscriber's line


class SpfResult(StrEnum):
    """RFC 7208 2.6."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105  (a result, no password)
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True)
class Spf:
    """What a domain's SPF record says of the peer. `wide`: it would have said so of very many others.

    `of_helo`: there was no envelope sender, and `domain` is what the peer calls itself (RFC 7208 2.4).
    """

    result: SpfResult
    domain: str
    wide: bool = False
    of_helo: bool = False


@dataclass(frozen=True, slots=True)
class NetworkRecord:
    """What we remember of a /24 or /64. A mark holds until its moment; NEVER where nothing happened."""

    greeted_at: datetime = NEVER  # it waited for our greeting
    delivered_at: datetime = NEVER  # mail of it was delivered
    trapped_until: datetime = NEVER  # it wrote to a trap
    early_until: datetime = NEVER  # it spoke before it was greeted


@dataclass(frozen=True, slots=True)
class Pressure:
    """What counts against a stranger besides its mail, or for it; all False for somebody we have dealt with."""

    trap: bool = False  # the recipient is a trap
    trapped: bool = False  # its network wrote to a trap today
    early_talker: bool = False  # its network spoke before it was greeted, today
    harvesting: bool = False  # it named too many recipients who do not exist
    stressed: bool = False  # we are short of places
    patient: bool = False  # it waited for our answer in this connection


NO_PRESSURE = Pressure()


class Grade(IntEnum):
    """How well we know (identity, sender, recipient): not at all, by patience, or by an act of our people."""

    STRANGER = 0
    REMEMBERED = 1
    KNOWN = 2
