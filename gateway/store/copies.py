"""Our copies of deferred mail, one row per mail and recipient. The sender owns the mail until we say 250."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    case,
    delete,
    literal_column,
    or_,
    select,
    update,
)

from gateway.bodies import Kept
from gateway.model import CopyRow, CopyState, Fingerprint, Recipient, Rung
from gateway.policy.hold import sources
from gateway.store import messages
from gateway.store.question import Question
from gateway.store.rows import mail_of, rungs_from_json
from gateway.store.upsert import upsert
from sql.tables import copy, message

WITH_SENDER = (CopyState.SENDER_HELD, CopyState.ABANDONED)

OF_MAILS = (
    select(
        *(copy.c.id, copy.c.message, copy.c.recipient, copy.c.state, copy.c.first_seen, copy.c.last_seen),
        *(copy.c.lease_until, message.c.sender_key, message.c.whole, message.c.body, message.c.headers),
        *(message.c.message_id, message.c.rungs),
    )
    .join_from(message, copy)
    .where(
        message.c.whole.in_(bindparam("wholes", expanding=True)),
        copy.c.recipient.in_(bindparam("recipients", expanding=True)),
    )
    .order_by(copy.c.id.desc())
)


@dataclass(frozen=True, slots=True)
class Deferred:
    """That a kept mail was deferred for a recipient."""

    message: str
    recipient: Recipient
    now: datetime


@dataclass(frozen=True, slots=True)
class KeptCopy:
    """A deferred mail whose bytes are kept as `number`; with `described` while its row has yet to be written."""

    number: str
    described: Kept | None
    sender: str
    recipients: tuple[Recipient, ...]
    content: Fingerprint
    rungs: frozenset[Rung]
    now: datetime

    @property
    def mail(self) -> tuple[str, str]:
        return self.content.whole, self.sender


def keep(conn: Connection, copied: Sequence[KeptCopy]) -> None:
    """Write what is kept: one row a mail, however often and by whatever connection it came, and its copies."""
    unwritten = [one for one in copied if one.described is not None]
    # Another attempt's note may have come in between: one mail, one row, or it could be released twice.
    rows = messages.find_same(conn, {one.mail for one in unwritten}) if unwritten else {}
    new: list[Kept] = []
    again: list[KeptCopy] = []
    for one in copied:
        if one.described is not None and rows.setdefault(one.mail, one.number) == one.number:
            new.append(one.described)
        else:
            again.append(one)
    messages.add_all(conn, new, "files")
    numbers = [rows.get(one.mail, one.number) if one.described is not None else one.number for one in copied]
    note(
        conn,
        [
            Deferred(number, recipient, one.now)
            for number, one in zip(numbers, copied, strict=True)
            for recipient in one.recipients
        ],
    )
    rungs: dict[str, frozenset[Rung]] = {}
    for one in again:
        number = rows.get(one.mail, one.number) if one.described is not None else one.number
        rungs[number] = rungs.get(number, frozenset()) | one.rungs
    messages.came_again(conn, rungs)


def note(conn: Connection, deferred: Iterable[Deferred]) -> None:
    """Note that mails were deferred: each a new copy, or one more try of it."""
    rows = [
        {
            "message": one.message,
            "recipient": one.recipient.address.key,
            "recipient_raw": one.recipient.address.raw,
            "notify": one.recipient.notify,
            "orcpt": one.recipient.orcpt,
            "state": CopyState.SENDER_HELD,
            "note": "",
            "first_seen": one.now,
            "last_seen": one.now,
            "tries": 1,
        }
        for one in deferred
    ]
    upsert(
        conn,
        copy,
        rows,
        key=("message", "recipient"),
        least=("first_seen",),
        greatest=("last_seen",),
        change={"tries": lambda there: there.c.tries + literal_column("1"), "state": back_from_abandoned},
    )


def back_from_abandoned(there: Table) -> ColumnElement[Any]:
    held: ColumnElement[str] = literal_column(f"'{CopyState.SENDER_HELD}'")
    return case((there.c.state == literal_column(f"'{CopyState.ABANDONED}'"), held), else_=there.c.state)


def find(conn: Connection, asked: Sequence[Question]) -> list[dict[str, tuple[CopyRow, ...]]]:
    """For each question, per recipient, the copies of its very mail: every byte but the trace fields agrees."""
    wholes = {question.content.whole for question in asked if question.content is not None}
    recipients = {recipient for question in asked for recipient in question.recipients}
    found: dict[tuple[str, str, str], list[CopyRow]] = {}
    for row in conn.execute(OF_MAILS, {"wholes": list(wholes), "recipients": list(recipients)}).mappings():
        found.setdefault((row["sender_key"], row["recipient"], row["whole"]), []).append(from_row(row))
    return [
        {
            to: tuple(found.get((question.sender, to, question.content.whole if question.content else ""), ()))
            for to in question.recipients
        }
        for question in asked
    ]


def from_row(row: Any) -> CopyRow:
    return CopyRow(
        id=row["id"],
        message=row["message"],
        state=CopyState(row["state"]),
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        mail=mail_of(row, row["sender_key"]),
        lease_until=row["lease_until"],
    )


def claim(conn: Connection, number: int, by: str, now: datetime, until: datetime) -> bool:
    """Take a copy for passing it to the backend; False when somebody else was first.

    `by` names the claiming process (gateway.alive): its death ends the claim, and in any case the lease does.
    """
    free = or_(
        copy.c.state.in_(WITH_SENDER),
        and_(copy.c.state == CopyState.PASSING, copy.c.lease_until <= now),
    )
    taken = (
        update(copy).where(copy.c.id == number, free).values(state=CopyState.PASSING, lease_until=until, lease_by=by)
    )
    return conn.execute(taken).rowcount == 1


def move(
    conn: Connection, number: int, target: CopyState, *, note: str = "", who: str | None = None, now: datetime
) -> bool:
    """Move a copy where the machine allows it; False when it is no longer in a state from which it may go there.

    A person (`who`) decides about nothing that is being passed: the backend may have it already.
    """
    froms = [state for state in sources(target) if who is None or state is not CopyState.PASSING]
    wanted = update(copy).where(copy.c.id == number, copy.c.state.in_(froms))
    values: dict[str, Any] = {"state": target, "lease_until": None, "note": note[:200]}
    if who is not None:
        values |= {"decided_by": who, "decided_at": now}
    return conn.execute(wanted.values(**values)).rowcount == 1


def of_message(conn: Connection, number: str) -> list[dict[str, Any]]:
    query = select(copy).where(copy.c.message == number).order_by(copy.c.id)
    return [dict(row) for row in conn.execute(query).mappings()]


def waiting(conn: Connection, most: int, state: CopyState = CopyState.SENDER_HELD) -> list[dict[str, Any]]:
    """Copies in a state with what the queue shows of their mail, newest first."""
    shown = (message.c.sender, message.c.author, message.c.subject, message.c.size, message.c.peer)
    query = select(copy, *shown).join_from(copy, message).where(copy.c.state == state)
    return [dict(row) for row in conn.execute(query.order_by(copy.c.last_seen.desc()).limit(most)).mappings()]


def claimers(conn: Connection) -> set[str]:
    """The processes that have claimed a copy."""
    return set(conn.execute(select(copy.c.lease_by).where(copy.c.state == CopyState.PASSING)).scalars())


def free(conn: Connection, by: str) -> int:
    """The claimer died: its copies go back to their sender; how many."""
    dead = update(copy).where(copy.c.state == CopyState.PASSING, copy.c.lease_by == by)
    return conn.execute(dead.values(state=CopyState.SENDER_HELD, lease_until=None)).rowcount


def end_leases(conn: Connection, now: datetime) -> int:
    """Copies whose claimer died go back to their sender; how many."""
    stale = update(copy).where(copy.c.state == CopyState.PASSING, copy.c.lease_until <= now)
    return conn.execute(stale.values(state=CopyState.SENDER_HELD, lease_until=None)).rowcount


def abandon(conn: Connection, silent_since: datetime) -> int:
    """Copies whose sender stays away; how many. They are shown, and a person may still release them."""
    away = update(copy).where(copy.c.state == CopyState.SENDER_HELD, copy.c.last_seen < silent_since)
    return conn.execute(away.values(state=CopyState.ABANDONED)).rowcount


def left_alone(conn: Connection, silent_since: datetime, most: int) -> list[tuple[str, frozenset[Rung]]]:
    """Sender and identity of mails whose copies would be abandoned now."""
    away = select(copy.c.message).where(copy.c.state == CopyState.SENDER_HELD, copy.c.last_seen < silent_since)
    rows = conn.execute(select(message.c.sender_key, message.c.rungs).where(message.c.id.in_(away)).limit(most))
    return [(row.sender_key, rungs_from_json(row.rungs)) for row in rows]


def end_window(conn: Connection, before: datetime, most: int) -> int:
    """Forget up to `most` copies last seen before the window; how many. The decisions go on telling their story."""
    silent = and_(copy.c.state.in_(WITH_SENDER), copy.c.last_seen < before)
    numbers = list(conn.execute(select(copy.c.id).where(silent).limit(most)).scalars())
    return conn.execute(delete(copy).where(copy.c.id.in_(numbers), silent)).rowcount
