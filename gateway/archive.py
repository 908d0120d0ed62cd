"""Backup and restore, and rebuilding rows from bodies. The archive fits both kinds of database."""

import base64
import io
import json
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Table, func, insert, select

from gateway.bodies import Bodies, Kept, NoBody, Owner
from gateway.bodies import from_json as read_described
from gateway.bodies import to_json as describe
from gateway.model import DeliveryState, ReasonCode
from gateway.policy.hold import Lifetime, lifetime
from gateway.settings import Settings
from gateway.store import copies, deliveries, messages
from gateway.store.deliveries import Owned
from sql import schema
from sql.tables import UTCDateTime, body, metadata

Progress = Callable[[str, int], None]

FORMAT = 1
PAGE = 1000


class BadArchive(Exception):
    """An archive that is not ours, not whole, or of another schema."""


def tables() -> list[Table]:
    """All tables but the bytes of mails, which are archived as files whatever they are kept in; parents first."""
    return [table for table in metadata.sorted_tables if table is not body]


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


def add_table(tar: tarfile.TarFile, conn: Connection, table: Table) -> int:
    rows = 0
    with tempfile.TemporaryFile() as file:
        for row in conn.execute(select(table).execution_options(stream_results=True, yield_per=PAGE)).mappings():
            line = {column.name: to_json(row[column.name]) for column in table.columns}
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
    """Fill an empty database and folder from an archive. Raises BadArchive; the caller rolls back."""
    counts: dict[str, int] = {}
    wanted = {f"tables/{table.name}.jsonl": table for table in tables()}
    try:
        with tarfile.open(fileobj=source, mode="r:gz") as tar:
            for entry in tar:
                file = tar.extractfile(entry)
                if file is None:
                    raise BadArchive(f"{entry.name} is no file")
                if entry.name == "greygate.json":
                    check_header(json.load(file))
                elif entry.name == "verdict.key":
                    key.touch(mode=0o600)
                    key.write_bytes(file.read())
                elif entry.name in wanted:
                    table = wanted.pop(entry.name)
                    counts[table.name] = restore_table(conn, table, file)
                    progress(table.name, counts[table.name])
                elif entry.name.startswith("bodies/"):
                    restore_body(conn, bodies, file)
                    counts["bodies"] = counts.get("bodies", 0) + 1
    except (tarfile.TarError, OSError, ValueError, KeyError, EOFError) as error:
        raise BadArchive(f"the archive cannot be read: {error}") from error
    if wanted:
        raise BadArchive(f"the archive lacks {', '.join(sorted(wanted))}")
    return counts


def check_header(header: dict[str, Any]) -> None:
    if header.get("format") != FORMAT:
        raise BadArchive("this is no archive of greygate backup, or one of a newer version")
    if header.get("schema") != schema.newest():
        raise BadArchive(f"the archive has schema {header.get('schema')}, this version has {schema.newest()}")


def restore_table(conn: Connection, table: Table, file: IO[bytes]) -> int:
    rows, batch = 0, []
    for line in file:
        batch.append(from_json(table, json.loads(line)))
        rows += 1
        if len(batch) == PAGE:
            conn.execute(insert(table), batch)
            batch = []
    if batch:
        conn.execute(insert(table), batch)
    return rows


def from_json(table: Table, line: dict[str, Any]) -> dict[str, Any]:
    row = {}
    for column in table.columns:
        value = line[column.name]
        if isinstance(value, dict) and set(value) == {"b64"}:
            value = base64.b64decode(value["b64"])
        elif isinstance(column.type, UTCDateTime) and value is not None:
            value = datetime.fromisoformat(value)
        row[column.name] = value
    return row


def restore_body(conn: Connection, bodies: Bodies, file: IO[bytes]) -> None:
    kept = read_described(file.readline())
    with tempfile.TemporaryFile() as held:
        while chunk := file.read(65536):
            held.write(chunk)

        def chunks() -> Iterator[bytes]:
            held.seek(0)
            while chunk := held.read(65536):
                yield chunk

        bodies.write(kept, chunks(), durable=True)
        bodies.record(conn, kept, chunks())


def is_empty(conn: Connection) -> bool:
    """True when no table has a row."""
    return all(not conn.execute(select(func.count()).select_from(table)).scalar_one() for table in tables())


def reindex(conn: Connection, bodies: Bodies, settings: Settings, now: datetime) -> tuple[int, int]:
    """Rebuild the rows of bodies that have none; how many bodies were seen, and how many were rebuilt.

    What was ours comes back as it was meant: held, or on its way. What was the sender's is its again.
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
    owned = [owner for owner in kept.owners if owner.state is not None]
    for owner in owned:
        deliveries.own(conn, kept.id, owned_again(owner, settings, now), now)
    if not owned:
        for recipient in kept.envelope.recipients:
            copies.note(conn, kept.id, kept.envelope.sender_key, recipient, kept.received_at)


def owned_again(owner: Owner, settings: Settings, now: datetime) -> Owned:
    state = owner.state or DeliveryState.HELD
    life = lifetime(now, settings.hold.keep, None)
    if owner.release_at is not None:
        life = Lifetime(owner.release_at, None)
    reason = owner.reason or ReasonCode.INTERNAL_FAILURE
    return Owned(owner.recipient, state, reason, life if state is DeliveryState.HELD else deliveries.NEVER)
