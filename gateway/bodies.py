"""The bytes of kept mail, in files or in the database, each with an envelope that describes itself.

A body file is one line of magic, one line of JSON, and the bytes as they came. Gateway-owned files are durable before
anybody is told so: written, synced, renamed, and the folder synced. `greygate db reindex` rebuilds the rows from them.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, delete, insert, select, update

from gateway.model import (
    Address,
    DeliveryState,
    Envelope,
    Fingerprint,
    MailParameters,
    Peer,
    ReasonCode,
    Recipient,
    Rung,
    RungKind,
)
from sql.tables import body

MAGIC = b"GREYGATE-BODY 1\n"
PIECE = 512 * 1024  # bytes per database row: well below MariaDB's smallest usual packet
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns the mail for one recipient. `state` is None while the sender does."""

    recipient: Recipient
    state: DeliveryState | None = None
    reason: ReasonCode | None = None
    release_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything about a kept mail but its bytes. `size` counts the bytes; `trace` is what we put on top of them."""

    id: str
    received_at: datetime
    envelope: Envelope
    peer: Peer
    rungs: frozenset[Rung]
    fingerprint: Fingerprint
    size: int
    trace: str
    author: str = ""
    subject: str = ""
    owners: tuple[Owner, ...] = ()

    def owned_by(self, owners: Iterable[Owner]) -> "Kept":
        """The same mail with other owners for the recipients named; of a copy, the others stay the sender's."""
        before = self.owners or tuple(Owner(one) for one in self.envelope.recipients)
        changed = {owner.recipient.address.key: owner for owner in (*before, *owners)}
        return replace(self, owners=tuple(changed.values()))

    def without(self, key: str) -> "Kept":
        """The same mail as if it had never had this recipient."""
        left = tuple(one for one in self.envelope.recipients if one.address.key != key)
        owners = tuple(one for one in self.owners if one.recipient.address.key != key)
        return replace(self, envelope=replace(self.envelope, recipients=left), owners=owners)


class NoBody(Exception):
    """The bytes of a mail are not there, or not whole."""


class NoRoom(Exception):
    """The bytes could not be written: the disk is full, or keeps room for mail that we must own."""


def to_json(kept: Kept) -> bytes:
    sender, parameters = kept.envelope.sender, kept.envelope.parameters
    described = {
        "id": kept.id,
        "received_at": kept.received_at.isoformat(),
        "sender": address_to_json(sender) if sender else None,
        "recipients": [recipient_to_json(one) for one in kept.envelope.recipients],
        "parameters": {
            "body_8bit": parameters.body_8bit,
            "smtputf8": parameters.smtputf8,
            "ret": parameters.ret,
            "envid": parameters.envid,
        },
        "peer": [str(kept.peer.address), kept.peer.helo, kept.peer.name, kept.peer.tls, kept.peer.esmtp],
        "rungs": sorted([int(rung.kind), rung.value] for rung in kept.rungs),
        "fingerprint": [getattr(kept.fingerprint, name) for name in ("whole", "body", "headers", "message_id")],
        "size": kept.size,
        "trace": kept.trace,
        "author": kept.author,
        "subject": kept.subject,
        "owners": [
            [recipient_to_json(one.recipient), one.state, one.reason, moment(one.release_at)] for one in kept.owners
        ],
    }
    return json.dumps(described, ensure_ascii=True).encode("ascii")


def moment(when: datetime | None) -> str | None:
    return when.isoformat() if when else None


def recipient_to_json(recipient: Recipient) -> dict[str, Any]:
    return {
        "address": address_to_json(recipient.address),
        "notify": recipient.notify,
        "orcpt": recipient.orcpt,
    }


def recipient_from(stored: dict[str, Any]) -> Recipient:
    return Recipient(Address(*stored["address"]), stored["notify"], stored["orcpt"])


def address_to_json(address: Address) -> list[str]:
    return [address.raw, address.local, address.domain]


def from_json(data: bytes) -> Kept:
    """Raises NoBody when the description is not one of ours."""
    try:
        return described(json.loads(data))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NoBody("the envelope of a kept mail cannot be read") from error


def described(stored: dict[str, Any]) -> Kept:
    recipients = tuple(recipient_from(one) for one in stored["recipients"])
    sender = Address(*stored["sender"]) if stored["sender"] else None
    address, helo, name, tls, esmtp = stored["peer"]
    return Kept(
        id=stored["id"],
        received_at=datetime.fromisoformat(stored["received_at"]),
        envelope=Envelope(sender, recipients, MailParameters(size=stored["size"], **stored["parameters"])),
        peer=Peer(ip_address(address), helo, name, tls, esmtp),
        rungs=frozenset(Rung(RungKind(kind), value) for kind, value in stored["rungs"]),
        fingerprint=Fingerprint(*stored["fingerprint"]),
        size=stored["size"],
        trace=stored["trace"],
        author=stored["author"],
        subject=stored["subject"],
        owners=tuple(owner_from(one) for one in stored["owners"]),
    )


