"""Sightings: who tried to send what to whom, when first and when last. The memory of greylisting."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    union,
    update,
)

from gateway.model import Fingerprint, Rung, RungKind, Sighting
from gateway.policy import greylist
from gateway.store.keys import content_keys, digest, rung_key
from gateway.store.question import Question, all_content_keys
from sql.tables import sighting, sighting_rung

MOST = 100  # sightings of one content looked at for a mail; more is one mail from a hundred networks
SPRAY = 10  # mails of one envelope found by it; later ones are found by their content alone

FOUND = (
    sighting.c.id,
    sighting.c.sender,
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

Envelope = tuple[str, str]  # sender and recipient


@dataclass(frozen=True, slots=True)
class Seen:
    """What is remembered of one sender and recipient. `first_tried`: since when it tries to send this very content."""

    sightings: tuple[Sighting, ...] = ()
    first_tried: datetime | None = None


def find(conn: Connection, asked: Sequence[Question]) -> list[dict[str, Seen]]:
    """For each question, per recipient, the sightings of its sender that a retry could be of; newest first.

    After the dot that is: what was deferred before its data, or came from a strong identity, or had this content.
    """
    seen = collect([*by_rung(conn, asked), *by_content(conn, with_content(asked))])
    return [
        {to: told(question, seen.get((question.sender, to), ())) for to in question.recipients} for question in asked
    ]


def with_content(asked: Sequence[Question]) -> list[Question]:
    return [question for question in asked if question.content is not None]


def told(question: Question, seen: Iterable[Sighting]) -> Seen:
    return Seen(
        tuple(one for one in seen if could_match(one, question)),
        min((one.first_seen for one in seen if is_this_mail(one, question.content)), default=None),
    )


def could_match(one: Sighting, question: Question) -> bool:
    """It shares a rung, and after the dot its content does not say that it is another mail's."""
    shared = {rung.kind for rung in one.rungs & question.rungs}
    agrees = bool(shared - greylist.NEEDS_CONTENT) or greylist.content_agrees(one, question.content)
    return bool(shared) and agrees


def is_this_mail(one: Sighting, content: Fingerprint | None) -> bool:
    """From whatever network, and not passed yet."""
    known = content is not None and one.saw_data and one.passed_at is None
    return known and greylist.content_agrees(one, content)


def by_rung(conn: Connection, asked: Sequence[Question]) -> list[Any]:
    keys: set[bytes] = set()
    for question in asked:
        for rung, recipient in question.combinations():
            keys.add(rung_key(rung, question.sender, recipient, saw_data=False))
            if question.content is None or rung.kind not in greylist.NEEDS_CONTENT:
                keys.add(rung_key(rung, question.sender, recipient, saw_data=True))
    query = select(*FOUND).join_from(sighting_rung, sighting).where(sighting_rung.c.key.in_(list(keys)))
    return list(conn.execute(query))


def by_content(conn: Connection, asked: Sequence[Question]) -> list[Any]:
    """Sightings with the envelope and content of a mail, from whatever network; the earliest where there are many."""
    if not asked:
        return []
    bodies, numbers = all_content_keys(asked, "body_key"), all_content_keys(asked, "message_id_key")
    same = union(
        select(sighting.c.id).where(sighting.c.body_key.in_(bodies)),
        select(sighting.c.id).where(sighting.c.message_id_key.in_(numbers)),
    ).subquery()
    query = select(*FOUND).join_from(same, sighting, same.c.id == sighting.c.id).join(sighting_rung)
    most = MOST * len(asked)
    rows = list(conn.execute(query.order_by(sighting.c.first_seen).limit(most)))
    if len(rows) == most and len(asked) > 1:  # the flood of one must not hide another's
        return [row for question in asked for row in by_content(conn, [question])]
    return rows


def settled(conn: Connection, sender: str, recipient: str, content: Fingerprint, now: datetime) -> None:
    """A person decided about this mail: nobody is trying to send it any more, as far as we wait for it."""
    keys = content_keys(sender, recipient, content.body, content.message_id)
    same = or_(*(sighting.c[name] == key for name, key in keys.items() if key is not None))
    conn.execute(update(sighting).where(same, sighting.c.passed_at.is_(None)).values(passed_at=now))


