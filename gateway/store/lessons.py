"""The journal of what people taught the classifier: rows are only added, so that every node learns the same from it.

A lesson is taken back by another one that undoes it. Ids tell the order; on a cluster two nodes hand them out in turn,
so a lower one may show up after a higher one.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, insert, select, update

from gateway.model import Label
from gateway.store.keys import digest
from sql.tables import lesson

UNDO = "undo"
GONE = "gone"  # whoever keeps what was taught drops whose mail it was
LABELS = tuple(map(str, Label))
SURE = 2.0  # a score beyond which the classifier is confident


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a person said about a mail. `undoes`: the lesson that is taken back, and then there is no label.

    `forgets`: the digest of an account that is erased; then there is no label either.
    """

    at: datetime
    node: str
    person: str
    label: Label | None
    features: bytes = b""
    account: str = ""  # whose mail it was
    message: str | None = None
    score: float | None = None  # what the classifier had thought of it
    undoes: int | None = None
    forgets: bytes = b""
    id: int = 0


def add(conn: Connection, one: Lesson) -> int:
    """Write it into the journal; its number."""
    row = {
        "at": one.at,
        "node": one.node,
        "person": one.person,
        "account": one.account,
        "message": one.message,
        "label": str(one.label or (GONE if one.forgets else UNDO)),
        "undoes": one.undoes,
        "features": one.features or one.forgets or None,
        "score": one.score,
    }
    made = conn.execute(insert(lesson).values(**row))
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])


def undo(conn: Connection, numbers: Sequence[int], person: str, node: str, now: datetime) -> list[int]:
    """Take lessons back; which of them stood until now."""
    taken = []
    for number in numbers:
        row = conn.execute(select(lesson).where(lesson.c.id == number, lesson.c.label.in_(LABELS))).first()
        if row is None or number in undone(conn, [number]):
            continue
        add(conn, Lesson(now, node, person, None, account=row.account, message=row.message, undoes=number))
        taken.append(number)
    return taken


def undone(conn: Connection, numbers: Collection[int]) -> set[int]:
    """Which of these lessons were taken back."""
    return set(conn.execute(select(lesson.c.undoes).where(lesson.c.undoes.in_(numbers))).scalars())


def after(conn: Connection, number: int, most: int, but: Collection[int] = ()) -> list[Lesson]:
    """Up to `most` lessons behind a number, in their order, without some that are known already."""
    wanted = and_(lesson.c.id > number, lesson.c.id.not_in(but)) if but else lesson.c.id > number
    return [
        read(row) for row in conn.execute(select(lesson).where(wanted).order_by(lesson.c.id).limit(most)).mappings()
    ]


def last(conn: Connection) -> datetime | None:
    """When somebody said last what a mail is; None where nobody ever did."""
    found: datetime | None = conn.execute(select(lesson.c.at).order_by(lesson.c.id.desc()).limit(1)).scalar()
    return found


def some(conn: Connection, numbers: Collection[int]) -> list[Lesson]:
    """The lessons of these numbers, as far as they are there."""
    return [read(row) for row in conn.execute(select(lesson).where(lesson.c.id.in_(numbers))).mappings()]


def latest(conn: Connection, most: int) -> list[Lesson]:
    """The latest of all, undoing ones included; without their features."""
    columns = [column for column in lesson.c if column is not lesson.c.features]
    found = conn.execute(select(*columns).order_by(lesson.c.id.desc()).limit(most)).mappings()
    return [read({**row, "features": None}) for row in found]


def newest(conn: Connection) -> int:
    """The highest number; 0 while there is none."""
    return int(conn.execute(select(func.max(lesson.c.id))).scalar() or 0)


def of_message(conn: Connection, message: str) -> list[Lesson]:
    """What was said about a mail and stands, oldest first."""
    found = [read(row) for row in conn.execute(select(lesson).where(lesson.c.message == message)).mappings()]
    gone = {one.undoes for one in found}
    return sorted((one for one in found if one.label is not None and one.id not in gone), key=lambda one: one.id)


@dataclass(frozen=True, slots=True)
class Teacher:
    """How often a person taught, and how often against a confident classifier."""

    person: str
    spam: int
    ham: int
    against: int
    undone: int


def teachers(conn: Connection) -> list[Teacher]:
    """All who taught, the busiest first."""
    against = ((lesson.c.label == Label.SPAM) & (lesson.c.score < -SURE)) | (
        (lesson.c.label == Label.HAM) & (lesson.c.score > SURE)
    )
    struck = lesson.c.id.in_(select(lesson.c.undoes).where(lesson.c.undoes.is_not(None)))
    counts = [how_many(lesson.c.label == Label.SPAM), how_many(lesson.c.label == Label.HAM)]
    query = (
        select(lesson.c.person, *counts, how_many(against), how_many(struck))
        .where(lesson.c.label.in_(LABELS))
        .group_by(lesson.c.person)
    )
    found = [Teacher(row[0], *map(int, row[1:])) for row in conn.execute(query)]
    return sorted(found, key=lambda one: (-one.spam - one.ham, one.person))


def how_many(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def forget_account(conn: Connection, account: str, now: datetime) -> int:
    """What was learnt of its mail stays, as numbers that tell nothing of it; whose it was goes. How many.

    Every node has a copy of what was said, so each is told to do the same, by a digest that names nobody.
    """
    mine = update(lesson).where(lesson.c.account == account)
    done: int = conn.execute(mine.values(account="", message=None)).rowcount
    if done:
        add(conn, Lesson(now, "", "", None, forgets=digest_of(account)))
    return done


def digest_of(account: str) -> bytes:
    return digest("account", account)


def forget_old(conn: Connection, before: datetime, most: int) -> int:
    """Delete up to `most` lessons from before a moment; how many."""
    old = list(conn.execute(select(lesson.c.id).where(lesson.c.at < before).limit(most)).scalars())
    return conn.execute(delete(lesson).where(lesson.c.id.in_(old))).rowcount if old else 0


def read(row: Any) -> Lesson:
    return Lesson(
        at=row["at"],
        node=row["node"],
        person=row["person"],
        label=Label(row["label"]) if row["label"] in LABELS else None,
        features=bytes(row["features"] or b"") if row["label"] != GONE else b"",
        account=row["account"],
        message=row["message"],
        score=row["score"],
        undoes=row["undoes"],
        forgets=bytes(row["features"] or b"") if row["label"] == GONE else b"",
        id=row["id"],
    )
