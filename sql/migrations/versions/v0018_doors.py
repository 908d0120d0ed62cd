"""More ways to sign in: keys without a password, who somebody is elsewhere, and what the directory says of recipients."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, sqlite

revision = "0018"
down_revision = "0017"
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
TABLES = ("passkey", "person_link", "directory_recipient", "directory_round")


def exact(length: int) -> sa.String:
    variant = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(variant, "mysql", "mariadb")


def of_person(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f(f"fk_{table}_person_id"), ondelete="CASCADE")


def upgrade() -> None:
    create_ways_of_people()
    create_directory()


def create_ways_of_people() -> None:
    op.create_table(
        "passkey",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("credential", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.Column("name", exact(60), nullable=False),
        sa.Column("site", exact(255), nullable=False),
        sa.Column("synced", sa.Boolean(), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.Column("doubted_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("key", name=op.f("uq_passkey_key")),
        of_person("passkey"),
        sqlite_autoincrement=True,
        **PLAIN,
    )
    op.create_index(op.f("ix_passkey_person_id"), "passkey", ["person_id"], unique=False)
    op.create_table(
        "person_link",
        sa.Column("key", KEY, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("issuer", exact(255), nullable=False),
        sa.Column("subject", exact(255), nullable=False),
        sa.Column("address", exact(520), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("addresses", sa.JSON(), nullable=False),
        sa.Column("made", sa.Boolean(), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.Column("left_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_person_link")),
        of_person("person_link"),
        **PLAIN,
    )
    op.create_index(op.f("ix_person_link_person_id"), "person_link", ["person_id"], unique=False)


def create_directory() -> None:
    op.create_table(
        "directory_recipient",
        sa.Column("key", KEY, nullable=False),
        sa.Column("address", exact(520), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_directory_recipient")),
        **PLAIN,
    )
    op.create_table(
        "directory_round",
        sa.Column("name", exact(60), nullable=False),
        sa.Column("began", MOMENT, nullable=False),
        sa.Column("ended", MOMENT, nullable=True),
        sa.Column("problem", sa.String(500), nullable=False),
        sa.Column("stamp", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_directory_round")),
        **PLAIN,
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
