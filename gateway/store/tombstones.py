"""Tombstones: mails that were delivered or decided about, so that a late retry is recognised."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, delete, insert, or_, select, update

from gateway.model import Fingerprint, MailIdentity, Reply, Tombstone, TombstoneOutcome
from gateway.policy.sameness import is_alike
from gateway.store.keys import pair_key
from gateway.store.question import Question
from gateway.store.rows import fingerprint_columns, mail_of, rungs_to_json
from sql.tables import tombstone

MOST = 50  # compared with one retry

# A sender who was released has one for each of its mails: what counts is those that this very mail may be.
ALIKE = or_(
    tombstone.c.body.in_(bindparam("bodies", expanding=True)),
    tombstone.c.message_id.in_(bindparam("message_ids", expanding=True)),
    tombstone.c.whole.in_(bindparam("wholes", expanding=True)),
)
OF_PAIRS = (
    select(tombstone)
    .where(tombstone.c.pair.in_(bindparam("pairs", expanding=True)), tombstone.c.expires > bindparam("now"), ALIKE)
    .order_by(tombstone.c.id.desc())
    .limit(bindparam("most", type_=Integer))
)


def make(
    conn: Connection,
    mail: MailIdentity,
    outcome: TombstoneOutcome,
    now: datetime,
    expires: datetime,
    *,
    message: str | None = None,
    released: bool = False,
) -> int:
    """Write a tombstone; its number."""
    made = conn.execute(
        insert(tombstone).values(
            pair=pair_key(mail.sender, mail.recipient),
            sender=mail.sender,
            recipient=mail.recipient,
            rungs=rungs_to_json(mail.rungs),
            outcome=outcome,
            released=released,
            message=message,
            made_at=now,
            expires=expires,
            **fingerprint_columns(mail.fingerprint),
        )
    )
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])


def alike(contents: Iterable[Fingerprint]) -> dict[str, list[str]]:
    """The values of ALIKE for these mails."""
    mails = list(contents)
    return {
        "bodies": [one.body for one in mails],
        "message_ids": [one.message_id for one in mails if one.message_id is not None],
        "wholes": [one.whole for one in mails],
    }


def find(conn: Connection, asked: Sequence[Question]) -> list[dict[str, tuple[Tombstone, ...]]]:
    """For each question, per recipient, the tombstones that may be of its mail, newest first."""
    pairs = [{to: pair_key(question.sender, to) for to in question.recipients} for question in asked]
    late = [question for question in asked if question.content is not None]
    found = of_pairs(conn, {key for mine in pairs for key in mine.values()}, late) if late else {}
    return [
        {to: of_mail(found.get(key, ()), question) for to, key in mine.items()}
        for question, mine in zip(asked, pairs, strict=True)
    ]


def of_pairs(conn: Connection, pairs: Collection[bytes], asked: Sequence[Question]) -> dict[bytes, list[Tombstone]]:
    most = MOST * len(pairs)
    contents = alike(one.content for one in asked if one.content is not None)
    values = {"pairs": list(pairs), "now": min(one.now for one in asked), "most": most, **contents}
    rows = conn.execute(OF_PAIRS, values).mappings().all()
    if len(rows) == most and len(pairs) > 1:  # the flood of one must not hide another's
        return {pair: found for one in pairs for pair, found in of_pairs(conn, [one], asked).items()}
    found: dict[bytes, list[Tombstone]] = {}
    for row in rows:
        found.setdefault(bytes(row["pair"]), []).append(from_row(row))
    return found


def of_mail(stones: Iterable[Tombstone], question: Question) -> tuple[Tombstone, ...]:
    """Those that answer for this mail now, if they are of it."""
    content, now = question.content, question.now
    if content is None:
        return ()
    mine = (one for one in stones if one.expires > now and is_alike(one.mail.fingerprint, content))
    return tuple(islice(mine, MOST))


def from_row(row: Any) -> Tombstone:
    return Tombstone(
        id=row["id"],
        outcome=TombstoneOutcome(row["outcome"]),
        mail=mail_of(row, row["sender"]),
        expires=row["expires"],
        released=bool(row["released"]),
        consumed_at=row["consumed_at"],
        reply=reply_of(row["reply"]),
    )


def reply_of(stored: str | None) -> Reply | None:
    if not stored:
        return None
    code, enhanced, text = stored.split(" ", 2)
    return Reply(int(code), "" if enhanced == "-" else enhanced, text)


def reply_text(reply: Reply) -> str:
    return f"{reply.code} {reply.enhanced or '-'} {reply.text}"[:500]


def settle(
    conn: Connection, number: int, outcome: TombstoneOutcome, expires: datetime, reply: Reply | None = None
) -> None:
    values = {"outcome": outcome, "expires": expires, "reply": reply_text(reply) if reply else None}
    conn.execute(update(tombstone).where(tombstone.c.id == number).values(**values))


def settle_message(
    conn: Connection,
    message: str,
    recipient: str,
    outcome: TombstoneOutcome,
    expires: datetime,
    reply: Reply | None = None,
) -> None:
    """The released copy has ended: its tombstone says how."""
    mine = update(tombstone).where(tombstone.c.message == message, tombstone.c.recipient == recipient)
    values = {"outcome": outcome, "expires": expires, "reply": reply_text(reply) if reply else None}
    conn.execute(mine.values(**values))


def consume(conn: Connection, numbers: Collection[int], now: datetime) -> None:
    """A retry was answered 250 and dropped; it counts from the first time."""
    first = update(tombstone).where(tombstone.c.id.in_(numbers), tombstone.c.consumed_at.is_(None))
    conn.execute(first.values(consumed_at=now))


def restore(conn: Connection, numbers: Collection[int]) -> None:
    """The peer does not know that its retry was dropped: the next one counts as the first."""
    conn.execute(update(tombstone).where(tombstone.c.id.in_(numbers)).values(consumed_at=None))


def drop(conn: Connection, numbers: Collection[int]) -> None:
    conn.execute(delete(tombstone).where(tombstone.c.id.in_(numbers)))


def drop_of_message(conn: Connection, message: str, outcome: TombstoneOutcome, recipients: Collection[str]) -> None:
    """What is said about this mail to these recipients does not hold any more."""
    mine = delete(tombstone).where(tombstone.c.message == message, tombstone.c.outcome == outcome)
    conn.execute(mine.where(tombstone.c.recipient.in_(list(recipients))))


def forget_old(conn: Connection, now: datetime, most: int) -> int:
    old = list(conn.execute(select(tombstone.c.id).where(tombstone.c.expires < now).limit(most)).scalars())
    drop(conn, old)
    return len(old)
