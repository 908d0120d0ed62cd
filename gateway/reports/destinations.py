"""Where a domain wants its reports: only by mail, no larger than it says, and nowhere that does not want them.

Whoever is named by another domain says so under `_report._dmarc` (RFC 7489 7.1): else anybody could have us write to
anybody.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import unquote

from gateway.evidence.dmarc import record_of, records_among, walked
from gateway.evidence.resolver import Records, Resolver
from gateway.policy.address import BadAddress, parse_address

LONGEST_NAME = 253  # characters of a name in DNS
UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
NOT_YET = "the DNS did not answer"

_LIMIT = re.compile(r"([0-9]{1,12})([kmgt]?)", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One of the places that a domain names, and which addresses that comes to. `why`: it comes to none; `is_known`
    False: nobody could tell just now."""

    uri: str
    addresses: tuple[str, ...] = ()
    why: str = ""
    is_known: bool = True


async def wanted(uri: str, domain: str, size: int, resolver: Resolver) -> Wanted:
    """`size` is that of the mail in bytes; `domain` is where the record was found."""
    address = address_in(uri)
    if address is None:
        return Wanted(uri, why="it is no address of mail")
    if size > limit_in(uri):
        return Wanted(uri, why=f"the report is larger ({size} bytes)")
    host = address.rpartition("@")[2]
    is_own = await is_same_organisation(domain, host, resolver)
    if is_own is None:
        return Wanted(uri, why=NOT_YET, is_known=False)
    return Wanted(uri, (address,)) if is_own else await external(uri, address, domain, size, resolver)


async def external(uri: str, address: str, domain: str, size: int, resolver: Resolver) -> Wanted:
    host = address.rpartition("@")[2]
    name = f"{domain}._report._dmarc.{host}"
    answer = await resolver.lookup(name, "TXT") if len(name) <= LONGEST_NAME else Records()
    if answer is None:
        return Wanted(uri, why=NOT_YET, is_known=False)
    texts = records_among(answer)
    if not texts:
        return Wanted(uri, why=f"{host} does not want reports about {domain}")
    record = record_of(host, Records((texts[0],)))
    instead = record.rua if record is not None else ()
    if not instead:
        return Wanted(uri, (address,))
    named = [address_in(one) for one in instead]
    if any(one is None or one.rpartition("@")[2] != host for one in named):
        return Wanted(uri, why=f"{host} sends on elsewhere")
    fitting = [str(one) for one, said in zip(named, instead, strict=True) if size <= limit_in(said)]
    return Wanted(uri, tuple(fitting), "" if fitting else f"the report is larger ({size} bytes)")


async def is_same_organisation(domain: str, host: str, resolver: Resolver) -> bool | None:
    """None where DNS did not tell."""
    if host == domain:
        return True
    one, other = await walked(domain, resolver), await walked(host, resolver)
    if not (one.certain and other.certain):
        return None
    return one.organisation == other.organisation


def address_in(uri: str) -> str | None:
    """The address of a mailto: (RFC 6068), as it is sent; None for all else."""
    scheme, _, rest = uri.partition("!")[0].partition(":")
    try:
        found = parse_address(unquote(rest.partition("?")[0], errors="strict"))
    except (BadAddress, UnicodeError):
        return None
    is_plain = found.raw.isascii() and found.raw.isprintable() and _NAME.fullmatch(found.domain)
    return f"{found.local}@{found.domain}" if scheme.lower() == "mailto" and is_plain else None


def limit_in(uri: str) -> int:
    """The most bytes that it takes."""
    found = _LIMIT.fullmatch(uri.partition("!")[2])
    return int(found[1]) * UNITS[found[2].lower()] if found else 1 << 62


async def report_boxes(domains: Collection[str], resolver: Resolver) -> frozenset[str]:
    """Where reports about these domains come to, as far as that is at one of them."""
    found = set()
    for domain in domains:
        walk = await walked(domain, resolver)
        record = walk.governing
        found |= {address_in(uri) for uri in record.rua} if record is not None else set()
    return frozenset(one.lower() for one in found if one is not None and one.rpartition("@")[2] in domains)
