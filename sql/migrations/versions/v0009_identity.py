"""Whose identities are shared, and which of the others are remembered for everybody; how senders fared so far."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
KEY = sa.LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb")
OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
}


def exact(length: int) -> sa.String:
    variant = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(variant, "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "identity_use",
        sa.Column("key", KEY, nullable=False),
        sa.Column("domain", exact(255), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("value", exact(255), nullable=False),
        sa.Column("first_seen", MOMENT, nullable=False),
        sa.Column("last_seen", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", "domain", name=op.f("pk_identity_use")),
        **OPTIONS,
    )
    op.create_index(op.f("ix_identity_use_last_seen"), "identity_use", ["last_seen"], unique=False)
    op.create_table(
        "shared_identity",
        sa.Column("key", KEY, nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=True),
        sa.Column("value", exact(255), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("author", exact(255), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_shared_identity")),
        **OPTIONS,
    )
    op.create_table(
        "waited_once",
        sa.Column("key", KEY, nullable=False),
        sa.Column("first_for", KEY, nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_waited_once")),
        **OPTIONS,
    )
    op.create_index(op.f("ix_waited_once_expires"), "waited_once", ["expires"], unique=False)
    op.create_table(
        "standing",
        sa.Column("key", KEY, nullable=False),
        sa.Column("node", exact(120), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("value", exact(520), nullable=False),
        sa.Column("counter", sa.Double(), nullable=False),
        sa.Column("first_at", MOMENT, nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", "node", "outcome", name=op.f("pk_standing")),
        **OPTIONS,
    )
    op.create_index(
        op.f("ix_standing_value"), "standing", ["value"], unique=False, mysql_length=190, mariadb_length=190
    )
    op.create_index(op.f("ix_standing_last_at"), "standing", ["last_at"], unique=False)


def downgrade() -> None:
    for name in ("standing", "waited_once", "shared_identity", "identity_use"):
        op.drop_table(name)
