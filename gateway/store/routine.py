"""Asking MariaDB's routines (sql/routines): everything at a decision point in one round trip."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from gateway.model import Grade
from gateway.store import copies, seen, tombstones
from gateway.store.answer import Answer
from gateway.store.question import Question
from gateway.store.seen import Seen

AT_RCPT, AT_DATA = "greygate_at_rcpt", "greygate_at_data"
LONGEST = 2000  # characters that the routine takes in a text

# MariaDB: no such routine, its definer is gone, no right to execute it.
MISSING = frozenset({1305, 1449, 1370})
MOMENTS = ("first_seen", "last_seen", "passed_at", "lease_until", "expires", "consumed_at")

Told = dict[str, Any]
Found = dict[str | None, dict[str, list[Told]]]  # by recipient and by what it is


class Row(NamedTuple):
    """A sighting with one of its rungs, as the statements of gateway.store.seen find it."""

    id: int
    first_seen: datetime
    last_seen: datetime
    tries: int
    size: int | None
    body: str | None
    message_id: str | None
    passed_at: datetime | None
    kind: int
    value: str


def is_missing(error: DBAPIError) -> bool:
    """True when the routine is not there or may not be called."""
    return bool(error.orig and error.orig.args and error.orig.args[0] in MISSING)


def takes(question: Question) -> bool:
    """True when all of its texts can be told in JSON: no bytes that are no UTF-8, and nothing endless."""
    texts = [question.sender, question.normal, *question.recipients, *(rung.value for rung in question.rungs)]
    if (content := question.content) is not None:
        texts += [content.whole, content.body, content.message_id or ""]
    return all(len(text) <= LONGEST and (text.isascii() or is_unicode(text)) for text in texts)


def is_unicode(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def before_data(conn: Connection, asked: Sequence[Question]) -> list[Answer]:
    """At RCPT: who is it, and did it try before?"""
    return [early(question, found) for question, found in zip(asked, call(conn, AT_RCPT, asked), strict=True)]


def after_data(conn: Connection, asked: Sequence[Question]) -> list[Answer]:
    """After the dot: which mail is it, and what became of it?"""
    return [late(question, found) for question, found in zip(asked, call(conn, AT_DATA, asked), strict=True)]


def call(conn: Connection, name: str, asked: Sequence[Question]) -> list[Found]:
    found: list[Found] = [{} for _ in asked]
    rows = conn.exec_driver_sql(f"CALL {name}(%s)", (written(asked),)) if asked else ()
    for number, what, recipient, told in rows:
        found[number - 1].setdefault(recipient, defaultdict(list))[what].append(read(told))
    return found


def written(asked: Iterable[Question]) -> str:
    return json.dumps([spoken(question) for question in asked], ensure_ascii=False)


def spoken(question: Question) -> dict[str, Any]:
    terms: dict[str, Any] = {
        "sender": question.sender,
        "normal": question.normal,
        "recipients": question.recipients,
        "rungs": [(int(rung.kind), rung.value) for rung in question.rungs],
        "now": question.now.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds"),
    }
    if (content := question.content) is not None:
        terms |= {"whole": content.whole, "body": content.body, "message_id": content.message_id}
    return terms


def read(told: str) -> Told:
    values: Told = json.loads(told)
    for name in MOMENTS:
        if values.get(name) is not None:
            values[name] = datetime.fromisoformat(values[name]).replace(tzinfo=UTC)
    return values


def early(question: Question, found: Found) -> Answer:
    told = {to: found.get(to, {}) for to in question.recipients}
    grades = {
        to: max((Grade(row["grade"]) for row in mine.get("grade", ())), default=Grade.STRANGER)
        for to, mine in told.items()
    }
    known = all(grades.values())
    return Answer(grades, {} if known else {to: sighted(question, mine) for to, mine in told.items()})


def late(question: Question, found: Found) -> Answer:
    told = {to: found.get(to, {}) for to in question.recipients}
    kept = found.get(None, {}).get("kept", ())
    return Answer(
        {},
        {to: sighted(question, mine) for to, mine in told.items()},
        {to: tuple(map(copies.from_row, newest(mine.get("copy", ())))) for to, mine in told.items()},
        {to: tuple(map(tombstones.from_row, newest(mine.get("tombstone", ())))) for to, mine in told.items()},
        next((row["id"] for row in kept), None),
    )


def sighted(question: Question, mine: dict[str, list[Told]]) -> Seen:
    return seen.told(question, [Row(**row) for what in ("sighting", "alike") for row in mine.get(what, ())])


def newest(rows: Iterable[Told]) -> list[Told]:
    return sorted(rows, key=lambda row: -int(row["id"]))
