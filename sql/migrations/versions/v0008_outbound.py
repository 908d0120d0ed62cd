"""What our own mail teaches: its Message-IDs, where mails want to be unsubscribed, how far logs were read."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
KEY = sa.LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb")
LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
}


def exact(length: int) -> sa.String:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
    )


def upgrade() -> None:
    for name in ("outbound_message", "unsubscribe_target"):
        op.create_table(
            name,
            sa.Column("digest", KEY, nullable=False),
            sa.Column("at", MOMENT, nullable=False),
            sa.PrimaryKeyConstraint("digest", name=op.f(f"pk_{name}")),
            **OPTIONS,
        )
        op.create_index(op.f(f"ix_{name}_at"), name, ["at"], unique=False)
    op.create_table(
        "log_position",
        sa.Column("digest", KEY, nullable=False),
        sa.Column("node", exact(120), nullable=False),
        sa.Column("path", exact(500), nullable=False),
        sa.Column("inode", sa.BigInteger(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("head", exact(64), nullable=False),
        sa.Column("waiting", LONG, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_log_position")),
        **OPTIONS,
    )


def downgrade() -> None:
    for name in ("log_position", "unsubscribe_target", "outbound_message"):
        op.drop_table(name)
