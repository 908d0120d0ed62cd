"""Reports to other domains: the days that are gathered, and how far the report to each domain got.

Whoever does something claims it first, by one conditional statement: `due` is when it may be done, and while somebody
is at it, when that claim ends.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from gateway.store.upsert import upsert
from sql.tables import report, report_day

OPEN, SENT, DROPPED = "open", "sent", "dropped"
MOST_SAID = 500  # characters


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report that is made. `rua`: where it is wanted; `document`: as it is attached."""

    kind: str
    day: datetime
    domain: str
    number: str
    rua: tuple[str, ...]
    mails: int
    document: bytes
    due: datetime


# ---- days ----------------------------------------------------------------------------------------------------------


def is_gathered(conn: Connection, kind: str, day: datetime) -> bool:
    mine = select(report_day.c.gathered_at).where(report_day.c.kind == kind, report_day.c.day == day)
    return conn.execute(mine).scalar() is not None


def claim_day(conn: Connection, kind: str, day: datetime, now: datetime, until: datetime) -> bool:
    """False where the day is gathered, or somebody is at it."""
    upsert(conn, report_day, [{"kind": kind, "day": day, "due": now, "gathered_at": None}], key=("kind", "day"))
    mine = update(report_day).where(report_day.c.kind == kind, report_day.c.day == day, report_day.c.due <= now)
    return conn.execute(mine.where(report_day.c.gathered_at.is_(None)).values(due=until)).rowcount == 1


def day_gathered(conn: Connection, kind: str, day: datetime, now: datetime) -> None:
    conn.execute(update(report_day).where(report_day.c.kind == kind, report_day.c.day == day).values(gathered_at=now))


# ---- reports -------------------------------------------------------------------------------------------------------


def add(conn: Connection, made: Iterable[NewReport]) -> None:
    """Those that are there already stay as they are: who gathers a day again sends nothing twice."""
    rows = [
        {
            "kind": one.kind,
            "day": one.day,
            "domain": one.domain,
            "number": one.number,
            "rua": list(one.rua),
            "mails": one.mails,
            "document": one.document,
            "state": OPEN,
            "due": one.due,
            "attempts": 0,
            "told": {},
            "said": "",
        }
        for one in made
    ]
    upsert(conn, report, rows, key=("kind", "day", "domain"))


def due(conn: Connection, kind: str, now: datetime, most: int) -> list[dict[str, Any]]:
    """Those to be tried now, with their documents."""
    mine = select(report).where(report.c.kind == kind, report.c.state == OPEN, report.c.due <= now)
    return [dict(row) for row in conn.execute(mine.order_by(report.c.due).limit(most)).mappings()]


def claim(conn: Connection, row: Mapping[str, Any], until: datetime) -> bool:
    """False where somebody else was first."""
    values = {"due": until, "attempts": row["attempts"] + 1}
    return conn.execute(still(row).values(values)).rowcount == 1


def settle(
    conn: Connection, row: Mapping[str, Any], state: str, told: Mapping[str, str], said: str, due: datetime
) -> bool:
    """What became of a report, as its claimer knows it (`row` has the end of the claim)."""
    values = {"state": state, "told": dict(told), "said": said[:MOST_SAID], "due": due}
    return conn.execute(still(row).values(values)).rowcount == 1


def end(conn: Connection, kind: str, until: datetime, now: datetime) -> list[dict[str, Any]]:
    """Drop those about days until then that nobody is at; those that this took away."""
    named = (report.c.kind, report.c.day, report.c.domain, report.c.number, report.c.state, report.c.due, report.c.said)
    mine = select(*named).where(report.c.kind == kind, report.c.state == OPEN, report.c.day <= until)
    rows = [dict(row) for row in conn.execute(mine.where(report.c.due <= now)).mappings()]
    return [row for row in rows if conn.execute(still(row).values(state=DROPPED)).rowcount == 1]


def still(row: Mapping[str, Any]) -> Any:
    """A change to a report that nobody else has touched."""
    mine = update(report).where(report.c.kind == row["kind"], report.c.day == row["day"])
    return mine.where(report.c.domain == row["domain"], report.c.state == OPEN, report.c.due == row["due"])


def latest(conn: Connection, most: int, domain: str | None = None, day: datetime | None = None) -> list[dict[str, Any]]:
    """The newest first; of a domain, of a day."""
    query = select(report).order_by(report.c.day.desc(), report.c.domain).limit(most)
    query = query if domain is None else query.where(report.c.domain == domain)
    query = query if day is None else query.where(report.c.day == day)
    return [dict(row) for row in conn.execute(query).mappings()]


def forget_old(conn: Connection, before: datetime, most: int) -> int:
    """Delete up to `most` reports about days before then; how many."""
    old = conn.execute(select(report.c.kind, report.c.day, report.c.domain).where(report.c.day < before).limit(most))
    gone = 0
    for kind, day, domain in old.all():
        mine = delete(report).where(report.c.kind == kind, report.c.day == day, report.c.domain == domain)
        gone += conn.execute(mine).rowcount
    return gone or conn.execute(delete(report_day).where(report_day.c.day < before)).rowcount
