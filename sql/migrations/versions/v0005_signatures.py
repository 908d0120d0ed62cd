"""Which networks brought a signature to recipients that it does not name."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
KEY = sa.LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "signature_use",
        sa.Column("key", KEY, nullable=False),
        sa.Column("network", sa.String(50), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", "network", name=op.f("pk_signature_use")),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mariadb_engine="InnoDB",
        mariadb_charset="utf8mb4",
    )
    op.create_index(op.f("ix_signature_use_seen_at"), "signature_use", ["seen_at"], unique=False)


def downgrade() -> None:
    op.drop_table("signature_use")
