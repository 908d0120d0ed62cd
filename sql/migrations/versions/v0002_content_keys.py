"""Mail is found by its envelope and content, however many mails one envelope has; keys are SHA-256."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb")
SLICE = 1000

# Frozen here: a migration tells what was, whatever the program says later.
METADATA = sa.MetaData()
SIGHTING = sa.Table(
    "sighting",
    METADATA,
    *(sa.Column(name) for name in ("id", "sender", "recipient", "body", "message_id")),
    *(sa.Column(name) for name in ("body_key", "message_id_key")),
)
RUNG = sa.Table("sighting_rung", METADATA, *(sa.Column(name) for name in ("key", "sighting_id", "kind", "value")))
MEMORY = sa.Table("memory", METADATA, *(sa.Column(name) for name in ("key", "kind", "value", "sender", "recipient")))
TOMBSTONE = sa.Table("tombstone", METADATA, *(sa.Column(name) for name in ("id", "pair", "sender", "recipient")))


def digest(*parts: str) -> bytes:
    encoded = [part.encode("utf-8", "surrogateescape") for part in parts]
    return sha256(b"".join([len(part).to_bytes(4, "big") + part for part in encoded])).digest()[:16]


def upgrade() -> None:
    op.add_column("sighting", sa.Column("body_key", KEY))
    op.add_column("sighting", sa.Column("message_id_key", KEY))
    conn = op.get_bind()
    rewrite(conn, SIGHTING, content_keys)
    rewrite(conn, TOMBSTONE, lambda row: {"pair": digest("pair", row.sender, row.recipient)})
    rewrite_memory(conn)
    rewrite_rungs(conn)
    op.drop_index("ix_sighting_pair_last_seen", table_name="sighting")
    op.drop_column("sighting", "pair")
    op.create_index("ix_sighting_body_key", "sighting", ["body_key"])
    op.create_index("ix_sighting_message_id_key", "sighting", ["message_id_key"])
    op.drop_index("ix_copy_pair_state", table_name="copy")
    op.drop_column("copy", "pair")


def content_keys(row: Any) -> dict[str, Any]:
    return {
        "body_key": digest("body", row.sender, row.recipient, row.body) if row.body else None,
        "message_id_key": digest("message-id", row.sender, row.recipient, row.message_id) if row.message_id else None,
    }


def rewrite(conn: sa.Connection, table: sa.Table, made: Callable[[Any], dict[str, Any]]) -> None:
    """New values in every row, found by its id."""
    found = [{"number": row.id, **made(row)} for row in conn.execute(sa.select(table))]
    for part in slices(found):
        values: dict[str, Any] = {name: sa.bindparam(name) for name in part[0] if name != "number"}
        conn.execute(sa.update(table).where(table.c.id == sa.bindparam("number")).values(**values), part)


def rewrite_memory(conn: sa.Connection) -> None:
    found = [
        {"old": row.key, "new": digest("memory", str(row.kind), row.value, row.sender, row.recipient)}
        for row in conn.execute(sa.select(MEMORY))
    ]
    for part in slices(found):
        conn.execute(sa.update(MEMORY).where(MEMORY.c.key == sa.bindparam("old")).values(key=sa.bindparam("new")), part)


def rewrite_rungs(conn: sa.Connection) -> None:
    joined = sa.select(RUNG, SIGHTING.c.sender, SIGHTING.c.recipient, SIGHTING.c.body)
    found = [
        {"old": row.key, "of": row.sighting_id, "new": rung_key(row)}
        for row in conn.execute(joined.join_from(RUNG, SIGHTING, SIGHTING.c.id == RUNG.c.sighting_id))
    ]
    mine = sa.and_(RUNG.c.key == sa.bindparam("old"), RUNG.c.sighting_id == sa.bindparam("of"))
    for part in slices(found):
        conn.execute(sa.update(RUNG).where(mine).values(key=sa.bindparam("new")), part)


def rung_key(row: Any) -> bytes:
    return digest("data" if row.body else "rcpt", str(row.kind), row.value, row.sender, row.recipient)


def slices(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), SLICE):
        yield rows[start : start + SLICE]


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
