"""Most mail is new: one question tells that nothing of it is on record, and saves four."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, exists, or_, select

from gateway.store import seen
from gateway.store.answer import Answer
from gateway.store.keys import pair_key
from gateway.store.question import Question
from gateway.store.seen import Seen
from sql.tables import message, sighting, sighting_rung, tombstone

# All keys in one list: they are digests of differently named parts, so none is found where it does not belong.
KEYS: Any = bindparam("keys", expanding=True)
ON_RECORD = select(
    or_(
        exists().where(sighting_rung.c.key.in_(KEYS)),
        exists().where(sighting.c.body_key.in_(KEYS)),
        exists().where(sighting.c.message_id_key.in_(KEYS)),
        exists().where(tombstone.c.pair.in_(KEYS)),
        exists().where(message.c.whole.in_(bindparam("wholes", expanding=True))),  # and with it any copy
    )
)


def all_new(conn: Connection, asked: Sequence[Question]) -> bool:
    """True when nothing that could be found for these mails after the dot is there."""
    keys = [
        key
        for question in asked
        for to in question.recipients
        for wanted in (seen.Wanted.of(question, to),)
        for key in (*wanted.by_rung, *wanted.by_content, pair_key(question.sender, to))
    ]
    wholes = [question.content.whole for question in asked if question.content is not None]
    return not conn.execute(ON_RECORD, {"keys": keys, "wholes": wholes}).scalar_one()


def blank(question: Question) -> Answer:
    """What is known after the dot of a mail that is new."""
    nothing: dict[str, tuple[Any, ...]] = dict.fromkeys(question.recipients, ())
    return Answer({}, dict.fromkeys(question.recipients, Seen()), nothing, nothing)
