"""Our copies of deferred mail, one row per mail and recipient. The sender owns the mail until we say 250."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, or_, select, update

from gateway.model import CopyRow, CopyState, Fingerprint, Recipient
from gateway.policy.hold import sources
from gateway.store.keys import pair_key
from gateway.store.rows import mail_of
from gateway.store.upsert import upsert
from sql.tables import copy, message

MOST = 50  # copies compared with one retry
WITH_SENDER = (CopyState.SENDER_HELD, CopyState.ABANDONED)


def note(conn: Connection, number: str, sender_key: str, recipient: Recipient, now: datetime) -> None:
    """Note that a mail was deferred for a recipient: a new copy, or one more try of it."""
    values = {
        "message": number,
        "pair": pair_key(sender_key, recipient.address.key),
        "recipient": recipient.address.key,
        "recipient_raw": recipient.address.raw,
        "notify": recipient.notify,
        "orcpt": recipient.orcpt,
        "state": CopyState.SENDER_HELD,
        "note": "",
        "first_seen": now,
        "last_seen": now,
        "tries": 0,
    }
    upsert(conn, copy, values, key=("message", "recipient"), least=("first_seen",), greatest=("last_seen",))
    mine = and_(copy.c.message == number, copy.c.recipient == recipient.address.key)
    conn.execute(update(copy).where(mine).values(tries=copy.c.tries + 1))
    back = update(copy).where(mine, copy.c.state == CopyState.ABANDONED)
    conn.execute(back.values(state=CopyState.SENDER_HELD))


def find(
    conn: Connection, sender_key: str, recipients: Collection[str], content: Fingerprint
) -> dict[str, tuple[CopyRow, ...]]:
    """Per recipient, the copies that may be of this mail: the whole, the body or the Message-ID agrees."""
    pairs = [pair_key(sender_key, recipient) for recipient in recipients]
    same = or_(message.c.whole == content.whole, message.c.body == content.body)
    if content.message_id is not None:
        same = or_(same, message.c.message_id == content.message_id)
    query = (
        select(copy, message.c.whole, message.c.body, message.c.headers, message.c.message_id, message.c.rungs)
        .join_from(copy, message)
        .where(copy.c.pair.in_(pairs), same)
        .order_by(copy.c.id.desc())
        .limit(MOST * len(pairs))
    )
    found: dict[str, list[CopyRow]] = {recipient: [] for recipient in recipients}
    for row in conn.execute(query).mappings():
        found[row["recipient"]].append(from_row(row, sender_key))
    return {recipient: tuple(rows) for recipient, rows in found.items()}


def from_row(row: Any, sender_key: str) -> CopyRow:
    return CopyRow(
        id=row["id"],
        message=row["message"],
        state=CopyState(row["state"]),
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        mail=mail_of(row, sender_key),
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


def end_window(conn: Connection, before: datetime, most: int) -> int:
    """Forget up to `most` copies last seen before the window; how many. The decisions go on telling their story."""
    silent = and_(copy.c.state.in_(WITH_SENDER), copy.c.last_seen < before)
    numbers = list(conn.execute(select(copy.c.id).where(silent).limit(most)).scalars())
    return conn.execute(delete(copy).where(copy.c.id.in_(numbers), silent)).rowcount
