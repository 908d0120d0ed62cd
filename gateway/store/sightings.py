"""Sightings: who tried to send what to whom, when first and when last. The memory of greylisting."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update

from gateway.model import Fingerprint, Rung, RungKind, Sighting
from gateway.policy import greylist
from gateway.store.keys import pair_key, rung_key
from sql.tables import sighting, sighting_rung

MOST = 100  # sightings looked at for one sender and recipient; more is a spray, and the newest tell enough

FOUND = (
    sighting.c.id,
    sighting.c.recipient,
    sighting.c.first_seen,
    sighting.c.last_seen,
    sighting.c.tries,
    sighting.c.size,
    sighting.c.body,
    sighting.c.message_id,
    sighting.c.passed_at,
    sighting_rung.c.kind,
    sighting_rung.c.value,
)


def find(
    conn: Connection,
    sender: str,
    recipients: Collection[str],
    rungs: Collection[Rung],
    content: Fingerprint | None = None,
) -> dict[str, tuple[Sighting, ...]]:
    """Per recipient, the sightings of this sender that share a rung. With `content`, those that it could match."""
    keys = [rung_key(rung, sender, recipient) for rung in rungs for recipient in recipients]
    query = select(*FOUND).join_from(sighting_rung, sighting).where(sighting_rung.c.key.in_(keys))
    if content is not None:
        could = or_(sighting.c.body.is_(None), sighting_rung.c.kind > RungKind.FCRDNS, has_content(content))
        query = query.where(could)
    rows = conn.execute(query.order_by(sighting.c.last_seen.desc()).limit(MOST * len(recipients) * len(rungs)))
    return collect(rows.mappings(), recipients)


def has_content(content: Fingerprint) -> ColumnElement[bool]:
    """The body or the Message-ID agrees."""
    if content.message_id is None:
        return sighting.c.body == content.body
    return or_(sighting.c.body == content.body, sighting.c.message_id == content.message_id)


def first_tries(
    conn: Connection, sender: str, recipients: Collection[str], content: Fingerprint
) -> dict[str, datetime]:
    """Per recipient, since when this sender tries to send a mail with this content, from whatever network."""
    pairs = [pair_key(sender, recipient) for recipient in recipients]
    query = (
        select(sighting.c.recipient, func.min(sighting.c.first_seen))
        .where(sighting.c.pair.in_(pairs), has_content(content), sighting.c.passed_at.is_(None))
        .group_by(sighting.c.recipient)
    )
    return {recipient: first for recipient, first in conn.execute(query)}


def settled(conn: Connection, sender: str, recipient: str, content: Fingerprint, now: datetime) -> None:
    """A person decided about this mail: nobody is trying to send it any more, as far as we wait for it."""
    mine = update(sighting).where(sighting.c.pair == pair_key(sender, recipient), has_content(content))
    conn.execute(mine.where(sighting.c.passed_at.is_(None)).values(passed_at=now))


def collect(rows: Iterable[Any], recipients: Collection[str]) -> dict[str, tuple[Sighting, ...]]:
    seen: dict[int, Any] = {}
    rungs: dict[int, set[Rung]] = {}
    for row in rows:
        seen[row["id"]] = row
        rungs.setdefault(row["id"], set()).add(Rung(RungKind(row["kind"]), row["value"]))
    found: dict[str, list[Sighting]] = {recipient: [] for recipient in recipients}
    for number, row in seen.items():
        found[row["recipient"]].append(from_row(row, frozenset(rungs[number])))
    return {recipient: tuple(listed) for recipient, listed in found.items()}


def from_row(row: Any, rungs: frozenset[Rung]) -> Sighting:
    return Sighting(
        id=row["id"],
        rungs=rungs,
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        tries=row["tries"],
        size=row["size"],
        passed_at=row["passed_at"],
        body=row["body"],
        message_id=row["message_id"],
    )


def saw(
    conn: Connection,
    sender: str,
    recipient: str,
    rungs: frozenset[Rung],
    content: Fingerprint | None,
    size: int | None,
    now: datetime,
    *,
    anew_before: datetime | None = None,
) -> None:
    """Note an attempt: one more try of a sighting of the same mail, or a new one.

    A sender that is still trying after the window (first seen before `anew_before`) begins its wait anew.
    """
    known = find(conn, sender, (recipient,), rungs, content)[recipient]
    same = [one for one in known if greylist.counts(one, rungs, content)]
    exact = next((one for one in same if one.saw_data == (content is not None)), None)
    if exact is not None:
        anew = anew_before is not None and exact.first_seen < anew_before
        conn.execute(
            update(sighting)
            .where(sighting.c.id == exact.id)
            .values(
                first_seen=now if anew else exact.first_seen,
                last_seen=max(exact.last_seen, now),
                tries=sighting.c.tries + 1,
                size=size or exact.size,
            )
        )
        return
    # Deferred at RCPT before, with its data now (or the other way round): the wait began back then.
    first = min((one.first_seen for one in same), default=now)
    add(conn, sender, recipient, rungs, content, size, min(first, now), now)


def add(
    conn: Connection,
    sender: str,
    recipient: str,
    rungs: frozenset[Rung],
    content: Fingerprint | None,
    size: int | None,
    first_seen: datetime,
    now: datetime,
) -> None:
    made = conn.execute(
        insert(sighting).values(
            pair=pair_key(sender, recipient),
            sender=sender,
            recipient=recipient,
            first_seen=first_seen,
            last_seen=now,
            tries=1,
            size=size,
            body=content.body if content else None,
            message_id=content.message_id if content else None,
            network_only=all(rung.kind is RungKind.NETWORK for rung in rungs),
        )
    )
    assert made.inserted_primary_key is not None
    number = made.inserted_primary_key[0]
    conn.execute(
        insert(sighting_rung),
        [
            {
                "key": rung_key(rung, sender, recipient),
                "sighting_id": number,
                "kind": int(rung.kind),
                "value": rung.value[:255],
            }
            for rung in rungs
        ],
    )


def passed(conn: Connection, sender: str, recipient: str, rungs: Collection[Rung], now: datetime) -> None:
    """The sender came back and its mail was accepted: its sightings are not pending any more."""
    keys = [rung_key(rung, sender, recipient) for rung in rungs]
    ids = select(sighting_rung.c.sighting_id).where(sighting_rung.c.key.in_(keys))
    numbers = [row[0] for row in conn.execute(ids)]
    conn.execute(
        update(sighting).where(sighting.c.id.in_(numbers), sighting.c.passed_at.is_(None)).values(passed_at=now)
    )


def forget(conn: Connection, party: str) -> int:
    """Forget the attempts of a sender address, a domain, or a network or name; how many."""
    wanted = sighting.c.sender == party
    if "@" not in party:
        named = select(sighting_rung.c.sighting_id).where(sighting_rung.c.value == party)
        wanted = or_(wanted, sighting.c.sender.endswith("@" + party, autoescape=True), sighting.c.id.in_(named))
    numbers = list(conn.execute(select(sighting.c.id).where(wanted)).scalars())
    conn.execute(delete(sighting_rung).where(sighting_rung.c.sighting_id.in_(numbers)))
    return conn.execute(delete(sighting).where(sighting.c.id.in_(numbers))).rowcount


def forget_old(conn: Connection, before: datetime, most: int) -> int:
    """Delete up to `most` sightings last seen before a moment; how many."""
    old = [row[0] for row in conn.execute(select(sighting.c.id).where(sighting.c.last_seen < before).limit(most))]
    conn.execute(delete(sighting_rung).where(sighting_rung.c.sighting_id.in_(old)))
    conn.execute(delete(sighting).where(sighting.c.id.in_(old)))
    return len(old)


def give_way(conn: Connection, cap: int, most: int) -> int:
    """Above the cap, random pending sightings known by their network alone give way; how many did."""
    weak = and_(sighting.c.network_only, sighting.c.passed_at.is_(None))
    excess = min(most, conn.execute(select(func.count()).select_from(sighting).where(weak)).scalar_one() - cap)
    if excess <= 0:
        return 0
    order = func.random() if conn.dialect.name == "sqlite" else func.rand()
    numbers = [
        row[0]
        for row in conn.execute(select(sighting.c.id).where(weak, sighting.c.tries == 1).order_by(order).limit(excess))
    ]
    conn.execute(delete(sighting_rung).where(sighting_rung.c.sighting_id.in_(numbers)))
    conn.execute(delete(sighting).where(sighting.c.id.in_(numbers)))
    return len(numbers)
