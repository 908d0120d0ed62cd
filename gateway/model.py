"""The nouns: peers, addresses, envelopes, facts, reasons and verdicts. Nothing here does anything."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # of what has not happened


class RungKind(IntEnum):
    """How a peer is identified; a greater value is a stronger rung of the ladder."""

    NETWORK = 1  # the /24 or /64 it connects from
    FCRDNS = 2  # the name that its address resolves to and back
    SPF = 3  # the domain whose SPF record permits the address
    DKIM = 4  # the aligned domain that signed the message


@dataclass(frozen=True, slots=True)
class Rung:
    """One identity of a peer, for instance (NETWORK, "192.0.2.0/24")."""

    kind: RungKind
    value: str


@dataclass(frozen=True, slots=True)
class Peer:
    """The connecting host. `name` is its forward-confirmed name; None: there is none, or DNS did not say."""

    address: IPAddress
    helo: str = ""
    name: str | None = None
    tls: bool = False
    esmtp: bool = True


@dataclass(frozen=True, slots=True)
class NetworkRecord:
    """What we remember of a /24 or /64. A mark holds until its moment; NEVER where nothing happened."""

    greeted_at: datetime = NEVER  # it waited for our greeting
    delivered_at: datetime = NEVER  # mail of it was delivered
    trapped_until: datetime = NEVER  # it wrote to a trap
    early_until: datetime = NEVER  # it spoke before it was greeted


@dataclass(frozen=True, slots=True)
class Pressure:
    """What counts against a stranger besides its mail, or for it; all False for somebody we have dealt with."""

    trap: bool = False  # the recipient is a trap
    trapped: bool = False  # its network wrote to a trap today
    early_talker: bool = False  # its network spoke before it was greeted, today
    harvesting: bool = False  # it named too many recipients who do not exist
    stressed: bool = False  # we are short of places
    patient: bool = False  # it waited for our answer in this connection


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
    """What the data of a message says, as far as decisions need it."""

    fingerprint: Fingerprint
    size: int
    author: str = ""
    subject: str = ""
    received_count: int = 0
    forged_fields: tuple[str, ...] = ()  # fields that claim to be ours; removed before delivery


class Level(StrEnum):
    """How much protection an account has; see docs/glossary.md."""

    OFF = "off"
    WATCH = "watch"
    GREYLIST = "greylist"
    REVIEW_AFTER = "review-after"
    REVIEW_BEFORE = "review-before"
    KNOWN_ONLY = "known-only"


class RecipientClass(StrEnum):
    """What a recipient's mail may expect in this transaction: to be let in, to wait, or to be held."""

    PASS = "pass"  # noqa: S105  (a class of recipients, no password)
    WAIT = "wait"
    HOLD = "hold"


class Grade(IntEnum):
    """How well we know (identity, sender, recipient): not at all, by patience, or by an act of our people."""

    STRANGER = 0
    REMEMBERED = 1
    KNOWN = 2


class Mode(StrEnum):
    """Whether strangers are really asked to wait, or it is only noted that they would have been."""

    ENFORCE = "enforce"
    OBSERVE = "observe"


class Action(StrEnum):
    ACCEPT = "accept"
    DEFER = "defer"
    REJECT = "reject"
    HOLD = "hold"
    DISCARD = "discard"  # answered 250: this very mail was delivered before


class ReasonCode(StrEnum):
    """Why. A value is public (log, pages, API, database): never reused, never renamed."""

    RELAY_DENIED = "relay.denied"
    RELAY_DECLARED = "relay.declared"
    RELAY_SPARED = "relay.spared"
    RECIPIENT_UNKNOWN = "recipient.unknown"
    RECIPIENT_UNVERIFIED = "recipient.unverified"
    RECIPIENT_HARVEST = "recipient.harvest"
    RECIPIENT_EXEMPT = "recipient.exempt"
    RECIPIENT_OTHER_CLASS = "recipient.other_class"
    LIST_BLOCKED = "list.blocked"
    LIST_ALLOWED = "list.allowed"
    SWITCH_BYPASS = "switch.bypass"
    SWITCH_GREYLIST_OFF = "switch.greylist_off"
    OBSERVE_LET_IN = "observe.let_in"
    LEVEL_OFF = "level.off"
    LEVEL_WATCH = "level.watch"
    LEVEL_REVIEW_BEFORE = "level.review_before"
    LEVEL_KNOWN_ONLY = "level.known_only"
    PARTY_KNOWN = "party.known"
    PARTY_REMEMBERED = "party.remembered"
    GREYLIST_NEW = "greylist.new"
    GREYLIST_EARLY = "greylist.early"
    GREYLIST_LARGE = "greylist.large"
    GREYLIST_OTHER_CONTENT = "greylist.other_content"
    GREYLIST_DATA = "greylist.data"
    GREYLIST_PASSED = "greylist.passed"
    GREYLIST_PATIENT = "greylist.patient"
    GREYLIST_CARRIED = "greylist.carried"
    GREYLIST_COMPANY = "greylist.company"
    TRAP_HIT = "trap.hit"
    TRAP_NETWORK = "trap.network"
    TARPIT_EARLY_TALKER = "tarpit.early_talker"
    TAKEOVER_DUE = "takeover.due"
    RETRY_DELIVERED = "retry.delivered"
    RETRY_IN_FLIGHT = "retry.in_flight"
    RETRY_REFUSED = "retry.refused"
    RETRY_UNDELIVERABLE = "retry.undeliverable"
    CONTENT_SUSPICIOUS = "content.suspicious"
    MESSAGE_LOOP = "message.loop"
    MESSAGE_DEFECT = "message.defect"
    NOTICE_EXPIRED = "notice.expired"
    BACKEND_DEFERRED = "backend.deferred"
    BACKEND_REFUSED = "backend.refused"
    BACKEND_DOWN = "backend.down"
    BACKEND_SLOW = "backend.slow"
    STORE_UNAVAILABLE = "store.unavailable"
    STORAGE_FULL = "storage.full"
    INTERNAL_FAILURE = "internal.failure"


