"""What people say of mail that was delivered and is listed for review. Nothing here undoes the delivery."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from gateway.desk import Done, NoSuchMail, Person, enter, note_fate, of
from gateway.desk.owned import STATES
from gateway.i18n import _
from gateway.model import CopyState, Label
from gateway.policy.standing import Outcome
from gateway.store import campaigns, changes, copies, decisions, lessons, messages, reviews, standings
from gateway.undoing import forgiven

CALLED = {Label.SPAM: CopyState.CALLED_SPAM, Label.HAM: CopyState.CALLED_HAM}


def looked(conn: Connection, number: str, person: Person, now: datetime, *, wanted: Sequence[str] = ()) -> list[Done]:
    """Somebody looked at it and says nothing: it leaves the list. Raises NoSuchMail where it is not on it.

    `wanted`: only for these recipients, if any are named; so it is everywhere here.
    """
    rows = reviews.decided(conn, number)
    done = move(conn, of(reviews.of_message(conn, number), wanted), CopyState.LOOKED_AT, person, now)
    done += without_copy(done, rows, wanted, CopyState.LOOKED_AT)
    if not reviews.take_off(conn, [number], wanted) and not any(one.happened for one in done):
        raise NoSuchMail(number)
    decisions.happened(conn, "looked at", now, message=number, who=person.name)
    enter(conn, "looked at", number, done, person, now)
    return done


def called(
    conn: Connection, number: str, label: Label, person: Person, now: datetime, *, wanted: Sequence[str] = ()
) -> list[Done]:
    """Somebody says what a listed mail is. Spam counts against its sender as a refusal does; the last word counts."""
    mine, rows = of(reviews.of_message(conn, number), wanted), reviews.decided(conn, number)
    done = move(conn, mine, CALLED[label], person, now)
    done += without_copy(done, rows, wanted, CALLED[label])
    row = reviews.mail_of(conn, number, rows)
    if row is not None and label is Label.SPAM:
        note_fate(conn, row, done, Outcome.REFUSED, person, now)
    elif row is not None and any(one.happened for one in done):
        forgive(conn, row, mine, person)
    reviews.take_off(conn, [number], wanted)
    tell(conn, number, done, f"called {label}", person, now)
    return done


def taken_back(
    conn: Connection, number: str, person: Person, now: datetime, *, wanted: Sequence[str] = ()
) -> list[Done]:
    """Nobody said anything of it: it is on the list again, and its sender stands as before."""
    row, mine = messages.load(conn, number), of(reviews.of_message(conn, number), wanted)
    if row is None:
        return []
    done = move(conn, mine, CopyState.LISTED, person, now)
    again = [one.recipient for one in done if one.happened]
    if again:
        forgive(conn, row, mine, person)
        reviews.put_back(conn, number, again)
        tell(conn, number, done, "listed again", person, now)
    return done


def undo(conn: Connection, number: str, person: Person, now: datetime, *, wanted: Sequence[str] = ()) -> list[Done]:
    """The same for what this person said, with what was learnt from it."""
    said = {CopyState.CALLED_SPAM, CopyState.CALLED_HAM}
    mine = [one for one in of(reviews.of_message(conn, number), wanted) if one["state"] in said]
    recipients = [one["recipient"] for one in mine if one["decided_by"] == person.name]
    if not recipients:
        return []
    lessons.undo(conn, [one.id for one in lessons.of_message(conn, number)], person.name, person.node, now)
    return taken_back(conn, number, person, now, wanted=recipients)


def without_copy(
    done: Sequence[Done], rows: Sequence[dict[str, Any]], wanted: Sequence[str], target: CopyState
) -> list[Done]:
    """For those for whom it is listed without a copy of its own: it was delivered before its campaign was refused."""
    there = {one.recipient for one in done}
    listed = {one["recipient"] for one in of(rows, wanted) if one["review"]} - there
    return [Done(one, True, _(STATES[target])) for one in sorted(listed)]


def move(
    conn: Connection, mine: Sequence[dict[str, Any]], target: CopyState, person: Person, now: datetime
) -> list[Done]:
    return [
        Done(
            one["recipient"],
            copies.move(conn, one["id"], target, note=one["note"], who=person.name, now=now),
            _(STATES[target]),
        )
        for one in mine
    ]


def forgive(conn: Connection, row: dict[str, Any], before: Sequence[dict[str, Any]], person: Person) -> None:
    """What had been added to the standing of those it speaks for, if it had been called spam."""
    spam = [one for one in before if one["state"] == CopyState.CALLED_SPAM]
    if spam:
        campaigns.unjudged(conn, row["whole"])
        standings.note(conn, forgiven(conn, row, max(one["decided_at"] for one in spam), person))


def tell(conn: Connection, number: str, done: Sequence[Done], kind: str, person: Person, now: datetime) -> None:
    for one in done:
        if one.happened:
            decisions.happened(conn, kind, now, message=number, recipient=one.recipient, who=person.name)
    enter(conn, kind, number, done, person, now)
    changes.announce(conn, person.node)
