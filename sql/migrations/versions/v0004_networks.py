"""What is remembered of networks: greeted, delivered from, trapped, early."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "network",
        sa.Column("network", sa.String(50), nullable=False),
        sa.Column("greeted_at", MOMENT, nullable=False),
        sa.Column("delivered_at", MOMENT, nullable=False),
        sa.Column("trapped_until", MOMENT, nullable=False),
        sa.Column("early_until", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("network", name=op.f("pk_network")),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mariadb_engine="InnoDB",
        mariadb_charset="utf8mb4",
    )
    op.create_index(op.f("ix_network_changed_at"), "network", ["changed_at"], unique=False)
    op.create_index(op.f("ix_network_delivered_at"), "network", ["delivered_at"], unique=False)


def downgrade() -> None:
    op.drop_table("network")
