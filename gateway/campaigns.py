"""Campaigns as people see them: what mails of different senders share, how far it is, and for whom it is here."""

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from gateway.model import Common, CopyState, DeliveryState
from gateway.policy.campaign import WEEK, CampaignTerms, Ruling, Stage, independent, ruling, stage, tally
from gateway.policy.hold import OPEN_COPIES
from gateway.store import campaigns, gathered, sharing
from gateway.store.campaigns import Record
from gateway.store.gathered import Candidate, Part
from gateway.store.shelves import View

A_PAGE = 10
MOST_WEIGHED = 40  # for one page: keys of which somebody sees a mail
MOST_LOOKS = 3  # for one page, each of `gathered.AT_ONCE` sightings


class NoSuchCampaign(Exception):
    """There is none, or nothing of it is for whoever asks."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """What mails of independent sources share, as far as somebody sees it.

    `key`: its name in links. `link`: the place, "" of a text; `text_too`: they share their text as well. `sources`: of
    a week. `stage`: when its last mail came. `first` and `last`: when the first and the last were seen.
    """

    key: str
    kind: Common
    link: str
    sources: int
    stage: Stage
    ruling: Ruling
    first: datetime
    last: datetime
    wholes: frozenset[str]
    parts: tuple[Part, ...]
    text_too: bool = False

    @property
    def open(self) -> list[Part]:
        """What may be decided about, the oldest first."""
        return list(filter(is_open, self.parts))

    @property
    def mails(self) -> list[str]:
        """The open mails, the oldest first."""
        return list(dict.fromkeys(part.message for part in self.open))

    @property
    def accounts(self) -> list[str]:
        return sorted({part.recipient for part in self.open})

    @property
    def is_cut(self) -> bool:
        """True where there may be more than is counted."""
        return len(self.parts) >= gathered.MOST_PARTS

    @property
    def refused(self) -> Part | None:
        """The last that was refused of what somebody sees; others' decisions are not theirs to know."""
        states = (DeliveryState.REFUSED, CopyState.REFUSED)
        found = [one for one in self.parts if one.state in states and one.decided_at is not None]
        return max(found, key=lambda one: (one.decided_at, one.message), default=None)


@dataclass(frozen=True, slots=True)
class Page:
    """Campaigns, the newest first, and where the next page begins; None: that was all."""

    found: tuple[Campaign, ...]
    after: datetime | None


@dataclass(frozen=True, slots=True)
class Slice:
    """What somebody decided at one moment. `first`: the mail with which all of it is taken back."""

    first: str
    mails: int
    at: datetime
    released: bool


def is_open(one: Part) -> bool:
    return one.state == DeliveryState.HELD if one.is_ours else one.state in OPEN_COPIES


# ---- all of them ---------------------------------------------------------------------------------------------------


def page(conn: Connection, view: View, terms: CampaignTerms, before: datetime | None, now: datetime) -> Page:
    """Campaigns of the last week of which somebody sees a mail that is open, or that people decided about."""
    found: list[Campaign] = []
    weighed = 0
    for _ in range(MOST_LOOKS):
        look = gathered.candidates if view.domains else gathered.of_own
        looked, after = look(conn, now - WEEK, before, view)
        for last, group in groupby(looked, key=lambda one: one.last):
            mine = list(group)
            found += with_one_mail(conn, mine, view, terms, now)
            before, weighed = last, weighed + len(mine)
            if len(found) >= A_PAGE or weighed >= MOST_WEIGHED:
                return Page(tuple(found), before)
        if after is None:
            return Page(tuple(found), None)
        before = after
    return Page(tuple(found), before)


def with_one_mail(
    conn: Connection, group: list[Candidate], view: View, terms: CampaignTerms, now: datetime
) -> list[Campaign]:
    """Those that had their last mail at one moment. A text that mails with one link share too is none of its own."""
    links = [one for one in group if one.kind is Common.LINK]
    texts: dict[str, Candidate] = {}  # one for each mail, however many bands of it others have
    for one in group:
        if one.kind is Common.TEXT:
            texts.setdefault(gathered.newest_with(conn, one.key), one)
    weighed = [weigh(conn, one, view, terms, now) for one in (*links, *texts.values())]
    # A text is told once, with the last mail that has it, though its older mails have bands of their own.
    found = [one for one in weighed if one is not None and one.last == group[0].last and is_worth_telling(one)]
    found.sort(key=lambda one: -len(one.wholes))
    told: list[Campaign] = []
    for campaign in found:
        place = next((at for at, other in enumerate(told) if is_part_of(campaign, other)), None)
        if place is None:
            told.append(campaign)
        elif campaign.kind is Common.TEXT:
            told[place] = replace(told[place], text_too=True)
    return told


