"""Everything that the store knows at a decision point, for many decisions at once.

A busy worker asks for all of its waiting sessions together: what a statement costs beyond its rows is paid once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from gateway.model import CopyRow, Grade, Tombstone
from gateway.store import copies, memory, messages, seen, tombstones
from gateway.store.engine import Database, StoreUnavailable
from gateway.store.question import Question
from gateway.store.seen import Seen

MOST_AT_ONCE = 64  # questions in one visit


@dataclass(frozen=True, slots=True)
class Answer:
    """What the store knows, by recipient; copies, tombstones and `kept` (the id of these very bytes) after the dot."""

    grades: dict[str, Grade] = field(default_factory=dict)
    seen: dict[str, Seen] = field(default_factory=dict)
    copies: dict[str, tuple[CopyRow, ...]] = field(default_factory=dict)
    tombstones: dict[str, tuple[Tombstone, ...]] = field(default_factory=dict)
    kept: str | None = None


def answers(conn: Connection, asked: Sequence[Question]) -> list[Answer]:
    """The answers, in the order of the questions."""
    early = [question for question in asked if question.content is None]
    late = [question for question in asked if question.content is not None]
    at_rcpt, at_data = iter(before_data(conn, early)), iter(after_data(conn, late))
    return [next(at_rcpt if question.content is None else at_data) for question in asked]


def before_data(conn: Connection, asked: Sequence[Question]) -> list[Answer]:
    """At RCPT: who is it, and did it try before?"""
    if not asked:
        return []
    grades = memory.grades(conn, asked)
    strangers = [one for one, known in zip(asked, grades, strict=True) if not all(known.values())]
    sighted = iter(seen.find(conn, strangers) if strangers else ())
    return [Answer(known, {} if all(known.values()) else next(sighted)) for known in grades]


def after_data(conn: Connection, asked: Sequence[Question]) -> list[Answer]:
    """After the dot: which mail is it, and what became of it?"""
    if not asked:
        return []
    wholes = [(question.content.whole if question.content else "", question.sender) for question in asked]
    kept = messages.find_same(conn, wholes)
    found = zip(seen.find(conn, asked), copies.find(conn, asked), tombstones.find(conn, asked), wholes, strict=True)
    return [Answer({}, sighted, copied, settled, kept.get(whole)) for sighted, copied, settled, whole in found]


@dataclass(frozen=True, slots=True)
class Waiting:
    question: Question
    answer: "asyncio.Future[Answer]"


class Lookup:
    """Asks the store for many sessions at once: what comes in while one visit lasts goes into the next."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.waiting: list[Waiting] = []
        self.visiting: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer:
        """Raises StoreUnavailable."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.waiting.append(Waiting(question, answer))
        if self.visiting is None or self.visiting.done():
            self.visiting = asyncio.create_task(self.visit(), name="database lookups")
        return await answer

    async def visit(self) -> None:
        while self.waiting:
            batch, self.waiting = self.waiting[:MOST_AT_ONCE], self.waiting[MOST_AT_ONCE:]
            await self.answer(batch)

    async def answer(self, batch: Sequence[Waiting]) -> None:
        """All at once; if that fails each alone, so that one odd question spoils nobody's answer."""
        try:
            found = await self.database.read(partial(answers, asked=[one.question for one in batch]))
        except StoreUnavailable as error:
            settle(batch, error)
        except Exception as error:
            if len(batch) == 1:
                settle(batch, error)
            else:
                for one in batch:
                    await self.answer([one])
        else:
            for one, told in zip(batch, found, strict=True):
                if not one.answer.done():
                    one.answer.set_result(told)


def settle(batch: Sequence[Waiting], error: Exception) -> None:
    for one in batch:
        if not one.answer.done():
            one.answer.set_exception(error)
