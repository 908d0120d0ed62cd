"""From when on a substitute stands in, and an index to find whom the house remembers by an identity.

MariaDB builds the index while everybody goes on reading and writing.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.add_column("person_address", sa.Column("since", MOMENT))
    op.create_index("ix_memory_value", "memory", ["value"], mysql_length=190, mariadb_length=190)


def downgrade() -> None:
    op.drop_index("ix_memory_value", "memory")
    op.drop_column("person_address", "since")
