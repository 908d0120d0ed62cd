"""The bytes of one message while it is received: in memory while small, in an unnamed file above that."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from gateway.policy.fingerprint import FieldRemover

CHUNK = 64 * 1024


class Spool:
    """Write, then read as often as needed. The file vanishes with the object, or with the process."""

    def __init__(self, folder: Path, in_memory: int = 64 * 1024) -> None:
        self.folder = folder
        self.in_memory = in_memory
        self.pieces: list[bytes] = []
        self.size = 0
        self.file: IO[bytes] | None = None
        self.holders = 1

    @property
    def is_small(self) -> bool:
        """True while it is in memory."""
        return self.file is None

    def share(self) -> None:
        """One more holder: a delivery that goes on without the session. Each closes it once."""
        self.holders += 1

    def write(self, data: bytes) -> None:
        """Raises OSError when the disk is full."""
        self.size += len(data)
        if self.file is None:
            self.pieces.append(data)
            if self.size > self.in_memory:
                self.file = tempfile.TemporaryFile(dir=self.folder, buffering=0)  # noqa: SIM115  (closed in close)
                for piece in self.pieces:
                    self.put(piece)
                self.pieces.clear()
        else:
            self.put(data)

    def put(self, data: bytes) -> None:
        """Write all: an unbuffered write may stop short when the disk is full, and says why at the next one."""
        assert self.file is not None
        view = memoryview(data)
        while view:
            view = view[self.file.write(view) :]

    def chunks(self) -> Iterator[bytes]:
        """The bytes from the beginning. Two readers do not disturb each other."""
        if self.file is None:
            yield from self.pieces
            return
        offset = 0
        while chunk := self.at(offset):
            offset += len(chunk)
            yield chunk

    def at(self, offset: int) -> bytes:
        assert self.file is not None
        return os.pread(self.file.fileno(), CHUNK, offset)

    def close(self) -> None:
        self.holders -= 1
        if self.holders:
            return
        self.pieces.clear()
        if self.file is not None:
            self.file.close()
            self.file = None


def without_fields(chunks: Iterator[bytes], remover: FieldRemover) -> Iterator[bytes]:
    """The bytes without the fields that forge our name."""
    for chunk in chunks:
        if clean := remover.feed(chunk):
            yield clean
    if rest := remover.finish():
        yield rest
