"""Digests: who wants them, which were made, and the links in them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, false, insert, or_, select, update

from gateway.model import CopyState, DeliveryState, DigestWish, LinkAct, Tells, Tie, Told
from gateway.store.upsert import upsert
from sql.tables import copy, delivery, digest, digest_link, digest_wish, link_key, message, person, person_address


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who gets digests, and since when they are here. `wish` None: they said nothing."""

    person: int
    name: str
    wish: DigestWish | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """What one link does, and until when. `key`: the digest of what it holds; `code`: of what has to be typed."""

    key: bytes
    person: int
    message: str
    recipient: str
    act: LinkAct
    expires: datetime
    code: bytes | None = None
    tries: int = 0
    used_at: datetime | None = None


# ---- who wants them ------------------------------------------------------------------------------------------------


def wish_of(conn: Connection, number: int) -> DigestWish | None:
    row = conn.execute(select(digest_wish).where(digest_wish.c.person_id == number)).mappings().one_or_none()
    return None if row is None else from_row(dict(row))


def from_row(row: Mapping[str, Any]) -> DigestWish:
    return DigestWish(
        wanted=row["wanted"],
        times=tuple(time.fromisoformat(one) for one in row["times"].split()),
        weekends=row["weekends"],
        kinds=frozenset(Told(one) for one in row["kinds"].split()),
        address=row["address"],
        instant=row["instant"],
        since=row["since"],
    )


def wish(conn: Connection, number: int, wanted: DigestWish, now: datetime) -> None:
    row = {
        "person_id": number,
        "wanted": wanted.wanted,
        "times": " ".join(f"{one:%H:%M}" for one in sorted(wanted.times)),
        "weekends": wanted.weekends,
        "kinds": " ".join(sorted(wanted.kinds)),
        "address": wanted.address,
        "instant": wanted.instant,
        "since": now,
    }
    upsert(conn, digest_wish, [row], key=("person_id",), replace=[name for name in row if name != "person_id"])


def is_told(tells: Tells) -> ColumnElement[bool]:
    """The condition on people and their wishes, joined from the left."""
    said = digest_wish.c.wanted
    ways = {Tells.NOBODY: false(), Tells.CHOSEN: said, Tells.EVERYBODY: or_(said, said.is_(None))}
    return and_(person.c.disabled_at.is_(None), ways[tells])


def readers(conn: Connection, tells: Tells, after: int, most: int) -> list[Reader]:
    """Who gets digests, by number."""
    columns = [column.label(f"wish_{column.name}") for column in digest_wish.c]
    query = select(person.c.id, person.c.name, person.c.created, *columns).outerjoin_from(person, digest_wish)
    query = query.where(is_told(tells), person.c.id > after).order_by(person.c.id).limit(most)
    found = []
    for row in conn.execute(query).mappings():
        said = {column.name: row[f"wish_{column.name}"] for column in digest_wish.c}
        wish = None if said["person_id"] is None else from_row(said)
        found.append(Reader(row["id"], row["name"], wish, row["created"]))
    return found


def in_a_hurry(conn: Connection, tells: Tells) -> list[Reader]:
    """Who wants to be told at once of what looks like a code."""
    query = select(person.c.id, person.c.name, person.c.created, digest_wish).join_from(person, digest_wish)
    query = query.where(digest_wish.c.instant, person.c.disabled_at.is_(None))
    rows = conn.execute(query).mappings() if tells else ()
    return [Reader(row["id"], row["name"], from_row(dict(row)), row["created"]) for row in rows]


def arrived(conn: Connection, addresses: Collection[str], after: datetime, most: int) -> list[dict[str, Any]]:
    """Mail for these that waits, here or with its sender, and came after a moment; the newest first."""
    found: list[dict[str, Any]] = []
    for table, state, at, more in (
        (delivery, str(DeliveryState.HELD), delivery.c.created, (delivery.c.reason,)),
        (copy, str(CopyState.SENDER_HELD), copy.c.first_seen, ()),
    ):
        told = (message.c.author, message.c.sender, message.c.subject, message.c.rungs, message.c.received_at)
        query = select(table.c.message, table.c.recipient, at.label("at"), *more, *told).join_from(
            table, message, message.c.id == table.c.message
        )
        query = query.where(table.c.state == state, table.c.recipient.in_(sorted(addresses)), at > after)
        found += [dict(row) for row in conn.execute(query.order_by(at.desc()).limit(most)).mappings()]
    return found


def told_addresses(conn: Connection, tells: Tells) -> frozenset[str]:
    """The addresses whose held mail somebody is told of, and therefore looks at."""
    if not tells:
        return frozenset()
    query = select(person_address.c.address).join_from(person_address, person).outerjoin(digest_wish)
    query = query.where(person_address.c.kind == str(Tie.OWN), is_told(tells))
    said = digest_wish.c.kinds
    return frozenset(conn.execute(query.where(or_(said.is_(None), said.contains(str(Told.HELD))))).scalars())


