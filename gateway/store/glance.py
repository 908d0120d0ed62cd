"""Short questions that SQLite answers in the event loop: to wake a thread costs several times what the answer does."""

import sqlite3
from collections.abc import Mapping
from time import perf_counter
from typing import Any
from urllib.parse import quote

SLOW = 0.005  # seconds; a disk needs them where the file is not in memory, and then all sessions would wait for it
IN_A_ROW = 3  # slow ones: a single one only says that another process had its turn
LET_BE = 1.0  # seconds without a glance after these


class Glance:
    """Looks into the file, and never waits: while somebody commits, or the disk is slow, it tells nothing."""

    def __init__(self, path: str | None) -> None:
        self.path = path
        self.connection: sqlite3.Connection | None = None
        self.next_at = 0.0 if path else float("inf")
        self.slow = 0  # in a row

    def look(self, question: str, values: Mapping[str, Any]) -> Any | None:
        """The first column of the first row; None: ask in the usual way, which also knows what is wrong."""
        began = perf_counter()
        if began < self.next_at:
            return None
        try:
            self.connection = self.connection or self.connect()
            found = self.connection.execute(question, values).fetchall()
        except sqlite3.Error:
            return None
        self.took(perf_counter() - began)
        return found[0][0] if found else None

    def took(self, seconds: float) -> None:
        self.slow = self.slow + 1 if seconds > SLOW else 0
        if self.slow == IN_A_ROW:
            self.slow, self.next_at = 0, perf_counter() + LET_BE

    def connect(self) -> sqlite3.Connection:
        """Only to read: what a process that died has left undone, a thread undoes."""
        return sqlite3.connect(f"file:{quote(str(self.path))}?mode=ro", timeout=0, isolation_level=None, uri=True)

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.next_at = float("inf")
