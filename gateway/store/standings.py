"""How parties fared with us: counters that every node adds to, and that fade when they are read."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, or_, select

from gateway.policy.standing import History, Outcome, Party, grown, left
from gateway.store.keys import digest
from gateway.store.upsert import upsert
from sql.tables import standing

LONGEST = 520


@dataclass(frozen=True, slots=True)
class Happened:
    """What became of a mail, for one of those it speaks for."""

    party: Party
    value: str
    outcome: Outcome
    at: datetime
    node: str
    amount: float = 1.0


def note(conn: Connection, happened: Iterable[Happened]) -> None:
    rows = [row(one) for one in happened]
    keys = ("key", "node", "outcome")
    upsert(conn, standing, rows, key=keys, total=("counter",), least=("first_at",), greatest=("last_at",))


def row(one: Happened) -> dict[str, Any]:
    return {
        "key": key(one.party, one.value),
        "node": one.node,
        "outcome": str(one.outcome),
        "kind": str(one.party),
        "value": one.value[:LONGEST],
        "counter": one.amount * grown(one.outcome, one.at),
        "first_at": one.at,
        "last_at": one.at,
    }


def key(party: Party, value: str) -> bytes:
    return digest("standing", str(party), value)


def history(conn: Connection, party: Party, value: str, now: datetime) -> History:
    """What is left of its history, over all nodes."""
    found: dict[Outcome, float] = {}
    for one in conn.execute(select(standing).where(standing.c.key == key(party, value))):
        outcome = Outcome(one.outcome)
        found[outcome] = found.get(outcome, 0.0) + left(outcome, one.counter, now)
    return found


def named(conn: Connection, name: str, most: int) -> list[tuple[Party, str]]:
    """The parties of this name, and the combinations that an address of this name is in."""
    combined = standing.c.value.startswith(f"{name} by ", autoescape=True)
    query = select(standing.c.kind, standing.c.value).where(or_(standing.c.value == name, combined)).distinct()
    rows = conn.execute(query.order_by(standing.c.kind, standing.c.value).limit(most))
    return [(Party(one.kind), one.value) for one in rows]


def forget(conn: Connection, name: str) -> int:
    """Forget how a party of this name fared; how many counters."""
    combined = standing.c.value.startswith(f"{name} by ", autoescape=True)
    return conn.execute(delete(standing).where(or_(standing.c.value == name, combined))).rowcount


def forget_old(conn: Connection, before: datetime, most: int) -> int:
    """Delete up to `most` counters that nothing was added to since; how many."""
    columns = standing.c.key, standing.c.node, standing.c.outcome
    gone = 0
    for one in conn.execute(select(*columns).where(standing.c.last_at < before).limit(most)).all():
        same = [column == value for column, value in zip(columns, one, strict=True)]
        gone += conn.execute(delete(standing).where(*same)).rowcount
    return gone
