"""Everything that the store knows at a decision point, for many decisions at once.

A busy worker asks for all of its waiting sessions together: what a statement costs beyond its rows is paid once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from gateway.store import copies, memory, messages, novelty, routine, seen, tombstones
from gateway.store.answer import Answer
from gateway.store.engine import Database, StoreUnavailable
from gateway.store.question import Question
from sql.routine import is_current

log = structlog.get_logger()

MOST_AT_ONCE = 64  # questions in one visit


def answers(conn: Connection, asked: Sequence[Question], *, by_routine: bool = False) -> list[Answer]:
    """The answers in the order of the questions, by statements or by MariaDB's routines: the same."""
    early = [question for question in asked if question.content is None]
    late = [question for question in asked if question.content is not None]
    before, after = (routine.before_data, routine.after_data) if by_routine else (before_data, after_data)
    at_rcpt, at_data = iter(before(conn, early)), iter(after(conn, late))
    return [next(at_rcpt if question.content is None else at_data) for question in asked]


def before_data(conn: Connection, asked: Sequence[Question]) -> list[Answer]:
    """At RCPT: who is it, and did it try before?"""
    if not asked:
        return []
    if novelty.all_strangers(conn, asked):
        return [novelty.stranger(question) for question in asked]
    grades = memory.grades(conn, asked)
    strangers = [one for one, known in zip(asked, grades, strict=True) if not all(known.values())]
    sighted = iter(seen.find(conn, strangers) if strangers else ())
    return [Answer(known, {} if all(known.values()) else next(sighted)) for known in grades]


def after_data(conn: Connection, asked: Sequence[Question]) -> list[Answer]:
    """After the dot: which mail is it, and what became of it?"""
    if not asked:
        return []
    if novelty.all_new(conn, asked):
        return [novelty.blank(question) for question in asked]
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
        self.has_routine: bool | None = None  # None: not looked at yet

    async def ask(self, question: Question) -> Answer:
        """Raises StoreUnavailable."""
        is_visiting = self.visiting is not None and not self.visiting.done()  # then in company is best
        if not is_visiting and (told := novelty.at_a_glance(self.database.glance, question)) is not None:
            return told
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.waiting.append(Waiting(question, answer))
        if not is_visiting:
            self.visiting = asyncio.create_task(self.visit(), name="database lookups")
        return await answer

    async def visit(self) -> None:
        while self.waiting:
            batch, self.waiting = self.waiting[:MOST_AT_ONCE], self.waiting[MOST_AT_ONCE:]
            await self.answer(batch)

    async def answer(self, batch: Sequence[Waiting]) -> None:
        """All at once; if that fails each alone, so that one odd question spoils nobody's answer."""
        try:
            found = await self.database.read(partial(self.look_up, asked=[one.question for one in batch]))
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

    def look_up(self, conn: Connection, asked: Sequence[Question]) -> list[Answer]:
        """By the routine where the database has one of this version, else by statements."""
        if conn.dialect.name == "sqlite":
            return answers(conn, asked)
        if self.has_routine is None:
            self.use_routine(is_current(conn, routine.AT_RCPT) and is_current(conn, routine.AT_DATA))
        if not self.has_routine or not all(map(routine.takes, asked)):
            return answers(conn, asked)
        try:
            return answers(conn, asked, by_routine=True)
        except DBAPIError as error:
            if not routine.is_missing(error):
                raise
            self.use_routine(False)
            return answers(conn, asked)

    def use_routine(self, there: bool) -> None:
        self.has_routine = there
        if not there:
            log.warning("the database lacks the routine of this version: lookups take more round trips")


def settle(batch: Sequence[Waiting], error: Exception) -> None:
    for one in batch:
        if not one.answer.done():
            one.answer.set_exception(error)
