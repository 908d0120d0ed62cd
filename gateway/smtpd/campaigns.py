"""After the dot: what a mail shares with others, and what of it is noted for those that follow."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import structlog

from gateway import clock
from gateway.evidence.content import Letter
from gateway.evidence.domain import organisational
from gateway.model import Campaigns, ContentFacts, Grade, ReasonCode
from gateway.policy import campaign
from gateway.policy.identity import quota_network
from gateway.smtpd.admission import Admitted
from gateway.smtpd.bounces import beginning
from gateway.smtpd.crowds import Recognised
from gateway.smtpd.door import Door
from gateway.smtpd.message import Judged, Received
from gateway.store import campaigns, promotion
from gateway.store.campaigns import Accepted, Marks, Sighted, whose
from gateway.store.engine import StoreUnavailable
from gateway.store.promotion import Found

log = structlog.get_logger()

MOST_READ = 512 * 1024  # bytes of a known sender's mail
AGAIN_AFTER = 600  # seconds between two looks for earlier mails of one campaign


@dataclass(frozen=True, slots=True)
class Compared:
    """`campaigns`: what is on record; None: not asked. `sighted`: what is to be noted of this mail."""

    campaigns: Campaigns | None = None
    sighted: Sighted | None = None


def is_trusted(one: Admitted) -> bool:
    """True where only a confirmed campaign counts."""
    return one.facts.grade is Grade.KNOWN or one.verdict.code is ReasonCode.LIST_ALLOWED


async def compared(door: Door, received: Received, content: ContentFacts | None, now: datetime) -> Compared:
    """What a mail shares with others. That of known senders is compared only where it may be of a refused campaign."""
    found = sighted(door, received, content, now)
    if found is None:
        return Compared()
    trusted = all(map(is_trusted, received.mail.admitted))
    if trusted and door.refused.isdisjoint(found.marks.keys()):
        return Compared()
    heart = door.crowds.recognise(found.marks, whose(found.source), now)
    if heart.rest.is_empty:
        return known_by_heart(door, found, heart, trusted=trusted)
    asked = replace(found, marks=heart.rest)
    try:
        told = await door.database.read(partial(campaigns.look, one=asked, terms=door.policy.campaigns))
    except StoreUnavailable as error:
        log.warning("the database could not be asked", error=str(error))
        return Compared()
    door.crowds.learn(told.settled, now)
    door.accepted_mails = told.campaigns.accepted
    shared = campaign.worst_first((*heart.shared, *told.campaigns.shared), door.policy.campaigns)
    marks = told.marks.with_those(heart.worth)
    return Compared(replace(told.campaigns, shared=shared), None if trusted else replace(found, marks=marks))


def known_by_heart(door: Door, found: Sighted, heart: Recognised, *, trusted: bool) -> Compared:
    shared = campaign.worst_first(heart.shared, door.policy.campaigns)
    sighted = None if trusted or heart.worth.is_empty else replace(found, marks=heart.worth)
    return Compared(Campaigns(shared, door.accepted_mails), sighted)


def sighted(door: Door, received: Received, content: ContentFacts | None, now: datetime) -> Sighted | None:
    """This mail as others will find it; None where it has nothing that others may have."""
    host, terms = received.sender_host, door.policy.campaigns
    if host is None or content is None or not terms.enabled:
        return None
    sender = received.mail.sender
    domain = organisational(sender.domain) if sender and not sender.domain.startswith("[") else ""
    network, rungs = str(quota_network(host.address)), received.rungs
    source = campaign.source_of(network, rungs, received.mail.sender_key, domain, now, door.shared)
    name = received.message.list_id.strip().lower()[:255]
    marks = Marks(campaign.links_of(content, rungs, terms), content.minhash, (name, source.identity) if name else None)
    if not marks.links and not marks.bands:
        return None
    return Sighted(marks, received.message.fingerprint.whole, source, received.mail.id)


def note(door: Door, found: Compared, judged: Sequence[Judged], now: datetime) -> None:
    """For the mails that follow; and where this one shows that there is a campaign, for those that came before."""
    if found.sighted is None:
        return
    door.database.note(campaigns.saw, found.sighted)
    code = next((one.code for judge in judged for one in judge.facts.suspicion if one.code in campaign.CODES), None)
    if code is not None and door.noted.is_due(
        ("campaign", code, shared_by(found), int(now.timestamp()) // AGAIN_AFTER), now
    ):
        keep = door.hold_for if door.reviewed else None
        door.database.note(promotion.promote, Found(found.sighted.marks, code, door.policy.campaigns, keep, now))


def shared_by(found: Compared) -> str:
    return found.campaigns.shared[0].value if found.campaigns and found.campaigns.shared else ""


# ---- what is usual here --------------------------------------------------------------------------------------------


def note_accepted(door: Door, received: Received, delivered: Sequence[Judged], now: datetime) -> None:
    """Delivered mail teaches what is usual: on its own word where our people know its sender, else day by day.

    Where there is very much of it some is enough: what is usual comes again.
    """
    if not delivered or not door.policy.campaigns.enabled or received.relayed is not None:
        return
    known = any(is_trusted(one.admitted) for one in delivered)
    content = delivered[0].facts.content
    remembered = any(one.facts.rcpt.grade is Grade.REMEMBERED for one in delivered)
    if (known or remembered) and content is None and door.spare_looks.may(now):
        door.in_background(learn(door, beginning(received.spool.chunks(), MOST_READ), known=known))
    else:
        teach(door, content if known or remembered else None, known=known, now=now)


async def learn(door: Door, data: bytes, *, known: bool) -> None:
    """Mail that nobody had to look at, read when its sender has its answer already."""
    teach(door, await door.looking.look(Letter(data[:MOST_READ], wants_all=False)), known=known, now=clock.now())


def teach(door: Door, content: ContentFacts | None, *, known: bool, now: datetime) -> None:
    links = campaign.links_of(content, (), door.policy.campaigns) if content else ()
    marks = Marks(links, content.minhash if content else ())
    door.database.note(campaigns.accepted, Accepted(marks, known, now, door.hostname))
