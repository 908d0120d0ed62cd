"""What the gate decided, read from its database as `greygate queue why` reads it."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from gateway.demo.company import Letter
from gateway.model import CopyState, DeliveryState, ReasonCode
from gateway.policy.words import WORDS
from gateway.store import copies, deliveries
from sql.tables import decision

WRITTEN_WITHIN = 30.0  # seconds; decisions are written in batches, a moment after the reply
OWNED = tuple(DeliveryState)


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about one recipient, with the words for its first reason."""

    number: int
    id: str
    stage: str
    sender: str
    recipient: str
    action: str
    code: str

    @property
    def because(self) -> str:
        return WORDS[ReasonCode(self.code)].said


class NotOnRecord(Exception):
    """A reply was given, and the database does not tell why."""


class Records:
    """The gate's database. `transaction` opens a connection to it for reading."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[Connection]]) -> None:
        self.transaction = transaction

    def newest(self) -> int:
        with self.transaction() as conn:
            return conn.execute(select(decision.c.id).order_by(decision.c.id.desc()).limit(1)).scalar() or 0

    def since(self, number: int, peer: str) -> list[Decision]:
        """All decisions about a peer after that one."""
        query = select(decision).where(decision.c.id > number, decision.c.peer == peer).order_by(decision.c.id)
        with self.transaction() as conn:
            rows = conn.execute(query).mappings().all()
        return [told(dict(row)) for row in rows]

    def wait_for(self, count: int, after: int, peer: str) -> list[Decision]:
        """So many decisions about a peer after that one. Raises NotOnRecord."""
        deadline = time.monotonic() + WRITTEN_WITHIN
        while len(found := self.since(after, peer)) < count:
            if time.monotonic() > deadline:
                raise NotOnRecord(f"{count} decisions about {peer} were made, and {len(found)} are on record")
            time.sleep(0.05)
        return found

    def last_actions(self) -> dict[tuple[str, str], list[str]]:
        """All actions for each sender and recipient, in the order of the decisions."""
        with self.transaction() as conn:
            rows = conn.execute(select(decision).order_by(decision.c.id)).mappings().all()
        found: dict[tuple[str, str], list[str]] = {}
        for row in rows:
            found.setdefault((row["sender"], row["recipient"]), []).append(row["action"])
        return found

    def kept_as(self, letter: Letter) -> str:
        """The id under which `greygate queue` keeps a mail; "" when it is not kept."""
        for row in self.queue():
            if row["sender"] == letter.sender and row["subject"] == letter.subject:
                return str(row["message"])
        return ""

    def undeliverable(self, letter: Letter, recipient: str) -> str:
        """What the backend said when it refused mail of ours; "" when it did not."""
        for row in self.queue():
            mine = row["sender"] == letter.sender and row["subject"] == letter.subject
            if mine and row["recipient"] == recipient and row["state"] == DeliveryState.UNDELIVERABLE:
                return str(row["last_reply"])
        return ""

    def queue(self) -> list[dict[str, Any]]:
        """What is kept, as `greygate queue list` shows it, and what was ours and has ended."""
        with self.transaction() as conn:
            return deliveries.queue(conn, OWNED, 1000) + copies.waiting(conn, 1000, CopyState.SENDER_HELD)


def told(row: dict[str, Any]) -> Decision:
    return Decision(
        row["id"], row["reply_id"], row["stage"], row["sender"], row["recipient"], row["action"], row["code"]
    )
