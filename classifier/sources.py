"""Mails where people keep them: single files, mailboxes, Maildirs, folders of any of these, and standard input."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

MOST = 64 * 1024 * 1024  # bytes of one mail; the rest is left out
FROM_LINE = re.compile(rb"^From \S{1,320}\s.{0,60}[0-9]{1,2}:[0-9]{2}", re.DOTALL)
LONGEST_LINE = 1024 * 1024  # bytes read at once

Named = tuple[str, bytes]


def files(path: Path) -> Iterator[Path]:
    """A file itself; of a folder all that are not hidden, in the order of their names. Of a Maildir cur and new."""
    if not path.is_dir():
        yield path
        return
    is_maildir = (path / "cur").is_dir() and (path / "new").is_dir()
    for one in sorted(path.iterdir()):
        if one.name.startswith(".") or (is_maildir and one.name == "tmp"):
            continue
        yield from files(one)


def mails(path: Path) -> Iterator[Named]:
    """The mails of one file with their names. Raises OSError."""
    with open(path, "rb") as file:
        yield from of_stream(file, str(path))


def of_stream(file: BinaryIO, name: str) -> Iterator[Named]:
    """One mail, or those of a mailbox (mbox) if it begins like one."""
    first = file.readline(LONGEST_LINE)
    if not FROM_LINE.match(first):
        yield name, (first + file.read(MOST))[:MOST]
        return
    for number, data in enumerate(in_mailbox(first, iter(lambda: file.readline(LONGEST_LINE), b"")), 1):
        yield f"{name}#{number}", data


def in_mailbox(first: bytes, lines: Iterable[bytes]) -> Iterator[bytes]:
    """A mail begins at a `From ` line behind an empty one."""
    held, size, is_after_empty = [first], len(first), False
    for line in lines:
        if is_after_empty and FROM_LINE.match(line):
            yield b"".join(held)
            held, size = [], 0
        if size < MOST:
            held.append(line)
            size += len(line)
        is_after_empty = line in (b"\n", b"\r\n")
    yield b"".join(held)
