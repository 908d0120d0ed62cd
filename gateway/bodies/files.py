"""Bodies as files: one line of magic, one line of JSON, and the bytes as they came.

Gateway-owned files are durable before anybody is told so: written, synced, renamed, and the folder synced.
"""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from gateway.bodies.bundles import Bundles
from gateway.bodies.described import Kept, NoBody, Owner, from_json, to_json
from gateway.bodies.place import NoRoom

MAGIC = b"GREYGATE-BODY 1\n"
SMALL = 64 * 1024  # bytes up to which a copy goes into a bundle
LOOK_EVERY = 1.0  # seconds that a look at the disk holds for small copies
CHUNK = 64 * 1024


class Missing(NoBody):
    """There is no such file: a small copy is in a bundle."""


class BodyFile:
    """An open body file: its bytes can be read as often as needed, whatever becomes of its name. Close it.

    Raises NoBody when it is missing, foreign or shorter than it says. Any other trouble is an OSError: a mail that
    cannot be read now is not a mail that is gone.
    """

    def __init__(self, path: Path) -> None:
        try:
            self.file = open(path, "rb")  # noqa: SIM115  (closed in close)
        except FileNotFoundError as error:
            raise Missing(f"{path.name}: {error.strerror}") from error
        except IsADirectoryError as error:
            raise NoBody(f"{path.name}: {error.strerror}") from error
        try:
            self.kept = self.description(path.name)
            self.begins = self.file.tell()
        except BaseException:
            self.file.close()
            raise

    def description(self, number: str) -> Kept:
        if self.file.read(len(MAGIC)) != MAGIC:
            raise NoBody(f"{number} is no body file")
        kept = from_json(self.file.readline())
        if kept.id != number or os.fstat(self.file.fileno()).st_size - self.file.tell() != kept.size:
            raise NoBody(f"{number} is not whole")
        return kept

    @property
    def size(self) -> int:
        return self.kept.size

    def chunks(self) -> Iterator[bytes]:
        """The bytes from the beginning. Two readers do not disturb each other."""
        done = 0
        while done < self.size:
            chunk = os.pread(self.file.fileno(), min(CHUNK, self.size - done), self.begins + done)
            if not chunk:
                raise OSError(errno.EIO, "a body became shorter while it was read", self.kept.id)
            done += len(chunk)
            yield chunk

    def close(self) -> None:
        self.file.close()


class FileBodies:
    """Bodies below a folder. `reserve` bytes of the disk are left to mail that we must own."""

    kind = "files"

    def __init__(self, folder: Path, reserve: int = 0) -> None:
        self.folder = folder
        self.reserve = reserve
        self.bundles = Bundles(folder / "bundles")
        self.looked = -LOOK_EVERY  # when the disk was looked at, and what of it copies could still take
        self.left = 0
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, number: str) -> Path:
        return self.folder / number[-2:] / number

    def write(self, kept: Kept, chunks: Iterable[bytes], *, durable: bool) -> None:
        """Write a body; durable: on stable storage when this returns. Raises NoRoom."""
        if not durable and not self.has_room(kept.size):
            raise NoRoom("the rest of the disk is reserved for mail that is owned")
        if not durable and kept.size <= SMALL:
            self.bundle(kept, b"".join(chunks))
        else:
            self.write_file(kept, chunks, durable=durable)

    def bundle(self, kept: Kept, data: bytes) -> None:
        try:
            self.bundles.add(kept, data)
        except OSError as error:
            raise NoRoom(f"a copy could not be written: {error.strerror}") from error

    def write_file(self, kept: Kept, chunks: Iterable[bytes], *, durable: bool) -> None:
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

    def has_room(self, size: int) -> bool:
        """Whether a copy may take so much of the disk; for small ones a look a second is enough."""
        now = time.monotonic()
        if size > SMALL or now > self.looked + LOOK_EVERY or self.left < size:
            self.looked, self.left = now, self.free() - self.reserve
        self.left -= size
        return self.left >= 0

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
            was_bundled = not self.path(number).exists()
            self.write(change(self.kept(conn, number)), self.read(conn, number), durable=True)
            if was_bundled:
                self.bundles.drop([number])

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One rewriter at a time: two releases of one mail for two recipients must not undo each other."""
        with open(self.folder / ".lock", "ab", opener=private) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def kept(self, conn: Connection, number: str) -> Kept:
        try:
            return read_kept(self.path(number))
        except Missing:
            return self.bundles.kept(number)

    def read(self, conn: Connection, number: str) -> Iterator[bytes]:
        """The bytes, in chunks. Raises NoBody when they are missing or short."""
        try:
            yield from read_bytes(self.path(number))
        except Missing:
            yield self.bundles.read(number)

    def opened(self, number: str) -> BodyFile | None:
        """The file itself, to be read outside of any transaction. Raises NoBody, or OSError."""
        return BodyFile(self.path(number))

    def drop(self, conn: Connection, numbers: Iterable[str]) -> None:
        self.remove(numbers)

    def remove(self, numbers: Iterable[str]) -> None:
        """Drop bodies; no transaction is needed, and none should wait for it."""
        bundled = []
        for number in numbers:
            try:
                self.path(number).unlink()
            except FileNotFoundError:
                bundled.append(number)
        self.bundles.drop(bundled)

    def scan(self, conn: Connection) -> Iterator[Kept]:
        """All whole bodies; what cannot be read is passed over."""
        for path in sorted(self.folder.glob("??/[!.]*")):
            with contextlib.suppress(NoBody):
                yield read_kept(path)
        for kept in self.bundles.scan():
            if not self.path(kept.id).exists():  # it became ours in the meantime
                yield kept

    def strays(self, older_than: datetime) -> Iterator[Path]:
        """Unfinished files that their writer left behind."""
        for path in self.folder.glob("??/.*.tmp"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < older_than.timestamp():
                    yield path

    def unowned(self, older_than: datetime) -> Iterator[str]:
        """Old mails whose bytes are here and whose sender answers for them."""
        yield from self.bundles.ids(older_than)
        for path in self.folder.glob("??/[!.]*"):
            with contextlib.suppress(FileNotFoundError, NoBody):
                if path.stat().st_mtime < older_than.timestamp():
                    kept = read_kept(path)
                    if not any(owner.is_ours for owner in kept.owners):
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
    """The description in a body file. Raises as `opened` does."""
    with closing(BodyFile(path)) as body:
        return body.kept


def read_bytes(path: Path) -> Iterator[bytes]:
    with closing(BodyFile(path)) as body:
        yield from body.chunks()
