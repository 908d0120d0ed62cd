"""Finding sightings again: by a rung of the peer's identity, or by the content of the mail."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, select, union

from gateway.model import Fingerprint, Rung, Sighting
from gateway.policy import greylist
from gateway.store.keys import rung_key
from gateway.store.question import Question
from sql.tables import sighting, sighting_rung

MOST = 100  # sightings of one content looked at for a mail, the earliest; more is one mail from a hundred networks
CUT = 255  # characters of an identity that are kept; its key is made of all of them

FOUND = (
    sighting.c.id,
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

# Statements are made once: to put one together takes longer than to run it.
KEYS: Any = bindparam("keys", expanding=True)
BY_RUNG = select(*FOUND, sighting_rung.c.key).join_from(sighting_rung, sighting).where(sighting_rung.c.key.in_(KEYS))
SAME = union(
    select(sighting.c.id, sighting.c.first_seen).where(sighting.c.body_key.in_(KEYS)),
    select(sighting.c.id, sighting.c.first_seen).where(sighting.c.message_id_key.in_(KEYS)),
).subquery()
FIRST = select(SAME.c.id).order_by(SAME.c.first_seen, SAME.c.id).limit(bindparam("most", type_=Integer)).subquery()
BY_CONTENT = (
    select(*FOUND, sighting.c.body_key, sighting.c.message_id_key)
    .join_from(FIRST, sighting, FIRST.c.id == sighting.c.id)
    .join(sighting_rung)
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is remembered of one sender and recipient. `first_tried`: since when it tries to send this very content.

    The rungs of a sighting are those that it shares with who asked.
    """

    sightings: tuple[Sighting, ...] = ()
    first_tried: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """One recipient of one question, and the keys below which its sightings are."""

    question: Question
    recipient: str
    by_rung: tuple[bytes, ...]
    by_content: tuple[bytes, ...]

    @classmethod
    def of(cls, question: Question, recipient: str) -> "Wanted":
        contents = [key for key in question.content_keys(recipient).values() if key is not None]
        return cls(question, recipient, tuple(rung_keys(question, recipient)), tuple(contents))


def rung_keys(question: Question, recipient: str) -> Iterator[bytes]:
    for rung in question.rungs:
        yield rung_key(rung, question.sender, recipient, saw_data=False)
        if question.content is None or rung.kind not in greylist.NEEDS_CONTENT:
            yield rung_key(rung, question.sender, recipient, saw_data=True)


def find(conn: Connection, asked: Sequence[Question]) -> list[dict[str, Seen]]:
    """For each question, per recipient, the sightings of its sender that a retry could be of; newest first.

    After the dot that is: what was deferred before its data, or came from a strong identity, or had this content.
    """
    wanted = [[Wanted.of(question, to) for to in question.recipients] for question in asked]
    everything = [one for part in wanted for one in part]
    rungs = by_rung(conn, {key for one in everything for key in one.by_rung})
    contents = by_content(conn, [one for one in everything if one.by_content])
    return [{one.recipient: among(one, rungs, contents) for one in part} for part in wanted]


def among(wanted: Wanted, rungs: Mapping[bytes, Sequence[Any]], contents: Mapping[bytes, Sequence[Any]]) -> Seen:
    """Its own rows of those found for all: who asks in company is told what it would be told alone."""
    alike = [row for key in wanted.by_content for row in contents.get(key, ())]
    rows = [row for key in wanted.by_rung for row in rungs.get(key, ())]
    return told(wanted.question, [*rows, *earliest(alike)])


def by_rung(conn: Connection, keys: Collection[bytes]) -> dict[bytes, list[Any]]:
    found: dict[bytes, list[Any]] = {}
    for row in conn.execute(BY_RUNG, {"keys": list(keys)}) if keys else ():
        found.setdefault(bytes(row.key), []).append(row)
    return found


def by_content(conn: Connection, wanted: Sequence[Wanted]) -> dict[bytes, list[Any]]:
    """Sightings with the envelope and content of a mail, from whatever network; the earliest where there are many."""
    if not wanted:
        return {}
    keys = list({key for one in wanted for key in one.by_content})
    most = MOST * len(wanted)
    rows = conn.execute(BY_CONTENT, {"keys": keys, "most": most}).all()
    if len(wanted) > 1 and len({row.id for row in rows}) == most:  # the flood of one must not hide another's
        return {key: found for one in wanted for key, found in by_content(conn, [one]).items()}
    found: dict[bytes, list[Any]] = {}
    for row in rows:
        for key in (row.body_key, row.message_id_key):
            if key is not None:
                found.setdefault(bytes(key), []).append(row)
    return found


def earliest(rows: Iterable[Any]) -> list[Any]:
    """The rows of the MOST sightings that came first."""
    began = sorted({(row.first_seen, row.id) for row in rows})
    kept = {number for _, number in began[:MOST]}
    return [row for row in rows if row.id in kept]


def told(question: Question, rows: Iterable[Any]) -> Seen:
    """What the rows say, one for each rung of a sighting; some of them may come twice."""
    mine = {(rung.kind, rung.value[:CUT]): rung for rung in question.rungs}
    seen: dict[int, Any] = {}
    shared: dict[int, set[Rung]] = {}
    for row in rows:
        seen[row.id] = row
        rungs = shared.setdefault(row.id, set())
        if (rung := mine.get((row.kind, row.value))) is not None:
            rungs.add(rung)
    newest = sorted(seen.values(), key=lambda row: (row.last_seen, row.id), reverse=True)
    sightings = [from_row(row, frozenset(shared[row.id])) for row in newest]
    return Seen(
        tuple(one for one in sightings if could_match(one, question)),
        min((one.first_seen for one in sightings if is_this_mail(one, question.content)), default=None),
    )


def could_match(one: Sighting, question: Question) -> bool:
    """It shares a rung, and after the dot its content does not say that it is another mail's."""
    shared = {rung.kind for rung in one.rungs}
    agrees = bool(shared - greylist.NEEDS_CONTENT) or greylist.content_agrees(one, question.content)
    return bool(shared) and agrees


def is_this_mail(one: Sighting, content: Fingerprint | None) -> bool:
    """From whatever network, and not passed yet."""
    known = content is not None and one.saw_data and one.passed_at is None
    return known and greylist.content_agrees(one, content)


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
