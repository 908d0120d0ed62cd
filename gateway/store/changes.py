"""The change sequence: every worker sees within a second that lists, switches or memory were changed by somebody."""

from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from gateway.model import Switch
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
    return {Switch(row.name): row.until for row in conn.execute(select(switch))}
