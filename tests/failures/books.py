"""What the database of a running gate says, read at once: starting a command takes longer than a test may wait."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, select, update

from gateway import clock, compose
from gateway.model import CopyState, DeliveryState
from gateway.settings import read
from gateway.store import copies, deliveries
from gateway.store.engine import sync_engine
from sql.tables import decision, delivery
from tests.gate import Gate
from tests.talk import Answer

OPEN_DELIVERIES = (
    DeliveryState.HELD,
    DeliveryState.RELEASING,
    DeliveryState.UNDELIVERABLE,
    DeliveryState.EXPIRED,
)


@contextmanager
def books(gate: Gate) -> Iterator[Connection]:
    engine = sync_engine(compose.database_url(read(gate.config)))
    try:
        with engine.begin() as conn:
            yield conn
    finally:
        engine.dispose()


def queue(gate: Gate) -> list[dict[str, Any]]:
    """As `greygate queue list --all`."""
    with books(gate) as conn:
        kept = copies.waiting(conn, 100) + copies.waiting(conn, 100, CopyState.ABANDONED)
        return deliveries.queue(conn, OPEN_DELIVERIES, 100) + kept


def reason(gate: Gate, answer: Answer) -> str:
    """Why, found by the id at the end of the reply. It is written a moment after the reply."""
    query = select(decision.c.code).where(decision.c.reply_id == answer.id).order_by(decision.c.id)
    deadline = time.monotonic() + 60
    while True:
        with books(gate) as conn:
            found = conn.execute(query).scalars().first()
        if found is not None:
            return str(found)
        assert time.monotonic() < deadline, f"nothing is known about {answer}"
        time.sleep(0.05)


def state_of(gate: Gate, recipient: str, wanted: str, within: float = 60.0) -> dict[str, Any]:
    """The recipient's only row in the queue, once it is in the state."""
    deadline = time.monotonic() + within
    while True:
        rows = [row for row in queue(gate) if row["recipient"] == recipient]
        if [row["state"] for row in rows] == [wanted]:
            return rows[0]
        assert time.monotonic() < deadline, f"{recipient} is not {wanted}: {rows}"
        time.sleep(0.05)


def until_empty(gate: Gate, within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while rows := queue(gate):
        assert time.monotonic() < deadline, rows
        time.sleep(0.05)


def hurry(gate: Gate) -> None:
    """What the courier would try in some minutes is due now."""
    with books(gate) as conn:
        waiting = update(delivery).where(delivery.c.state == DeliveryState.RELEASING)
        conn.execute(waiting.values(due=clock.now()))