def is_worth_telling(one: Campaign) -> bool:
    if one.ruling in (Ruling.REFUSED, Ruling.RELEASED):
        return bool(one.parts)
    return bool(one.open) and (one.stage > Stage.NOTHING or one.ruling is Ruling.USUAL)


def is_part_of(one: Campaign, other: Campaign) -> bool:
    return one.ruling is other.ruling and one.wholes <= other.wholes


# ---- one of them ---------------------------------------------------------------------------------------------------


def named(conn: Connection, key: str, view: View, terms: CampaignTerms, now: datetime) -> Campaign:
    """The campaign of that name. Raises NoSuchCampaign."""
    try:
        one = gathered.named(conn, bytes.fromhex(key))
    except ValueError:
        one = None
    found = None if one is None else weigh(conn, one, view, terms, now)
    if found is None or not found.parts:
        raise NoSuchCampaign(key)
    return found


def weigh(conn: Connection, one: Candidate, view: View, terms: CampaignTerms, now: datetime) -> Campaign | None:
    """How it stands; None where its mails come from one source."""
    record = of_link(conn, one, now) if one.kind is Common.LINK else of_text(conn, one, now)
    sources = list(record.sources.values()) if record else []
    if record is None or independent(sources) < 2:
        return None
    first, last = min(source.at for source in sources), max(source.at for source in sources)
    shared = tally(one.kind, one.value, sources, last, record.known_days, record.other_days)
    wholes = frozenset(whole for whole, _ in record.sources)
    parts = tuple(gathered.parts(conn, wholes, view))
    first = min([first, *(part.received_at for part in parts)])
    return Campaign(
        one.key.hex(), one.kind, one.value, shared.week, stage(shared, terms), ruling(shared, terms), first, last,
        wholes, parts,
    )  # fmt: skip


def of_link(conn: Connection, one: Candidate, now: datetime) -> Record | None:
    return campaigns.about(conn, [one.key], now)[0].get(one.key)


def of_text(conn: Connection, one: Candidate, now: datetime) -> Record | None:
    """Of the mails that are like the newest one with this band."""
    kinds = sharing.keys_of(conn, gathered.newest_with(conn, one.key))
    bands = [key for key, (kind, _) in kinds.items() if kind == Common.TEXT]
    found, _ = campaigns.about(conn, bands, now)
    return campaigns.text_record(list(found.values()))


def learnt(conn: Connection, now: datetime) -> int:
    """How many accepted mails taught what is usual here."""
    return campaigns.about(conn, [], now)[1]


def mails(
    conn: Connection, one: Campaign, view: View, most: int, before: tuple[datetime, str] | None = None
) -> list[tuple[dict[str, Any], list[Part]]]:
    """Its mails, the newest first, each with how it stands for whom somebody sees."""
    rows = gathered.mails(conn, one.wholes, view, most, before)
    by_mail: dict[str, list[Part]] = {row["id"]: [] for row in rows}
    for part in gathered.parts_of(conn, by_mail, view):
        by_mail[part.message].append(part)
    return [(row, by_mail[row["id"]]) for row in rows]


def slices(one: Campaign, who: str) -> list[Slice]:
    """What somebody decided and may want to take back, the latest first."""
    back = {DeliveryState.REFUSED, DeliveryState.RELEASING, CopyState.REFUSED}
    found: dict[tuple[datetime, bool], list[str]] = {}
    for part in one.parts:  # the oldest first: so it was decided, and with the first all is taken back
        if part.state in back and part.decided_by == who and part.decided_at is not None:
            found.setdefault((part.decided_at, part.state == DeliveryState.RELEASING), []).append(part.message)
    made = [Slice(mails[0], len(set(mails)), at, released) for (at, released), mails in found.items()]
    return sorted(made, key=lambda slice: slice.at, reverse=True)
