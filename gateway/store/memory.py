"""Who is remembered and who is known: per identity rung, normalised sender and recipient.

The recipient "*" is everybody of ours, the sender "@example.com" everybody of a domain; the latter only for "*".
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, or_, select, tuple_

from gateway.model import Grade, Rung, RungKind
from gateway.policy.identity import earning
from gateway.store import domains
from gateway.store.domains import Seen
from gateway.store.keys import digest
from gateway.store.question import Question
from gateway.store.upsert import upsert
from sql.tables import memory

BY_KEY = select(memory.c.key, memory.c.grade, memory.c.expires).where(
    memory.c.key.in_(bindparam("keys", expanding=True))
)


LOOKED_THROUGH = 5_000  # rows that are read for a part of something, at most
EVERYBODY = "*"  # as a recipient; no address is without an @


def key(rung: Rung, sender: str, recipient: str) -> bytes:
    return digest("memory", str(int(rung.kind)), rung.value, sender, recipient)


def anybody_at(sender: str) -> str:
    """Who stands for all senders of a sender's domain; the domain of an address that does the same."""
    return "@" + sender.rpartition("@")[2]


def keys(question: Question) -> Iterator[tuple[bytes, Sequence[str]]]:
    """Where its sender may be found, and whom of the recipients what is found there is about."""
    for rung in question.rungs:
        for recipient in question.recipients:
            yield key(rung, question.normal, recipient), (recipient,)
        yield key(rung, question.normal, EVERYBODY), question.recipients
        if rung.kind is RungKind.DKIM:
            yield key(rung, anybody_at(question.normal), EVERYBODY), question.recipients


def grades(conn: Connection, asked: Sequence[Question]) -> list[dict[str, Grade]]:
    """For each question the best grade of its normalised sender for each recipient, over the peer's rungs."""
    places: dict[bytes, list[tuple[int, str]]] = {}
    for number, question in enumerate(asked):
        for named, recipients in keys(question):
            places.setdefault(named, []).extend((number, recipient) for recipient in recipients)
    found = [dict.fromkeys(question.recipients, Grade.STRANGER) for question in asked]
    for named, grade, expires in conn.execute(BY_KEY, {"keys": list(places)}):
        for number, recipient in places[named]:
            if expires > asked[number].now:
                found[number][recipient] = max(found[number][recipient], Grade(grade))
    return found


@dataclass(frozen=True, slots=True)
class Remembered:
    """That a normalised sender is remembered or known by a recipient, on every rung that earns standing.

    `author`: when a person said so.
    """

    rungs: Collection[Rung]
    sender: str
    recipient: str
    grade: Grade
    earned: str
    now: datetime
    expires: datetime
    author: str = ""
    comment: str = ""

    @property
    def domain(self) -> str:
        return self.sender.rpartition("@")[2]

    def rows(self) -> Iterator[dict[str, Any]]:
        for rung in earning(frozenset(self.rungs)):
            yield {
                "key": key(rung, self.sender, self.recipient),
                "kind": int(rung.kind),
                "value": rung.value[:255],
                "sender": self.sender,
                "recipient": self.recipient,
                "grade": int(self.grade),
                "earned": self.earned,
                "first_seen": self.now,
                "last_seen": self.now,
                "expires": self.expires,
                "author": self.author,
                "comment": self.comment,
            }


def remember(conn: Connection, correspondents: Iterable[Remembered]) -> None:
    """Remember correspondents, or longer. A better grade stays; an act replaces who earned it."""
    correspondents = list(correspondents)
    anonymous: list[dict[str, Any]] = []
    named: list[dict[str, Any]] = []
    for one in correspondents:
        (named if one.author else anonymous).extend(one.rows())
    for rows, replace in ((anonymous, ()), (named, ("earned", "author", "comment"))):
        greatest = ("grade", "last_seen", "expires")
        upsert(conn, memory, rows, key=("key",), least=("first_seen",), greatest=greatest, replace=replace)
    domains.note(conn, [Seen(one.domain, one.grade, one.now, one.expires) for one in correspondents])


