"""What waits to be written: works that somebody waits for, and notes that are written together."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
Work = Callable[[Connection], T]
Notes = Callable[[Connection, list[Any]], Any]


@dataclass(slots=True)
class Pending:
    """Work that somebody waits for, or (`done` None) notes of one kind, written together."""

    work: "Work[Any] | Together"
    done: "asyncio.Future[Any] | None"

    def parts(self) -> "list[Pending]":
        """What can be written by itself."""
        if not isinstance(self.work, Together):
            return [self]
        return [Pending(Together(self.work.write, [note]), None) for note in self.work.notes]


@dataclass(frozen=True, slots=True)
class Together:
    """Notes of one kind as one unit of work."""

    write: Notes
    notes: list[Any]

    def __call__(self, conn: Connection) -> None:
        self.write(conn, self.notes)
