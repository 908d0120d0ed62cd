"""Tombstones: mails that were delivered or decided about, so that a late retry is recognised."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, delete, insert, select, update

from gateway.model import MailIdentity, Reply, Tombstone, TombstoneOutcome
from gateway.store.keys import pair_key
from gateway.store.question import Question
from gateway.store.rows import fingerprint_columns, mail_of, rungs_to_json
from sql.tables import tombstone

MOST = 50  # compared with one retry

OF_PAIRS = (
    select(tombstone)
    .where(tombstone.c.pair.in_(bindparam("pairs", expanding=True)), tombstone.c.expires > bindparam("now"))
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


def find(conn: Connection, asked: Sequence[Question]) -> list[dict[str, tuple[Tombstone, ...]]]:
    """For each question, per recipient, the tombstones of mail from its sender, newest first."""
    keys = [{to: pair_key(question.sender, to) for to in question.recipients} for question in asked]
    moment = min((question.now for question in asked), default=None)
    found = of_pairs(conn, {key for pairs in keys for key in pairs.values()}, moment) if moment else {}
    return [
        {to: living(found.get(key, ()), question.now) for to, key in pairs.items()}
        for question, pairs in zip(asked, keys, strict=True)
    ]


def of_pairs(conn: Connection, pairs: Collection[bytes], now: datetime) -> dict[bytes, list[Tombstone]]:
    most = MOST * len(pairs)
    rows = conn.execute(OF_PAIRS, {"pairs": list(pairs), "now": now, "most": most}).mappings().all()
    if len(rows) == most and len(pairs) > 1:  # the flood of one must not hide another's
        return {pair: found for one in pairs for pair, found in of_pairs(conn, [one], now).items()}
    found: dict[bytes, list[Tombstone]] = {}
    for row in rows:
        found.setdefault(bytes(row["pair"]), []).append(from_row(row))
    return found


def living(stones: Iterable[Tombstone], now: datetime) -> tuple[Tombstone, ...]:
    return tuple(islice((stone for stone in stones if stone.expires > now), MOST))


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


def drop(conn: Connection, numbers: Collection[int]) -> None:
    conn.execute(delete(tombstone).where(tombstone.c.id.in_(numbers)))


def forget_old(conn: Connection, now: datetime, most: int) -> int:
    old = list(conn.execute(select(tombstone.c.id).where(tombstone.c.expires < now).limit(most)).scalars())
    drop(conn, old)
    return len(old)
