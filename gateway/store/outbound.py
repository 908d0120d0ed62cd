"""What mail of ours teaches: whom we wrote to, which Message-IDs are ours, and how far logs were read."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, func, select, update

from gateway.model import Grade, Rung
from gateway.policy.address import normalise_sender
from gateway.policy.bounce import Noted
from gateway.policy.outbound import ANSWERS_OF_MACHINES, Arrival, Letter, is_hasty_answer
from gateway.store import memory
from gateway.store.keys import digest
from gateway.store.memory import EVERYBODY, Remembered
from gateway.store.upsert import upsert
from sql.tables import decision, log_position, outbound_message, unsubscribe_target
from sql.tables import memory as memories

WROTE, SENT = "wrote", "sent"  # how it was earned: through us, or as a log tells
WRITERS = 2  # of us who wrote to an address make it known to all
MOST_ARRIVALS = 200


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail of ours that its next hop took. `to`: Address.key of its foreign recipients and their identities.

    `author` is the user who sent it; nobody is named where only a log tells. `teaches` False: its Message-ID is
    noted and nothing else.
    """

    author: str
    sender: str
    to: Mapping[str, frozenset[Rung]]
    letter: Letter
    now: datetime
    expires: datetime
    teaches: bool = True


def learn(conn: Connection, letters: Sequence[Sent]) -> None:
    """Note Message-IDs, and make known to whom a person wrote."""
    note_ids(conn, [(one.letter.message_id, one.now) for one in letters if one.letter.message_id])
    for one in letters:
        if one.teaches and one.sender and not one.letter.by_machine:
            learn_letter(conn, one)


def learn_letter(conn: Connection, sent: Sent) -> None:
    came = arrivals(conn, sent.sender, sent.now)
    targets = named_for_unsubscribing(conn, sent.to)
    for recipient, rungs in sent.to.items():
        if recipient in targets or is_hasty_answer(sent.letter, recipient, sent.now, came):
            continue
        acquaintance = correspondent(sent, recipient, rungs)
        memory.remember(conn, [acquaintance])
        if acquaintance.grade is Grade.KNOWN and len(writers(conn, acquaintance)) >= WRITERS:
            comment = "more than one of us wrote to it"
            memory.remember(conn, [replace(acquaintance, recipient=EVERYBODY, comment=comment)])


def correspondent(sent: Sent, recipient: str, rungs: Iterable[Rung]) -> Remembered:
    """Our sender as the recipient of what comes back. A log does not tell who wrote it, nor whether anybody did."""
    grade, earned = (Grade.KNOWN, WROTE) if sent.author else (Grade.REMEMBERED, SENT)
    rungs, normal = tuple(rungs), normalise_sender(recipient)
    return Remembered(rungs, normal, sent.sender, grade, earned, sent.now, sent.expires, sent.author)


def writers(conn: Connection, known: Remembered) -> set[str]:
    """Who of us wrote to an address."""
    values = [rung.value for rung in known.rungs]
    mine = (memories.c.sender == known.sender) & memories.c.value.in_(values) & (memories.c.recipient != EVERYBODY)
    query = select(memories.c.author).where(mine, memories.c.earned == WROTE, memories.c.expires > known.now)
    return set(conn.execute(query.distinct()).scalars())


def arrivals(conn: Connection, recipient: str, now: datetime) -> list[Arrival]:
    """Whose mail one of us got within the last minutes."""
    lately = decision.c.at.between(now - ANSWERS_OF_MACHINES, now)
    accepted = accepted_mail().where(decision.c.recipient == recipient, lately)
    found = conn.execute(accepted.order_by(decision.c.at.desc()).limit(MOST_ARRIVALS)).all()
    first = {sender: min(row.at for row in found if row.sender == sender) for sender in {row.sender for row in found}}
    return [
        Arrival(sender, at, first=not wrote_before(conn, sender, recipient, at))
        for sender, at in first.items()
        if sender
    ]


def accepted_mail() -> Select[Any]:
    return select(decision.c.sender, decision.c.at).where(decision.c.action == "accept", decision.c.stage == "data")


