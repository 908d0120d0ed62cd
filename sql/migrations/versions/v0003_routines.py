"""The routines that run inside MariaDB. sql.schema installs what is not of its version after every upgrade."""

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing in the tables changes; a database of this revision is one that a routine may be installed in."""


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
