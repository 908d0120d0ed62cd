"""INSERT that converges when the row is there already, in SQLite's and MariaDB's words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func
from sqlalchemy.dialects import mysql, sqlite

Changes = Mapping[str, Callable[[Table], ColumnElement[Any]]]


def upsert(
    conn: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    least: Sequence[str] = (),
    greatest: Sequence[str] = (),
    replace: Sequence[str] = (),
    total: Sequence[str] = (),
    change: Changes | None = None,
) -> None:
    """Insert rows; where a key exists keep the least, greatest, newest or sum of the named columns, the rest as is.

    Replays and races end in the same row whatever their order, but for `replace` (the last writer wins) and `total` (a
    replay is added again). `change` computes further columns from the row that is there; in literals, because
    MariaDB's driver fills in values only where the rows are.
    """
    if not rows:
        return
    values = dict.fromkeys(rows[0])
    insert: Any = sqlite.insert(table) if conn.dialect.name == "sqlite" else mysql.insert(table)
    new = insert.excluded if conn.dialect.name == "sqlite" else insert.inserted
    smaller, larger = (func.min, func.max) if conn.dialect.name == "sqlite" else (func.least, func.greatest)
    changes: dict[str, Any] = {name: smaller(table.c[name], new[name]) for name in least}
    changes |= {name: larger(table.c[name], new[name]) for name in greatest}
    changes |= {name: new[name] for name in replace if name in values}
    changes |= {name: table.c[name] + new[name] for name in total}
    changes |= {name: made(table) for name, made in (change or {}).items()}
    changes = changes or {key[0]: table.c[key[0]]}
    if conn.dialect.name == "sqlite":
        statement = insert.on_conflict_do_update(index_elements=list(key), set_=changes)
    else:
        statement = insert.on_duplicate_key_update(**changes)
    conn.execute(statement, list(rows))
