"""What is on record about one person, and its erasure (GDPR Art. 15, 17)."""

import json
import re
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, Text, cast, delete, or_, select

from gateway.bodies import Bodies, NoBody
from gateway.model import DeliveryState
from gateway.store import copies, deliveries, lessons, messages, outbound
from sql.tables import (
    account_level,
    audit,
    copy,
    decision,
    delivery,
    digest,
    digest_link,
    digest_wish,
    directory_recipient,
    event,
    expecting,
    hook_post,
    listed,
    memory,
    message,
    person_address,
    person_link,
    sighting,
    sighting_rung,
    standing,
    tally,
    tally_sender,
    tombstone,
    wish_to_release,
)

# Where an address may stand, per table.
COLUMNS: tuple[tuple[Table, tuple[str, ...]], ...] = (
    (memory, ("sender", "recipient")),
    (sighting, ("sender", "recipient")),
    (tombstone, ("sender", "recipient")),
    (decision, ("sender", "recipient")),
    (listed, ("value", "scope")),
    (standing, ("value",)),
    (message, ("sender_key",)),
    (copy, ("recipient",)),
    (delivery, ("recipient",)),
    (event, ("recipient",)),
    (expecting, ("recipient",)),
    (person_address, ("address",)),
    (person_link, ("address",)),
    (directory_recipient, ("address",)),
    (account_level, ("account",)),
    (tally, ("scope",)),
    (tally_sender, ("scope",)),
    (digest_link, ("recipient",)),
    (digest_wish, ("address",)),
    (digest, ("address",)),
    (wish_to_release, ("recipient",)),
    (hook_post, ("recipient",)),
)
# What people did is told to whom it is about, and stays: a record from which rows may be taken proves nothing.
TOLD: tuple[tuple[Table, tuple[str, ...]], ...] = ((audit, ("about", "who")),)
LIVE = (DeliveryState.HELD, DeliveryState.RELEASING)


class StillOurs(Exception):
    """Mail of or for this person waits here; it must be decided before it may be erased."""


def about(address: str, table: Table, names: tuple[str, ...]) -> Any:
    wanted = [table.c[name] == address for name in names]
    if table is event:  # what people did about an address stands in the detail
        wanted.append(cast(event.c.detail, Text).contains(json.dumps(address), autoescape=True))
    if table is standing:
        wanted.append(standing.c.value.startswith(f"{address} by ", autoescape=True))
    return or_(*wanted)


def export(conn: Connection, address: str) -> dict[str, list[dict[str, Any]]]:
    """Every row that names the address, by table."""
    found = {}
    for table, names in (*COLUMNS, *TOLD):
        rows = conn.execute(select(table).where(about(address, table, names))).mappings()
        found[table.name] = [{name: plain(value) for name, value in row.items()} for row in rows]
    return found


def plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else value


def erase(conn: Connection, bodies: Bodies, address: str, now: datetime) -> dict[str, int]:
    """Delete all that names the address; rows per table. Raises StillOurs while we own mail of or for it."""
    mine = mails(conn, address)
    owned = [number for number in mine if any(row["state"] in LIVE for row in deliveries.of_message(conn, number))]
    if owned:
        raise StillOurs(", ".join(owned))
    written = written_by(conn, address)
    gone = erase_rows(conn, address, written, now)
    emptied = [number for number in mine if number in written or not remaining(conn, number)]
    for number in set(mine) - set(emptied):
        with suppress(NoBody):
            bodies.forget(conn, number, address)
    messages.remove(conn, emptied)
    bodies.drop(conn, emptied)
    gone["message"] = len(emptied)
    gone["log_position"] = outbound.forget_waiting(conn, address)
    return gone


def mails(conn: Connection, address: str) -> list[str]:
    """Kept mails from the address, or for it."""
    sent = written_by(conn, address)
    copied = conn.execute(select(copy.c.message).where(copy.c.recipient == address)).scalars()
    owned = conn.execute(select(delivery.c.message).where(delivery.c.recipient == address)).scalars()
    return sorted({*sent, *copied, *owned})


def written_by(conn: Connection, address: str) -> list[str]:
    """Kept mails that the address sent, or that name it as their author whoever sent them."""
    named = message.c.author.icontains(address, autoescape=True)
    rows = conn.execute(select(message.c.id, message.c.sender_key, message.c.author).where(
        or_(message.c.sender_key == address, named)
    ))  # fmt: skip
    whole = re.compile(rf"(?<![\w.+-]){re.escape(address)}(?![\w-]|\.\w)", re.IGNORECASE)
    return [row.id for row in rows if row.sender_key == address or whole.search(row.author)]


def erase_rows(conn: Connection, address: str, written: list[str], now: datetime) -> dict[str, int]:
    gone = {}
    for table in (copy, delivery, event, hook_post):
        conn.execute(delete(table).where(table.c.message.in_(written)))
    for table, names in COLUMNS:
        if table is message:
            continue
        if table is sighting:
            ids = select(sighting.c.id).where(about(address, sighting, names))
            conn.execute(
                delete(sighting_rung).where(sighting_rung.c.sighting_id.in_(list(conn.execute(ids).scalars())))
            )
        gone[table.name] = conn.execute(delete(table).where(about(address, table, names))).rowcount
    gone["lesson"] = lessons.forget_account(conn, address, now)
    return gone


def remaining(conn: Connection, number: str) -> bool:
    """True when a mail still has another recipient."""
    return bool(copies.of_message(conn, number) or deliveries.of_message(conn, number))
