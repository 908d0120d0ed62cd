"""The hop before a declared relay, read from the Received fields that the relay wrote (RFC 5321 4.4).

Fields are read from the top, and only as far as a relay of ours wrote them: what is below is the sender's own word.
Each mail server has its own form, and all of them quote what the sender said (its HELO, sometimes more). A field that
could be read in two ways is not read at all: then nobody knows the hop, which counts neither for the mail nor
against it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from gateway.model import IPAddress, IPNetwork
from gateway.policy.lists import as_ipv4

MOST_FIELDS = 30
MOST_CHARACTERS = 2000  # in a field

# Such an address names nobody outside the relay's own network.
INNER = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
        "::/127",
        "fc00::/7",
        "fe80::/10",
        "ff00::/8",
    )
)


@dataclass(frozen=True, slots=True)
class Hop:
    """Who gave a mail to a relay. `helo` is what it called itself, and no more than that."""

    address: IPAddress
    helo: str


def is_among(address: IPAddress, networks: Iterable[IPNetwork]) -> bool:
    """True when the address is in one of the networks; an IPv4-mapped address counts as IPv4."""
    plain = as_ipv4(address)
    return any(plain in network for network in networks)


def hop_before(received: Sequence[str], relays: Sequence[IPNetwork]) -> Hop | None:
    """Who gave the mail to the relay that brings it; None when that cannot be read.

    `received` are the unfolded values of the mail's Received fields, the topmost first. Relays that passed the mail to
    each other are skipped.
    """
    for value in received[:MOST_FIELDS]:
        if len(value) > MOST_CHARACTERS:
            return None
        if WITHIN_A_HOST.fullmatch(value):
            continue
        hop = read_hop(value)
        if hop is None:
            return None
        if not is_among(hop.address, relays):
            return None if is_among(hop.address, INNER) else hop
    return None


# ---- one field -----------------------------------------------------------------------------------------------------

# What a server adds when it takes a mail out of its queue and puts it back: the field below is its own, too. Mail that
# was submitted on the relay itself looks different (Postfix: "from userid", qmail: "invoked by"), and ends the search.
WITHIN_A_HOST = re.compile(
    r"by \S+ \(Postfix\) id \w+(?: for <[^<>\s]*>)?; [^()]*(?:\([A-Z]+\))?|\(qmail \d+ invoked from network\); .*"
)

ADDRESS = r"(?:IPv6:)?([0-9A-Fa-f:.]{2,45})"
PORT = r"(?::\d{1,5})?"
# Postfix, Sendmail, Haraka, OpenSMTPD, Courier, Greygate: (name [192.0.2.7]), with a user before the name in some.
BRACKETED = re.compile(rf"(?:\S+ )?\[{ADDRESS}\]{PORT}(?: \(may be forged\))?", re.IGNORECASE)
# Exim: ([192.0.2.7] helo=name)
WITH_WORDS = re.compile(rf"\[{ADDRESS}\]{PORT}(?: (?:helo|ident|port)=\S+)+", re.IGNORECASE)
# Exchange, qmail: (192.0.2.7), with a user before it in some
BARE = re.compile(rf"(?:[^\s@]+@)?{ADDRESS}", re.IGNORECASE)
# Exim, of a host without a name: from [192.0.2.7] (helo=name)
LITERAL = re.compile(rf"\[{ADDRESS}\]{PORT}", re.IGNORECASE)
EXIM_WORDS = re.compile(r"(?:(?:helo|ident|port)=\S+ ?)+")
HELO = re.compile(r"(?:HELO |(?:.* )?helo=)(\S+)", re.IGNORECASE)

Part = tuple[bool, str]  # is it a comment, and its text


def read_hop(value: str) -> Hop | None:
    """The host that a Received field says it got the mail from; None when it names none, or could name two."""
    parts = split(value)
    words = [text.lower() for is_comment, text in parts if not is_comment]
    if words[:1] != ["from"] or words.count("by") != 1 or words.index("by") != 2:
        return None
    by = next(place for place, part in enumerate(parts) if not part[0] and part[1].lower() == "by")
    name = parts[1][1]
    comments = [text for is_comment, text in parts[2:by] if is_comment]
    is_exim = any(EXIM_WORDS.fullmatch(text) for text in comments) or any(
        is_comment and text.startswith("Exim ") for is_comment, text in parts[by:]
    )
    found = {address for text in comments for address in addresses(text)}
    if not found and is_exim and (literal := LITERAL.fullmatch(name)):
        found = {literal[1]}
    if len(found) != 1:
        return None
    try:
        return Hop(as_ipv4(ip_address(found.pop())), helo(name, comments))
    except ValueError:
        return None


def split(value: str) -> list[Part]:
    """The words and comments of a value; none when it does not begin with two words or a parenthesis is astray."""
    parts: list[Part] = []
    depth = 0
    if "\\" in value:  # may hide a parenthesis, and no server writes it unasked
        return []
    for piece in re.findall(r"[()]|[^\s()]+|\s+", value):
        if piece == "(":
            depth += 1
            if depth == 1:
                parts.append((True, ""))
                continue
        elif piece == ")":
            depth -= 1
            if depth < 0:
                return []
            if depth == 0:
                continue
        if depth:
            parts[-1] = (True, parts[-1][1] + piece)
        elif not piece.isspace():
            parts.append((False, piece))
    in_order = depth == 0 and len(parts) > 1 and not (parts[0][0] or parts[1][0])
    return parts if in_order else []


def addresses(comment: str) -> list[str]:
    """The address that a comment says the connection came from; what the sender said of itself is none."""
    if comment.upper().startswith(("HELO ", "EHLO ")):
        return []
    shapes = (shape.fullmatch(comment) for shape in (BRACKETED, WITH_WORDS, BARE))
    return [found[1].lower() for found in shapes if found]


def helo(name: str, comments: Sequence[str]) -> str:
    said = next((found[1] for text in comments if (found := HELO.match(text))), name)
    return "".join(letter if letter.isprintable() else "?" for letter in said)[:255]
