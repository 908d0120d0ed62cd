"""People who sign in to the pages, and what they may do there."""

from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum


class Role(StrEnum):
    """What somebody is for others. For their own addresses, and those they were given, everybody is a user."""

    APPROVER = "approver"  # decides about the mail of a domain
    LISTS = "lists"  # sends to lists
    AUDITOR = "auditor"  # sees what happened and who did it, never what is in mail
    ADMIN = "admin"


class Scope(StrEnum):
    """What a token is for. It never does more than its owner may."""

    READ = "read"  # look: at mail, senders, levels, what is expected
    DECIDE = "decide"  # release, refuse, take back
    KNOWN = "known"  # let senders in or keep them out
    PROTECTION = "protection"  # choose levels, expect mail
    PEOPLE = "people"  # see and change who may sign in
    HEALTH = "health"  # see how the house is


class Tie(StrEnum):
    """Why an address is somebody's."""

    OWN = "own"
    DELEGATE = "delegate"


class Act(StrEnum):
    """What somebody may do, to the mail of an account or to the house."""

    SEE = "see"  # that there is a mail, who wrote it, and what happened to it
    READ = "read"  # what is in it
    READ_PENDING = "read_pending"  # the same while its sender still has it
    DECIDE = "decide"  # release, refuse, put off, undo
    TRUST = "trust"  # let its sender in from now on, or block it, for this account
    TRUST_FOR_ALL = "trust_for_all"  # the same for a domain or for everybody
    LEVEL = "level"
    EXPECT = "expect"
    LEND = "lend"  # name somebody who stands in for a time
    KNOWN = "known"  # see whom the house knows
    PEOPLE = "people"
    AUDIT = "audit"
    HEALTH = "health"
    SWITCH = "switch"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who is signed in. `roles` go with the domain that they are for, "" is all; `addresses` are theirs.

    `lent`: those of them that they only stand in for.
    """

    number: int
    name: str
    roles: frozenset[tuple[Role, str]] = frozenset()
    addresses: frozenset[str] = frozenset()  # own, and those that were given to them
    lent: frozenset[str] = frozenset()

    def has(self, role: Role, domain: str = "") -> bool:
        return (role, "") in self.roles or (bool(domain) and (role, domain) in self.roles)

    def has_some(self, role: Role) -> bool:
        return any(one is role for one, _ in self.roles)

    def domains(self, role: Role) -> frozenset[str]:
        """The domains that they have a role for; "" among them: all."""
        return frozenset(domain for one, domain in self.roles if one is role)


class BulkState(StrEnum):
    """How far a decision about many mails has come."""

    ASKED = "asked"  # it waits for the yes of whoever asked
    PROPOSED = "proposed"  # it waits for a second person
    WORKING = "working"
    DONE = "done"
    STOPPED = "stopped"  # before its end; what was decided by then stays
    UNDOING = "undoing"
    UNDONE = "undone"
    WITHDRAWN = "withdrawn"  # by its author, before anything happened
    EXPIRED = "expired"  # no second person came


class Fared(StrEnum):
    """What became of one mail of many."""

    DECIDED = "decided"
    BEATEN = "beaten"  # somebody was faster
    GONE = "gone"  # nothing was to be decided any more
    UNDONE = "undone"
    STAYS = "stays"  # decided, and too late to be taken back


class Told(StrEnum):
    """What a digest tells somebody of."""

    HELD = "held"  # mail to them that waits for a decision
    LISTED = "listed"  # mail to them that came in and is listed for a look
    NOBODYS = "nobodys"  # held mail of a domain that they approve, to an address that is nobody's


class Tells(StrEnum):
    """Who gets digests."""

    NOBODY = ""
    CHOSEN = "chosen"  # who says so
    EVERYBODY = "everybody"  # who does not say no


class LinkAct(StrEnum):
    """What one link of a digest does."""

    RELEASE = "release"
    REFUSE = "refuse"
    ASK = "ask"  # an approver, for a mail that they may not release themselves


@dataclass(frozen=True, slots=True)
class DigestWish:
    """What somebody wants to be told of, and when; without `times` as the settings say.

    `address`: which of their own, "" is the first. `instant`: a word at once about what looks like a code.
    """

    wanted: bool = True
    times: tuple[time, ...] = ()
    weekends: bool = True
    kinds: frozenset[Told] = frozenset({Told.HELD})
    address: str = ""
    instant: bool = False
    since: datetime | None = None


class HookEvent(StrEnum):
    """What an endpoint may be told of. The names are public: never renamed, never reused."""

    HELD = "mail.held"
    RELEASED = "mail.released"
    REFUSED = "mail.refused"
    UNDONE = "mail.undone"
    EXPIRED = "mail.expired"
    DELIVERED = "mail.delivered"
    UNDELIVERABLE = "mail.undeliverable"
    CODE = "mail.code"
    CAMPAIGN = "campaign.found"
