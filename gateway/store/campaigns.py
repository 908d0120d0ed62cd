"""What mails of strangers have in common, who brought it, and on which days it was in accepted mail."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    bindparam,
    delete,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
    union_all,
    update,
)

from gateway.model import Campaigns, Common, Fate, Shared, Source
from gateway.policy.campaign import WEEK, CampaignTerms, Stage, is_usual, stage, tally, worst_first
from gateway.store.keys import digest
from gateway.store.upsert import upsert
from sql.tables import campaign_accepted as accepted_table
from sql.tables import campaign_learnt as learnt
from sql.tables import campaign_sighting as sighting

MOST_OF_KEY = 400  # mails that are noted for one key; more would say nothing more
MOST_OF_SOURCE = 16  # of them from one network, identity or organisation: a flood of one leaves room for others
MOST_READ = 1500  # rows for one mail
LIST = "list"  # the kind of a key that is no evidence: people released mail of this list
NEEDED = 2  # bands that two like texts share
SIGHTED, OTHER_DAYS, KNOWN_DAYS, LEARNT = range(4)

KEYS: Any = bindparam("keys", expanding=True)
SINCE: Any = bindparam("since", type_=sighting.c.at.type)


@dataclass(frozen=True, slots=True)
class Marks:
    """What a mail may share: links, the bands of its text, and its List-Id with the identity it came from."""

    links: tuple[str, ...] = ()
    bands: tuple[int, ...] = ()
    mailing: tuple[str, str] | None = None

    @property
    def is_empty(self) -> bool:
        return not self.links and not self.bands and self.mailing is None

    def with_those(self, others: "Marks") -> "Marks":
        return Marks(self.links + others.links, self.bands or others.bands, self.mailing or others.mailing)

    def keys(self) -> dict[bytes, tuple[str, str]]:
        """Kind and value of each key."""
        found = {digest(Common.LINK, link): (str(Common.LINK), link[:255]) for link in self.links}
        found |= {digest(Common.TEXT, str(band)): (str(Common.TEXT), "") for band in self.bands}
        if self.mailing is not None:
            found[digest(LIST, *self.mailing)] = (LIST, "")
        return found


Whose = tuple[str, str, str]  # network, identity and organisation of a source


def whose(source: Source) -> Whose:
    return source.network, source.identity, source.domain


@dataclass(frozen=True, slots=True)
class Sighted:
    """A mail of somebody whom nobody here knows. `whole`: the digest of its bytes; `reply_id`: of its decision."""

    marks: Marks
    whole: str
    source: Source
    reply_id: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """A delivered mail that nothing speaks against."""

    marks: Marks
    known: bool
    at: datetime
    node: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What stays as it is until a person decides about one of the mails: a campaign, what is usual here or released.

    `room`: how many more mails are worth noting. `bands`: those of a text. `source`: for mail of this source alone,
    which has had its places and changes nothing any more; others may.
    """

    shared: Shared
    room: int
    bands: tuple[int, ...] = ()
    source: Whose | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What is on record about a mail, itself included; those of its marks that are worth noting; what is settled."""

    campaigns: Campaigns
    marks: Marks
    settled: tuple[Settled, ...] = ()


@dataclass(slots=True)
class Record:
    """All rows about one key."""

    sources: dict[tuple[str, str], Source] = field(default_factory=dict)  # by mail and network
    known_days: int = 0
    other_days: int = 0


# ---- notes ---------------------------------------------------------------------------------------------------------


def saw(conn: Connection, mails: Iterable[Sighted]) -> None:
    """A retry is the same sighting at a later time. What a person said stays."""
    rows = [
        {
            "key": key,
            "whole": one.whole,
            "network": one.source.network,
            "kind": kind,
            "value": value,
            "identity": one.source.identity[:255],
            "domain": one.source.domain,
            "at": one.source.at,
            "reply_id": one.reply_id,
        }
        for one in mails
        for key, (kind, value) in one.marks.keys().items()
    ]
    upsert(conn, sighting, rows, key=("key", "whole", "network"), greatest=("at",), replace=("reply_id",))


def accepted(conn: Connection, mails: Sequence[Accepted]) -> None:
    """One row a day and key, whoever writes it; and how many mails there were."""
    found = {(key, one.at.toordinal(), one.known) for one in mails for key in one.marks.keys()}  # noqa: SIM118
    rows = [{"key": key, "day": day, "known": known} for key, day, known in sorted(found)]
    upsert(conn, accepted_table, rows, key=("key", "day", "known"))
    many: dict[str, int] = defaultdict(int)
    for one in mails:
        many[one.node] += 1
    upsert(conn, learnt, [{"node": node, "accepted": count} for node, count in many.items()], key=("node",),
           total=("accepted",))  # fmt: skip


def judged(conn: Connection, whole: str, fate: Fate, who: str, now: datetime) -> int:
    """A person decided about this mail; of several words that it may be had counts. How many rows it is about."""
    mine = [sighting.c.whole == whole]
    if fate is Fate.REFUSED:
        mine.append(sighting.c.fate.is_(None))
    values = {"fate": str(fate), "decided_by": who, "decided_at": now}
    return conn.execute(update(sighting).where(*mine).values(**values)).rowcount


def unjudged(conn: Connection, whole: str) -> int:
    """Nothing was said about this mail after all."""
    said = update(sighting).where(sighting.c.whole == whole, sighting.c.fate.is_not(None))
    return conn.execute(said.values(fate=None, decided_by=None, decided_at=None)).rowcount


# ---- questions -----------------------------------------------------------------------------------------------------

NEWEST = (
    select(sighting)
    .where(sighting.c.key.in_(KEYS), or_(sighting.c.at > SINCE, sighting.c.fate.is_not(None)))
    # What people said comes first: however many mails follow, they do not hide that one of them was refused.
    .order_by(sighting.c.fate.is_(None), sighting.c.at.desc())
    .limit(MOST_READ)
    .subquery()
)
COLUMNS = (NEWEST.c.key, NEWEST.c.whole, NEWEST.c.network, NEWEST.c.identity, NEWEST.c.domain, NEWEST.c.at,
           NEWEST.c.fate)  # fmt: skip
NOTHING = [null().label(column.name) for column in COLUMNS[1:]]
# All that is asked about a mail, in one round trip.
ABOUT: Any = union_all(
    select(literal(SIGHTED).label("what"), *COLUMNS, literal(0).label("many")),
    select(literal(OTHER_DAYS) + accepted_table.c.known, accepted_table.c.key, *NOTHING, func.count())
    .where(accepted_table.c.key.in_(KEYS))
    .group_by(accepted_table.c.key, accepted_table.c.known),
    select(literal(LEARNT), null(), *NOTHING, func.coalesce(func.sum(learnt.c.accepted), 0)),
)


def about(conn: Connection, keys: Collection[bytes], now: datetime) -> tuple[dict[bytes, Record], int]:
    """The record of each key that has one, and how many accepted mails taught what is usual."""
    found: dict[bytes, Record] = defaultdict(Record)
    many = 0
    for row in conn.execute(ABOUT, {"keys": list(keys), "since": now - WEEK}):
        if row.what == LEARNT:
            many = int(row.many)
            continue
        record = found[bytes(row.key)]
        if row.what == SIGHTED:
            fate = Fate(row.fate) if row.fate else None
            record.sources[(row.whole, row.network)] = Source(row.network, row.identity, row.domain, row.at, fate)
        elif row.what == KNOWN_DAYS:
            record.known_days = int(row.many)
        else:
            record.other_days = int(row.many)
    return found, many


def look(conn: Connection, one: Sighted, terms: CampaignTerms) -> Told:
    keys = one.marks.keys()
    rows, many = about(conn, keys, one.source.at)
    records = {link: rows.get(digest(Common.LINK, link)) for link in one.marks.links}
    links = {link: in_numbers(Common.LINK, link, record, one) for link, record in records.items()}
    settled = [
        found for link, record in records.items() if (found := as_settled(links[link], record, one, terms)) is not None
    ]
    worth = tuple(
        link for link, record in records.items() if has_room(record, one) and not is_usual(links[link], terms)
    )
    shared = list(links.values())
    text = text_record([rows[key] for key, (kind, _) in keys.items() if kind == Common.TEXT and key in rows])
    if one.marks.bands:
        shared.append(in_numbers(Common.TEXT, "", text, one))
        if (words := as_settled(shared[-1], text, one, terms)) is not None:
            settled.append(replace(words, bands=one.marks.bands))
    mailing = next((rows[key] for key, (kind, _) in keys.items() if kind == LIST and key in rows), None)
    approved = mailing is not None and any(source.fate is Fate.RELEASED for source in mailing.sources.values())
    marks = Marks(
        worth, one.marks.bands if has_room(text, one) else (), one.marks.mailing if has_room(mailing, one) else None
    )
    return Told(Campaigns(worst_first(shared, terms), many, approved), marks, tuple(settled))


def as_settled(shared: Shared, record: Record | None, one: Sighted, terms: CampaignTerms) -> Settled | None:
    """What need not be asked again for a while; None where each mail may change it."""
    if shared.released or is_usual(shared, terms) or stage(shared, terms) >= Stage.SUSPECT:
        return Settled(shared, room(record))
    return None if has_room(record, one) else Settled(shared, 0, source=whose(one.source))


def in_numbers(kind: Common, value: str, record: Record | None, one: Sighted) -> Shared:
    record = record or Record()
    place = (one.whole, one.source.network)
    before = record.sources.get(place)
    sources = record.sources | {place: replace(one.source, fate=before.fate) if before else one.source}
    return tally(kind, value, list(sources.values()), one.source.at, record.known_days, record.other_days)


def text_record(records: Sequence[Record]) -> Record | None:
    """Of all mails that share a band with this one, those that share enough of them."""
    if len(records) < NEEDED:
        return None
    often: dict[tuple[str, str], int] = defaultdict(int)
    sources: dict[tuple[str, str], Source] = {}
    for record in records:
        sources |= record.sources
        for place in record.sources:
            often[place] += 1
    alike = {place: source for place, source in sources.items() if often[place] >= NEEDED}
    known, other = (sorted(days, reverse=True)[NEEDED - 1] for days in
                    ([one.known_days for one in records], [one.other_days for one in records]))  # fmt: skip
    return Record(alike, known, other)


def has_room(record: Record | None, one: Sighted) -> bool:
    """Whether this mail is worth a place among those that share it. A retry has its place."""
    if record is None or (one.whole, one.source.network) in record.sources:
        return True
    mine, others = one.source, record.sources.values()
    depend = max(
        sum(other.network == mine.network for other in others),
        sum(other.identity == mine.identity for other in others),
        sum(other.domain == mine.domain for other in others),
    )
    return room(record) > 0 and depend < MOST_OF_SOURCE


def room(record: Record | None) -> int:
    """For how many more mails there is a place."""
    return MOST_OF_KEY - (len(record.sources) if record else 0)


def refused(conn: Connection, most: int) -> frozenset[bytes]:
    """The keys of mails that people refused, the newest `most`: only with these is mail of known senders compared."""
    query = select(sighting.c.key, func.max(sighting.c.decided_at)).where(
        sighting.c.fate == str(Fate.REFUSED), sighting.c.kind != LIST
    )
    newest = query.group_by(sighting.c.key).order_by(func.max(sighting.c.decided_at).desc()).limit(most)
    return frozenset(bytes(row.key) for row in conn.execute(newest))


# ---- what time does ------------------------------------------------------------------------------------------------


def forget_old(conn: Connection, before: datetime, decided_before: datetime, most: int) -> int:
    """Delete up to `most` sightings from before a moment, and those that people decided about later; how many."""
    columns = sighting.c.key, sighting.c.whole, sighting.c.network
    unsaid = (sighting.c.fate.is_(None)) & (sighting.c.at < before)
    over = or_(unsaid, sighting.c.at < decided_before)
    old = [tuple(row) for row in conn.execute(select(*columns).where(sighting.c.at < before, over).limit(most))]
    conn.execute(delete(sighting).where(tuple_(*columns).in_(old)))
    return len(old)


def forget_accepted(conn: Connection, before: datetime, most: int) -> int:
    """Delete up to `most` days of accepted mail from before a moment; how many."""
    columns = accepted_table.c.key, accepted_table.c.day, accepted_table.c.known
    query = select(*columns).where(accepted_table.c.day < before.toordinal()).limit(most)
    old = [tuple(row) for row in conn.execute(query)]
    conn.execute(delete(accepted_table).where(tuple_(*columns).in_(old)))
    return len(old)
