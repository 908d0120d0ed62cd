"""Delivered mail that is listed for somebody to look at: its copies, and what people said of it.

The copies have the id of the reply that delivered the mail, so that one id finds the decision, the bytes and the list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from gateway.bodies import Kept
from gateway.model import Action, CopyState, ReasonCode, Recipient
from gateway.policy.hold import OPEN_COPIES, REVIEWED_COPIES, SAID
from gateway.store import decisions, messages
from gateway.store.shelves import EVERYBODY, View
from sql.tables import copy, decision, delivery, message

Listed = tuple[Recipient, ReasonCode]  # for whom, and why

MINE = copy.c.message == message.c.id
ONLY_LISTED = (  # mails that nobody answers for, with their bytes
    select(message.c.id, message.c.size)
    .where(
        message.c.stored != "none",
        select(copy.c.id).where(MINE, copy.c.state == CopyState.LISTED).exists(),
        ~select(copy.c.id).where(MINE, copy.c.state.in_(OPEN_COPIES)).exists(),
        ~select(delivery.c.id)
        .where(delivery.c.message == message.c.id, delivery.c.state.in_(messages.UNENDED))
        .exists(),
    )
    .order_by(message.c.received_at)
)


@dataclass(frozen=True, slots=True)
class ListedMail:
    """A delivered mail that is listed; `stored` says where its bytes are, "none" when there was no room."""

    kept: Kept
    stored: str
    listed: Sequence[Listed]


def add(conn: Connection, mails: Sequence[ListedMail]) -> None:
    """Write that delivered mails are listed."""
    for one in mails:
        messages.add(conn, one.kept, one.stored)
        list_copies(conn, one.kept, one.listed)


def list_copies(conn: Connection, kept: Kept, listed: Sequence[Listed]) -> None:
    rows = [
        {
            "message": kept.id,
            "recipient": one.address.key,
            "recipient_raw": one.address.raw,
            "notify": one.notify,
            "orcpt": one.orcpt,
            "state": CopyState.LISTED,
            "note": str(why),
            "first_seen": kept.received_at,
            "last_seen": kept.received_at,
            "tries": 1,
        }
        for one, why in listed
    ]
    conn.execute(insert(copy), rows)


def of_message(conn: Connection, number: str) -> list[dict[str, Any]]:
    """The copies of a mail that are, or were, listed."""
    query = select(copy).where(copy.c.message == number, copy.c.state.in_(REVIEWED_COPIES)).order_by(copy.c.id)
    return [dict(row) for row in conn.execute(query).mappings()]


def on_list(
    conn: Connection, most: int, view: View = EVERYBODY, before: tuple[datetime, int] | None = None
) -> list[dict[str, Any]]:
    """The decisions about what was delivered and is listed, newest first; `before`: `at` and `id` of the last above.

    `kept` tells whether its bytes are here; `author` and `subject` are None where it was listed without a copy.
    """
    told = (func.coalesce(message.c.stored != "none", False).label("kept"), message.c.author, message.c.subject)
    query = select(decision, *told).outerjoin_from(decision, message, message.c.id == decision.c.reply_id)
    query = query.where(decision.c.review, view.of(decision.c.recipient))
    if before is not None:
        at, number = before
        query = query.where(decision.c.at <= at, or_(decision.c.at < at, decision.c.id < number))
    rows = conn.execute(query.order_by(decision.c.at.desc(), decision.c.id.desc()).limit(most))
    return [{**row, "kept": bool(row["kept"])} for row in rows.mappings()]


def decided(conn: Connection, number: str) -> list[dict[str, Any]]:
    """The decisions of the reply by which a mail was taken in, for each recipient."""
    query = select(decision).where(decision.c.reply_id == number).order_by(decision.c.id)
    return [dict(row) for row in conn.execute(query).mappings()]


def mail_of(conn: Connection, number: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The mail that was taken in: as it was listed, else the copy from when it was first asked to wait.

    `rows`: the decisions about it, with the digest of its bytes.
    """
    listed = messages.load(conn, number)
    if listed is not None or not rows:
        return listed
    mail = (decisions.whole_of(rows[-1]["facts"]) or "", rows[-1]["sender"])
    copied = messages.find_same(conn, [mail]).get(mail)
    return None if copied is None else messages.load(conn, copied)


