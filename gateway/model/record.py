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
    ADDRESS = "address"
    DOMAIN = "domain"
    NETWORK = "network"
    RECIPIENT = "recipient"


@dataclass(frozen=True, slots=True)
class ListEntry:
    """A line of the private lists. `network` beside a name makes an allowed name count (until names are authenticated);
    `scope` is the recipient address or domain it holds for, None for everybody."""

    id: int
    verb: ListVerb
    kind: ListKind
    value: str
    network: IPNetwork | None = None
    scope: str | None = None
    expires: datetime | None = None
    author: str = ""
    comment: str = ""


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


class CopyState(StrEnum):
    """The life of our copy of deferred mail, which its sender still owns."""

    SENDER_HELD = "sender_held"
    PASSING = "passing"
    PASSED = "passed"
    TAKEN_OVER = "taken_over"
    RELEASED = "released"
    REFUSED = "refused"
    ABANDONED = "abandoned"


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
