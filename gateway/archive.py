"""Backup and restore, and rebuilding rows from bodies. The archive fits both kinds of database."""

import base64
import io
import json
import re
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Column, Connection, Engine, Table, func, insert, select
from sqlalchemy.exc import DataError, IntegrityError

from gateway.bodies import Bodies, Kept, NoBody, Owner
from gateway.bodies import from_json as read_described
from gateway.bodies import to_json as describe
from gateway.model import CopyState, DeliveryState, ReasonCode
from gateway.policy.hold import Lifetime, lifetime
from gateway.settings import Settings
from gateway.store import copies, deliveries, messages, reviews
from gateway.store.copies import Deferred
from gateway.store.deliveries import Owned
from gateway.store.engine import sync_engine
from sql import schema
from sql.columns import UTCDateTime
from sql.tables import body, message, metadata

Progress = Callable[[str, int], None]

FORMAT = 1
PAGE = 1000
ID = re.compile("[0-9a-z]{1,20}")
UNREADABLE = (
    tarfile.TarError, zlib.error, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, RecursionError,
    NoBody, IntegrityError, DataError,
)  # fmt: skip


class BadArchive(Exception):
    """An archive that is not ours, not whole, or of another schema."""


def tables() -> list[Table]:
    """All tables but the bytes of mails, which are archived as files whatever they are kept in; parents first."""
    return [table for table in metadata.sorted_tables if table is not body]


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """One consistent state of the database to read from, while mail goes on.

    A reader of SQLite's file keeps writers from committing for as long as it reads, so a copy is read instead.
    """
    if engine.dialect.name != "sqlite":
        reading = engine.connect().execution_options(isolation_level="REPEATABLE READ")
        with reading as conn, conn.begin():
            yield conn
        return
    with tempfile.TemporaryDirectory(prefix="greygate-backup-") as folder:
        path = Path(folder) / "copy.db"
        with closing(sqlite3.connect(str(engine.url.database))) as source, closing(sqlite3.connect(path)) as target:
            source.backup(target)
        with sync_engine(f"sqlite:///{path}").connect() as conn, conn.begin():
            yield conn


def backup(conn: Connection, bodies: Bodies, key: Path, target: IO[bytes], progress: Progress) -> dict[str, int]:
    """Write everything into a tar.gz; rows per table. Reads one consistent state of the database."""
    counts = {}
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        add_bytes(tar, "greygate.json", json.dumps({"format": FORMAT, "schema": schema.newest()}).encode())
        for table in tables():
            counts[table.name] = add_table(tar, conn, table)
            progress(table.name, counts[table.name])
        if key.exists():
            add_bytes(tar, "verdict.key", key.read_bytes())
        counts["bodies"] = add_bodies(tar, conn, bodies)
        progress("bodies", counts["bodies"])
    return counts


def add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o600
    tar.addfile(entry, io.BytesIO(data))


def add_file(tar: tarfile.TarFile, name: str, file: IO[bytes]) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = file.tell(), 0o600
    file.seek(0)
    tar.addfile(entry, file)


def given(table: Table) -> list[Column[Any]]:
    """Its columns, without those that the database works out for itself."""
    return [column for column in table.columns if column.computed is None]


def add_table(tar: tarfile.TarFile, conn: Connection, table: Table) -> int:
    rows = 0
    with tempfile.TemporaryFile() as file:
        for row in conn.execute(select(table).execution_options(stream_results=True, yield_per=PAGE)).mappings():
            line = {column.name: to_json(row[column.name]) for column in given(table)}
            file.write(json.dumps(line).encode() + b"\n")
            rows += 1
        add_file(tar, f"tables/{table.name}.jsonl", file)
    return rows


def add_bodies(tar: tarfile.TarFile, conn: Connection, bodies: Bodies) -> int:
    kept = 0
    for one in bodies.scan(conn):
        with suppress(NoBody), tempfile.TemporaryFile() as file:
            file.write(envelope_line(one))
            for chunk in bodies.read(conn, one.id):
                file.write(chunk)
            add_file(tar, f"bodies/{one.id}", file)
            kept += 1
    return kept


def envelope_line(kept: Kept) -> bytes:
    return describe(kept) + b"\n"


def to_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    return value.isoformat() if isinstance(value, datetime) else value


def restore(conn: Connection, bodies: Bodies, key: Path, source: IO[bytes], progress: Progress) -> dict[str, int]:
    """Fill an empty database and folder from an archive. Raises BadArchive or NoRoom; the caller rolls back."""
    written: list[str] = []
    try:
        with tarfile.open(fileobj=source, mode="r:gz") as tar:
            counts, found_key = restore_entries(conn, bodies, tar, written, progress)
    except BaseException as error:
        if bodies.kind == "files":
            bodies.drop(conn, written)  # rows vanish with the transaction, files do not
        if isinstance(error, UNREADABLE):
            raise BadArchive(f"the archive cannot be read: {reason(error)}") from error
        raise
    if found_key is not None:
        key.touch(mode=0o600)
        key.write_bytes(found_key)
    return counts


def reason(error: BaseException) -> str:
    """What is wrong in few words, without the values of a statement."""
    return str(getattr(error, "orig", error)) or type(error).__name__


