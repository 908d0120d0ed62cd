"""Taking decisions back: a refusal for an hour, a release until it is carried out.

The mail waits again as it did, and whatever else came of the decision is gone.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, update

from gateway import siblings
from gateway.approvals import act_of
from gateway.desk import Done, Person, enter, found
from gateway.i18n import _, ngettext
from gateway.model import CopyState, DeliveryState, Label, ListVerb, TombstoneOutcome
from gateway.policy import author
from gateway.policy.standing import Outcome, parties
from gateway.store import (
    campaigns,
    changes,
    copies,
    decisions,
    deliveries,
    identities,
    lessons,
    lists,
    memory,
    standings,
    tombstones,
)
from gateway.store.messages import UNDO_FOR
from gateway.store.rows import rungs_from_json
from gateway.store.standings import Happened
from sql.tables import copy, delivery


def undo(
    conn: Connection, number: str, person: Person, now: datetime, *, own: bool = False, wanted: Sequence[str] = ()
) -> list[Done]:
    """Take back what was refused, with what was refused together with it. Raises NoSuchMail.

    `own`: only what this person refused. `wanted`: only for these recipients, if any are named.
    """
    if own and not any(refused(conn, found(conn, number), person.name, wanted)):
        return []
    done = restore(conn, found(conn, number), person, now, own, wanted)
    for other in siblings.take_back(conn, number):
        done += restore(conn, found(conn, other), person, now, own, ())
    changes.announce(conn, person.node)
    return done


def refused(
    conn: Connection, row: dict[str, Any], by: str | None, wanted: Sequence[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What was refused, by anybody or by one person: of what is ours, and of what its sender has."""

    def is_meant(one: dict[str, Any]) -> bool:
        return by in (None, one["decided_by"]) and (not wanted or one["recipient"] in wanted)

    ours = [one for one in deliveries.of_message(conn, row["id"]) if one["state"] == DeliveryState.REFUSED]
    theirs = [one for one in copies.of_message(conn, row["id"]) if one["state"] == CopyState.REFUSED]
    return list(filter(is_meant, ours)), list(filter(is_meant, theirs))


def restore(
    conn: Connection, row: dict[str, Any], person: Person, now: datetime, own: bool, wanted: Sequence[str]
) -> list[Done]:
    ours, theirs = refused(conn, row, person.name if own else None, wanted)
    done = [again(conn, one, delivery, DeliveryState.HELD, now, row) for one in ours]
    done += [again(conn, one, copy, CopyState.SENDER_HELD, now, row) for one in theirs]
    happened = [one.recipient for one in done if one.happened]
    if happened:
        campaigns.unjudged(conn, row["whole"])
        tombstones.drop_of_message(conn, row["id"], TombstoneOutcome.REFUSED, happened)
        unlist(conn, row["id"], ListVerb.BLOCK, {one["decided_by"] for one in ours + theirs}, person, now)
        unlearn(conn, row["id"], person, now)
        standings.note(conn, forgiven(conn, row, max(one["decided_at"] for one in ours + theirs), person))
        tell(conn, row["id"], done, person, now)
    return done


def tell(conn: Connection, number: str, done: Sequence[Done], person: Person, now: datetime) -> None:
    for one in done:
        if one.happened:
            decisions.happened(conn, "undone", now, message=number, recipient=one.recipient, who=person.name)
    enter(conn, "undone", number, done, person, now)


def unlist(
    conn: Connection, message: str, verb: ListVerb, authors: Collection[str], person: Person, now: datetime
) -> None:
    """Withdraw what these people put on the lists with their decision about a mail."""
    for number in lists.of_message(conn, message):
        entry = lists.find(conn, number)
        if entry is not None and entry.verb is verb and entry.author in authors:
            lists.withdraw(conn, number, person.name, now)


def unlearn(conn: Connection, message: str, person: Person, now: datetime) -> None:
    """Nobody said that it is spam; what was said before the refusal is not brought back."""
    said = [one.id for one in lessons.of_message(conn, message) if one.label is Label.SPAM]
    lessons.undo(conn, said, person.name, person.node, now)


