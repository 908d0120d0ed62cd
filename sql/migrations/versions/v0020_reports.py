"""Reports to domains that ask for them: the days that are gathered, and what goes to each domain about a day."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
BLOB = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
PLAIN: dict[str, Any] = {
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
        "report_day",
        sa.Column("kind", exact(10), nullable=False),
        sa.Column("day", MOMENT, nullable=False),
        sa.Column("due", MOMENT, nullable=False),
        sa.Column("gathered_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("kind", "day", name=op.f("pk_report_day")),
        **PLAIN,
    )
    op.create_table(
        "report",
        sa.Column("kind", exact(10), nullable=False),
        sa.Column("day", MOMENT, nullable=False),
        sa.Column("domain", exact(255), nullable=False),
        sa.Column("number", exact(20), nullable=False),
        sa.Column("rua", sa.JSON(), nullable=False),
        sa.Column("mails", sa.Integer(), nullable=False),
        sa.Column("document", BLOB, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("due", MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("said", exact(500), nullable=False),
        sa.PrimaryKeyConstraint("kind", "day", "domain", name=op.f("pk_report")),
        **PLAIN,
    )
    op.create_index(op.f("ix_report_state_due"), "report", ["state", "due"], unique=False)


def downgrade() -> None:
    op.drop_table("report")
    op.drop_table("report_day")