# ---- which were made -----------------------------------------------------------------------------------------------


def made_since(conn: Connection, since: datetime) -> set[tuple[int, datetime]]:
    """Person and moment of those that were due since then."""
    rows = conn.execute(select(digest.c.person_id, digest.c.slot).where(digest.c.slot >= since))
    return {(row.person_id, row.slot) for row in rows}


def told_last(conn: Connection, number: int) -> datetime | None:
    """When somebody was last told of something."""
    query = select(digest.c.made).where(digest.c.person_id == number, digest.c.mails > 0)
    return conn.execute(query.order_by(digest.c.slot.desc()).limit(1)).scalar()


def add(
    conn: Connection,
    number: int,
    slot: datetime,
    made: datetime,
    address: str = "",
    mails: int = 0,
    message: str | None = None,
) -> int:
    """That somebody's digest of a moment is made. Raises IntegrityError where another one was first."""
    row = {"person_id": number, "slot": slot, "made": made, "address": address, "mails": mails, "message": message}
    done = conn.execute(insert(digest).values(row))
    assert done.inserted_primary_key is not None
    return int(done.inserted_primary_key[0])


def latest_of(conn: Connection, number: int, most: int) -> list[dict[str, Any]]:
    """Those that were sent to somebody, the newest first."""
    query = select(digest).where(digest.c.person_id == number, digest.c.mails > 0)
    return [dict(row) for row in conn.execute(query.order_by(digest.c.slot.desc()).limit(most)).mappings()]


def undelivered(conn: Connection, since: datetime, before: datetime, most: int) -> int:
    """How many that were made between then and then have not come to their readers; counted up to so many."""
    mine = (delivery.c.message == digest.c.message, delivery.c.state != str(DeliveryState.DELIVERED))
    query = select(digest.c.id).join(delivery, and_(*mine)).where(digest.c.slot >= since, digest.c.made < before)
    return len(conn.execute(query.limit(most)).all())


def forget_old(conn: Connection, before: datetime, most: int) -> int:
    """Delete those of before then, and the links in them."""
    old = list(conn.execute(select(digest.c.id).where(digest.c.slot < before).limit(most)).scalars())
    if old:
        conn.execute(delete(digest_link).where(digest_link.c.digest.in_(old)))
        conn.execute(delete(digest).where(digest.c.id.in_(old)))
    return len(old)


# ---- links ---------------------------------------------------------------------------------------------------------


def add_links(conn: Connection, number: int, links: Sequence[Link]) -> None:
    """The links of a digest."""
    rows = [
        {
            "key": one.key,
            "digest": number,
            "person_id": one.person,
            "message": one.message,
            "recipient": one.recipient,
            "act": str(one.act),
            "code": one.code,
            "tries": 0,
            "expires": one.expires,
        }
        for one in links
    ]
    if rows:
        conn.execute(insert(digest_link), rows)


def link(conn: Connection, key: bytes) -> Link | None:
    row = conn.execute(select(digest_link).where(digest_link.c.key == key)).mappings().one_or_none()
    if row is None:
        return None
    given = (row["message"], row["recipient"], LinkAct(row["act"]), row["expires"])
    return Link(row["key"], row["person_id"], *given, row["code"], row["tries"], row["used_at"])


def take_try(conn: Connection, key: bytes, most: int) -> bool:
    """Note that a code is about to be compared; False where there were too many wrong ones already."""
    mine = update(digest_link).where(digest_link.c.key == key, digest_link.c.tries < most)
    return conn.execute(mine.values(tries=digest_link.c.tries + 1)).rowcount == 1


def used(conn: Connection, key: bytes, now: datetime) -> None:
    conn.execute(
        update(digest_link).where(digest_link.c.key == key, digest_link.c.used_at.is_(None)).values(used_at=now)
    )


def seal_keys(conn: Connection, months: Sequence[str]) -> dict[str, bytes]:
    """What links of these months are sealed with, as far as it was made."""
    rows = conn.execute(select(link_key).where(link_key.c.month.in_(list(months))))
    return {row.month: bytes.fromhex(row.secret) for row in rows}


def make_seal_key(conn: Connection, month: str, secret: bytes) -> None:
    """The key of a month, unless there is one."""
    upsert(conn, link_key, [{"month": month, "secret": secret.hex()}], key=("month",))


def forget_seal_keys(conn: Connection, before: str) -> int:
    """Delete the keys of the months before this one."""
    return conn.execute(delete(link_key).where(link_key.c.month < before)).rowcount