def again(conn: Connection, one: dict[str, Any], table: Any, state: str, now: datetime, row: dict[str, Any]) -> Done:
    """The row as it was before. Only what a person refused has a moment, and bytes for as long as that is recent."""
    recent = one["decided_at"] is not None and one["decided_at"] > now - UNDO_FOR
    if not recent or row["stored"] == "none":
        return Done(one["recipient"], False, too_late())
    values: dict[str, Any] = {"state": state, "decided_by": None, "decided_at": None}
    if table is delivery:
        values["ended_at"] = None
    mine = update(table).where(table.c.id == one["id"], table.c.state == one["state"])
    if conn.execute(mine.values(**values)).rowcount != 1:
        return Done(one["recipient"], False, _("somebody was first"))
    return Done(one["recipient"], True, _("it waits again"))


def too_late() -> str:
    minutes = UNDO_FOR // timedelta(minutes=1)
    return ngettext(
        "it was refused more than %(count)d minute ago", "it was refused more than %(count)d minutes ago", minutes
    ) % {"count": minutes}


def forgiven(conn: Connection, row: dict[str, Any], at: datetime, person: Person) -> Iterator[Happened]:
    """What the refusal had added to the standing of those it was about."""
    authors = author.addresses([row["author"]], 2)
    address = authors[0] if len(authors) == 1 and authors[0] else row["sender_key"]
    for party, value in parties(rungs_from_json(row["rungs"]), address, identities.known(conn)):
        yield Happened(party, value, Outcome.REFUSED, at, person.node, amount=-1.0)


# ---- a release -----------------------------------------------------------------------------------------------------


def unrelease(
    conn: Connection, number: str, person: Person, now: datetime, *, wanted: Sequence[str] = ()
) -> list[Done]:
    """Take back a release that this person made and nobody has begun to carry out. Raises NoSuchMail.

    With it goes what was released together with it. `wanted`: only for these recipients, if any are named. Whatever
    else came of it is gone too: who became known, what was put on a list, what was learnt.
    """
    done = unrelease_one(conn, number, person, now, wanted)
    for other in siblings.released_with(conn, number):
        done += unrelease_one(conn, other, person, now, ())
    if any(one.happened for one in done):
        changes.announce(conn, person.node)
    return done


def unrelease_one(conn: Connection, number: str, person: Person, now: datetime, wanted: Sequence[str]) -> list[Done]:
    row = found(conn, number)
    mine = [one for one in deliveries.of_message(conn, number) if one["decided_by"] == person.name]
    mine = [one for one in mine if not wanted or one["recipient"] in wanted]
    done = [taken_back(conn, one, now) for one in mine if one["state"] == DeliveryState.RELEASING]
    if not any(one.happened for one in done):
        return done
    memory.forget_act(conn, act_of(number), [one.recipient for one in done if one.happened])
    unlist(conn, number, ListVerb.ALLOW, {person.name}, person, now)
    campaigns.unjudged(conn, row["whole"])
    said = [one.id for one in lessons.of_message(conn, number) if one.label is Label.HAM]
    lessons.undo(conn, said, person.name, person.node, now)
    at = max(one["decided_at"] for one in mine)
    standings.note(conn, [replace(one, outcome=Outcome.RELEASED) for one in forgiven(conn, row, at, person)])
    tell(conn, number, done, person, now)
    return done


def taken_back(conn: Connection, one: dict[str, Any], now: datetime) -> Done:
    """One recipient's: it is held again, or its sender's again, as before."""
    waits = and_(delivery.c.state == DeliveryState.RELEASING, delivery.c.lease_by.is_(None), delivery.c.due > now)
    mine = and_(delivery.c.id == one["id"], waits)
    lent = next(
        (other for other in copies.of_message(conn, one["message"]) if other["recipient"] == one["recipient"]), None
    )
    if lent is not None and lent["state"] == CopyState.RELEASED:
        if conn.execute(delete(delivery).where(mine)).rowcount != 1:
            return Done(one["recipient"], False, _("it is on its way already"))
        back = {"state": CopyState.SENDER_HELD, "decided_by": None, "decided_at": None}
        conn.execute(update(copy).where(copy.c.id == lent["id"]).values(**back))
        tombstones.drop_of_message(conn, one["message"], TombstoneOutcome.PENDING, [one["recipient"]])
        return Done(one["recipient"], True, _("its sender has it again"))
    values = {"state": DeliveryState.HELD, "due": None, "decided_by": None, "decided_at": None}
    if conn.execute(update(delivery).where(mine).values(**values)).rowcount != 1:
        return Done(one["recipient"], False, _("it is on its way already"))
    return Done(one["recipient"], True, _("it is held again"))