@dataclass(frozen=True, slots=True)
class Reason:
    """One why: the code, what was seen, and how much it weighed (None: it decided by itself)."""

    code: ReasonCode
    evidence: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision about one recipient. `reasons` opens with the one that decided."""

    action: Action
    reasons: tuple[Reason, ...]
    recipient_class: RecipientClass | None = None
    junk: bool = False  # deliver, but tagged for the Junk folder
    review: bool = False  # deliver, and list it for somebody to look at
    release_after: timedelta | None = None  # a held mail that releases itself
    reply: "Reply | None" = None  # the backend's own words, to be relayed
    observed: "Verdict | None" = None  # what it would have been, had we not merely observed

    @property
    def code(self) -> ReasonCode:
        return self.reasons[0].code


@dataclass(frozen=True, slots=True)
class Reply:
    """An SMTP reply: code, enhanced status code (RFC 3463; may be empty) and text."""

    code: int
    enhanced: str
    text: str

    @property
    def is_positive(self) -> bool:
        return 200 <= self.code < 300

    @property
    def is_transient(self) -> bool:
        return 400 <= self.code < 500

    @property
    def is_permanent(self) -> bool:
        return self.code >= 500

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.code), self.enhanced, self.text)))


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


class Switch(StrEnum):
    """Panic switches; each ends by itself."""

    BYPASS = "bypass"
    GREYLIST_OFF = "greylist-off"
    FREEZE_RELEASES = "freeze-releases"


@dataclass(frozen=True, slots=True)
class Relayed:
    """A declared relay brings the mail. `hop` is who gave it to the relay; None: not known, or not yet."""

    rungs: frozenset[Rung]  # the relay's own: they tell its retry from another mail, and earn nothing
    hop: Peer | None = None


@dataclass(frozen=True, slots=True)
class RcptFacts:
    """All we know when one RCPT TO arrives. None: we could not find out.

    Behind a declared relay `rungs`, `listed` and `grade` are about the hop before it; `peer` is the relay.
    """

    now: datetime
    peer: Peer
    rungs: frozenset[Rung]
    sender: str
    recipient: Address
    is_local: bool
    recipient_exists: bool | None
    level: Level
    reviewed: bool  # somebody looks at this recipient's holds
    listed: tuple[ListEntry, ...]
    grade: Grade | None
    sightings: tuple[Sighting, ...] | None
    relayed: Relayed | None = None
    switches: frozenset[Switch] = frozenset()
    announced_size: int | None = None
    pressure: Pressure = Pressure()
    mode: Mode = Mode.ENFORCE


@dataclass(frozen=True, slots=True)
class DataFacts:
    """All we know about one recipient's mail after the dot. None: we could not find out."""

    now: datetime
    rcpt: RcptFacts
    admitted: Verdict  # what RCPT said
    carried: bool  # a waiting recipient that a known sender's passing one carries along
    message: MessageFacts
    sightings: tuple[Sighting, ...] | None
    copies: tuple[CopyRow, ...] | None
    tombstones: tuple[Tombstone, ...] | None
    first_tried: datetime | None = None  # since when the sender tries to send this mail, from whatever network
    suspicion: tuple[Reason, ...] = ()  # evidence from the content; empty: no opinion

    @property
    def mail(self) -> MailIdentity:
        rungs = self.rcpt.rungs or (self.rcpt.relayed.rungs if self.rcpt.relayed else frozenset())
        return MailIdentity(self.rcpt.sender, self.rcpt.recipient.key, rungs, self.message.fingerprint)
