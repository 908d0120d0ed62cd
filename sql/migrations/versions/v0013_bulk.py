"""Decisions about many mails at once, and the domain of each held mail's sender, by which they are found."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, sqlite

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
ID = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
PLAIN: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
}
OPTIONS: dict[str, Any] = {"sqlite_autoincrement": True, **PLAIN}
COUNTED = ("mails", "recipients", "senders", "networks", "sampled", "reached")
# Only what is held is looked for. A quoted name may hold an @ of its own: such a mail is alike to few.
DOMAINS_OF_HELD = """
UPDATE delivery SET sender_domain = COALESCE(
    (SELECT SUBSTR(sender_key, INSTR(sender_key, '@') + 1, 255) FROM message WHERE message.id = delivery.message), '')
WHERE state = 'held'
"""


def exact(length: int) -> sa.String:
    variant = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(variant, "mysql", "mariadb")


def upgrade() -> None:
    op.add_column("delivery", sa.Column("sender_domain", exact(255), nullable=False, server_default=sa.text("''")))
    op.execute(DOMAINS_OF_HELD)
    name = op.f("ix_delivery_state_sender_domain_created")
    op.create_index(name, "delivery", ["state", "sender_domain", "created"], unique=False)
    op.create_table(
        "bulk",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("who", exact(255), nullable=False),
        sa.Column("person", ID, nullable=True),
        sa.Column("peer", sa.String(45), nullable=False),
        sa.Column("verb", sa.String(8), nullable=False),
        sa.Column("choice", sa.Integer(), nullable=True),
        sa.Column("trust", sa.Boolean(), nullable=False),
        sa.Column("about", exact(300), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        *(sa.Column(one, sa.Integer(), nullable=False) for one in COUNTED),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("begins", MOMENT, nullable=True),
        sa.Column("expires", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("second", exact(255), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk")),
        **OPTIONS,
    )
    op.create_index(op.f("ix_bulk_state"), "bulk", ["state"], unique=False)
    op.create_index(op.f("ix_bulk_created"), "bulk", ["created"], unique=False)
    op.create_table(
        "bulk_mail",
        sa.Column("bulk", ID, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("message", exact(20), nullable=False),
        sa.Column("sample", sa.Boolean(), nullable=False),
        sa.Column("looked_at", MOMENT, nullable=True),
        sa.Column("outcome", sa.String(10), nullable=True),
        sa.Column("faster", exact(255), nullable=False),
        sa.ForeignKeyConstraint(["bulk"], ["bulk.id"], name=op.f("fk_bulk_mail_bulk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("bulk", "place", name=op.f("pk_bulk_mail")),
        **PLAIN,
    )


def downgrade() -> None:
    op.drop_table("bulk_mail")
    op.drop_table("bulk")
    op.drop_index(op.f("ix_delivery_state_sender_domain_created"), table_name="delivery")
    op.drop_column("delivery", "sender_domain")
