"""What mails of strangers have in common, and what is usual in accepted mail."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0010"
down_revision = "0009"
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
        "campaign_sighting",
        sa.Column("key", KEY, nullable=False),
        sa.Column("whole", exact(64), nullable=False),
        sa.Column("network", sa.String(50), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("value", exact(255), nullable=False),
        sa.Column("identity", exact(255), nullable=False),
        sa.Column("domain", exact(520), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("reply_id", exact(20), nullable=False),
        sa.Column("fate", sa.String(10), nullable=True),
        sa.Column("decided_by", exact(255), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("key", "whole", "network", name=op.f("pk_campaign_sighting")),
        **OPTIONS,
    )
    op.create_index(op.f("ix_campaign_sighting_whole"), "campaign_sighting", ["whole"], unique=False)
    op.create_index(op.f("ix_campaign_sighting_at"), "campaign_sighting", ["at"], unique=False)
    op.create_index(op.f("ix_campaign_sighting_fate"), "campaign_sighting", ["fate"], unique=False)
    op.create_table(
        "campaign_accepted",
        sa.Column("key", KEY, nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("key", "day", "known", name=op.f("pk_campaign_accepted")),
        **OPTIONS,
    )
    op.create_index(op.f("ix_campaign_accepted_day"), "campaign_accepted", ["day"], unique=False)
    op.create_table(
        "campaign_learnt",
        sa.Column("node", exact(120), nullable=False),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_campaign_learnt")),
        **OPTIONS,
    )


def downgrade() -> None:
    for name in ("campaign_learnt", "campaign_accepted", "campaign_sighting"):
        op.drop_table(name)
