"""Statistics: what happened in each hour and on each day, the domains that sent most, and how far that is counted.

The tables are empty at first; the sweep counts what is on record already, oldest first, while mail goes on.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
PLAIN: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
}
TALLY = ("scope", "grain", "at", "kind", "what", "level")
SENDER = ("scope", "at", "sender", "kind")


def exact(length: int) -> sa.String:
    variant = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(variant, "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "tally",
        sa.Column("scope", exact(520), nullable=False),
        sa.Column("grain", exact(4), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("kind", exact(12), nullable=False),
        sa.Column("what", exact(40), nullable=False),
        sa.Column("level", exact(16), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*TALLY, name=op.f("pk_tally")),
        sqlite_with_rowid=False,
        **PLAIN,
    )
    op.create_index(op.f("ix_tally_at_grain"), "tally", ["at", "grain"], unique=False)
    op.create_table(
        "tally_sender",
        sa.Column("scope", exact(520), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("sender", exact(200), nullable=False),
        sa.Column("kind", exact(12), nullable=False),
        sa.Column("personal", sa.Boolean(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*SENDER, name=op.f("pk_tally_sender")),
        sqlite_with_rowid=False,
        **PLAIN,
    )
    op.create_index(op.f("ix_tally_sender_personal_at"), "tally_sender", ["personal", "at"], unique=False)
    op.create_table(
        "tally_progress",
        sa.Column("source", exact(10), nullable=False),
        *(sa.Column(one, sa.BigInteger(), nullable=False) for one in ("began", "upto", "settled", "seen")),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("counted_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_tally_progress")),
        **PLAIN,
    )


def downgrade() -> None:
    for table in ("tally_progress", "tally_sender", "tally"):
        op.drop_table(table)
