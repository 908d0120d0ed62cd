"""Sightings: who tried to send what to whom, when first and when last. The memory of greylisting."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Connection,
    TextClause,
    Update,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from gateway.model import Fingerprint, Rung, RungKind, Sighting
from gateway.policy import greylist
from gateway.store import seen
from gateway.store.keys import content_keys, digest, rung_key
from gateway.store.question import Question
from sql.tables import sighting, sighting_rung

SPRAY = 10  # mails of one envelope found by it; later ones are found by their content alone

Envelope = tuple[str, str]  # sender and recipient

FOUND_BY = select(sighting_rung.c.key, sighting_rung.c.sighting_id).where(sighting_rung.c.key.in_(seen.KEYS))
HOW_MANY = (
    select(sighting_rung.c.key, func.count()).where(sighting_rung.c.key.in_(seen.KEYS)).group_by(sighting_rung.c.key)
)
ENDED: Any = bindparam("ended", type_=sighting.c.last_seen.type)
CHANGED = (
    update(sighting)
    .where(sighting.c.id == bindparam("number"))
    .values(
        first_seen=func.coalesce(bindparam("began", type_=sighting.c.first_seen.type), sighting.c.first_seen),
        last_seen=case((sighting.c.last_seen < ENDED, ENDED), else_=sighting.c.last_seen),
        tries=sighting.c.tries + bindparam("more", type_=sighting.c.tries.type),
        size=bindparam("bytes", type_=sighting.c.size.type),
    )
)
CHANGED_TOGETHER = text(
    """
    UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (
        number BIGINT PATH '$.number', began DATETIME(6) PATH '$.began', ended DATETIME(6) PATH '$.ended',
        more INT PATH '$.more', bytes BIGINT PATH '$.bytes')) AS new
    STRAIGHT_JOIN sighting ON sighting.id = new.number
    SET sighting.first_seen = COALESCE(new.began, sighting.first_seen),
        sighting.last_seen = GREATEST(sighting.last_seen, new.ended),
        sighting.tries = sighting.tries + new.more, sighting.size = new.bytes
    """
)
PASSED = (
    update(sighting)
    .where(sighting.c.id == bindparam("number"), sighting.c.passed_at.is_(None))
    .values(passed_at=bindparam("moment"))
)
PASSED_TOGETHER = text(
    """
    UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (
        number BIGINT PATH '$.number', moment DATETIME(6) PATH '$.moment')) AS new
    STRAIGHT_JOIN sighting ON sighting.id = new.number
    SET sighting.passed_at = COALESCE(sighting.passed_at, new.moment)
    """
)


def settled(conn: Connection, sender: str, recipient: str, content: Fingerprint, now: datetime) -> None:
    """A person decided about this mail: nobody is trying to send it any more, as far as we wait for it."""
    keys = content_keys(sender, recipient, content.body, content.message_id)
    same = or_(*(sighting.c[name] == key for name, key in keys.items() if key is not None))
    conn.execute(update(sighting).where(same, sighting.c.passed_at.is_(None)).values(passed_at=now))


# ---- noting attempts -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attempt:
    """A mail that was deferred for one recipient; without `content` before its data was seen.

    A sender that is still trying after the window (first seen before `anew_before`) begins its wait anew.
    """

    sender: str
    recipient: str
    rungs: frozenset[Rung]
    content: Fingerprint | None
    size: int | None
    now: datetime
    anew_before: datetime | None = None

    def asked(self) -> Question:
        return Question(self.sender, "", (self.recipient,), self.rungs, self.now, self.content)


def saw(conn: Connection, attempts: Sequence[Attempt]) -> None:
    """Note attempts: each one more try of a sighting of the same mail, or a new one."""
    found = seen.find(conn, [attempt.asked() for attempt in attempts])
    before = {one.id: one for known in found for told in known.values() for one in told.sightings}
    written: dict[Envelope, list[Sighting]] = {}  # changed or made by this very call
    unnumbered = 0
    for attempt, known in zip(attempts, found, strict=True):
        mine = written.setdefault((attempt.sender, attempt.recipient), [])
        numbers = {one.id for one in mine}
        there = [*mine, *(one for one in known[attempt.recipient].sightings if one.id not in numbers)]
        same = [one for one in there if greylist.counts(one, attempt.rungs, attempt.content)]
        exact = next((one for one in same if is_of(one, attempt)), None)
        if exact is None:
            unnumbered -= 1
            mine.append(first_try(attempt, same, unnumbered))
        elif exact in mine:
            mine[mine.index(exact)] = one_more_try(attempt, exact)
        else:
            mine.append(one_more_try(attempt, exact))
    changed = [one for mine in written.values() for one in mine if one.id > 0]
    change(conn, [(before[one.id], one) for one in changed])
    add(conn, [(pair, one) for pair, mine in written.items() for one in mine if one.id < 0])


def is_of(one: Sighting, attempt: Attempt) -> bool:
    """True for a sighting of this very mail: once another one has passed, a mail is found by its content alone."""
    return one.saw_data == (attempt.content is not None) and greylist.content_agrees(one, attempt.content)


def one_more_try(attempt: Attempt, exact: Sighting) -> Sighting:
    anew = attempt.anew_before is not None and exact.first_seen < attempt.anew_before
    return replace(
        exact,
        first_seen=attempt.now if anew else exact.first_seen,
        last_seen=max(exact.last_seen, attempt.now),
        tries=exact.tries + 1,
        size=attempt.size or exact.size,
    )


def first_try(attempt: Attempt, same: Iterable[Sighting], number: int) -> Sighting:
    # Deferred at RCPT before, with its data now (or the other way round): the wait began back then.
    first = min((one.first_seen for one in same), default=attempt.now)
    return Sighting(
        number,
        attempt.rungs,
        min(first, attempt.now),
        attempt.now,
        size=attempt.size,
        body=attempt.content.body if attempt.content else None,
        message_id=attempt.content.message_id if attempt.content else None,
    )


def change(conn: Connection, changed: Iterable[tuple[Sighting, Sighting]]) -> None:
    """From what was read to what shall be. Another worker may have written meanwhile: its tries count as well."""
    rows = [
        {
            "number": new.id,
            "began": new.first_seen if new.first_seen != old.first_seen else None,
            "ended": new.last_seen,
            "more": new.tries - old.tries,
            "bytes": new.size,
        }
        for old, new in changed
    ]
    write(conn, rows, CHANGED, CHANGED_TOGETHER)


def write(conn: Connection, rows: Sequence[Mapping[str, Any]], each: Update, together: TextClause) -> None:
    """Change rows: in SQLite each by itself, on MariaDB all in one round trip (its driver would make one for each)."""
    if not rows:
        return
    if conn.dialect.name == "sqlite":
        conn.execute(each, rows)
    else:
        conn.execute(together, {"rows": json.dumps([dict(row) for row in rows], default=naive)})


def naive(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def add(conn: Connection, envelopes: Sequence[tuple[Envelope, Sighting]]) -> None:
    """Insert sightings of (sender, recipient) pairs; their own ids are not looked at."""
    if not envelopes:
        return
    rows = [
        {
            "sender": sender,
            "recipient": recipient,
            "first_seen": one.first_seen,
            "last_seen": one.last_seen,
            "tries": one.tries,
            "size": one.size,
            "body": one.body,
            "message_id": one.message_id,
            **content_keys(sender, recipient, one.body, one.message_id),
            "network_only": all(rung.kind <= RungKind.NETWORK for rung in one.rungs),
        }
        for (sender, recipient), one in envelopes
    ]
    made = conn.execute(insert(sighting).returning(sighting.c.id, sort_by_parameter_order=True), rows)
    there = found_by(conn, envelopes)
    conn.execute(
        insert(sighting_rung),
        [
            {
                "key": child_key(rung, sender, recipient, one, there),
                "sighting_id": number,
                "kind": int(rung.kind),
                "value": rung.value[: seen.CUT],
            }
            for number, ((sender, recipient), one) in zip(made.scalars(), envelopes, strict=True)
            for rung in one.rungs
        ],
    )


def child_key(rung: Rung, sender: str, recipient: str, one: Sighting, there: Counter[bytes]) -> bytes:
    """The key of its rung, unless so many mails are found by that that no further one shall be."""
    key = rung_key(rung, sender, recipient, saw_data=one.saw_data)
    if not one.saw_data:
        return key
    there[key] += 1
    return key if there[key] <= SPRAY else digest("spray", key.hex(), str(one.body))


def found_by(conn: Connection, envelopes: Iterable[tuple[Envelope, Sighting]]) -> Counter[bytes]:
    """How many mails are found by each rung of these sightings already."""
    keys = {
        rung_key(rung, sender, recipient, saw_data=True)
        for (sender, recipient), one in envelopes
        if one.saw_data
        for rung in one.rungs
    }
    rows = conn.execute(HOW_MANY, {"keys": list(keys)}) if keys else ()
    return Counter({bytes(key): many for key, many in rows})


@dataclass(frozen=True, slots=True)
class Passed:
    """That a sender came back and its mail was accepted."""

    sender: str
    recipient: str
    rungs: frozenset[Rung]
    now: datetime

    def rung_keys(self) -> Iterator[bytes]:
        for rung in self.rungs:
            for saw_data in (False, True):
                yield rung_key(rung, self.sender, self.recipient, saw_data=saw_data)


def passed(conn: Connection, came_back: Sequence[Passed]) -> None:
    """The sightings of who came back are not pending any more."""
    times = {key: one.now for one in came_back for key in one.rung_keys()}
    ids = conn.execute(FOUND_BY, {"keys": list(times)})
    rows = [{"number": number, "moment": times[bytes(key)]} for key, number in ids]
    write(conn, rows, PASSED, PASSED_TOGETHER)


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
