"""Which bytes of a log are new, although logs are renamed, cut off and compressed meanwhile."""

import gzip
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO

Source = IO[bytes] | gzip.GzipFile

HEAD = 512  # bytes at most by which a file is known again
PACKED = (".gz",)
UNREADABLE = (".xz", ".bz2", ".zst", ".zip")
MOST_AT_ONCE = 256 * 1024  # bytes that one transaction learns from: others write as well
LONGEST_LINE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """A byte in a file. `head` is how many of its first bytes have which digest."""

    inode: int
    offset: int
    head: str


class LogFile:
    """An open log. Bytes are handed out in whole lines; `offset` is behind the last of them."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        """Raises OSError."""
        self.path = path
        self.source = opened(path)
        self.inode = path.stat().st_ino
        self.source.seek(offset)
        self.offset = offset

    def lines(self) -> list[bytes]:
        """The next whole lines; none at the end, for now."""
        data = self.source.read(MOST_AT_ONCE)
        end = data.rfind(b"\n") + 1
        if not end and len(data) >= LONGEST_LINE:
            end = len(data)
        self.offset += end
        self.source.seek(self.offset)
        return data[:end].splitlines()

    @property
    def place(self) -> Place:
        return Place(self.inode, self.offset, head_of(self.path, self.source))

    def is_moved(self, path: Path) -> bool:
        """Whether another file has its name by now, with something in it, or it was cut off."""
        try:
            there = path.stat()
        except FileNotFoundError:
            return False
        return (there.st_ino != self.inode and there.st_size > 0) or there.st_size < self.offset

    def close(self) -> None:
        self.source.close()


def opened(path: Path) -> Source:
    if path.suffix in PACKED:
        return gzip.open(path, "rb")
    return path.open("rb")


def head_of(path: Path, source: Source, most: int = HEAD) -> str:
    here = source.tell()
    source.seek(0)
    beginning = source.read(most)
    source.seek(here)
    return f"{len(beginning)}:{sha256(beginning).hexdigest()[:40]}"


def is_same(path: Path, place: Place) -> bool:
    """Whether a file, under whatever name, is the one of a place; a packed one is known by its beginning alone."""
    length, _, _ = place.head.partition(":")
    try:
        if path.suffix not in PACKED and (path.stat().st_ino != place.inode or path.stat().st_size < place.offset):
            return False
        with opened(path) as source:
            return int(length) > 0 and head_of(path, source, int(length)) == place.head
    except (OSError, EOFError, ValueError):
        return False


def rotated(path: Path) -> list[Path]:
    """Older files of a log, the oldest first: mail.log.2.gz, mail.log.1, mail.log-20261121."""
    names = (path.name + ".", path.name + "-")
    found = [one for one in path.parent.iterdir() if one.name.startswith(names) and one.suffix not in UNREADABLE]
    return sorted(found, key=lambda one: (one.stat().st_mtime_ns, one.name))


def to_read(path: Path, known: Sequence[Place]) -> tuple[list[tuple[Path, int]], bool]:
    """The files to read and where to begin, in order; False when bytes between were lost.

    `known`: places reached before, that of this path first. Without one a log is read from its beginning.
    """
    for place in known:
        if is_same(path, place):
            return [(path, place.offset)], True
    older = rotated(path)
    for place in known:
        for index, one in enumerate(older):
            if is_same(one, place):
                return [(one, place.offset), *((later, 0) for later in older[index + 1 :]), (path, 0)], True
    return [(path, 0)], not known


def whole(pieces: Sequence[tuple[Path, int]]) -> int:
    """How many bytes there are to read, as far as files tell."""
    return sum(max(0, os.stat(path).st_size - offset) for path, offset in pieces)


def texts(lines: Sequence[bytes]) -> Iterator[str]:
    return (line.decode("utf-8", "replace") for line in lines if len(line) <= LONGEST_LINE)
