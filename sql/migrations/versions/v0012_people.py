"""People who sign in to the pages: who they are, what they may, what they chose, and what they did."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, sqlite

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
ID = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
KEY = sa.LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb")
LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
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


def upgrade() -> None:
    create_person()
    create_what_people_have()
    create_sittings()
    create_levels()
    create_audit()


def create_person() -> None:
    op.create_table(
        "person",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("name", exact(255), nullable=False),
        sa.Column("password", sa.String(255), nullable=False),
        sa.Column("totp", exact(64), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=False),
        sa.Column("recovery", sa.JSON(), nullable=False),
        sa.Column("wishes", sa.JSON(), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("created_by", exact(255), nullable=False),
        sa.Column("disabled_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("name", name=op.f("uq_person_name")),
        **OPTIONS,
    )


def create_what_people_have() -> None:
    op.create_table(
        "person_role",
        sa.Column("person_id", ID, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("domain", exact(255), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_person_role_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", "role", "domain", name=op.f("pk_person_role")),
        **PLAIN,
    )
    op.create_table(
        "person_address",
        sa.Column("key", KEY, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("address", exact(ADDRESS), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("until", MOMENT, nullable=True),
        sa.Column("author", exact(255), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_person_address_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_person_address")),
        **PLAIN,
    )
    op.create_index(op.f("ix_person_address_person_id"), "person_address", ["person_id"])
    shorter: dict[str, Any] = {"mysql_length": 190, "mariadb_length": 190}
    op.create_index(op.f("ix_person_address_address"), "person_address", ["address"], **shorter)


def create_sittings() -> None:
    op.create_table(
        "web_session",
        sa.Column("key", KEY, nullable=False),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("seen", MOMENT, nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        sa.Column("peer", sa.String(45), nullable=False),
        sa.Column("agent", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_web_session_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_web_session")),
        **PLAIN,
    )
    op.create_index(op.f("ix_web_session_person_id"), "web_session", ["person_id"])
    op.create_index(op.f("ix_web_session_expires"), "web_session", ["expires"])
    op.create_table(
        "invitation",
        sa.Column("key", KEY, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.Column("author", exact(255), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_invitation_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_invitation")),
        **PLAIN,
    )
    op.create_index(op.f("ix_invitation_person_id"), "invitation", ["person_id"])
    op.create_index(op.f("ix_invitation_expires"), "invitation", ["expires"])
    op.create_table(
        "failed_sign_in",
        sa.Column("key", KEY, nullable=False),
        sa.Column("fails", sa.Integer(), nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_failed_sign_in")),
        **PLAIN,
    )
    op.create_index(op.f("ix_failed_sign_in_last_at"), "failed_sign_in", ["last_at"])


def create_levels() -> None:
    op.create_table(
        "account_level",
        sa.Column("key", KEY, nullable=False),
        sa.Column("account", exact(ADDRESS), nullable=False),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("author", exact(255), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_account_level")),
        **PLAIN,
    )


def create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("node", exact(120), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("who", exact(255), nullable=False),
        sa.Column("peer", sa.String(45), nullable=False),
        sa.Column("act", sa.String(40), nullable=False),
        sa.Column("about", exact(ADDRESS), nullable=False),
        sa.Column("detail", LONG, nullable=False),
        sa.Column("previous", exact(64), nullable=False),
        sa.Column("digest", exact(64), nullable=False),
        sa.PrimaryKeyConstraint("node", "number", name=op.f("pk_audit")),
        **PLAIN,
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"])
    for name in ("who", "about"):
        shorter: dict[str, Any] = {"mysql_length": {name: 190}, "mariadb_length": {name: 190}}
        op.create_index(op.f(f"ix_audit_{name}_at"), "audit", [name, "at"], **shorter)
    op.create_table(
        "audit_head",
        sa.Column("node", exact(120), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("digest", exact(64), nullable=False),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_audit_head")),
        **PLAIN,
    )


def downgrade() -> None:
    for name in (
        "audit_head",
        "audit",
        "account_level",
        "failed_sign_in",
        "invitation",
        "web_session",
        "person_address",
        "person_role",
        "person",
    ):
        op.drop_table(name)
