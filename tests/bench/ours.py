"""Greygate as it is measured: two workers, limits per peer raised because all load comes from one address."""

import resource
from pathlib import Path
from typing import Any

from tests.gate import Gate, merged
from tests.mariadb import MariaDB

Sections = dict[str, dict[str, Any]]

MANY = 20_000
RAISED: Sections = {
    "limits": {
        "connections": MANY,
        "connections_per_address": MANY,
        "connections_per_network": MANY,
        "connections_per_known_network": MANY,
    },
    "storage": {"copies_per_network": "2GiB"},
    "tarpit": {"greet_pause": "0s"},
}
FILES = 65_536
POOL = 2**30  # bytes of MariaDB's buffer pool: a test server's 64 MiB would measure the disk


def raised() -> str:
    """What `settings` changes for all that is measured, in words."""
    return ", ".join(f"[{name}] {key} = {value}" for name, keys in RAISED.items() for key, value in keys.items())


def settings(database: str | None = None, **more: dict[str, Any]) -> Sections:
    """`database` is a URL, or None for SQLite in the gate's folder."""
    base = merged({"smtp": {"workers": 2}}, RAISED)
    chosen: Sections = {"database": {"url": database}} if database else {}
    return merged(merged(base, chosen), more)


def gate(folder: Path, backend: str, sections: Sections) -> Gate:
    folder.mkdir(parents=True, exist_ok=True)
    return Gate(folder, backend, sections)


def allow_many_files() -> None:
    """For us and for all that we start."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(FILES, soft), max(FILES, hard)))
    except ValueError:  # only root may go above the hard limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def mariadb() -> MariaDB:
    """A private server with the memory of a small production server; as durable as by default."""
    server = MariaDB.start()
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET GLOBAL innodb_buffer_pool_size = %s", (POOL,))
        cursor.execute("SET GLOBAL innodb_log_file_size = %s", (POOL // 4,))
    return server
