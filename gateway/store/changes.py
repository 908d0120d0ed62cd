"""The change sequence: every worker sees within a second that lists, switches or memory were changed by somebody."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, insert, select, update

from gateway.model import Mode, Switch
from gateway.store.upsert import upsert
from sql.tables import change_count, switch


def announce(conn: Connection, node: str) -> None:
    """Count one more change on this node. Rows are per node, so that counts on different nodes never collide."""
    upsert(conn, change_count, [{"node": node, "count": 0}], key=("node",))
    conn.execute(update(change_count).where(change_count.c.node == node).values(count=change_count.c.count + 1))


def counts(conn: Connection) -> dict[str, int]:
    return {row.node: row._mapping["count"] for row in conn.execute(select(change_count))}


def turn_on(conn: Connection, name: Switch, until: datetime, who: str, now: datetime) -> None:
    values = {"name": str(name), "until": until, "who": who, "at": now}
    upsert(conn, switch, [values], key=("name",), replace=("until", "who", "at"))


def turn_off(conn: Connection, name: Switch) -> bool:
    return conn.execute(delete(switch).where(switch.c.name == str(name))).rowcount == 1


def switches(conn: Connection) -> dict[Switch, datetime]:
    """The switches and until when they are on."""
    return {name: one.until for name, one in turned(conn).items()}


@dataclass(frozen=True, slots=True)
class Turned:
    """A switch that somebody turned on."""

    until: datetime
    who: str
    at: datetime


def turned(conn: Connection, now: datetime | None = None) -> dict[Switch, Turned]:
    """The switches by whom and until when they were turned on; with a `now` those that are on then."""
    query = select(switch).where(switch.c.name.in_([str(name) for name in Switch]))
    found = {Switch(row.name): Turned(row.until, row.who, row.at) for row in conn.execute(query)}
    return {name: one for name, one in found.items() if now is None or one.until > now}


# ---- the mode ------------------------------------------------------------------------------------------------------

FOR_EVER = datetime(9999, 12, 31, tzinfo=UTC)  # unlike a switch, a mode does not end by itself


@dataclass(frozen=True, slots=True)
class ModeSet:
    """The mode as a person set it, and who did when. It holds on all nodes, whatever their settings say."""

    mode: Mode
    who: str
    at: datetime


def set_mode(conn: Connection, mode: Mode, who: str, now: datetime) -> None:
    conn.execute(delete(switch).where(switch.c.name.in_([str(one) for one in Mode])))
    conn.execute(insert(switch).values(name=str(mode), until=FOR_EVER, who=who, at=now))


def mode(conn: Connection) -> ModeSet | None:
    """The mode that a person set; None: the settings say it."""
    row = conn.execute(select(switch).where(switch.c.name.in_([str(one) for one in Mode]))).first()
    return None if row is None else ModeSet(Mode(row.name), row.who, row.at)