def wrote_before(conn: Connection, sender: str, recipient: str, moment: datetime) -> bool:
    same = (decision.c.sender == sender) & (decision.c.recipient == recipient) & (decision.c.at < moment)
    return conn.execute(accepted_mail().where(same).limit(1)).first() is not None


# ---- Message-IDs of ours -------------------------------------------------------------------------------------------


def id_key(message_id: str) -> bytes:
    return digest("outbound-message", message_id)


def note_ids(conn: Connection, ids: Iterable[tuple[str, datetime]]) -> None:
    note(conn, outbound_message, {id_key(name): at for name, at in ids})


def noted(conn: Connection, ids: Sequence[str]) -> Noted:
    """Whether one of these Message-IDs is of a mail that we sent, and since when and until when we noted any."""
    keys = [id_key(one) for one in ids]
    known = conn.execute(select(outbound_message.c.digest).where(outbound_message.c.digest.in_(keys)).limit(1)).first()
    first = conn.execute(select(func.min(outbound_message.c.at))).scalar_one()
    last = conn.execute(select(func.max(outbound_message.c.at))).scalar_one()
    return Noted(known is not None, first, last)


def note(conn: Connection, table: Any, moments: Mapping[bytes, datetime]) -> None:
    rows = [{"digest": key, "at": at} for key, at in moments.items()]
    upsert(conn, table, rows, key=("digest",), greatest=("at",))


def forget_old(conn: Connection, before: datetime, most: int) -> int:
    """Delete up to `most` Message-IDs, and as many addresses for unsubscribing, from before a moment; how many."""
    gone = 0
    for table in (outbound_message, unsubscribe_target):
        old = list(conn.execute(select(table.c.digest).where(table.c.at < before).limit(most)).scalars())
        gone += conn.execute(delete(table).where(table.c.digest.in_(old))).rowcount if old else 0
    return gone


# ---- addresses for unsubscribing -----------------------------------------------------------------------------------


def target_key(address: str) -> bytes:
    return digest("unsubscribe", address)


def wants_unsubscribing(conn: Connection, named: Iterable[tuple[Sequence[str], datetime]]) -> None:
    """Note the addresses that mails named for unsubscribing, each with when it was."""
    note(conn, unsubscribe_target, {target_key(one): at for addresses, at in named for one in addresses})


def named_for_unsubscribing(conn: Connection, addresses: Iterable[str]) -> set[str]:
    keys = {target_key(one): one for one in addresses}
    query = select(unsubscribe_target.c.digest).where(unsubscribe_target.c.digest.in_(list(keys)))
    return {keys[bytes(found)] for found in conn.execute(query).scalars()}


# ---- how far logs were read ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Position:
    """How far a log was read: the file's inode, its first bytes as a digest, and the bytes that are done.

    `waiting` is what the reader keeps of mails that are not through yet, as text.
    """

    inode: int
    offset: int
    head: str
    waiting: str


def positions(conn: Connection, node: str, path: str) -> tuple[Position | None, list[Position]]:
    """That of a log by its name, and those of all other logs of the node: files are renamed."""
    own, others = None, []
    for row in conn.execute(select(log_position).where(log_position.c.node == node[:120])):
        found = Position(row.inode, row.offset, row.head, row.waiting)
        if bytes(row.digest) == digest("log", node, path):
            own = found
        else:
            others.append(found)
    return own, others


def keep_position(conn: Connection, node: str, path: str, at: Position, now: datetime) -> None:
    values = {"inode": at.inode, "offset": at.offset, "head": at.head, "waiting": at.waiting, "at": now}
    row = {"digest": digest("log", node, path), "node": node[:120], "path": path[:500], **values}
    upsert(conn, log_position, [row], key=("digest",), replace=tuple(values))


def forget_waiting(conn: Connection, address: str) -> int:
    """Strike an address from what log readers keep of mails under way; in how many logs."""
    named = log_position.c.waiting.contains(json.dumps(address), autoescape=True)
    found = conn.execute(select(log_position.c.digest, log_position.c.waiting).where(named)).all()
    for key, waiting in found:
        left = {queue: told for queue, told in json.loads(waiting).items() if address not in told}
        mine = update(log_position).where(log_position.c.digest == key)
        conn.execute(mine.values(waiting=json.dumps(left)))
    return len(found)
