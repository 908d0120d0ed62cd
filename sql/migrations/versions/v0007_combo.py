"""List entries that say which proof a name needs, where they come from and who withdrew them; private hosters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def exact(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
    )


def upgrade() -> None:
    op.add_column("listed", sa.Column("signature", exact(255)))
    op.add_column("listed", sa.Column("binds", sa.String(16), nullable=False, server_default="everything"))
    op.add_column("listed", sa.Column("message", exact(20)))
    op.add_column("listed", sa.Column("withdrawn_at", MOMENT))
    op.add_column("listed", sa.Column("withdrawn_by", exact(255)))
    op.create_table(
        "hoster",
        sa.Column("id", sa.BigInteger().with_variant(sa.INTEGER(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("value", exact(255), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("author", exact(255), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hoster")),
        sa.UniqueConstraint("kind", "value", name=op.f("uq_hoster_kind_value")),
        sqlite_autoincrement=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mariadb_engine="InnoDB",
        mariadb_charset="utf8mb4",
    )


def downgrade() -> None:
    op.drop_table("hoster")
    for name in ("withdrawn_by", "withdrawn_at", "message", "binds", "signature"):
        op.drop_column("listed", name)
