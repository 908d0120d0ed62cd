"""What was let in while Greygate only observed, and what else went on meanwhile: rows for a report."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from gateway.model import Action, ReasonCode
from sql.tables import decision

AT_ONCE = 1000  # rows fetched at a time: a report reads weeks

SHORT = (decision.c.at, decision.c.peer, decision.c.sender, decision.c.recipient)


def let_in(conn: Connection, since: datetime) -> Iterator[dict[str, Any]]:
    """Mails that were let in only because we observe, with the evidence for it, oldest first."""
    return rows(conn, ReasonCode.OBSERVE_LET_IN, since)


def patient(conn: Connection, since: datetime) -> Iterator[dict[str, Any]]:
    """Mails that really waited and came back, with the evidence for it, oldest first."""
    return rows(conn, ReasonCode.GREYLIST_PASSED, since)


def rows(conn: Connection, code: ReasonCode, since: datetime) -> Iterator[dict[str, Any]]:
    """Decisions that opened with this reason, and what it had seen."""
    query = select(*SHORT, decision.c.facts).where(decision.c.at >= since, decision.c.code == str(code))
    found = conn.execute(query.order_by(decision.c.at), execution_options={"yield_per": AT_ONCE})
    for row in found.mappings():
        decided = row["facts"]["reasons"][0]
        yield {**{column.name: row[column.name] for column in SHORT}, **decided["evidence"]}


def accepted(conn: Connection, since: datetime) -> Iterator[tuple[datetime, str, str, str]]:
    """When, peer, sender and recipient of every accepted mail, oldest first."""
    query = select(*SHORT).where(decision.c.at >= since, decision.c.action == str(Action.ACCEPT))
    for row in conn.execute(query.order_by(decision.c.at), execution_options={"yield_per": AT_ONCE}):
        yield row.at, row.peer, row.sender, row.recipient


def counted(conn: Connection, since: datetime) -> list[tuple[str, str, int]]:
    """How many decisions of each action and reason."""
    query = (
        select(decision.c.action, decision.c.code, func.count())
        .where(decision.c.at >= since)
        .group_by(decision.c.action, decision.c.code)
    )
    return [(row[0], row[1], row[2]) for row in conn.execute(query)]
