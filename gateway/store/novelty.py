"""Most mail is new: one question tells that nothing of it is on record, and saves four; at RCPT it saves one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, exists, or_, select
from sqlalchemy.dialects import sqlite

from gateway.model import Grade
from gateway.store import seen
from gateway.store.answer import Answer
from gateway.store.keys import pair_key
from gateway.store.memory import keys as memory_keys
from gateway.store.question import Question
from gateway.store.seen import Seen
from gateway.store.tombstones import ALIKE, alike
from sql.tables import memory, message, sighting, sighting_rung, tombstone

# All keys in one list: they are digests of differently named parts, so none is found where it does not belong.
KEYS: Any = bindparam("keys", expanding=True)
HAS_SIGHTING = exists().where(sighting_rung.c.key.in_(KEYS))
KNOWN_BEFORE_DATA = select(or_(exists().where(memory.c.key.in_(KEYS)), HAS_SIGHTING))
KNOWN_AFTER_DATA = select(
    or_(
        HAS_SIGHTING,
        exists().where(sighting.c.body_key.in_(KEYS)),
        exists().where(sighting.c.message_id_key.in_(KEYS)),
        exists().where(tombstone.c.pair.in_(KEYS), ALIKE),
        exists().where(message.c.whole.in_(bindparam("wholes", expanding=True))),  # and with it any copy
    )
)


SQLITE = sqlite.dialect(paramstyle="named")
MOST_WRITTEN = 200  # texts of statements that are remembered: one for each number of values

Ask = Callable[[str, Mapping[str, Any]], Any | None]


def all_strangers(conn: Connection, asked: Sequence[Question]) -> bool:
    """True when at RCPT nothing is there about any of these: nobody is remembered, nobody tried before."""
    keys = [key for one in asked for key in keys_before_data(one)]
    return not conn.execute(KNOWN_BEFORE_DATA, {"keys": keys}).scalar_one()


def all_new(conn: Connection, asked: Sequence[Question]) -> bool:
    """True when nothing that could be found for these mails after the dot is there."""
    return not conn.execute(KNOWN_AFTER_DATA, values_after_data(asked)).scalar_one()


def at_a_glance(ask: Ask, question: Question) -> Answer | None:
    """What is known of who or what is new, if SQLite can tell at once that it is; else None."""
    if question.content is None:
        told = ask(*written(KNOWN_BEFORE_DATA, {"keys": list(keys_before_data(question))}))
        return stranger(question) if told == 0 else None
    told = ask(*written(KNOWN_AFTER_DATA, values_after_data([question])))
    return blank(question) if told == 0 else None


def written(statement: Select[Any], values: Mapping[str, Sequence[Any]]) -> tuple[str, dict[str, Any]]:
    """A statement's text and its values."""
    text, names = text_of(statement, tuple((name, len(listed)) for name, listed in values.items()))
    return text, dict(zip(names, (value for listed in values.values() for value in listed), strict=True))


@lru_cache(MOST_WRITTEN)
def text_of(statement: Select[Any], counts: tuple[tuple[str, int], ...]) -> tuple[str, tuple[str, ...]]:
    """Made once for so many values, with the names of these: SQLAlchemy makes it anew at each call."""
    values = {name: [b""] * count for name, count in counts}
    made = statement.compile(dialect=SQLITE).construct_expanded_state(values)
    return made.statement, tuple(name for names in map(made.parameter_expansion.get, values) for name in names or ())


def values_after_data(asked: Sequence[Question]) -> dict[str, list[Any]]:
    keys = [key for one in asked for key in keys_after_data(one)]
    return {"keys": keys, **alike(one.content for one in asked if one.content is not None)}


def keys_before_data(question: Question) -> Iterator[bytes]:
    for key, _ in memory_keys(question):
        yield key
    for recipient in question.recipients:
        yield from seen.rung_keys(question, recipient)


def keys_after_data(question: Question) -> Iterator[bytes]:
    for recipient in question.recipients:
        one = seen.Wanted.of(question, recipient)
        yield from (*one.by_rung, *one.by_content, pair_key(question.sender, recipient))


def stranger(question: Question) -> Answer:
    """What is known at RCPT of a sender that is new."""
    return Answer(dict.fromkeys(question.recipients, Grade.STRANGER), dict.fromkeys(question.recipients, Seen()))


def blank(question: Question) -> Answer:
    """What is known after the dot of a mail that is new."""
    nothing: dict[str, tuple[Any, ...]] = dict.fromkeys(question.recipients, ())
    return Answer({}, dict.fromkeys(question.recipients, Seen()), nothing, nothing)
