"""Mails of different senders that have a link or their text in common.

Independent sources are counted, not mails: a newsletter has one sender however many it goes to. What is usual here,
what everybody links to and what mail links to its own organisation is no evidence. However many sources there are, it
is suspicion and no more until a person has refused one of the mails.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from gateway.model import (
    Common,
    ContentFacts,
    DataFacts,
    Fate,
    Grade,
    Reason,
    ReasonCode,
    Rung,
    RungKind,
    Shared,
    Source,
)
from gateway.policy.neutral import is_neutral
from gateway.policy.shared import Shared as SharedIdentities

if TYPE_CHECKING:
    from gateway.policy.inbound import Policy

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
CODES = frozenset({ReasonCode.CAMPAIGN_SHARED_URL, ReasonCode.CAMPAIGN_SHARED_TEXT, ReasonCode.CAMPAIGN_CONFIRMED})
MOST_KEPT = 5  # of what one mail shares with others, the worst first, in a record of it


class Stage(IntEnum):
    """How much is known of a campaign."""

    NOTHING = 0
    WATCH = 1  # several sources within an hour: it may become one
    SUSPECT = 2
    CONFIRMED = 3  # a person refused one of its mails, and nobody released another


class Ruling(StrEnum):
    """What was said of a campaign, by people or by the mail that came in."""

    OPEN = "open"  # nothing yet
    REFUSED = "refused"
    RELEASED = "released"
    USUAL = "usual"  # it was in accepted mail: no campaign


@dataclass(frozen=True, slots=True)
class CampaignTerms:
    """What the settings say. `suspect`, `suspect_text` and `confirm` are numbers of independent sources.

    `popular` and `popular_quiet`: on how many days something must have been in accepted mail, of known senders and of
    others, to be usual here. `learn_until`: accepted mails on record before anything counts.
    """

    enabled: bool = True
    learn_until: int = 2000
    watch: int = 2
    suspect: int = 3
    suspect_text: int = 3
    confirm: int = 3
    popular: int = 1
    popular_quiet: int = 3
    neutral: frozenset[str] = field(default_factory=frozenset)  # the admin's; our own domains are among them


USUAL = CampaignTerms()


# ---- what a mail has that others may have ---------------------------------------------------------------------------


def links_of(content: ContentFacts, rungs: Iterable[Rung], terms: CampaignTerms) -> tuple[str, ...]:
    """The links by which other mail may be known: neither neutral nor to the organisation that proved to have sent it.

    A link is its registered domain; on a host where strangers put up pages, the page.
    """
    proved = [rung.value for rung in rungs if rung.kind in (RungKind.SPF, RungKind.DKIM)]
    found = dict.fromkeys(content.urls)
    return tuple(one for one in found if counts(one, terms) and not any(is_of(domain, one) for domain in proved))


def counts(link: str, terms: CampaignTerms) -> bool:
    """A page is judged though its host is neutral, unless the admin says otherwise."""
    host, slash, _ = link.partition("/")
    return not (any(is_of(host, name) for name in terms.neutral) if slash else is_neutral(host, terms.neutral))


def is_of(host: str, domain: str) -> bool:
    """True for the domain and all names below it."""
    return host == domain or host.endswith(f".{domain}")


def source_of(network: str, rungs: frozenset[Rung], sender: str, domain: str, at: datetime,
              shared: SharedIdentities) -> Source:  # fmt: skip
    """Who a mail comes from. `network`: its /24 or /48; `domain`: the organisation of its envelope sender, "" of none.

    Of an organisation that many share, the whole address tells one sender from the next.
    """
    best = max(rungs, key=lambda rung: (rung.kind, rung.value), default=None)
    identity = network if best is None or best.kind is RungKind.NETWORK else best.value
    if best is not None and shared.has(best):
        identity = sender or network
    if domain and shared.has(Rung(RungKind.SPF, domain)):
        domain = sender
    return Source(network, identity, domain or identity, at)


# ---- how it fared ---------------------------------------------------------------------------------------------------


def independent(sources: Iterable[Source]) -> int:
    """How many sources do not depend on each other: as few as networks, identities or organisations tell apart."""
    networks, identities, domains = set(), set(), set()
    for one in sources:
        networks.add(one.network)
        identities.add(one.identity)
        domains.add(one.domain)
    return min(len(networks), len(identities), len(domains))


def tally(kind: Common, value: str, sources: Sequence[Source], now: datetime, known: int, other: int) -> Shared:
    """The record of something in numbers. `known`, `other`: days on which it was in accepted mail."""
    return Shared(
        kind=kind,
        value=value,
        hour=independent(one for one in sources if one.at > now - HOUR),
        day=independent(one for one in sources if one.at > now - DAY),
        week=independent(one for one in sources if one.at > now - WEEK or one.fate is not None),
        refused=sum(one.fate is Fate.REFUSED for one in sources),
        released=sum(one.fate is Fate.RELEASED for one in sources),
        known_days=known,
        other_days=other,
    )


def stage(shared: Shared, terms: CampaignTerms) -> Stage:
    """How far it is. What people released, and what is usual here, is no campaign."""
    if shared.released or is_usual(shared, terms):
        return Stage.NOTHING
    if shared.refused and shared.week >= terms.confirm:
        return Stage.CONFIRMED
    if shared.day >= (terms.suspect if shared.kind is Common.LINK else terms.suspect_text):
        return Stage.SUSPECT
    return Stage.WATCH if shared.hour >= terms.watch else Stage.NOTHING


def is_usual(shared: Shared, terms: CampaignTerms) -> bool:
    return shared.known_days >= terms.popular or shared.other_days >= terms.popular_quiet


def ruling(shared: Shared, terms: CampaignTerms) -> Ruling:
    """A release clears what was refused before it."""
    if shared.released:
        return Ruling.RELEASED
    if is_usual(shared, terms):
        return Ruling.USUAL
    return Ruling.REFUSED if shared.refused else Ruling.OPEN


def worst_first(found: Iterable[Shared], terms: CampaignTerms) -> tuple[Shared, ...]:
    """What is worth a place in the record of a decision."""
    ranked = sorted(found, key=lambda one: (-stage(one, terms), -one.day, one.kind, one.value))
    return tuple(one for one in ranked if one.day > 1 or one.refused)[:MOST_KEPT]


# ---- what it says about one mail ------------------------------------------------------------------------------------


def reasons(facts: DataFacts, policy: "Policy") -> Iterator[Reason]:
    """A confirmed campaign counts against everybody; a suspect one never against whom our people know or allow."""
    found, terms = facts.campaigns, policy.campaigns
    if found is None or not terms.enabled or found.list_approved or found.accepted < terms.learn_until:
        return
    stages = [(stage(one, terms), one) for one in found.shared]
    confirmed = next((one for reached, one in stages if reached is Stage.CONFIRMED), None)
    if confirmed is not None:
        yield told(ReasonCode.CAMPAIGN_CONFIRMED, confirmed, confirmed.week)
    elif facts.rcpt.grade is not Grade.KNOWN and facts.admitted.code is not ReasonCode.LIST_ALLOWED:
        suspects = [one for reached, one in stages if reached is Stage.SUSPECT]
        link = next((one for one in suspects if one.kind is Common.LINK), None)
        text = next((one for one in suspects if one.kind is Common.TEXT), None)
        if link is not None:
            yield told(ReasonCode.CAMPAIGN_SHARED_URL, link, link.day)
        if text is not None:
            yield told(ReasonCode.CAMPAIGN_SHARED_TEXT, text, text.day)


def told(code: ReasonCode, shared: Shared, sources: int) -> Reason:
    evidence = {"link": shared.value or None, "sources": sources, "refused": shared.refused or None}
    return Reason(code, {name: value for name, value in evidence.items() if value is not None})
