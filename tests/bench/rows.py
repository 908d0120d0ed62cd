"""Rows as a busy server has them after a while, in bulk: remembered triplets and the sightings of the last days.

Triplet number N is the same every time, so that a decision can be asked about any of them.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from gateway.model import Grade, Rung, RungKind
from gateway.store.keys import content_keys, digest, rung_key
from tests.mariadb import MariaDB

SIGHTINGS_EVERY = 5  # one sighting on so many triplets: it is kept for 4 days, the triplet for 36
DOMAINS, RECIPIENTS, NETWORKS = 100_000, 5_000, 500
NEXT_ID = 1_000_000_000  # of sightings that the gate makes: beyond all of ours
LETTERS = "abcdefghijklmnopqrstuvwxyz"
MEMORY = (
    "key", "kind", "value", "sender", "recipient", "grade", "earned", "first_seen", "last_seen", "expires",
    "author", "comment",
)  # fmt: skip
SIGHTING = (
    "id", "sender", "recipient", "first_seen", "last_seen", "tries", "size", "body", "message_id", "body_key",
    "message_id_key", "passed_at", "network_only",
)  # fmt: skip
RUNG = ("key", "sighting_id", "kind", "value")
BINARY = ("key", "body_key", "message_id_key")
Row = tuple[Any, ...]


def word(number: int) -> str:
    """A number in letters: digits in an address could be taken for those of a bounce address."""
    found = LETTERS[number % 26]
    while number := number // 26:
        found = LETTERS[number % 26] + found
    return found


def source(number: int) -> str:
    """The address that triplet comes from: loopback, about which DNS is not asked."""
    network = number % NETWORKS
    return f"127.{10 + network // 250}.{network % 250}.7"


def network(number: int) -> str:
    return source(number).rpartition(".")[0] + ".0/24"


def sender(number: int) -> str:
    return f"{word(number)}@{word(number % DOMAINS)}.example"


def recipient(number: int) -> str:
    return f"user.{word(number % RECIPIENTS)}@example.com"


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def remembered(first: int, last: int, expires_in: timedelta) -> Iterator[Row]:
    """Rows of `memory`. With a negative `expires_in` their time is over."""
    now = datetime.now(UTC)
    seen, expires = text(now - timedelta(days=3)), text(now + expires_in)
    for number in range(first, last):
        value, whose, whom = network(number), sender(number), recipient(number)
        kind = int(RungKind.NETWORK)
        key = digest("memory", str(kind), value, whose, whom)
        yield key, kind, value, whose, whom, int(Grade.REMEMBERED), "waited", seen, seen, expires, "", ""


def seen(first: int, last: int) -> Iterator[tuple[Row, list[Row]]]:
    """Rows of `sighting` with their rungs: a server with a name, that came back; of every other one we saw the data."""
    now = datetime.now(UTC)
    for number in range(first, last, SIGHTINGS_EVERY):
        whose, whom = sender(number), recipient(number)
        at = text(now - timedelta(seconds=number % 300_000))
        rungs = (
            Rung(RungKind.NETWORK, network(number)),
            Rung(RungKind.FCRDNS, f"mail.{word(number % DOMAINS)}.example"),
        )
        saw_data = number // SIGHTINGS_EVERY % 2 == 1
        body, message_id = (f"{number:064x}", f"{number:063x}f") if saw_data else (None, None)
        keys = content_keys(whose, whom, body, message_id).values()
        row = (number + 1, whose, whom, at, at, 2, 4096, body, message_id, *keys, at, 0)
        yield (
            row,
            [
                (rung_key(rung, whose, whom, saw_data=saw_data), number + 1, int(rung.kind), rung.value)
                for rung in rungs
            ],
        )


def batches(rows: Iterable[Any], size: int = 20_000) -> Iterator[list[Any]]:
    rest = iter(rows)
    while taken := list(islice(rest, size)):
        yield taken


def load_sqlite(path: Path, first: int, last: int, expires_in: timedelta, *, with_sightings: bool = True) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("synchronous=OFF", "cache_size=-1500000"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN")
    for rows in batches(remembered(first, last, expires_in)):
        connection.executemany(insert("memory", MEMORY, "?"), rows)
    if with_sightings:
        for pairs in batches(seen(first, last)):
            connection.executemany(insert("sighting", SIGHTING, "?"), [row for row, _ in pairs])
            connection.executemany(insert("sighting_rung", RUNG, "?"), [rung for _, rungs in pairs for rung in rungs])
        connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'sighting'", (NEXT_ID,))
    connection.execute("COMMIT")
    connection.close()


def load_mariadb(
    server: MariaDB, name: str, first: int, last: int, expires_in: timedelta, *, with_sightings: bool = True
) -> None:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"USE {name}")
        for setting in ("unique_checks = 0", "foreign_key_checks = 0"):
            cursor.execute(f"SET {setting}")
        cursor.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 0")
        file = server.folder / "rows.tsv"
        for rows in batches(remembered(first, last, expires_in), 250_000):
            load_file(cursor, file, "memory", MEMORY, rows)
        if with_sightings:
            for pairs in batches(seen(first, last), 100_000):
                load_file(cursor, file, "sighting", SIGHTING, [row for row, _ in pairs])
                load_file(cursor, file, "sighting_rung", RUNG, [rung for _, rungs in pairs for rung in rungs])
            cursor.execute(f"ALTER TABLE sighting AUTO_INCREMENT = {NEXT_ID}")
        file.unlink(missing_ok=True)
        connection.commit()
        cursor.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
        cursor.execute("ANALYZE TABLE memory, sighting, sighting_rung")


def insert(table: str, columns: tuple[str, ...], mark: str) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join([mark] * len(columns))})"


def load_file(
    cursor: Any, path: Path, table: str, columns: tuple[str, ...], rows: list[Row], binary: Collection[str] = BINARY
) -> None:
    """LOAD DATA in the order of the primary key; digests, the `binary` columns, travel as hexadecimal."""
    path.write_text("".join("\t".join(map(cell, row)) + "\n" for row in sorted(rows, key=lambda row: row[0])))
    path.chmod(0o644)
    names = ", ".join(f"@{column}" if column in binary else f"`{column}`" for column in columns)
    given = ", ".join(f"`{column}` = UNHEX(@{column})" for column in columns if column in binary)
    told = f"LOAD DATA INFILE '{path}' INTO TABLE {table} CHARACTER SET utf8mb4 ({names})"
    cursor.execute(f"{told} SET {given}" if given else told)


def cell(value: Any) -> str:
    if value is None:
        return r"\N"
    return value.hex() if isinstance(value, bytes) else str(value)
