"""What somebody expects, and the domains of senders that are on record."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, sqlite

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
}


def exact(length: int) -> sa.types.TypeEngine[str]:
    varchar = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(varchar, "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "expecting",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("recipient", exact(520), nullable=False),
        sa.Column("domain", exact(255), nullable=True),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.Column("who", exact(255), nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expecting")),
        **OPTIONS,
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_expecting_recipient_opened_at"),
        "expecting",
        ["recipient", "opened_at"],
        unique=False,
        mysql_length={"recipient": 190},
        mariadb_length={"recipient": 190},
    )
    op.create_index(op.f("ix_expecting_until"), "expecting", ["until"], unique=False)
    domains = op.create_table(
        "sender_domain",
        sa.Column("domain", exact(255), nullable=False),
        sa.Column("grade", sa.SmallInteger(), nullable=False),
        sa.Column("first_seen", MOMENT, nullable=False),
        sa.Column("last_seen", MOMENT, nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_sender_domain")),
        **OPTIONS,
    )
    op.create_index(op.f("ix_sender_domain_expires"), "sender_domain", ["expires"], unique=False)
    fill(domains)


def fill(domains: sa.Table) -> None:
    """From what is remembered: nobody who wrote before may be new afterwards."""
    memory = sa.table(
        "memory",
        *map(sa.column, ("sender", "grade")),
        *(sa.column(name, MOMENT) for name in ("first_seen", "last_seen", "expires")),
    )
    names = ("grade", "first_seen", "last_seen", "expires")
    found: dict[str, tuple[Any, ...]] = {}
    for row in op.get_bind().execute(sa.select(memory)):
        domain = row.sender.rpartition("@")[2]
        before = found.get(domain, (row.grade, row.first_seen, row.last_seen, row.expires))
        moments = min(before[1], row.first_seen), max(before[2], row.last_seen), max(before[3], row.expires)
        found[domain] = (max(before[0], row.grade), *moments)
    rows = [{"domain": domain, **dict(zip(names, values, strict=True))} for domain, values in found.items() if domain]
    if rows:
        op.bulk_insert(domains, rows)


def downgrade() -> None:
    op.drop_table("sender_domain")
    op.drop_table("expecting")
