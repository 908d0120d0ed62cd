"""Decisions with their facts and reasons, as versioned JSON, and the events of a message's life."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select

from gateway.model import Verdict
from sql.tables import decision, event

MOST_ABOUT_SENDER = 500  # decisions searched for those about one mail
VERSION = 1  # of the facts record; replay and pages read old ones


@dataclass(frozen=True, slots=True)
class Decision:
    """One verdict about one recipient, with what it was made of."""

    reply_id: str
    at: datetime
    stage: str  # rcpt | data
    peer: str
    sender: str
    recipient: str
    verdict: Verdict
    facts: Mapping[str, Any]
    reply: str = ""
    message: str | None = None


def record(decided: Decision) -> dict[str, Any]:
    """The stored form."""
    reasons = [
        {"code": str(reason.code), "evidence": dict(reason.evidence), "weight": reason.weight}
        for reason in decided.verdict.reasons
    ]
    return {
        "reply_id": decided.reply_id,
        "at": decided.at,
        "stage": decided.stage,
        "peer": decided.peer,
        "sender": decided.sender,
        "recipient": decided.recipient,
        "action": str(decided.verdict.action),
        "code": str(decided.verdict.code),
        "message": decided.message,
        "review": decided.verdict.review,
        "facts": {"v": VERSION, "facts": dict(decided.facts), "reasons": reasons, "reply": decided.reply},
    }


def add(conn: Connection, decided: Iterable[Decision]) -> None:
    rows = [record(one) for one in decided]
    if rows:
        conn.execute(insert(decision), rows)


def find(conn: Connection, wanted: str) -> list[dict[str, Any]]:
    """The decisions behind a reply id or a message id, oldest first."""
    query = select(decision).where(or_(decision.c.reply_id == wanted, decision.c.message == wanted))
    return [dict(row) for row in conn.execute(query.order_by(decision.c.id)).mappings()]


def behind(conn: Connection, row: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The decisions about the very mail of a message row, oldest first: its bytes were hashed for each of them."""
    if row is None:
        return []
    latest = about(conn, row["sender_key"], MOST_ABOUT_SENDER)
    same = [one for one in latest if one["facts"]["facts"].get("data", {}).get("whole") == row["whole"]]
    return same[::-1]


def about(conn: Connection, address: str, most: int) -> list[dict[str, Any]]:
    """The latest decisions about a sender or a recipient."""
    query = select(decision).where(or_(decision.c.sender == address, decision.c.recipient == address))
    return [dict(row) for row in conn.execute(query.order_by(decision.c.at.desc()).limit(most)).mappings()]


def to_review(conn: Connection, most: int) -> list[dict[str, Any]]:
    """What was delivered and is listed for somebody to look at, newest first."""
    query = select(decision).where(decision.c.review).order_by(decision.c.at.desc()).limit(most)
    return [dict(row) for row in conn.execute(query).mappings()]


def happened(
    conn: Connection,
    kind: str,
    now: datetime,
    *,
    message: str | None = None,
    recipient: str | None = None,
    who: str = "",
    **detail: Any,
) -> None:
    """Add a line to a message's timeline, or to the record of what people did."""
    conn.execute(insert(event).values(at=now, message=message, recipient=recipient, kind=kind, who=who, detail=detail))


def timeline(conn: Connection, message: str) -> list[dict[str, Any]]:
    query = select(event).where(event.c.message == message).order_by(event.c.id)
    return [dict(row) for row in conn.execute(query).mappings()]


def forget_old(conn: Connection, before: datetime, most: int) -> int:
    """Delete up to `most` decisions and as many events from before a moment; how many."""
    gone = 0
    for table in (decision, event):
        old = [row[0] for row in conn.execute(select(table.c.id).where(table.c.at < before).limit(most))]
        gone += conn.execute(delete(table).where(table.c.id.in_(old))).rowcount if old else 0
    return gone
