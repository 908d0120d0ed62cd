"""The first schema."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, sqlite

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Frozen here: a migration tells what was, whatever sql.tables says later.
KEY = sa.LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb")
BLOB = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
BIG_ID = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
}


def exact(length: int) -> sa.types.TypeEngine[str]:
    varchar = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(varchar, "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "body",
        sa.Column("message", exact(20), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("data", BLOB, nullable=False),
        sa.PrimaryKeyConstraint("message", "part", name=op.f("pk_body")),
        **OPTIONS,
    )
    op.create_table(
        "change_count",
        sa.Column("node", exact(120), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_change_count")),
        **OPTIONS,
    )
    op.create_table(
        "decision",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("reply_id", exact(20), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("stage", sa.String(length=4), nullable=False),
        sa.Column("peer", sa.String(length=45), nullable=False),
        sa.Column("sender", exact(520), nullable=False),
        sa.Column("recipient", exact(520), nullable=False),
        sa.Column("action", sa.String(length=8), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("message", exact(20), nullable=True),
        sa.Column("review", sa.Boolean(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
        **OPTIONS,
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_decision_at"), "decision", ["at"], unique=False)
    op.create_index(
        op.f("ix_decision_recipient_at"),
        "decision",
        ["recipient", "at"],
        unique=False,
        mysql_length={"recipient": 190},
        mariadb_length={"recipient": 190},
    )
    op.create_index(op.f("ix_decision_reply_id"), "decision", ["reply_id"], unique=False)
    op.create_index(
        op.f("ix_decision_sender_at"),
        "decision",
        ["sender", "at"],
        unique=False,
        mysql_length={"sender": 190},
        mariadb_length={"sender": 190},
    )
    op.create_table(
        "event",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("message", exact(20), nullable=True),
        sa.Column("recipient", exact(520), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("who", exact(255), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        **OPTIONS,
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_event_at"), "event", ["at"], unique=False)
    op.create_index(op.f("ix_event_message"), "event", ["message"], unique=False)
    op.create_table(
        "listed",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("verb", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", exact(520), nullable=False),
        sa.Column("network", sa.String(length=50), nullable=True),
        sa.Column("scope", exact(520), nullable=True),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("expires", MOMENT, nullable=True),
        sa.Column("author", exact(255), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listed")),
        **OPTIONS,
        sqlite_autoincrement=True,
    )
    op.create_table(
        "memory",
        sa.Column(
            "key",
            sa.LargeBinary(length=16)
            .with_variant(sa.BINARY(length=16), "mariadb")
            .with_variant(sa.BINARY(length=16), "mysql"),
            nullable=False,
        ),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("value", exact(255), nullable=False),
        sa.Column("sender", exact(520), nullable=False),
        sa.Column("recipient", exact(520), nullable=False),
        sa.Column("grade", sa.SmallInteger(), nullable=False),
        sa.Column("earned", sa.String(length=16), nullable=False),
        sa.Column("first_seen", MOMENT, nullable=False),
        sa.Column("last_seen", MOMENT, nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        sa.Column("author", exact(255), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_memory")),
        **OPTIONS,
    )
    op.create_index(op.f("ix_memory_expires"), "memory", ["expires"], unique=False)
    op.create_index(
        op.f("ix_memory_recipient"), "memory", ["recipient"], unique=False, mysql_length=190, mariadb_length=190
    )
    op.create_index(op.f("ix_memory_sender"), "memory", ["sender"], unique=False, mysql_length=190, mariadb_length=190)
    op.create_table(
        "message",
        sa.Column("id", exact(20), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("sender", exact(520), nullable=False),
        sa.Column("sender_key", exact(520), nullable=False),
        sa.Column("peer", sa.String(length=45), nullable=False),
        sa.Column("helo", exact(255), nullable=False),
        sa.Column("peer_name", exact(255), nullable=True),
        sa.Column("tls", sa.Boolean(), nullable=False),
        sa.Column("esmtp", sa.Boolean(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("body_8bit", sa.Boolean(), nullable=False),
        sa.Column("smtputf8", sa.Boolean(), nullable=False),
        sa.Column("ret", sa.String(length=4), nullable=True),
        sa.Column("envid", exact(100), nullable=True),
        sa.Column("author", exact(400), nullable=False),
        sa.Column("subject", exact(400), nullable=False),
        sa.Column("whole", exact(64), nullable=False),
        sa.Column("body", exact(64), nullable=False),
        sa.Column("headers", exact(64), nullable=True),
        sa.Column("message_id", exact(64), nullable=True),
        sa.Column("rungs", sa.JSON(), nullable=False),
        sa.Column("trace", LONG_TEXT, nullable=False),
        sa.Column("network", sa.String(length=50), nullable=False),
        sa.Column("stored", sa.String(length=10), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        **OPTIONS,
    )
    op.create_index(op.f("ix_message_network"), "message", ["network"], unique=False)
    op.create_index(op.f("ix_message_received_at"), "message", ["received_at"], unique=False)
    op.create_index(op.f("ix_message_whole"), "message", ["whole"], unique=False)
    op.create_table(
        "sighting",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column(
            "pair",
            sa.LargeBinary(length=16)
            .with_variant(sa.BINARY(length=16), "mariadb")
            .with_variant(sa.BINARY(length=16), "mysql"),
            nullable=False,
        ),
        sa.Column("sender", exact(520), nullable=False),
        sa.Column("recipient", exact(520), nullable=False),
        sa.Column("first_seen", MOMENT, nullable=False),
        sa.Column("last_seen", MOMENT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("body", exact(64), nullable=True),
        sa.Column("message_id", exact(64), nullable=True),
        sa.Column("passed_at", MOMENT, nullable=True),
        sa.Column("network_only", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sighting")),
        **OPTIONS,
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sighting_capped", "sighting", ["network_only", "passed_at"], unique=False)
    op.create_index(op.f("ix_sighting_last_seen"), "sighting", ["last_seen"], unique=False)
    op.create_index(op.f("ix_sighting_pair_last_seen"), "sighting", ["pair", "last_seen"], unique=False)
    op.create_table(
        "switch",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.Column("who", exact(255), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_switch")),
        **OPTIONS,
    )
    op.create_table(
        "tombstone",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column(
            "pair",
            sa.LargeBinary(length=16)
            .with_variant(sa.BINARY(length=16), "mariadb")
            .with_variant(sa.BINARY(length=16), "mysql"),
            nullable=False,
        ),
        sa.Column("sender", exact(520), nullable=False),
        sa.Column("recipient", exact(520), nullable=False),
        sa.Column("whole", exact(64), nullable=False),
        sa.Column("body", exact(64), nullable=False),
        sa.Column("headers", exact(64), nullable=True),
        sa.Column("message_id", exact(64), nullable=True),
        sa.Column("rungs", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.String(length=14), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("reply", sa.String(length=500), nullable=True),
        sa.Column("message", exact(20), nullable=True),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        sa.Column("consumed_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tombstone")),
        **OPTIONS,
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_tombstone_expires"), "tombstone", ["expires"], unique=False)
    op.create_index(op.f("ix_tombstone_message"), "tombstone", ["message"], unique=False)
    op.create_index(op.f("ix_tombstone_pair"), "tombstone", ["pair"], unique=False)
    op.create_table(
        "copy",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("message", exact(20), nullable=False),
        sa.Column(
            "pair",
            sa.LargeBinary(length=16)
            .with_variant(sa.BINARY(length=16), "mariadb")
            .with_variant(sa.BINARY(length=16), "mysql"),
            nullable=False,
        ),
        sa.Column("recipient", exact(520), nullable=False),
        sa.Column("recipient_raw", exact(520), nullable=False),
        sa.Column("notify", exact(60), nullable=True),
        sa.Column("orcpt", exact(520), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("first_seen", MOMENT, nullable=False),
        sa.Column("last_seen", MOMENT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("lease_by", sa.String(length=80), nullable=True),
        sa.Column("decided_by", exact(255), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["message"], ["message.id"], name=op.f("fk_copy_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_copy")),
        sa.UniqueConstraint("message", "recipient", name=op.f("uq_copy_message_recipient")),
        **OPTIONS,
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_copy_pair_state"), "copy", ["pair", "state"], unique=False)
    op.create_index(op.f("ix_copy_state_last_seen"), "copy", ["state", "last_seen"], unique=False)
    op.create_table(
        "delivery",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("message", exact(20), nullable=False),
        sa.Column("recipient", exact(520), nullable=False),
        sa.Column("recipient_raw", exact(520), nullable=False),
        sa.Column("notify", exact(60), nullable=True),
        sa.Column("orcpt", exact(520), nullable=True),
        sa.Column("state", sa.String(length=14), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("junk", sa.Boolean(), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("release_at", MOMENT, nullable=True),
        sa.Column("expires", MOMENT, nullable=True),
        sa.Column("due", MOMENT, nullable=True),
        sa.Column("give_up", MOMENT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_reply", sa.String(length=500), nullable=False),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("lease_by", sa.String(length=80), nullable=True),
        sa.Column("decided_by", exact(255), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["message"], ["message.id"], name=op.f("fk_delivery_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("message", "recipient", name=op.f("uq_delivery_message_recipient")),
        **OPTIONS,
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_delivery_ended_at"), "delivery", ["ended_at"], unique=False)
    op.create_index(op.f("ix_delivery_state_created"), "delivery", ["state", "created"], unique=False)
    op.create_index(op.f("ix_delivery_state_due"), "delivery", ["state", "due"], unique=False)
    op.create_table(
        "sighting_rung",
        sa.Column(
            "key",
            sa.LargeBinary(length=16)
            .with_variant(sa.BINARY(length=16), "mariadb")
            .with_variant(sa.BINARY(length=16), "mysql"),
            nullable=False,
        ),
        sa.Column("sighting_id", BIG_ID, nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("value", exact(255), nullable=False),
        sa.ForeignKeyConstraint(
            ["sighting_id"], ["sighting.id"], name=op.f("fk_sighting_rung_sighting_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", "sighting_id", name=op.f("pk_sighting_rung")),
        **OPTIONS,
    )
    op.create_index(op.f("ix_sighting_rung_sighting_id"), "sighting_rung", ["sighting_id"], unique=False)


def downgrade() -> None:
    for table in (
        "sighting_rung",
        "delivery",
        "copy",
        "tombstone",
        "switch",
        "sighting",
        "message",
        "memory",
        "listed",
        "event",
        "decision",
        "change_count",
        "body",
    ):
        op.drop_table(table)