def restore_entries(
    conn: Connection, bodies: Bodies, tar: tarfile.TarFile, written: list[str], progress: Progress
) -> tuple[dict[str, int], bytes | None]:
    """Rows per table, and the key; `written` collects the bodies as they are written."""
    counts: dict[str, int] = {}
    key = None
    wanted = {f"tables/{table.name}.jsonl": table for table in tables()}
    first = tar.next()
    check_header(json.load(contents(tar, first)) if first and first.name == "greygate.json" else None)
    while entry := tar.next():
        file = contents(tar, entry)
        if entry.name == "verdict.key":
            key = file.read()
        elif entry.name in wanted:
            table = wanted.pop(entry.name)
            counts[table.name] = restore_table(conn, table, file, bodies.kind)
            progress(table.name, counts[table.name])
        elif entry.name.startswith("bodies/"):
            restore_body(conn, bodies, entry.name.removeprefix("bodies/"), file, written)
            counts["bodies"] = counts.get("bodies", 0) + 1
        else:
            raise BadArchive(f"{entry.name} does not belong in it")
    while tar.fileobj is not None and tar.fileobj.read(65536):
        pass  # to its very end, where the checksum is
    if wanted:
        raise BadArchive(f"the archive lacks {', '.join(sorted(wanted))}")
    return counts, key


def contents(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(entry) if entry.isfile() else None
    if file is None:
        raise BadArchive(f"{entry.name} is no file")
    return file


def check_header(header: Any) -> None:
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise BadArchive("this is no archive of greygate backup, or one of a newer version")
    if header.get("schema") != schema.newest():
        raise BadArchive(f"the archive has schema {header.get('schema')}, this version has {schema.newest()}")


def restore_table(conn: Connection, table: Table, file: IO[bytes], kept_in: str) -> int:
    rows, batch = 0, []
    for line in file:
        row = from_json(table, json.loads(line))
        if table is message and row["stored"] != "none":
            row["stored"] = kept_in
        batch.append(row)
        rows += 1
        if len(batch) == PAGE:
            conn.execute(insert(table), batch)
            batch = []
    if batch:
        conn.execute(insert(table), batch)
    return rows


def from_json(table: Table, line: dict[str, Any]) -> dict[str, Any]:
    row = {}
    for column in given(table):
        value = line[column.name]
        if isinstance(value, dict) and set(value) == {"b64"}:
            value = base64.b64decode(value["b64"])
        elif isinstance(column.type, UTCDateTime) and value is not None:
            value = datetime.fromisoformat(value)
        row[column.name] = value
    return row


def restore_body(conn: Connection, bodies: Bodies, number: str, file: IO[bytes], written: list[str]) -> None:
    """Write one body. One that is there already is newer than the archive and stays."""
    kept = read_described(file.readline())
    if kept.id != number or not ID.fullmatch(number):
        raise BadArchive(f"bodies/{number[:20]!r} is not the mail that it says")
    with suppress(NoBody):
        bodies.kept(conn, number)
        return
    with tempfile.TemporaryFile() as held:
        while chunk := file.read(65536):
            held.write(chunk)

        def chunks() -> Iterator[bytes]:
            held.seek(0)
            while chunk := held.read(65536):
                yield chunk

        if held.tell() != kept.size:
            raise BadArchive(f"bodies/{number} is not whole")
        written.append(number)
        bodies.write(kept, chunks(), durable=True)
        bodies.record(conn, kept, chunks())


def is_empty(conn: Connection) -> bool:
    """True when no table has a row."""
    return all(not conn.execute(select(func.count()).select_from(table)).scalar_one() for table in tables())


def reindex(conn: Connection, bodies: Bodies, settings: Settings, now: datetime) -> tuple[int, int]:
    """Rebuild the rows of bodies that have none; how many bodies were seen, and how many were rebuilt.

    What was ours comes back as it was meant: held, or on its way. What was the sender's is its again, and what was
    delivered and is listed for review stays so.
    """
    seen, rebuilt = 0, 0
    for kept in bodies.scan(conn):
        seen += 1
        if not messages.ids(conn, [kept.id]):
            messages.add(conn, kept, bodies.kind)
            rebuild(conn, kept, settings, now)
            rebuilt += 1
    return seen, rebuilt


def rebuild(conn: Connection, kept: Kept, settings: Settings, now: datetime) -> None:
    for owner in kept.owners or tuple(Owner(one) for one in kept.envelope.recipients):
        if isinstance(owner.state, DeliveryState):
            deliveries.own(conn, kept.id, owned_again(owner, owner.state, settings, now), now)
        elif owner.state is CopyState.LISTED:
            reviews.list_copies(conn, kept, [(owner.recipient, owner.reason or ReasonCode.AUDIT_SAMPLED)])
        else:
            copies.note(conn, [Deferred(kept.id, owner.recipient, kept.received_at)])


def owned_again(owner: Owner, state: DeliveryState, settings: Settings, now: datetime) -> Owned:
    life = lifetime(now, settings.hold.keep, None)
    if owner.release_at is not None:
        life = Lifetime(owner.release_at, None)
    reason = owner.reason or ReasonCode.INTERNAL_FAILURE
    return Owned(owner.recipient, state, reason, life if state is DeliveryState.HELD else deliveries.NEVER)
