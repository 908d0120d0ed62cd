"""Who a mail says it is from: the addresses in its From field (RFC 5322 3.6.2), read as strictly as they must be.

A mail with several authors, or with a From that mail programs may read differently, is from nobody in particular:
what is signed for one of them would be shown as the other.
"""

import re
from collections.abc import Iterable
from itertools import islice

from gateway.policy.address import BadAddress, parse_address

MOST = 10  # mailboxes that are looked at
MAX_VALUE = 16 * 1024  # characters of one field
UNREADABLE = ""  # an author whose address cannot be told

# What nearly every mail has: a plain name or none, and one address.
_PLAIN = re.compile(r"[^\"\\(),:;<>]*<([^\s\"\\(),:;<>]+)>|([^\s\"\\(),:;<>]+)")
_PIECES = re.compile(r'"(?:[^"\\]|\\.)*"|\\.|[(),:;<>]|[^"\\(),:;<>]+|.', re.DOTALL)


def addresses(values: Iterable[str], most: int = MOST) -> tuple[str, ...]:
    """The address of each mailbox in these fields, in small letters with A-labels; UNREADABLE where it is none."""
    return tuple(islice((address for value in values for address in mailboxes(value[:MAX_VALUE])), most))


def mailboxes(value: str) -> list[str]:
    """The addresses of one field. A group counts with its members (RFC 6854)."""
    if plain := _PLAIN.fullmatch(value):
        return [read(plain[1] or plain[2])]
    return [address_of(part) for part in split(value)] or [UNREADABLE]


def split(value: str) -> list[list[str]]:
    """The pieces of each mailbox, without comments, group names and commas."""
    parts: list[list[str]] = [[]]
    comment, in_angle = 0, False
    for piece in _PIECES.findall(value):
        if piece in "()":
            comment = max(0, comment + (1 if piece == "(" else -1))
        elif comment:
            continue
        elif piece in ",;" and not in_angle:
            parts.append([])
        elif piece == ":" and not in_angle:
            parts[-1] = []
        else:
            in_angle = piece == "<" or (in_angle and piece != ">")
            parts[-1].append(piece)
    return [part for part in parts if "".join(part).strip()]


def address_of(pieces: list[str]) -> str:
    """The address in angle brackets, or the only thing that is there."""
    if "<" in pieces:
        begin = pieces.index("<")
        rest = pieces[begin + 1 :]
        if rest.count(">") != 1 or "<" in rest or "".join(rest[rest.index(">") + 1 :]).strip():
            return UNREADABLE
        inner = "".join(rest[: rest.index(">")])
    else:
        inner = "".join(pieces)
    return read(inner.strip())


def read(address: str) -> str:
    try:
        return parse_address(address).key
    except BadAddress:
        return UNREADABLE