def knows(conn: Connection, sender: str, rungs: Collection[Rung], now: datetime) -> bool:
    """True when this normalised sender is remembered on one of these rungs, for whatever recipient."""
    here = tuple_(memory.c.kind, memory.c.value).in_([(int(rung.kind), rung.value[:255]) for rung in rungs])
    query = select(memory.c.key).where(memory.c.sender == sender, memory.c.expires > now, here).limit(1)
    return conn.execute(query).first() is not None


def listing(conn: Connection, like: str | None, now: datetime, most: int) -> list[dict[str, Any]]:
    """What is remembered, newest first; `like` is part of a sender, recipient or identity."""
    query = select(memory).where(memory.c.expires > now).order_by(memory.c.last_seen.desc()).limit(most)
    if like:
        query = query.where(containing(like))
    return [dict(row) for row in conn.execute(query).mappings()]


def about(conn: Connection, text: str, now: datetime, most: int) -> list[dict[str, Any]]:
    """Who is remembered under a name, wherever an index finds it: an identity, a domain, a recipient, or the beginning
    of a sender. Of more than so many, some; the newest of these first."""
    begins = memory.c.sender >= text, memory.c.sender < text + "\U0010ffff"
    ways = [begins, (memory.c.value == text,), (memory.c.recipient == text,), (memory.c.sender == f"@{text}",)]
    found: dict[bytes, dict[str, Any]] = {}
    for way in ways:
        query = select(memory).where(*way, memory.c.expires > now).limit(most)
        found |= {bytes(row["key"]): dict(row) for row in conn.execute(query).mappings()}
    return sorted(found.values(), key=lambda row: row["last_seen"], reverse=True)[:most]


def of_recipients(
    conn: Connection, recipients: Collection[str], text: str, now: datetime, most: int
) -> list[dict[str, Any]]:
    """Whom these recipients remember, the newest first; `text` is part of a sender or identity."""
    query = select(memory).where(memory.c.recipient.in_(sorted(recipients)), memory.c.expires > now)
    if text:
        columns = (memory.c.sender, memory.c.value)
        query = query.where(or_(*(column.icontains(text, autoescape=True) for column in columns)))
    return [dict(row) for row in conn.execute(query.order_by(memory.c.last_seen.desc()).limit(most)).mappings()]


def containing(text: str) -> Any:
    columns = (memory.c.sender, memory.c.recipient, memory.c.value)
    wanted = [column.icontains(text, autoescape=True) for column in columns]
    return wanted[0] | wanted[1] | wanted[2]


def forget(conn: Connection, party: str) -> int:
    """Forget everything about a sender address, a domain, a network or another identity; how many rows."""
    wanted = (memory.c.sender == party) | (memory.c.value == party)
    if "@" in party:
        wanted |= memory.c.sender == anybody_at(party)
    else:
        wanted |= memory.c.sender.endswith("@" + party, autoescape=True)
        domains.forget(conn, party)
    return conn.execute(delete(memory).where(wanted)).rowcount


def forget_act(conn: Connection, comment: str, recipients: Collection[str] = ()) -> int:
    """Forget who is known because of one act of ours, by its comment; to these alone, if any are named.

    How many rows.
    """
    wanted = (memory.c.grade == int(Grade.KNOWN)) & (memory.c.comment == comment)
    if recipients:
        wanted &= memory.c.recipient.in_(list(recipients))
    return conn.execute(delete(memory).where(wanted)).rowcount


def forget_for_everybody(conn: Connection, identity: str) -> int:
    """Forget whom everybody remembers by this identity; what single recipients remember stays."""
    anybody = memory.c.sender.startswith("@") & (memory.c.recipient == EVERYBODY)
    return conn.execute(delete(memory).where(memory.c.value == identity, anybody)).rowcount


def forget_old(conn: Connection, now: datetime, most: int) -> int:
    """Delete up to `most` rows whose time is over; how many."""
    old = [row[0] for row in conn.execute(select(memory.c.key).where(memory.c.expires < now).limit(most))]
    conn.execute(delete(memory).where(memory.c.key.in_(old)))
    return len(old)


def size(conn: Connection) -> int:
    return int(conn.execute(select(func.count()).select_from(memory)).scalar_one())
