"""Tokens of programs, and what was answered to them."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, sqlite

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
NUMBER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
TABLE: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
}


def exact(length: int) -> sa.String:
    text = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(text, "mysql", "mariadb")


def octets(length: int) -> sa.LargeBinary:
    return sa.LargeBinary(length).with_variant(mysql.BINARY(length), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("digest", octets(32), nullable=False),
        sa.Column(
            "person_id",
            NUMBER,
            sa.ForeignKey("person.id", ondelete="CASCADE", name="fk_api_token_person_id"),
            nullable=False,
        ),
        sa.Column("name", exact(100), nullable=False),
        sa.Column("begins", exact(12), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("author", exact(255), nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        sa.Column("used", MOMENT),
        sa.Column("revoked_at", MOMENT),
        sa.UniqueConstraint("digest", name="uq_api_token_digest"),
        sqlite_autoincrement=True,
        **TABLE,
    )
    op.create_index("ix_api_token_person_id", "api_token", ["person_id"])
    op.create_index("ix_api_token_expires", "api_token", ["expires"])
    op.create_table(
        "api_answer",
        sa.Column("key", octets(16), primary_key=True),
        sa.Column("asked", exact(64), nullable=False),
        sa.Column("claim", exact(20), nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("sealed", sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb"), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        **TABLE,
    )
    op.create_index("ix_api_answer_created", "api_answer", ["created"])


def downgrade() -> None:
    op.drop_table("api_answer")
    op.drop_table("api_token")