def owner_from(stored: list[Any]) -> Owner:
    recipient, state, reason, release_at = stored
    return Owner(
        recipient_from(recipient),
        DeliveryState(state) if state else None,
        ReasonCode(reason) if reason else None,
        datetime.fromisoformat(release_at) if release_at else None,
    )


class Bodies(Protocol):
    """Where the bytes are. `write` comes before the transaction that tells of them, `record` is part of it."""

    kind: str

    def write(self, kept: Kept, chunks: Iterable[bytes], *, durable: bool) -> None: ...
    def record(self, conn: Connection, kept: Kept, chunks: Iterable[bytes]) -> None: ...
    def own(self, conn: Connection, number: str, owners: Iterable[Owner]) -> None: ...
    def forget(self, conn: Connection, number: str, recipient: str) -> None: ...
    def kept(self, conn: Connection, number: str) -> Kept: ...
    def read(self, conn: Connection, number: str) -> Iterator[bytes]: ...
    def drop(self, conn: Connection, numbers: Iterable[str]) -> None: ...
    def scan(self, conn: Connection) -> Iterator[Kept]: ...


class FileBodies:
    """Bodies below a folder. `reserve` bytes of the disk are left to mail that we must own."""

    kind = "files"

    def __init__(self, folder: Path, reserve: int = 0) -> None:
        self.folder = folder
        self.reserve = reserve
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, number: str) -> Path:
        return self.folder / number[-2:] / number

    def write(self, kept: Kept, chunks: Iterable[bytes], *, durable: bool) -> None:
        """Write a body; durable: on stable storage when this returns. Raises NoRoom."""
        if not durable and self.free() < self.reserve + kept.size:
            raise NoRoom("the rest of the disk is reserved for mail that is owned")
        target = self.path(kept.id)
        partial = target.with_name(f".{kept.id}.{os.getpid()}.tmp")
        try:
            self.make_folder(target.parent, durable=durable)
            with open(partial, "xb", opener=private) as file:
                file.write(MAGIC + to_json(kept) + b"\n")
                file.writelines(chunks)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            partial.rename(target)
            if durable:
                sync_folder(target.parent)
        except OSError as error:
            raise NoRoom(f"a body could not be written: {error.strerror}") from error
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)

    def make_folder(self, folder: Path, *, durable: bool) -> None:
        if not folder.is_dir():
            folder.mkdir(exist_ok=True, mode=0o700)
            like_its_folder(folder)
        if durable:
            sync_folder(self.folder)

    def free(self) -> int:
        """Bytes free on the disk for us."""
        state = os.statvfs(self.folder)
        return state.f_bavail * state.f_frsize

    def record(self, conn: Connection, kept: Kept, chunks: Iterable[bytes]) -> None:
        """Nothing: the file is the record."""

    def own(self, conn: Connection, number: str, owners: Iterable[Owner]) -> None:
        """Make a body ours for these recipients: rewritten with its new envelope and durable when this returns."""
        self.rewrite(conn, number, lambda kept: kept.owned_by(owners))

    def forget(self, conn: Connection, number: str, recipient: str) -> None:
        self.rewrite(conn, number, lambda kept: kept.without(recipient))

    def rewrite(self, conn: Connection, number: str, change: Callable[[Kept], Kept]) -> None:
        with self.locked():
            self.write(change(self.kept(conn, number)), self.read(conn, number), durable=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One rewriter at a time: two releases of one mail for two recipients must not undo each other."""
        with open(self.folder / ".lock", "ab", opener=private) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def kept(self, conn: Connection, number: str) -> Kept:
        return read_kept(self.path(number))

    def read(self, conn: Connection, number: str) -> Iterator[bytes]:
        """The bytes, in chunks. Raises NoBody when they are missing or short."""
        return read_bytes(self.path(number))

    def drop(self, conn: Connection, numbers: Iterable[str]) -> None:
        for number in numbers:
            self.path(number).unlink(missing_ok=True)

    def scan(self, conn: Connection) -> Iterator[Kept]:
        """All whole bodies; what cannot be read is passed over."""
        for path in sorted(self.folder.glob("??/[!.]*")):
            with contextlib.suppress(NoBody):
                yield read_kept(path)

    def strays(self, older_than: datetime) -> Iterator[Path]:
        """Unfinished files that their writer left behind."""
        for path in self.folder.glob("??/.*.tmp"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < older_than.timestamp():
                    yield path

    def unowned(self, older_than: datetime) -> Iterator[str]:
        """Old mails whose bytes are here and whose sender answers for them."""
        for path in self.folder.glob("??/[!.]*"):
            with contextlib.suppress(FileNotFoundError, NoBody):
                if path.stat().st_mtime < older_than.timestamp():
                    kept = read_kept(path)
                    if all(owner.state is None for owner in kept.owners):
                        yield kept.id


def private(path: str, flags: int) -> int:
    handle = os.open(path, flags | os.O_CLOEXEC, 0o600)
    like_its_folder(Path(path))
    return handle


def like_its_folder(path: Path) -> None:
    """What root writes at the command line belongs to the account that runs Greygate, which must read it again."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_kept(path: Path) -> Kept:
    """The description in a body file. Raises NoBody when it is missing, foreign or shorter than it says.

    Any other trouble is an OSError: a mail that cannot be read now is not a mail that is gone.
    """
    try:
        with open(path, "rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise NoBody(f"{path.name} is no body file")
            kept = from_json(file.readline())
            if kept.id != path.name or os.fstat(file.fileno()).st_size - file.tell() != kept.size:
                raise NoBody(f"{path.name} is not whole")
            return kept
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NoBody(f"{path.name}: {error.strerror}") from error


def read_bytes(path: Path) -> Iterator[bytes]:
    read_kept(path)
    with open(path, "rb") as file:
        file.readline()
        file.readline()
        while chunk := file.read(CHUNK):
            yield chunk


class DatabaseBodies:
    """Bodies as rows, for several nodes that share one database and no disk."""

    kind = "database"

    def write(self, kept: Kept, chunks: Iterable[bytes], *, durable: bool) -> None:
        """Nothing: the transaction that tells of the mail carries its bytes."""

    def record(self, conn: Connection, kept: Kept, chunks: Iterable[bytes]) -> None:
        conn.execute(insert(body).values(message=kept.id, part=0, data=to_json(kept)))
        for part, piece in enumerate(pieces(chunks), start=1):
            conn.execute(insert(body).values(message=kept.id, part=part, data=piece))

    def own(self, conn: Connection, number: str, owners: Iterable[Owner]) -> None:
        self.rewrite(conn, number, lambda kept: kept.owned_by(owners))

    def forget(self, conn: Connection, number: str, recipient: str) -> None:
        self.rewrite(conn, number, lambda kept: kept.without(recipient))

    def rewrite(self, conn: Connection, number: str, change: Callable[[Kept], Kept]) -> None:
        kept = change(self.kept(conn, number, alone=True))
        first = update(body).where(body.c.message == number, body.c.part == 0)
        conn.execute(first.values(data=to_json(kept)))

    def kept(self, conn: Connection, number: str, *, alone: bool = False) -> Kept:
        """The description; `alone`: nobody else may change it until our transaction ends."""
        query = select(body.c.data).where(body.c.message == number, body.c.part == 0)
        stored = conn.execute(query.with_for_update() if alone else query).scalar_one_or_none()
        if stored is None:
            raise NoBody(f"{number} has no body")
        return from_json(stored)

    def read(self, conn: Connection, number: str) -> Iterator[bytes]:
        parts = select(body.c.part).where(body.c.message == number, body.c.part > 0).order_by(body.c.part)
        missing = self.kept(conn, number).size
        for part in list(conn.execute(parts).scalars()):
            one = select(body.c.data).where(body.c.message == number, body.c.part == part)
            piece = conn.execute(one).scalar_one()
            missing -= len(piece)
            yield piece
        if missing:
            raise NoBody(f"{number} is not whole")

    def drop(self, conn: Connection, numbers: Iterable[str]) -> None:
        conn.execute(delete(body).where(body.c.message.in_(list(numbers))))

    def scan(self, conn: Connection) -> Iterator[Kept]:
        for stored in list(conn.execute(select(body.c.data).where(body.c.part == 0)).scalars()):
            with contextlib.suppress(NoBody):
                yield from_json(stored)


def pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in database-sized pieces."""
    gathered = bytearray()
    for chunk in chunks:
        gathered += chunk
        while len(gathered) >= PIECE:
            yield bytes(gathered[:PIECE])
            del gathered[:PIECE]
    if gathered:
        yield bytes(gathered)
