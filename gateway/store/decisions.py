"""Decisions with their facts and reasons, as versioned JSON, and the events of a message's life."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, and_, cast, delete, func, insert, or_, select

from gateway.model import Action, ReasonCode, Verdict
from gateway.policy.draft import Said
from gateway.policy.stored import VERSION
from sql.tables import decision, event

MOST_ABOUT_SENDER = 500  # decisions searched for those about one mail
MOST_ABOUT_RECIPIENT = 500
PLACES = 20  # from which decisions are picked


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
    shadow: Said | None = None  # what a draft of the settings says, where that differs


def record(decided: Decision) -> dict[str, Any]:
    """The stored form."""
    reasons = [
        {"code": str(reason.code), "evidence": dict(reason.evidence), "weight": reason.weight}
        for reason in decided.verdict.reasons
    ]
    told = {"v": VERSION, "facts": dict(decided.facts), "reasons": reasons, "reply": decided.reply}
    if decided.verdict.junk:
        told["junk"] = True
    if decided.shadow is not None:
        told["shadow"] = [decided.shadow.action, decided.shadow.code]
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
        "facts": told,
    }


def add(conn: Connection, decided: Iterable[Decision]) -> None:
    rows = [record(one) for one in decided]
    if rows:
        conn.execute(insert(decision), rows)


def find(conn: Connection, wanted: str) -> list[dict[str, Any]]:
    """The decisions behind the id of a reply, which is that of the mail too where it was kept, oldest first."""
    return of_replies(conn, [wanted])


def of_replies(conn: Connection, wanted: Collection[str]) -> list[dict[str, Any]]:
    """The decisions behind these ids, oldest first."""
    query = select(decision).where(decision.c.reply_id.in_(list(wanted))).order_by(decision.c.id)
    return [dict(row) for row in conn.execute(query).mappings()]


def behind(conn: Connection, row: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The decisions about the very mail of a message row, oldest first: its bytes were hashed for each of them."""
    if row is None:
        return []
    latest = about(conn, row["sender_key"], MOST_ABOUT_SENDER)
    return [one for one in latest if whole_of(one["facts"]) == row["whole"]][::-1]


def whole_of(record: Mapping[str, Any]) -> str | None:
    """The digest of the mail that a record is about; None before its data."""
    facts = record["facts"]
    message = facts.get("data", {}) if record.get("v", 1) == 1 else facts.get("message", {}).get("fingerprint", {})
    found: str | None = message.get("whole")
    return found


def about(conn: Connection, address: str, most: int) -> list[dict[str, Any]]:
    """The latest decisions about a sender or a recipient."""
    rows: dict[int, dict[str, Any]] = {}
    for column in (decision.c.sender, decision.c.recipient):  # each has an index in this order; both have none
        query = select(decision).where(column == address).order_by(decision.c.at.desc()).limit(most)
        rows |= {row["id"]: dict(row) for row in conn.execute(query).mappings()}
    return sorted(rows.values(), key=lambda row: (row["at"], row["id"]), reverse=True)[:most]


def latest_for(conn: Connection, recipient: str, since: datetime, most: int) -> list[dict[str, Any]]:
    """The latest decisions about a recipient's mail since a moment, the newest first.

    Their places first: to sort them, the database need not carry what was known.
    """
    mine = select(decision.c.id).where(decision.c.recipient == recipient, decision.c.at >= since)
    numbers = list(conn.execute(mine.order_by(decision.c.at.desc(), decision.c.id.desc()).limit(most)).scalars())
    rows = conn.execute(select(decision).where(decision.c.id.in_(numbers))).mappings()
    return sorted(map(dict, rows), key=lambda row: (row["at"], row["id"]), reverse=True)


def of_code(
    conn: Connection, recipient: str, code: ReasonCode, since: datetime, until: datetime, most: int
) -> list[dict[str, Any]]:
    """What was let in for a recipient in a time for this reason, the newest first."""
    mine = select(decision).where(decision.c.recipient == recipient, decision.c.at >= since, decision.c.at <= until)
    mine = mine.where(decision.c.code == str(code), decision.c.action == str(Action.ACCEPT))
    return [dict(row) for row in conn.execute(mine.order_by(decision.c.at.desc()).limit(most)).mappings()]


