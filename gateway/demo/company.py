"""The cast: a clockmaker's firm, those who write to it, and what they write."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime

DOMAIN = "tock.example"
INES = f"ines@{DOMAIN}"  # the workshop
BO = f"bo@{DOMAIN}"  # orders
BILLS = f"bills@{DOMAIN}"  # level off: bills are not to wait
OLGA = f"olga@{DOMAIN}"  # the owner, level review-before
NOBODY = f"sales-team-7@{DOMAIN}"  # does not exist
STAFF = (INES, BO, BILLS, OLGA)
LEVELS = {BILLS: "off", OLGA: "review-before"}


@dataclass(frozen=True, slots=True)
class Party:
    """A mail server of the world: the name it gives, and its address (RFC 5737 or RFC 3849, for documentation)."""

    helo: str
    address: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as its sender has it. `data` are its bytes, the same at every attempt."""

    sender: str
    name: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    data: bytes = field(repr=False)

    @property
    def title(self) -> str:
        return f"“{self.subject}”"


def letter(sender: str, name: str, recipients: tuple[str, ...], subject: str, text: str, now: datetime) -> Letter:
    """A new mail, with the four fields that make it one of a kind."""
    fields = (
        f"From: {name} <{sender}>",
        f"To: {', '.join(f'<{one}>' for one in recipients)}",
        f"Subject: {subject}",
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{secrets.token_hex(8)}@{sender.partition('@')[2]}>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
    )
    data = "".join(f"{line}\r\n" for line in (*fields, "", *text.strip().splitlines())).encode()
    return Letter(sender, name, recipients, subject, text, data)


# A network is judged as a whole in some things: whoever misbehaves lives in one of its own.
BRASSWORKS = Party("mail.brassworks.example", "198.51.100.25")
MUSEUM = Party("mx.museum.example", "203.0.113.40")
BOT = Party("WIN-7PC", "192.0.2.66")
BABBLER = Party("localhost.localdomain", "2001:db8:bab::25")
JOINERY = Party("mail.joinery.example", "203.0.113.77")
THEATRE = Party("post.theatre.example", "203.0.113.90")
MANOR = Party("out.manor.example", "203.0.113.200")