def is_more_than(conn: Connection, view: View, most: int) -> tuple[int, bool]:
    """How many listed copies nobody looked at, as far as anybody wants to count, and whether there are more.

    What was delivered of a campaign before it was refused has no copy, and is not counted.
    """
    query = select(copy.c.id).where(copy.c.state == str(CopyState.LISTED), view.of(copy.c.recipient)).limit(most + 1)
    found = len(conn.execute(query).all())
    return min(found, most), found > most


def take_off(conn: Connection, replies: Sequence[str], recipients: Sequence[str] = ()) -> int:
    """Nobody needs to look at these any more, for these recipients or for all; how many decisions left the list."""
    mine = [decision.c.reply_id.in_(replies), decision.c.review]
    if recipients:
        mine.append(decision.c.recipient.in_(recipients))
    return conn.execute(update(decision).where(*mine).values(review=False)).rowcount


def put_back(conn: Connection, number: str, recipients: Sequence[str]) -> None:
    """What was said of it does not count: it is to be looked at again."""
    mine = (decision.c.reply_id == number, decision.c.recipient.in_(recipients), decision.c.stage == "data")
    taken = decision.c.action.in_([Action.ACCEPT, Action.HOLD])
    conn.execute(update(decision).where(*mine, taken).values(review=True))


# ---- what time does ------------------------------------------------------------------------------------------------


def end(conn: Connection, before: datetime, most: int) -> int:
    """Take up to `most` copies off the list that were delivered before a moment; how many. Their bytes go next."""
    old = and_(copy.c.state == CopyState.LISTED, copy.c.last_seen < before)
    rows = conn.execute(select(copy.c.id, copy.c.message).where(old).limit(most)).all()
    if rows:
        ended = update(copy).where(copy.c.id.in_([row.id for row in rows]), copy.c.state == CopyState.LISTED)
        conn.execute(ended.values(state=CopyState.UNSEEN))
        take_off(conn, [row.message for row in rows])
    return len(rows)


def giving_way(conn: Connection, room: int, most: int) -> list[str]:
    """Where all kept mail takes more than `room` bytes: the oldest listed mails whose bytes make up for it.

    They stay listed: what was decided about them can still be read, and said to be wrong.
    """
    excess = messages.bytes_kept(conn) - room
    if excess <= 0:
        return []
    numbers: list[str] = []
    for number, size in conn.execute(ONLY_LISTED.limit(most)):
        if excess <= 0:
            break
        numbers.append(number)
        excess -= size
    return numbers


# ---- figures -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Audited:
    """How many recipients' mails were chosen by the audit, how many of them people looked at and called spam."""

    chosen: int = 0
    looked_at: int = 0
    spam: int = 0


def audited(conn: Connection, since: datetime, until: datetime | None = None, view: View = EVERYBODY) -> Audited:
    """Of the mail that was delivered since a moment, and before another, to whom somebody sees."""
    counted = select(copy.c.state, func.count()).where(
        copy.c.state.in_(REVIEWED_COPIES),
        copy.c.last_seen >= since,
        copy.c.note == str(ReasonCode.AUDIT_SAMPLED),
        view.of(copy.c.recipient),
        *(() if until is None else (copy.c.last_seen < until,)),
    )
    found: dict[str, int] = {state: count for state, count in conn.execute(counted.group_by(copy.c.state))}
    looked_at = sum(count for state, count in found.items() if state in SAID)
    return Audited(sum(found.values()), looked_at, found.get(CopyState.CALLED_SPAM, 0))


def waiting(conn: Connection, view: View, after: datetime | None, most: int) -> list[dict[str, Any]]:
    """Listed copies that nobody looked at, the newest first; `after`: only those that came since."""
    query = select(copy, message.c.author, message.c.sender, message.c.subject, message.c.rungs)
    query = query.join_from(copy, message, MINE).where(copy.c.state == str(CopyState.LISTED), view.of(copy.c.recipient))
    if after is not None:
        query = query.where(copy.c.first_seen > after)
    query = query.order_by(copy.c.last_seen.desc(), copy.c.id.desc()).limit(most)
    return [dict(row) for row in conn.execute(query).mappings()]