def through(
    conn: Connection, since: datetime, until: datetime, at_once: int = 500, *, drafted: bool = False
) -> Iterator[dict[str, Any]]:
    """All decisions of a time, oldest first, in pages of so many: whoever reads weeks keeps nobody from writing.

    `drafted`: only those about which a draft of the settings said something else.
    """
    holding = [cast(decision.c.facts, Text).contains('"shadow":')] if drafted else []  # the database reads, not we
    yield from paged(conn, since, until, at_once, holding)


def evaluated(conn: Connection, since: datetime, until: datetime, at_once: int = 500) -> Iterator[dict[str, Any]]:
    """As `through`, the decisions about mail whose author's domain wants reports."""
    holding = [decision.c.stage == "data", cast(decision.c.facts, Text).contains('"evaluation":')]
    yield from paged(conn, since, until, at_once, holding)


def paged(
    conn: Connection, since: datetime, until: datetime, at_once: int, wanted: Sequence[ColumnElement[bool]]
) -> Iterator[dict[str, Any]]:
    last: tuple[datetime, int] = (since, 0)
    while True:
        later = or_(decision.c.at > last[0], and_(decision.c.at == last[0], decision.c.id > last[1]))
        page = select(decision).where(later, decision.c.at < until, *wanted).order_by(decision.c.at, decision.c.id)
        rows = [dict(row) for row in conn.execute(page.limit(at_once)).mappings()]
        yield from rows
        if len(rows) < at_once:
            return
        last = (rows[-1]["at"], rows[-1]["id"])


def many(conn: Connection, since: datetime, until: datetime) -> int:
    """How many decisions there are of a time."""
    wanted = select(func.count()).select_from(decision).where(decision.c.at >= since, decision.c.at < until)
    return int(conn.execute(wanted).scalar_one())


def facts_for(conn: Connection, recipient: str, after: datetime) -> list[dict[str, Any]]:
    """The records of the latest decisions about a recipient's mail since a moment, the newest first."""
    query = select(decision.c.facts).where(decision.c.recipient == recipient, decision.c.at >= after)
    return list(conn.execute(query.order_by(decision.c.id.desc()).limit(MOST_ABOUT_RECIPIENT)).scalars())


def picked(conn: Connection, since: datetime, most: int) -> tuple[list[dict[str, Any]], bool]:
    """Decisions since a moment, and whether these are all: of many, a few at a time from all over the time, by number.

    What it costs does not grow with how many there are.
    """
    # Numbers follow the time nearly, not wholly: nodes and workers write what they decided a moment later.
    earliest = select(decision.c.id).where(decision.c.at >= since).order_by(decision.c.at).limit(most).subquery()
    first = conn.execute(select(func.min(earliest.c.id))).scalar()
    last = conn.execute(select(func.max(decision.c.id))).scalar()
    if first is None or last is None:
        return [], True
    span, at_once = last - first + 1, most // PLACES
    starts = [first] if span <= most else [first + span * place // PLACES for place in range(PLACES)]
    rows: list[dict[str, Any]] = []
    for start in starts:
        mine = select(decision).where(decision.c.id >= start, decision.c.at >= since).order_by(decision.c.id)
        rows += [dict(row) for row in conn.execute(mine.limit(most if span <= most else at_once)).mappings()]
    return rows, span <= most


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


def about_entry(conn: Connection, number: int) -> list[dict[str, Any]]:
    """What people did with an entry of the lists, oldest first."""
    query = select(event).where(event.c.kind.startswith("list ", autoescape=True)).order_by(event.c.id)
    return [dict(row) for row in conn.execute(query).mappings() if row["detail"].get("entry") == number]


def forget_old(conn: Connection, before: datetime, most: int, counted: Mapping[str, int] | None = None) -> int:
    """Delete up to `most` decisions and as many events from before a moment; how many. `counted`: by table, the number
    up to which the statistics have them; what they have not stays."""
    gone = 0
    for table in (decision, event):
        mine = [table.c.at < before, *([] if counted is None else [table.c.id <= counted[table.name]])]
        old = [row[0] for row in conn.execute(select(table.c.id).where(*mine).limit(most))]
        gone += conn.execute(delete(table).where(table.c.id.in_(old))).rowcount if old else 0
    return gone
