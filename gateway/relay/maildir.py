"""Final delivery into one Maildir per recipient (https://cr.yp.to/proto/maildir.html, RFC 5321 4.4 Return-Path)."""

import asyncio
import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.model import Address, Reply
from gateway.relay.commands import path_bytes
from gateway.relay.nexthop import Attempt, Capabilities, Outgoing

DELIVERED = Reply(250, "2.0.0", "Delivered")
BAD_SENDER = Reply(550, "5.1.7", "The sender address cannot be written down")
NO_SPACE = Reply(452, "4.3.1", "No space left for the message, please try again later")
NOT_WRITTEN = Reply(451, "4.3.0", "The message could not be stored, please try again later")

UNSAFE = re.compile(rb"[^a-z0-9@._+=-]|(?:^|(?<=\.))\.")
LONGEST = 200  # characters of a folder name; file systems allow 255


def folder_name(key: str) -> str:
    """A name of its own for each key: safe characters stay, others become %HH, and no dot opens it or follows a dot."""
    raw = key.encode("utf-8", "surrogatepass")
    name = UNSAFE.sub(lambda found: b"%%%02X" % found[0][0], raw).decode("ascii")
    if len(name) <= LONGEST:
        return name
    return f"{name[:120]}~{hashlib.sha256(raw).hexdigest()}"


def file_name(key: str | None) -> str:
    """The same name for the same key, so that a delivery after a crash finds the one before it."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest() if key else secrets.token_hex(24)


class MaildirHop:
    """A NextHop that is the last one: a Maildir for each recipient below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def deliver(self, mail: Outgoing) -> list[Attempt]:
        name = file_name(mail.key)
        replies = [
            await asyncio.to_thread(self._store, mail, folder_name(recipient.address.key), name)
            for recipient in mail.envelope.recipients
        ]
        return [Attempt.answered(reply) for reply in replies]

    async def recipient_exists(self, address: Address) -> bool | None:
        return True

    async def capabilities(self) -> Capabilities | None:
        return Capabilities(size=None, eight_bit=True, smtputf8=True, dsn=False)

    async def close(self) -> None:
        """Nothing is kept open."""

    def _store(self, mail: Outgoing, folder: str, name: str) -> Reply:
        try:
            header = b"Return-Path: " + path_bytes(mail.envelope.sender, utf8=True) + b"\r\n"
        except ValueError:
            return BAD_SENDER
        try:
            write_once(_maildir(self._root / folder), name, header, mail.chunks())
        except OSError as error:
            return NO_SPACE if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else NOT_WRITTEN
        return DELIVERED


def _maildir(folder: Path) -> Path:
    for path in (folder, folder / "tmp", folder / "new", folder / "cur"):
        _make_directory(path)
    return folder


def _make_directory(path: Path) -> None:
    """Makes it with its parents, each entry on stable storage."""
    if path.is_dir():
        return
    _make_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    sync_directory(path.parent)


def write_once(folder: Path, name: str, header: bytes, chunks: Iterator[bytes]) -> None:
    """Puts the file into new/ unless it is there or in cur/; on return it is on stable storage. Raises OSError."""
    if not _is_there(folder, name):
        temporary = folder / "tmp" / f"{name}.{secrets.token_hex(8)}"
        with _removed_on_failure(temporary):
            _write_through(temporary, header, chunks)
            temporary.rename(folder / "new" / name)
    sync_directory(folder / "new")


def _is_there(folder: Path, name: str) -> bool:
    """Readers move a file to cur/ and append their flags to its name."""
    seen = os.listdir(folder / "cur")
    return (folder / "new" / name).exists() or any(entry.partition(":2,")[0] == name for entry in seen)


@contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _write_through(path: Path, header: bytes, chunks: Iterator[bytes]) -> None:
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(header)
        file.writelines(chunks)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
