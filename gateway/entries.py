"""Entries of the private lists as people make and change them. Used by the command line and the pages alike.

Whatever is done is in the audit, about "entry" and its number, and in the record of what people did.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from gateway import approvals
from gateway.desk import Person
from gateway.policy.entries import sentence
from gateway.store import audit, changes, decisions, lists
from gateway.store.lists import NewEntry


def about(number: int) -> str:
    """What the audit says that a row is about."""
    return f"entry {number}"


def add(conn: Connection, entry: NewEntry, by: Person, now: datetime) -> int:
    """Its number. It counts within a second."""
    number = lists.add(conn, entry, now)
    decisions.happened(conn, f"list {entry.verb}", now, who=by.name, entry=number, value=entry.value)
    enter(conn, "entry added", number, by, now, says=sentence(entry.as_entry(number)))
    changes.announce(conn, by.node)
    return number


def change(conn: Connection, number: int, expires: datetime | None, comment: str, by: Person, now: datetime) -> bool:
    """Until when it holds, and why it is there; False where it is not in the lists."""
    before = lists.find(conn, number)
    if before is None or not lists.change(conn, number, expires, comment):
        return False
    decisions.happened(conn, "list changed", now, who=by.name, entry=number, value=before.value)
    told = {"expires": expires, "comment": comment, "expired": before.expires, "commented": before.comment}
    enter(conn, "entry changed", number, by, now, **told)
    changes.announce(conn, by.node)
    return True


def take_off(conn: Connection, number: int, by: Person, now: datetime) -> bool:
    """It counts no more; with one that was approved from a mail goes what is remembered because of that approval."""
    if not approvals.take_back(conn, number, by.name, now):
        return False
    enter(conn, "entry taken off", number, by, now)
    changes.announce(conn, by.node)
    return True


def put_back(conn: Connection, number: int, by: Person, now: datetime) -> bool:
    """It counts again, as if it had not been taken off; False where it was not."""
    if not lists.put_back(conn, number):
        return False
    decisions.happened(conn, "list put back", now, who=by.name, entry=number)
    enter(conn, "entry put back", number, by, now)
    changes.announce(conn, by.node)
    return True


def new_ones(conn: Connection, wanted: Sequence[NewEntry]) -> list[NewEntry]:
    """Those of a file that are not in the lists already, each once: whoever wrote them, and until when."""
    there = {what_of(NewEntry.of(entry)) for entry in lists.entries(conn)}
    fresh = {what_of(one): one for one in wanted}
    return [entry for which, entry in fresh.items() if which not in there]


def what_of(entry: NewEntry) -> tuple[object, ...]:
    """What an entry says, whoever wrote it and until when."""
    return entry.verb, entry.kind, entry.value, entry.network, entry.scope, entry.signature, entry.binds


def import_all(conn: Connection, wanted: Sequence[NewEntry], by: Person, now: datetime) -> list[NewEntry]:
    """Those that were new."""
    fresh = new_ones(conn, wanted)
    for entry in fresh:
        lists.add(conn, entry, now)
    decisions.happened(conn, "lists imported", now, who=by.name, entries=len(fresh))
    audit.add(conn, by.node, by.entry(now, "lists imported", "", {"entries": len(fresh)}))
    changes.announce(conn, by.node)
    return fresh


def enter(conn: Connection, act: str, number: int, by: Person, now: datetime, **detail: object) -> None:
    audit.add(conn, by.node, by.entry(now, act, about(number), detail))