def collect(rows: Iterable[Any]) -> dict[Envelope, list[Sighting]]:
    """By envelope, newest first."""
    seen: dict[int, Any] = {}
    rungs: dict[int, set[Rung]] = {}
    for row in rows:
        seen[row.id] = row
        rungs.setdefault(row.id, set()).add(Rung(RungKind(row.kind), row.value))
    found: dict[Envelope, list[Sighting]] = {}
    for number, row in sorted(seen.items(), key=lambda item: (item[1].last_seen, item[0]), reverse=True):
        found.setdefault((row.sender, row.recipient), []).append(from_row(row, frozenset(rungs[number])))
    return found


def from_row(row: Any, rungs: frozenset[Rung]) -> Sighting:
    return Sighting(
        id=row.id,
        rungs=rungs,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        tries=row.tries,
        size=row.size,
        passed_at=row.passed_at,
        body=row.body,
        message_id=row.message_id,
    )


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
    found = find(conn, [attempt.asked() for attempt in attempts])
    written: dict[Envelope, list[Sighting]] = {}  # changed or made by this very call
    unnumbered = 0
    for attempt, known in zip(attempts, found, strict=True):
        mine = written.setdefault((attempt.sender, attempt.recipient), [])
        numbers = {one.id for one in mine}
        seen = [*mine, *(one for one in known[attempt.recipient].sightings if one.id not in numbers)]
        same = [one for one in seen if greylist.counts(one, attempt.rungs, attempt.content)]
        exact = next((one for one in same if one.saw_data == (attempt.content is not None)), None)
        if exact is None:
            unnumbered -= 1
            mine.append(first_try(attempt, same, unnumbered))
        elif exact in mine:
            mine[mine.index(exact)] = one_more_try(attempt, exact)
        else:
            mine.append(one_more_try(attempt, exact))
    write(conn, [(pair, one) for pair, mine in written.items() for one in mine])


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


CHANGED = (
    update(sighting)
    .where(sighting.c.id == bindparam("number"))
    .values(
        first_seen=bindparam("began"), last_seen=bindparam("ended"), tries=bindparam("tried"), size=bindparam("bytes")
    )
)


def write(conn: Connection, seen: Sequence[tuple[Envelope, Sighting]]) -> None:
    changed = [
        {"number": one.id, "began": one.first_seen, "ended": one.last_seen, "tried": one.tries, "bytes": one.size}
        for _, one in seen
        if one.id > 0
    ]
    if changed:
        conn.execute(CHANGED, changed)
    add(conn, [(pair, one) for pair, one in seen if one.id < 0])


def add(conn: Connection, seen: Sequence[tuple[Envelope, Sighting]]) -> None:
    """Insert sightings of (sender, recipient) pairs; their own ids are not looked at."""
    if not seen:
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
            "network_only": all(rung.kind is RungKind.NETWORK for rung in one.rungs),
        }
        for (sender, recipient), one in seen
    ]
    made = conn.execute(insert(sighting).returning(sighting.c.id, sort_by_parameter_order=True), rows)
    many = sprays(conn, seen)
    conn.execute(
        insert(sighting_rung),
        [
            {
                "key": child_key(rung, sender, recipient, one, many),
                "sighting_id": number,
                "kind": int(rung.kind),
                "value": rung.value[:255],
            }
            for number, ((sender, recipient), one) in zip(made.scalars(), seen, strict=True)
            for rung in one.rungs
        ],
    )


def child_key(rung: Rung, sender: str, recipient: str, one: Sighting, sprayed: Collection[bytes]) -> bytes:
    key = rung_key(rung, sender, recipient, saw_data=one.saw_data)
    return digest("spray", key.hex(), str(one.body)) if key in sprayed else key


def sprays(conn: Connection, seen: Iterable[tuple[Envelope, Sighting]]) -> set[bytes]:
    """The keys below which so many mails of one envelope are found that no further one shall be."""
    keys = {
        rung_key(rung, sender, recipient, saw_data=True)
        for (sender, recipient), one in seen
        if one.saw_data
        for rung in one.rungs
    }
    query = select(sighting_rung.c.key).where(sighting_rung.c.key.in_(list(keys)))
    many = query.group_by(sighting_rung.c.key).having(func.count() >= SPRAY)
    return {bytes(key) for key in conn.execute(many).scalars()}


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
    ids = select(sighting_rung.c.key, sighting_rung.c.sighting_id).where(sighting_rung.c.key.in_(list(times)))
    rows = [{"number": number, "moment": times[bytes(key)]} for key, number in conn.execute(ids)]
    mine = update(sighting).where(sighting.c.id == bindparam("number"), sighting.c.passed_at.is_(None))
    if rows:
        conn.execute(mine.values(passed_at=bindparam("moment")), rows)


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
