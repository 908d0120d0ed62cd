"""Names that providers give to lines rather than to servers: dial-up, dynamic, or made of the address itself."""

import re
from functools import lru_cache
from itertools import pairwise

from gateway.model import IPAddress

# What an access line is called, as a whole part of a label. With a number in the name it is one of many.
ACCESS = frozenset({
    "adsl", "broadband", "cable", "catv", "cdm", "client", "cm", "cpe", "cust", "customer", "customers", "dclient",
    "dhcp", "dial", "dialin", "dialup", "dip", "dsl", "dyn", "dynamic", "dynip", "fiber", "fibre", "ftth", "gprs",
    "lte", "modem", "pool", "pools", "ppp", "pppoe", "pptp", "residential", "reverse", "roadrunner", "subscriber",
    "umts", "upc", "user", "users", "vdsl", "wireless", "wlan", "xdsl",
})  # fmt: skip
# Some are run together with a number or a letter: adsl2, modemcable090, dhcp024, t-dialin.
ACCESS_PREFIX = re.compile(r"(?:x|a|v)?dsl|cable|modem|dhcp|dial|dyn|ppp|pool|cust(?:omer)?|bband|broadband|cpe")
MOST_NUMBERS = 3  # groups of digits in one label; a server's name has one or two
LONG_NUMBER = re.compile(r"\d{5,}")
HEX_ADDRESS = re.compile(r"(?:^|[^0-9a-f])(?:0x)?[a-z]{0,4}?([0-9a-f]{8})(?![0-9a-f])")
OCTETS = re.compile(r"(?<!\d)\d{1,3}(?:[-.]\d{1,3}){2,}(?!\d)")
NUMBERS = re.compile(r"\d+")
PARTS = re.compile(r"[-_.]")


@lru_cache(4096)
def is_generic(name: str, address: IPAddress | None = None) -> bool:
    """True when the name says which line it is, not which server. `name` is in small letters."""
    host = without_organisation(name)
    if not host or not any(letter.isdigit() for letter in host):
        return False
    return tells_address(host, address) or is_access_line(host)


def without_organisation(name: str) -> str:
    """All labels but the last two, which are somebody's; a host named right below a public suffix keeps its first."""
    labels = name.split(".")
    return ".".join(labels[:-2] if len(labels) > 2 else labels[:1])


def tells_address(host: str, address: IPAddress | None) -> bool:
    """The address, or what looks like one: three octets in a row, or eight hexadecimal digits with a letter."""
    if OCTETS.search(host) or LONG_NUMBER.search(host):
        return True
    found = HEX_ADDRESS.search(host)
    if found and any(letter in "abcdef" for letter in found[1]) and any(letter.isdigit() for letter in found[1]):
        return True
    return address is not None and holds(host, address)


def holds(host: str, address: IPAddress) -> bool:
    """Two neighbouring octets of it, in either direction, or all of it in hexadecimal."""
    if address.version == 6:
        return format(int(address) & (1 << 64) - 1, "016x") in host.replace("-", "").replace(".", "")
    octets = [str(octet) for octet in address.packed]
    numbers = [str(int(number)) for number in NUMBERS.findall(host)]
    neighbours = set(pairwise(octets)) | set(pairwise(reversed(octets)))
    return address.packed.hex() in host or any(pair in neighbours for pair in pairwise(numbers))


def is_access_line(host: str) -> bool:
    """Called as access lines are called, or numbered as only many of a kind are."""
    parts = PARTS.split(host)
    if any(part.rstrip("0123456789") in ACCESS or ACCESS_PREFIX.match(part) for part in parts):
        return True
    return any(len(NUMBERS.findall(label)) >= MOST_NUMBERS for label in host.split("."))
