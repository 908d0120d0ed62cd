"""Lists and searches at a million rows: indexes in the order of the pages, and the domain of a recipient.

MariaDB adds the columns at once and builds the indexes while everybody goes on reading and writing (LOCK=NONE; it
refuses rather than lock). With 100,000 copies, as many decisions, 40,000 deliveries and 70,000 mails it took 4.4 s there
and 2.8 s on SQLite, which locks (0.6 s of processor time), on two cores that were busy with much else; it grows as they do.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

NEW = {
    "copy": (("state", "recipient", "last_seen"), ("state", "domain", "last_seen")),
    "delivery": (
        ("state", "recipient", "created"),
        ("state", "domain", "created"),
        ("state", "expires"),
        ("state", "release_at"),
    ),
    "message": (("message_id",),),
    "decision": (("review", "at"),),
}
WHOLE = {"decision": ("recipient", "sender"), "audit": ("who", "about")}  # of which MariaDB indexed the beginning


def upgrade() -> None:
    address = sa.String(520).with_variant(
        mysql.VARCHAR(520, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
    )
    place = "instr(recipient, '@')" if is_sqlite() else "locate('@', recipient)"
    for table in ("copy", "delivery"):
        domain = sa.Computed(f"substr(recipient, {place} + 1)", persisted=False)
        op.add_column(table, sa.Column("domain", address, domain))
    for table, indexes in NEW.items():
        change(table, [added(table, columns) for columns in indexes])
    if not is_sqlite():
        for table, names in WHOLE.items():
            change(table, [part for one in names for part in (dropped(table, (one, "at")), added(table, (one, "at")))])


def change(table: str, parts: Sequence[str]) -> None:
    """Once through a table of MariaDB for all of its indexes; SQLite's statements are whole ones."""
    if is_sqlite():
        for part in parts:
            op.execute(part)
    else:
        op.execute(f"ALTER TABLE {table} {', '.join(parts)}, ALGORITHM=INPLACE, LOCK=NONE")


def is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def name_of(table: str, columns: Sequence[str]) -> str:
    return f"ix_{table}_{'_'.join(columns)}"


def added(table: str, columns: Sequence[str]) -> str:
    name, listed = name_of(table, columns), ", ".join(columns)
    return f"CREATE INDEX {name} ON {table} ({listed})" if is_sqlite() else f"ADD INDEX {name} ({listed})"


def dropped(table: str, columns: Sequence[str]) -> str:
    return f"DROP INDEX {name_of(table, columns)}"


def downgrade() -> None:
    for table, names in () if is_sqlite() else WHOLE.items():
        short = {one: f"ADD INDEX {name_of(table, (one, 'at'))} ({one}(190), at)" for one in names}
        change(table, [part for one in names for part in (dropped(table, (one, "at")), short[one])])
    for table, indexes in NEW.items():
        change(table, [dropped(table, columns) for columns in indexes])
    for table in ("copy", "delivery"):
        op.drop_column(table, "domain")
