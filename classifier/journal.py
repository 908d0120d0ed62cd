"""What people said, in its order, in an SQLite file: all that was learnt can be learnt again from it."""

import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from classifier.features import VERSION, Features
from classifier.state import Entry

TABLE = """
create table if not exists entry (
    position integer primary key autoincrement,
    id text not null unique,
    is_spam integer not null,
    account text not null,
    person text not null,
    at text not null,
    features blob not null,
    thought real not null,
    is_held integer not null,
    is_struck integer not null default 0
)
"""
COLUMNS = "position, id, is_spam, features, at, account, person"
# What another version wrote stays where it is: nobody can read it now, but who goes back to that version can.
IS_READABLE = f"substr(features, 1, 4) = x'{VERSION.to_bytes(4, 'little').hex()}'"
COUNTS = f"not is_struck and {IS_READABLE}"
ONE_IN = 10  # entries are held: the model is tried on them before others see it


@dataclass(frozen=True, slots=True)
class Placed:
    position: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Person:
    """How many labels somebody gave, and how many of them were against a confident model."""

    name: str
    labels: int
    against: int


class Journal:
    """One writer's book. Entries are never removed: those that are struck stay where they are and count no more."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # A commit is one write and one sync. Nobody else has it open, so the reset race of WAL is none here.
        self.connection.execute("pragma journal_mode = wal")
        self.connection.execute("pragma synchronous = full")
        self.connection.execute(TABLE)

    def close(self) -> None:
        self.connection.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """All that is added within is on stable storage at its end, or nothing of it: faster for many."""
        self.connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self.connection.execute("rollback")
            raise
        self.connection.execute("commit")

    def knows(self, key: str) -> bool:
        found = self.connection.execute(f"select 1 from entry where id = ? and {IS_READABLE}", (key,))  # noqa: S608
        return found.fetchone() is not None

    def add(self, entry: Entry, thought: float) -> int:
        """Its position. `thought`: the z of the model before it."""
        row = (entry.id, entry.is_spam, entry.account, entry.person, entry.at.astimezone(UTC).isoformat())
        done = self.connection.execute(
            "insert or replace into entry (id, is_spam, account, person, at, features, thought, is_held)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, entry.features.to_bytes(), thought, zlib.crc32(entry.id.encode("utf-8", "replace")) % ONE_IN == 0),
        )
        return done.lastrowid or 0

    def position(self, key: str) -> int | None:
        """Where an entry stands; None where there is none of that id, or it counts no more."""
        found = self.connection.execute(f"select position from entry where id = ? and {COUNTS}", (key,))  # noqa: S608
        row = found.fetchone()
        return None if row is None else int(row[0])

    def last(self) -> int:
        """The position of the last entry, 0 where there is none."""
        return int(self.connection.execute("select coalesce(max(position), 0) from entry").fetchone()[0])

    def strike(self, position: int) -> None:
        self.connection.execute("update entry set is_struck = 1 where position = ?", (position,))

    def drop_accounts(self, is_meant: Callable[[str], bool]) -> int:
        """Leave out whose mail it was, wherever it was one of these; how many entries."""
        accounts = self.connection.execute("select distinct account from entry where account <> ''").fetchall()
        meant = [row for row in accounts if is_meant(row[0])]
        with self.together():
            return sum(
                self.connection.execute("update entry set account = '' where account = ?", row).rowcount
                for row in meant
            )

    def after(self, position: int) -> Iterator[Placed]:
        """What counts behind a position, in its order."""
        rows = self.connection.execute(
            f"select {COLUMNS} from entry where position > ? and {COUNTS} order by position",  # noqa: S608
            (position,),
        )
        return map(placed, rows)

    def latest(self, position: int, count: int) -> list[Placed]:
        """The latest that count up to a position, in their order."""
        rows = self.connection.execute(
            f"select {COLUMNS} from entry where position <= ? and {COUNTS}"  # noqa: S608
            " order by position desc limit ?",
            (position, count),
        )
        return [placed(row) for row in reversed(rows.fetchall())]

    def held(self, position: int, count: int) -> list[Placed]:
        """The latest entries up to a position that a model is tried on."""
        rows = self.connection.execute(
            f"select {COLUMNS} from entry where position <= ? and is_held and {COUNTS}"  # noqa: S608
            " order by position desc limit ?",
            (position, count),
        )
        return [placed(row) for row in rows]

    def people(self, confident: float) -> list[Person]:
        """Who gave labels, and how often against a model that was more confident than that (z)."""
        rows = self.connection.execute(
            "select person, count(*), sum(abs(thought) > ? and (thought > 0) <> is_spam) from entry"
            " where not is_struck group by person order by person",
            (confident,),
        )
        return [Person(name, labels, against) for name, labels, against in rows]


def placed(row: "tuple[int, str, int, bytes, str, str, str]") -> Placed:
    """Raises BadFeatures where they are damaged."""
    position, key, is_spam, features, at, account, person = row
    found = Features.from_bytes(features)
    return Placed(position, Entry(key, bool(is_spam), found, datetime.fromisoformat(at), account, person))
