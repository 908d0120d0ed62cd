"""All that a decision is made of."""

from dataclasses import dataclass
from datetime import datetime

from gateway.model.authentication import UNPROVED, Authentication
from gateway.model.campaign import Campaigns
from gateway.model.content import ContentFacts
from gateway.model.likeness import Mark
from gateway.model.mail import Address, Bounce, MessageFacts
from gateway.model.party import NO_PRESSURE, Grade, HeloFlaw, Peer, Pressure, Rung, Spf
from gateway.model.record import CopyRow, Expectation, ListEntry, MailIdentity, Sighting, Tombstone
from gateway.model.verdict import Level, Mode, Reason, Switch, Verdict


@dataclass(frozen=True, slots=True)
class Relayed:
    """A declared relay brings the mail. `hop` is who gave it to the relay; None: not known, or not yet."""

    rungs: frozenset[Rung]  # the relay's own: they tell its retry from another mail, and earn nothing
    hop: Peer | None = None
    spf: Spf | None = None  # of the hop


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
    pressure: Pressure = NO_PRESSURE
    mode: Mode = Mode.ENFORCE
    spf: Spf | None = None  # None: not looked at
    helo: tuple[HeloFlaw, ...] = ()  # what is wrong with its name
    expected: tuple[Expectation, ...] = ()  # what the recipient expects just now
    hoster: str | None = None  # the private hoster that the peer is at, as it was listed


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
    suspicion: tuple[Reason, ...] = ()  # all that was weighed, the heaviest first; empty: no opinion
    authentication: Authentication = UNPROVED
    marks: tuple[Mark, ...] = ()  # what its domains look like
    new_domain: bool | None = None  # nobody here heard of the sender's domain; None: not asked, or nobody could say
    bounce: Bounce = Bounce.NONE
    content: ContentFacts | None = None  # None: not looked at, or nobody could
    campaigns: Campaigns | None = None  # None: not asked, or nobody could say

    @property
    def mail(self) -> MailIdentity:
        rungs = self.rcpt.rungs or (self.rcpt.relayed.rungs if self.rcpt.relayed else frozenset())
        return MailIdentity(self.rcpt.sender, self.rcpt.recipient.key, rungs, self.message.fingerprint)
