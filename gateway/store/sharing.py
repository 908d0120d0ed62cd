"""The other mails of a campaign: those that have something in common with one."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from gateway.model import Common
from gateway.policy.campaign import CampaignTerms, is_usual, tally
from gateway.store import campaigns
from gateway.store.campaigns import Record
from sql.tables import campaign_sighting as sighting

Kinds = Mapping[bytes, tuple[str, str]]  # kind and value of keys


def keys_of(conn: Connection, whole: str) -> dict[bytes, tuple[str, str]]:
    """What is on record that a mail may share."""
    rows = conn.execute(select(sighting.c.key, sighting.c.kind, sighting.c.value).where(sighting.c.whole == whole))
    return {bytes(row.key): (row.kind, row.value) for row in rows}


def mails(conn: Connection, keys: Kinds, terms: CampaignTerms, now: datetime) -> dict[str, list[str]]:
    """The mails that have in common what is neither usual here nor released: their digests, with what they share.

    The value of what is shared is the link, or "" for the text.
    """
    found, _ = campaigns.about(conn, keys, now)
    shared: dict[str, list[str]] = defaultdict(list)
    for key, record in found.items():
        kind, value = keys[key]
        if kind == Common.LINK and is_open(record, Common.LINK, terms, now):
            add(shared, record, value)
    text = campaigns.text_record([record for key, record in found.items() if keys[key][0] == Common.TEXT])
    if text is not None and is_open(text, Common.TEXT, terms, now):
        add(shared, text, "")
    return dict(shared)


def is_open(record: Record, kind: Common, terms: CampaignTerms, now: datetime) -> bool:
    numbers = tally(kind, "", list(record.sources.values()), now, record.known_days, record.other_days)
    return not numbers.released and not is_usual(numbers, terms)


def add(shared: dict[str, list[str]], record: Record, value: str) -> None:
    for whole in {whole for whole, _ in record.sources}:
        shared[whole].append(value)


def replies(conn: Connection, wholes: Collection[str]) -> list[str]:
    """The ids of the latest decisions about these mails."""
    query = select(sighting.c.reply_id).where(sighting.c.whole.in_(list(wholes))).distinct()
    return list(conn.execute(query).scalars())
