"""Hooks: places that are told what happens to mail, and what each is still to be told.

The tables are empty at first: what happened before a hook is named is not told.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
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
        "hook",
        sa.Column("name", exact(60), nullable=False),
        sa.Column("holder", exact(120), nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        *(
            sa.Column(one, sa.BigInteger(), nullable=False)
            for one in ("delivery", "delivery_seen", "event", "event_seen")
        ),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_hook")),
        **PLAIN,
    )
    op.create_table(
        "hook_post",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("hook", exact(60), nullable=False),
        sa.Column("source", exact(10), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("kind", exact(40), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("message", exact(20), nullable=False),
        sa.Column("recipient", exact(520), nullable=True),
        sa.Column("reason", exact(40), nullable=False),
        sa.Column("who", exact(255), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("noted", MOMENT, nullable=False),
        sa.Column("due", MOMENT, nullable=False),
        sa.Column("ended", MOMENT, nullable=True),
        sa.Column("said", exact(200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_post")),
        sa.UniqueConstraint("hook", "source", "number", name=op.f("uq_hook_post_hook_source_number")),
        sqlite_autoincrement=True,
        **PLAIN,
    )
    op.create_index(op.f("ix_hook_post_hook_state_due"), "hook_post", ["hook", "state", "due"], unique=False)
    op.create_index(op.f("ix_hook_post_ended"), "hook_post", ["ended"], unique=False)


def downgrade() -> None:
    for table in ("hook_post", "hook"):
        op.drop_table(table)
