"""The journal of what people taught the classifier."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, sqlite

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
ID = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
BYTES = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
OPTIONS: dict[str, Any] = {
    "sqlite_autoincrement": True,
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
        "lesson",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("node", exact(120), nullable=False),
        sa.Column("person", exact(255), nullable=False),
        sa.Column("account", exact(520), nullable=False),
        sa.Column("message", exact(20), nullable=True),
        sa.Column("label", sa.String(4), nullable=False),
        sa.Column("undoes", ID, nullable=True),
        sa.Column("features", BYTES, nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lesson")),
        **OPTIONS,
    )
    op.create_index(op.f("ix_lesson_at"), "lesson", ["at"], unique=False)
    op.create_index(op.f("ix_lesson_message"), "lesson", ["message"], unique=False)


def downgrade() -> None:
    op.drop_table("lesson")
