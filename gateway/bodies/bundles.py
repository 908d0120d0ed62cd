"""Small copies of deferred mail, many in one file.

Their senders still have the mail, so nothing is synced, and most are dropped soon: a file for each would cost more than
all the rest of a deferral. Each process appends to a bundle of its own; a record begins at a block of its own, so that
what is dropped gives its blocks back to the disk at once. Mail that becomes ours gets a file of its own (`files`).
"""

import ctypes
import os
import threading
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway import clock
from gateway.bodies.described import Kept, NoBody, from_json, to_json
from gateway.ids import new_id

MAGIC = b"GREYGATE-COPY 1 "
BLOCK = 4096
FULL = 16 * 1024 * 1024  # bytes after which the next bundle is begun
NAME = 20  # characters of an id, at most
HEAD = len(MAGIC) + NAME + 3 * 11 + 1  # the fixed first line: id, checksum, two lengths
PUNCH_HOLE = 0x01 | 0x02  # fallocate(2): FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE

libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


@dataclass(frozen=True, slots=True)
class Record:
    """Where a copy is in its bundle, and how long its description and its data are."""

    bundle: Path
    offset: int
    id: str
    checksum: int
    described: int
    size: int

    @property
    def length(self) -> int:
        """Whole blocks."""
        return blocks(HEAD + self.described + self.size)


class Bundles:
    """The bundles below a folder. Any process may read and drop; each adds to its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writing = threading.Lock()
        self.open: tuple[int, int] | None = None  # the file that we add to, and where its next record begins

    def add(self, kept: Kept, data: bytes) -> None:
        """Raises OSError when the disk is full."""
        described = to_json(kept)
        record = head(kept.id, described, data) + described + data
        with self.writing:
            handle, offset = self.at_end()
            if os.pwrite(handle, record, offset) != len(record):
                os.ftruncate(handle, offset)
                raise OSError(28, "No space left on device")
            self.open = (handle, offset + blocks(len(record)))

    def at_end(self) -> tuple[int, int]:
        if self.open is not None:
            handle, offset = self.open
            if offset < FULL and os.fstat(handle).st_nlink:  # an empty bundle may have been tidied away
                return self.open
            self.close()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = self.folder / f"{new_id(clock.now())}.{os.getpid()}"
        self.open = (os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600), 0)
        return self.open

    def close(self) -> None:
        if self.open is not None:
            os.close(self.open[0])
            self.open = None

    def kept(self, number: str) -> Kept:
        """Raises NoBody."""
        return self.load(self.find(number))[0]

    def read(self, number: str) -> bytes:
        """Raises NoBody when the copy is missing or damaged."""
        return self.load(self.find(number))[1]

    def load(self, record: Record) -> tuple[Kept, bytes]:
        with open(record.bundle, "rb") as file:
            file.seek(record.offset + HEAD)
            described, data = file.read(record.described), file.read(record.size)
        if zlib.crc32(data, zlib.crc32(described)) != record.checksum:
            raise NoBody(f"{record.id} is not whole")
        return from_json(described), data

    def find(self, number: str) -> Record:
        for bundle in self.likely(number):
            for record in records(bundle):
                if record.id == number:
                    return record
        raise NoBody(f"{number} is not here")

    def likely(self, number: str) -> list[Path]:
        """All bundles, those first that were begun shortly before a copy with this id was made: ids sort by time."""
        names = sorted(self.folder.glob("*"), key=lambda bundle: bundle.name, reverse=True)
        return sorted(names, key=lambda bundle: bundle.name > number)

    def drop(self, numbers: Collection[str]) -> None:
        """The blocks of these copies go back to the disk, and nobody can read them any more."""
        wanted = set(numbers)
        for bundle in self.likely(max(wanted, default="")):
            for record in [one for one in records(bundle) if one.id in wanted]:
                erase(record)
                wanted.discard(record.id)
            if not wanted:
                return

    def scan(self) -> Iterator[Kept]:
        """All whole copies."""
        for bundle in sorted(self.folder.glob("*")):
            for record in records(bundle):
                try:
                    yield self.load(record)[0]
                except (NoBody, FileNotFoundError):
                    continue

    def ids(self, older_than: datetime) -> Iterator[str]:
        """The copies in bundles that nobody adds to any more since a moment."""
        for bundle in self.quiet(older_than):
            yield from (record.id for record in records(bundle))

    def tidy(self, older_than: datetime) -> list[Path]:
        """Remove bundles of which everything was dropped; which."""
        empty = [bundle for bundle in self.quiet(older_than) if next(records(bundle), None) is None]
        for bundle in empty:
            bundle.unlink(missing_ok=True)
        return empty

    def quiet(self, since: datetime) -> list[Path]:
        return [bundle for bundle in sorted(self.folder.glob("*")) if modified(bundle) < since.timestamp()]


def head(number: str, described: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(data, zlib.crc32(described))
    return MAGIC + b"%-20s %010d %010d %010d\n" % (number.encode("ascii"), checksum, len(described), len(data))


def blocks(length: int) -> int:
    return -(-length // BLOCK) * BLOCK


def modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def records(bundle: Path) -> Iterator[Record]:
    """What is in a bundle, as far as it was not dropped; nothing when it is gone."""
    try:
        handle = os.open(bundle, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        offset = next_data(handle, 0)
        while offset is not None:
            record = parsed(bundle, offset, os.pread(handle, HEAD, offset))
            offset = next_data(handle, offset + (record.length if record else BLOCK))
            if record:
                yield record
    finally:
        os.close(handle)


def next_data(handle: int, offset: int) -> int | None:
    """The first block from there on that is no hole (lseek(2), SEEK_DATA)."""
    try:
        return os.lseek(handle, offset, os.SEEK_DATA) // BLOCK * BLOCK
    except OSError:  # ENXIO: nothing but holes up to the end
        return None


def parsed(bundle: Path, offset: int, line: bytes) -> Record | None:
    if len(line) != HEAD or not line.startswith(MAGIC):
        return None
    try:
        name, checksum, described, size = line[len(MAGIC) :].decode("ascii").split()
        return Record(bundle, offset, name, int(checksum), int(described), int(size))
    except ValueError:
        return None


def erase(record: Record) -> None:
    handle = os.open(record.bundle, os.O_RDWR | os.O_CLOEXEC)
    try:
        if libc.fallocate(handle, PUNCH_HOLE, record.offset, record.length) != 0:  # a file system that cannot
            os.pwrite(handle, bytes(HEAD + record.described + record.size), record.offset)
    finally:
        os.close(handle)
