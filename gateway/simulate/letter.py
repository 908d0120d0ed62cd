"""A simulated mail: made once, with a real signature where its sender signs, and sent as it is at every attempt."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from random import Random

import dkim
import nacl.encoding

from gateway.policy.fingerprint import Fingerprinter
from gateway.policy.header import VERDICT_FIELD
from gateway.simulate.model import Kind, Model
from gateway.simulate.world import SELECTOR, signing_key

TEXT = """
meeting order bridge window paper summer invoice garden river letter school engine answer market copper kitchen morning
figure museum ticket winter road signal number carpet harbour lesson picture station
"""
WORDS = tuple(TEXT.split())
NUMBERED = re.compile(r"\[#(\d+)\]")


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail. `sender` is that of the envelope, "" the null sender; `whole` is the gate's hash of its data."""

    number: int
    model: Model
    sender: str
    recipients: tuple[str, ...]
    data: bytes = field(repr=False)
    whole: str = ""


def number_in(subject: str) -> int | None:
    """Which mail a subject names; for whoever reads the queue."""
    found = NUMBERED.search(subject)
    return int(found[1]) if found else None


def written(
    model: Model,
    number: int,
    author: str,
    sender: str,
    recipients: tuple[str, ...],
    now: datetime,
    luck: Random,
    hostname: str,
) -> Letter:
    data = ("\r\n".join([*head(model, number, author, recipients, now, luck), "", *body(luck), ""])).encode()
    if model.signs:
        data = signed(data, author.rpartition("@")[2]) + data
    return Letter(number, model, sender, recipients, data, whole_of(data, hostname))


def head(model: Model, number: int, author: str, recipients: tuple[str, ...], now: datetime, luck: Random) -> list[str]:
    fields = [
        f"From: {author}",
        f"To: {', '.join(recipients)}",
        f"Subject: {' '.join(luck.choices(WORDS, k=3))} [#{number}]",
        f"Simulated: {number}",
    ]
    if model.kind is not Kind.BARE:
        fields.append(f"Date: {format_datetime(now)}")
        fields.append(f"Message-ID: <{number}.{luck.getrandbits(48):x}@{author.rpartition('@')[2]}>")
    return fields


def body(luck: Random) -> list[str]:
    return [" ".join(luck.choices(WORDS, k=10)) for _ in range(luck.randint(2, 30))]


def signed(data: bytes, domain: str) -> bytes:
    """The DKIM-Signature field (RFC 6376, RFC 8463)."""
    key = signing_key(domain).encode(nacl.encoding.Base64Encoder)
    fields = [b"from", b"to", b"subject", b"date", b"message-id"]
    made = dkim.sign(
        data,
        SELECTOR.encode(),
        domain.encode(),
        key,
        canonicalize=(b"relaxed", b"relaxed"),
        signature_algorithm=b"ed25519-sha256",
        include_headers=fields,
    )
    return bytes(made)


def whole_of(data: bytes, hostname: str) -> str:
    """What the gate will know the mail by."""
    reader = Fingerprinter(hostname, VERDICT_FIELD)
    reader.feed(data)
    return reader.finish().fingerprint.whole


def other_content(letter: Letter, luck: Random, hostname: str, now: datetime) -> Letter:
    """The same envelope and number with other words."""
    return written(letter.model, letter.number, letter.sender, letter.sender, letter.recipients, now, luck, hostname)
