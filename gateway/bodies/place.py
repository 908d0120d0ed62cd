"""What every place of bodies can do."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from sqlalchemy import Connection

from gateway.bodies.described import Kept, Owner


class NoRoom(Exception):
    """The bytes could not be written: the disk is full, or keeps room for mail that we must own."""


class Opened(Protocol):
    """The bytes of one mail, to be read as often as needed and then closed."""

    @property
    def size(self) -> int: ...
    def chunks(self) -> Iterator[bytes]: ...
    def close(self) -> None: ...


class Bodies(Protocol):
    """Where the bytes are. `write` comes before the transaction that tells of them, `record` is part of it.

    `opened` is None where the bytes can be read in a transaction only.
    """

    kind: str

    def write(self, kept: Kept, chunks: Iterable[bytes], *, durable: bool) -> None: ...
    def record(self, conn: Connection, kept: Kept, chunks: Iterable[bytes]) -> None: ...
    def own(self, conn: Connection, number: str, owners: Iterable[Owner]) -> None: ...
    def forget(self, conn: Connection, number: str, recipient: str) -> None: ...
    def kept(self, conn: Connection, number: str) -> Kept: ...
    def read(self, conn: Connection, number: str) -> Iterator[bytes]: ...
    def opened(self, number: str) -> Opened | None: ...
    def drop(self, conn: Connection, numbers: Iterable[str]) -> None: ...
    def scan(self, conn: Connection) -> Iterator[Kept]: ...
