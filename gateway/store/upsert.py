"""INSERT that converges when the row is there already, in SQLite's and MariaDB's words."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, func
from sqlalchemy.dialects import mysql, sqlite


def upsert(
    conn: Connection,
    table: Table,
    values: Mapping[str, Any],
    *,
    key: Sequence[str],
    least: Sequence[str] = (),
    greatest: Sequence[str] = (),
    replace: Sequence[str] = (),
) -> None:
    """Insert a row; if its key exists keep the least, greatest or newest of the named columns, and the rest as it is.

    Replays and races end in the same row whatever their order, but for `replace` (the last writer wins).
    """
    if conn.dialect.name == "sqlite":
        upsert_sqlite(conn, table, values, key, least, greatest, replace)
    else:
        upsert_mysql(conn, table, values, key, least, greatest, replace)


def upsert_sqlite(
    conn: Connection,
    table: Table,
    values: Mapping[str, Any],
    key: Sequence[str],
    least: Sequence[str],
    greatest: Sequence[str],
    replace: Sequence[str],
) -> None:
    new = sqlite.insert(table).values(**values)
    changes: dict[str, Any] = {name: func.min(table.c[name], new.excluded[name]) for name in least}
    changes |= {name: func.max(table.c[name], new.excluded[name]) for name in greatest}
    changes |= {name: new.excluded[name] for name in replace}
    if changes:
        conn.execute(new.on_conflict_do_update(index_elements=list(key), set_=changes))
    else:
        conn.execute(new.on_conflict_do_nothing(index_elements=list(key)))


def upsert_mysql(
    conn: Connection,
    table: Table,
    values: Mapping[str, Any],
    key: Sequence[str],
    least: Sequence[str],
    greatest: Sequence[str],
    replace: Sequence[str],
) -> None:
    new = mysql.insert(table).values(**values)
    changes: dict[str, Any] = {name: func.least(table.c[name], new.inserted[name]) for name in least}
    changes |= {name: func.greatest(table.c[name], new.inserted[name]) for name in greatest}
    changes |= {name: new.inserted[name] for name in replace}
    unchanged = {key[0]: table.c[key[0]]}
    conn.execute(new.on_duplicate_key_update(**(changes or unchanged)))
