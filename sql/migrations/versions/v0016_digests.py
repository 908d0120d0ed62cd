"""What we write to people: digests, the links in them, and what people ask an approver for."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, sqlite

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
ID = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
KEY = sa.LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb")
PLAIN: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
}
OPTIONS: dict[str, Any] = {"sqlite_autoincrement": True, **PLAIN}
ADDRESS = 520


def exact(length: int) -> sa.String:
    variant = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(variant, "mysql", "mariadb")


def of_a_person(table: str) -> tuple[sa.Column[Any], sa.ForeignKeyConstraint]:
    name = op.f(f"fk_{table}_person_id")
    constraint = sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=name, ondelete="CASCADE")
    return sa.Column("person_id", ID, nullable=False), constraint


def upgrade() -> None:
    create_digests()
    create_links()
    op.create_table(
        "wish_to_release",
        sa.Column("message", exact(20), nullable=False),
        sa.Column("recipient", exact(ADDRESS), nullable=False),
        *of_a_person("wish_to_release"),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("words", exact(300), nullable=False),
        sa.PrimaryKeyConstraint("message", "recipient", name=op.f("pk_wish_to_release")),
        **PLAIN,
    )
    op.create_index(op.f("ix_wish_to_release_at"), "wish_to_release", ["at"])
    create_alerts()


def create_digests() -> None:
    op.create_table(
        "digest_wish",
        *of_a_person("digest_wish"),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("times", sa.String(60), nullable=False),
        sa.Column("weekends", sa.Boolean(), nullable=False),
        sa.Column("kinds", sa.String(60), nullable=False),
        sa.Column("address", exact(ADDRESS), nullable=False),
        sa.Column("instant", sa.Boolean(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_digest_wish")),
        **PLAIN,
    )
    op.create_table(
        "digest",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        *of_a_person("digest"),
        sa.Column("slot", MOMENT, nullable=False),
        sa.Column("made", MOMENT, nullable=False),
        sa.Column("address", exact(ADDRESS), nullable=False),
        sa.Column("mails", sa.Integer(), nullable=False),
        sa.Column("message", exact(20), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digest")),
        sa.UniqueConstraint("person_id", "slot", name=op.f("uq_digest_person_id_slot")),
        **OPTIONS,
    )
    op.create_index(op.f("ix_digest_slot"), "digest", ["slot"])


def create_links() -> None:
    op.create_table(
        "digest_link",
        sa.Column("key", KEY, nullable=False),
        sa.Column("digest", ID, nullable=False),
        *of_a_person("digest_link"),
        sa.Column("message", exact(20), nullable=False),
        sa.Column("recipient", exact(ADDRESS), nullable=False),
        sa.Column("act", sa.String(10), nullable=False),
        sa.Column("code", KEY, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["digest"], ["digest.id"], name=op.f("fk_digest_link_digest"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_digest_link")),
        **PLAIN,
    )
    op.create_table(
        "device",
        sa.Column("key", KEY, nullable=False),
        *of_a_person("device"),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("seen", MOMENT, nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        sa.Column("agent", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_device")),
        **PLAIN,
    )
    for table, columns in (("digest_link", ("digest", "person_id", "expires")), ("device", ("person_id", "expires"))):
        for column in columns:
            op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    op.create_table(
        "link_key",
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("secret", exact(64), nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_link_key")),
        **PLAIN,
    )


def create_alerts() -> None:
    op.create_table(
        "alert",
        sa.Column("key", KEY, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("node", exact(120), nullable=False),
        sa.Column("words", exact(500), nullable=False),
        sa.Column("grave", sa.Boolean(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("seen", MOMENT, nullable=False),
        sa.Column("told_at", MOMENT, nullable=True),
        sa.Column("owner", exact(255), nullable=False),
        sa.Column("silent_until", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_alert")),
        **PLAIN,
    )
    op.create_index(op.f("ix_alert_since"), "alert", ["since"])


def downgrade() -> None:
    for name in ("alert", "wish_to_release", "link_key", "device", "digest_link", "digest", "digest_wish"):
        op.drop_table(name)
