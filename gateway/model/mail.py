"""What is sent: envelope addresses, parameters, and what tells one mail from another."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Address:
    """An envelope address. `raw` is what was validated and is sent on, letter by letter; `key` is what we compare."""

    raw: str
    local: str
    domain: str  # lower-case, A-labels; an address literal keeps its brackets

    @property
    def key(self) -> str:
        return f"{self.local.lower()}@{self.domain}"


@dataclass(frozen=True, slots=True)
class Recipient:
    """An envelope recipient with its DSN parameters (RFC 3461 4.1, 4.2) as they were given."""

    address: Address
    notify: str | None = None
    orcpt: str | None = None


@dataclass(frozen=True, slots=True)
class MailParameters:
    """The parameters of MAIL FROM. `size` is the announced size in bytes (RFC 1870)."""

    size: int | None = None
    body_8bit: bool = False
    smtputf8: bool = False
    ret: str | None = None
    envid: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sends to whom. `sender` is None for the null reverse-path."""

    sender: Address | None
    recipients: tuple[Recipient, ...]
    parameters: MailParameters = MailParameters()

    @property
    def sender_key(self) -> str:
        return self.sender.key if self.sender else ""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells one mail from another. Hashes are hex SHA-256.

    `headers` digests From, Subject, Date and Message-ID and is None unless all four are present exactly once: without
    them two mails may look alike without being the same. `whole` covers the data without trace fields, `body` the
    body in DKIM's relaxed form (RFC 6376 3.4.4).
    """

    whole: str
    body: str
    headers: str | None
    message_id: str | None


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """What the data of a message says, as far as decisions need it.

    `author` is the From field for people to read; `authors` are the addresses in all From fields, "" where one cannot
    be told. `list_id`: the List-Id field (RFC 2919). `is_signed`: there is a signature or a seal to be verified, and
    then `addressed` are the addresses in To and Cc.
    """

    fingerprint: Fingerprint
    size: int
    author: str = ""
    authors: tuple[str, ...] = ()
    list_id: str = ""
    is_signed: bool = False
    addressed: tuple[str, ...] = ()
    subject: str = ""
    received_count: int = 0
    forged_fields: tuple[str, ...] = ()  # fields that claim to be ours; removed before delivery

    @property
    def only_author(self) -> str | None:
        """The address the mail is from; None where there are several, or none that can be told."""
        return self.authors[0] if len(self.authors) == 1 and self.authors[0] else None


class Bounce(StrEnum):
    """What a mail without a sender is about. FOREIGN: a delivery report on a mail that we never sent."""

    NONE = "none"
    OURS = "ours"
    FOREIGN = "foreign"
