"""What mail that we send teaches about those it goes to: a letter of a person does, a machine's does not."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime

from gateway.model import Address, Envelope, Peer
from gateway.policy.address import BadAddress, normalise_sender, parse_address
from gateway.policy.fingerprint import Field, split_fields
from gateway.policy.header import literal, printable

ANSWERS_OF_MACHINES = timedelta(minutes=5)  # whoever answers a first mail faster than that may be a program
MOST_TARGETS = 10  # addresses for unsubscribing in one mail

_SPACE = re.compile(rb"[ \t\r\n]+")
_MAILTO = re.compile(r"<\s*mailto:([^?>\s]+)", re.IGNORECASE)
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,990})>")
_BULK = frozenset({"bulk", "junk", "list"})


@dataclass(frozen=True, slots=True)
class Letter:
    """What the head of a mail says of itself. `message_id` and `answers` stand without angle brackets."""

    message_id: str | None = None
    answers: tuple[str, ...] = ()  # Message-IDs that it refers to
    by_machine: bool = False
    received: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail of a stranger that was delivered: `first` of that sender for that recipient."""

    sender: str
    at: datetime
    first: bool


def read_letter(head: bytes) -> Letter:
    """The letter that a header block opens."""
    fields = split_fields(head)
    ids = message_ids(" ".join(values(fields, "message-id")))
    answers = message_ids(" ".join([*values(fields, "in-reply-to"), *values(fields, "references")]))
    return Letter(ids[0] if ids else None, tuple(answers), is_by_machine(fields), len(values(fields, "received")))


def is_by_machine(fields: Sequence[Field]) -> bool:
    """Sent without a person (RFC 3834 5), or to many at once. X-Auto-Response-Suppress is on people's mail too."""
    automatic = any(value.partition(";")[0].strip() != "no" for value in values(fields, "auto-submitted"))
    bulk = any(value.strip() in _BULK for value in values(fields, "precedence"))
    return automatic or bulk or bool(values(fields, "list-id") or values(fields, "list-unsubscribe"))


def values(fields: Iterable[Field], wanted: str) -> list[str]:
    """The values of all fields of a name, unfolded; in small letters but for identifiers and addresses."""
    found = [
        _SPACE.sub(b" ", raw.partition(b":")[2]).strip().decode("latin-1") for name, raw in fields if name == wanted
    ]
    return found if wanted in _TELLING_CASE else [value.lower() for value in found]


_TELLING_CASE = frozenset({"message-id", "in-reply-to", "references", "list-unsubscribe"})


def message_ids(text: str) -> list[str]:
    """The Message-IDs in a text, without angle brackets; a lone word is taken for one."""
    found = _MESSAGE_ID.findall(text)
    word = text.strip()
    return found or ([word] if word and " " not in word and len(word) < 990 and not set("<>") & set(word) else [])


def unsubscribe_targets(head: bytes) -> list[str]:
    """The addresses to which a mail wants to be unsubscribed (RFC 2369 3.2), as Address.key."""
    text = " ".join(values(split_fields(head), "list-unsubscribe"))
    found = []
    for target in _MAILTO.findall(text)[:MOST_TARGETS]:
        try:
            found.append(parse_address(_PERCENT.sub(lambda code: chr(int(code[1], 16)), target)).key)
        except BadAddress:
            continue
    return found


def is_hasty_answer(letter: Letter, recipient: str, now: datetime, arrivals: Iterable[Arrival]) -> bool:
    """True for what goes back within minutes of a stranger's first mail: spam must not make itself known.

    The stranger's envelope may carry another address than the one that is answered, at the same domain.
    """
    domain = recipient.rpartition("@")[2]
    return any(
        one.first
        and timedelta(0) <= now - one.at < ANSWERS_OF_MACHINES
        and (
            normalise_sender(one.sender) == normalise_sender(recipient)
            or (bool(letter.answers) and one.sender.rpartition("@")[2] == domain)
        )
        for one in arrivals
    )


def may_send(sender: Address, allowed: Iterable[str]) -> bool:
    """Whether an envelope sender is one of these addresses and domains."""
    return sender.key in allowed or sender.domain in allowed


def received(peer: Peer, envelope: Envelope, hostname: str, number: str, now: datetime, *, user: bool) -> str:
    """The Received field of submitted mail (RFC 5321 4.4; RFC 3848 for the protocol). It names no recipient."""
    protocol = ("UTF8SMTP" if envelope.parameters.smtputf8 else "ESMTP") if peer.esmtp else "SMTP"
    if peer.esmtp:
        protocol += ("S" if peer.tls else "") + ("A" if user else "")
    return (
        f"Received: from {printable(peer.helo)} ({literal(peer)})\r\n"
        f"\tby {hostname} with {protocol} id {number};\r\n\t{format_datetime(now)}\r\n"
    )
