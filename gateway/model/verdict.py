"""What is decided: levels, classes, actions, reasons, verdicts and replies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


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


class Mode(StrEnum):
    """Whether strangers are really asked to wait, or it is only noted that they would have been."""

    ENFORCE = "enforce"
    OBSERVE = "observe"
    SHADOW = "shadow"  # as enforce, and what a draft of the settings says is noted beside it

    @property
    def in_force(self) -> bool:
        return self is not Mode.OBSERVE


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
    SENDER_LOOKALIKE = "sender.lookalike"
    SENDER_HIDDEN = "sender.hidden"
    HELO_FORGED = "helo.forged"
    EXPECTED_MAIL = "expected.mail"
    AUDIT_SAMPLED = "audit.sampled"
    AUTH_FORGED = "auth.forged"
    HOSTER_WAIT = "hoster.wait"
    HOSTER_HOLD = "hoster.hold"
    TRAP_HIT = "trap.hit"
    TRAP_NETWORK = "trap.network"
    TARPIT_EARLY_TALKER = "tarpit.early_talker"
    TAKEOVER_DUE = "takeover.due"
    BOUNCE_OURS = "bounce.ours"
    BOUNCE_FOREIGN = "bounce.foreign"
    RETRY_DELIVERED = "retry.delivered"
    RETRY_IN_FLIGHT = "retry.in_flight"
    RETRY_REFUSED = "retry.refused"
    RETRY_UNDELIVERABLE = "retry.undeliverable"
    CAMPAIGN_SHARED_URL = "campaign.shared_url"
    CAMPAIGN_SHARED_TEXT = "campaign.shared_text"
    CAMPAIGN_CONFIRMED = "campaign.confirmed"
    CONTENT_SUSPICIOUS = "content.suspicious"
    CONTENT_UNPARSEABLE = "content.unparseable"
    CONTENT_LEARNED = "content.learned"
    SCORE_CREDIT = "score.credit"
    STRUCTURE_FIELDS = "structure.fields"
    STRUCTURE_DATE = "structure.date"
    STRUCTURE_DOUBLED = "structure.doubled"
    STRUCTURE_RECEIVED = "structure.received"
    STRUCTURE_HELO = "structure.helo"
    STRUCTURE_PARTS = "structure.parts"
    STRUCTURE_LETTERS = "structure.letters"
    STRUCTURE_HIDDEN = "structure.hidden"
    ATTACHMENT_PROGRAM = "attachment.program"
    ATTACHMENT_MACRO = "attachment.macro"
    ATTACHMENT_DISGUISED = "attachment.disguised"
    ATTACHMENT_CLOSED = "attachment.closed"
    ATTACHMENT_VIRUS = "attachment.virus"
    MESSAGE_LOOP = "message.loop"
    MESSAGE_DEFECT = "message.defect"
    NOTICE_EXPIRED = "notice.expired"
    NOTICE_DIGEST = "notice.digest"
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


class Switch(StrEnum):
    """Panic switches; each ends by itself."""

    BYPASS = "bypass"
    GREYLIST_OFF = "greylist-off"
    FREEZE_RELEASES = "freeze-releases"
