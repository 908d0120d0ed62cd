"""Hosts of links as browsers read them: in whatever letters, encoded, or as a number in whatever base."""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import unquote

import idna

from gateway.evidence.domain import suffixes

LONGEST = 253  # characters of a name
INVISIBLE = dict.fromkeys([0x00AD, 0x034F, 0x061C, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F),
                           *range(0x2060, 0x2065), *range(0x2066, 0x206A), 0xFEFF])  # fmt: skip
LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
NUMBER = re.compile(r"0x[0-9a-f]{0,40}|[0-9]{1,40}")
# Endings of common files, of times and of ordinary words: a bare name that ends in one is no link.
ALSO_FILES = frozenset({"ai", "app", "bz", "cc", "md", "mov", "pl", "ps", "py", "rs", "sc", "sh", "so", "st", "zip"})
REVERSED = frozenset({"com", "edu", "net", "org"})


def readable(text: str) -> str:
    """The text without letters that nobody sees."""
    return text if text.isascii() else text.translate(INVISIBLE)


def host_of(written: str) -> str | None:
    """The host in small A-labels, as a dotted address, or as an IPv6 address in brackets; None: there is none."""
    if len(written) > 4 * LONGEST:
        return None
    written = readable(unquote(written)).strip().lower()
    if written.startswith("["):
        return ipv6(written)
    name = ascii_name(written.rstrip("."))
    if name is None:
        return None
    labels = name.split(".")
    if NUMBER.fullmatch(labels[-1]):
        return ipv4(labels)
    return name if len(name) <= LONGEST and all(map(LABEL.fullmatch, labels)) else None


def ascii_name(name: str) -> str | None:
    if name.isascii():
        return name
    if len(name) > LONGEST:
        return None
    try:
        return idna.encode(name, uts46=True, transitional=False).decode("ascii").rstrip(".")
    except (idna.IDNAError, UnicodeError, IndexError):
        return None


def ipv4(labels: list[str]) -> str | None:
    """An address in one to four numbers, decimal, octal (0…) or hexadecimal (0x…); the last fills what is left."""
    if len(labels) > 4 or not all(map(NUMBER.fullmatch, labels)):
        return None
    try:
        numbers = [number(label) for label in labels]
    except ValueError:  # an 8 or 9 in an octal number
        return None
    *front, last = numbers
    if any(one > 255 for one in front) or last >= 256 ** (4 - len(front)):
        return None
    value = last + sum(one << 8 * (3 - place) for place, one in enumerate(front))
    return str(IPv4Address(value))


def number(label: str) -> int:
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8 if label.startswith("0") and len(label) > 1 else 10)


def ipv6(written: str) -> str | None:
    try:
        address = IPv6Address(written[1:-1] if written.endswith("]") else written[1:])
    except ValueError:
        return None
    return str(address.ipv4_mapped) if address.ipv4_mapped else f"[{address}]"


def is_address(host: str) -> bool:
    """True for a host that is no name."""
    return host.startswith("[") or host.rpartition(".")[2].isdigit()


@lru_cache(4096)
def registrable(name: str) -> str | None:
    """The name that somebody registered, in small A-labels; None for a public suffix, an address or no name at all."""
    found = None if name.startswith(".") else suffixes().privatesuffix(name.lower())
    return found or None


@lru_cache(4096)
def ends_well(last: str) -> bool:
    """True for a last label that exists: "word.word" in a text is mostly no name."""
    name = ascii_name(last.lower())
    return bool(last) and name is not None and suffixes().publicsuffix(name, accept_unknown=False) is not None


def is_plain_name(written: str) -> bool:
    """True when letters with dots in them, in a text, are the name of a host and not a file or the end of a sentence.

    "www." in front says so, and else the ending has to exist and to be nothing else more often.
    """
    last = written.rstrip(".").rpartition(".")[2]
    if not ends_well(last):  # first: most words with a dot in them end here
        return False
    host = host_of(written)
    if host is None or "." not in host or is_address(host):
        return False
    begins_a_sentence = len(last) == 2 and last[0].isupper() and last[1].islower()
    is_reversed = host.partition(".")[0] in REVERSED  # com.vendor.product
    is_named_www = re.match(r"www\d*[.-]", host) is not None
    is_else = last.lower() in ALSO_FILES or begins_a_sentence or is_reversed
    return registrable(host) is not None and (is_named_www or not is_else)
