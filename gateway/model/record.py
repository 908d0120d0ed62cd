"""What is remembered: lists, sightings, copies, deliveries and tombstones."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.model.mail import Fingerprint
from gateway.model.party import IPNetwork, Rung
from gateway.model.verdict import Reply


class ListVerb(StrEnum):
    ALLOW = "allow"
    BLOCK = "block"


class ListKind(StrEnum):
    """What the value of an entry names: the sender's side of a combination, or, for anybody's mail, a recipient."""

    ADDRESS = "address"
    DOMAIN = "domain"  # itself and what is below it
    SIGNATURE = "signature"  # the domain that signed for the author (DKIM)
    NETWORK = "network"
    RECIPIENT = "recipient"


class Binds(StrEnum):
    """Which uses of its name a block refuses."""

    EVERYTHING = "everything"
    UNAUTHENTICATED = "unauthenticated"  # only those that nobody proved; told after the dot


@dataclass(frozen=True, slots=True)
class ListEntry:
    """A line of the private lists: a combination of who, with what proof, for whom, and until when.

    The name of a sender is that of the envelope or of the author. An allowed one counts when it comes from `network`,
    or is signed for: by `signature` (a domain, or one below it) where that is named, else by the name's own.
    `scope` is the recipient address or domain it holds for, None for everybody. `message` is the mail it was approved
    from. Nothing is struck: an entry that was withdrawn or is over stays as history.
    """

    id: int
    verb: ListVerb
    kind: ListKind
    value: str
    network: IPNetwork | None = None
    scope: str | None = None
    expires: datetime | None = None
    author: str = ""
    comment: str = ""
    signature: str | None = None
    binds: Binds = Binds.EVERYTHING
    created: datetime | None = None
    message: str | None = None
    withdrawn_at: datetime | None = None
    withdrawn_by: str = ""


class HosterKind(StrEnum):
    """What a line of the private hosters names."""

    NETWORK = "network"
    NAME = "name"  # a domain that confirmed host names are in
    AS = "as"  # an autonomous system (RFC 1930), known from the admin's file


@dataclass(frozen=True, slots=True)
class Hoster:
    """A place whose strangers wait longer or are held. `value`: "192.0.2.0/24", "hoster.example" or "AS64500"."""

    id: int
    kind: HosterKind
    value: str
    author: str = ""
    comment: str = ""
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """What we remember of an attempt to send one mail to one recipient. Times are those of the events.

    `whole`, `body` and `message_id` are None when the mail was deferred before we saw its data.
    """

    id: int
    rungs: frozenset[Rung]
    first_seen: datetime
    last_seen: datetime
    tries: int = 1
    size: int | None = None
    passed_at: datetime | None = None
    body: str | None = None
    message_id: str | None = None

    @property
    def saw_data(self) -> bool:
        return self.body is not None


@dataclass(frozen=True, slots=True)
class Expectation:
    """Somebody expects mail, until a moment: from whoever can prove who it is, or from one domain."""

    id: int
    recipient: str
    domain: str | None
    opened_at: datetime
    until: datetime
    who: str = ""
    closed_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        return self.closed_at is None and now < self.until


class CopyState(StrEnum):
    """The life of our copy of deferred mail, which its sender still owns; then that of delivered mail to look at."""

    SENDER_HELD = "sender_held"
    PASSING = "passing"
    PASSED = "passed"
    TAKEN_OVER = "taken_over"
    RELEASED = "released"
    REFUSED = "refused"
    ABANDONED = "abandoned"
    LISTED = "listed"  # it was delivered, and is kept for somebody to look at
    LOOKED_AT = "looked_at"
    CALLED_SPAM = "called_spam"
    CALLED_HAM = "called_ham"
    UNSEEN = "unseen"  # nobody looked at it in time


class DeliveryState(StrEnum):
    """The life of mail that we own: we said 250."""

    HELD = "held"
    RELEASING = "releasing"
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    REFUSED = "refused"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class MailIdentity:
    """Which mail, from whom, to one recipient: what a retry is compared by."""

    sender: str  # Address.key, "" for the null reverse-path
    recipient: str
    rungs: frozenset[Rung]
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class CopyRow:
    """Our copy of one mail for one recipient, as the store knows it."""

    id: int
    message: str
    state: CopyState
    first_seen: datetime
    last_seen: datetime
    mail: MailIdentity
    lease_until: datetime | None = None


class TombstoneOutcome(StrEnum):
    """What became of a mail that may be retried."""

    PENDING = "pending"  # on its way to the backend
    DELIVERED = "delivered"
    REFUSED = "refused"  # by a person
    UNDELIVERABLE = "undeliverable"  # the backend's 5xx, kept in `reply`


@dataclass(frozen=True, slots=True)
class Tombstone:
    id: int
    outcome: TombstoneOutcome
    mail: MailIdentity
    expires: datetime
    released: bool = False  # made by a person's release
    consumed_at: datetime | None = None
    reply: Reply | None = None


class Label(StrEnum):
    """What a person says a mail is."""

    SPAM = "spam"
    HAM = "ham"
