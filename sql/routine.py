"""The routines that run inside MariaDB: their texts, their versions, and whether a database has them."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection

FOLDER = Path(__file__).parent / "routines"
VERSION = "@VERSION@"  # in a text: where its version is written into its COMMENT

INSTALLED = (
    "SELECT routine_comment FROM information_schema.routines WHERE routine_schema = DATABASE() AND routine_name = %s"
)


@cache
def text(name: str) -> str:
    return (FOLDER / f"{name}.sql").read_text(encoding="utf-8")


def version(name: str) -> str:
    """A digest of the text: another text is another version."""
    return f"greygate {sha256(text(name).encode()).hexdigest()[:16]}"


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.sql"))


def is_current(conn: Connection, name: str) -> bool:
    """True when the database has this very version (and we may know it). Never on SQLite."""
    if conn.dialect.name == "sqlite":
        return False
    return conn.exec_driver_sql(INSTALLED, (name,)).scalar() == version(name)


def install(conn: Connection) -> list[str]:
    """Create or replace what is not of this version; the names. Nothing on SQLite. Commits, as every DDL there."""
    if conn.dialect.name == "sqlite":
        return []
    missing = [name for name in names() if not is_current(conn, name)]
    for name in missing:
        conn.exec_driver_sql(text(name).replace(VERSION, version(name)))
    return missing
