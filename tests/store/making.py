"""Nouns for the tests of the store: a mail, its envelope, its identity; all with defaults that need no thought."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, func, select

from gateway.bodies import Bodies, Kept, Owner
from gateway.model import (
    Address,
    CopyRow,
    DeliveryState,
    Envelope,
    Fingerprint,
    Grade,
    MailIdentity,
    MailParameters,
    Peer,
    ReasonCode,
    Recipient,
    Rung,
    RungKind,
    Sighting,
    Tombstone,
)
from gateway.policy.address import parse_address
from gateway.settings import Settings
from gateway.settings.read import from_table
from gateway.store import copies, deliveries, memory, messages, sightings, tombstones
from gateway.store.copies import Deferred
from gateway.store.deliveries import Owned
from gateway.store.keys import text_key
from gateway.store.memory import Remembered
from gateway.store.question import Question
from gateway.store.seen import find as find_sightings
from gateway.store.sightings import Attempt, Passed

NOW = datetime(2026, 3, 4, 12, 30, 15, 123456, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

ANN, BO, CY = "ann@elsewhere.example", "bo@example.com", "cy@example.com"
NETWORK = Rung(RungKind.NETWORK, "192.0.2.0/24")
NAME = Rung(RungKind.FCRDNS, "mx.elsewhere.example")
SPF = Rung(RungKind.SPF, "elsewhere.example")
WEAK = frozenset({NETWORK})
STRONG = frozenset({NETWORK, NAME, SPF})
TEXT = b"From: <ann@elsewhere.example>\r\nSubject: Hello\r\n\r\nA few words.\r\n"


def settings(database: str, folder: Path, bodies: str = "files") -> Settings:
    return from_table(
        {
            "domains": {"local": ["example.com"]},
            "backend": {"url": "smtp://127.0.0.1:25"},
            "database": {"url": database},
            "storage": {"path": f"{folder}/storage", "bodies": bodies, "reserve": "1MiB"},
        },
        folder,
    )


def address(text: str) -> Address:
    return parse_address(text)


def recipient(text: str = BO) -> Recipient:
    return Recipient(address(text), notify="NEVER", orcpt=f"rfc822;{text}")


def fingerprint(text: bytes = TEXT, message_id: str | None = "<one@elsewhere.example>") -> Fingerprint:
    digest = sha256(text).hexdigest()
    return Fingerprint(
        digest, sha256(b"body" + text).hexdigest(), sha256(b"head" + text).hexdigest(), text_key(message_id)
    )


def mail(
    number: str = "0000000000001",
    *,
    sender: str = ANN,
    recipients: Sequence[str] = (BO,),
    text: bytes = TEXT,
    received_at: datetime = NOW,
    owners: Sequence[Owner] = (),
    rungs: frozenset[Rung] = WEAK,
    content: Fingerprint | None = None,
    subject: str = "Hello",
) -> Kept:
    return Kept(
        id=number,
        received_at=received_at,
        envelope=Envelope(
            address(sender) if sender else None,
            tuple(recipient(one) for one in recipients),
            MailParameters(size=len(text), body_8bit=True, ret="HDRS", envid="QQ314159"),
        ),
        peer=Peer(ip_address("192.0.2.25"), "mx.elsewhere.example", None, tls=True),
        rungs=rungs,
        fingerprint=content or fingerprint(text),
        size=len(text),
        trace="Received: from mx.elsewhere.example\r\n",
        author=sender,
        subject=subject,
        owners=tuple(owners),
    )


def keep(conn: Connection, bodies: Bodies, kept: Kept, text: bytes = TEXT, *, durable: bool = False) -> Kept:
    """A mail with its row and its bytes."""
    bodies.write(kept, [text], durable=durable)
    messages.add(conn, kept, bodies.kind)
    bodies.record(conn, kept, [text])
    return kept


def row_of(conn: Connection, kept: Kept, stored: str = "files") -> Kept:
    """A mail's row, without bytes anywhere."""
    messages.add(conn, kept, stored)
    return kept


def copied(conn: Connection, kept: Kept, now: datetime = NOW) -> list[int]:
    """Copies for all its recipients; their numbers."""
    for one in kept.envelope.recipients:
        copies.note(conn, [Deferred(kept.id, one, now)])
    return [row["id"] for row in copies.of_message(conn, kept.id)]


def held(conn: Connection, kept: Kept, state: DeliveryState = DeliveryState.HELD, now: datetime = NOW) -> list[int]:
    """Deliveries for all its recipients; their numbers."""
    for one in kept.envelope.recipients:
        life = deliveries.Lifetime(None, now + 30 * DAY) if state is DeliveryState.HELD else deliveries.NEVER
        deliveries.own(conn, kept.id, Owned(one, state, ReasonCode.CONTENT_SUSPICIOUS, life), now)
    return [row["id"] for row in deliveries.of_message(conn, kept.id)]


def owners_of(kept: Kept, state: DeliveryState = DeliveryState.HELD) -> tuple[Owner, ...]:
    return tuple(Owner(one, state, ReasonCode.CONTENT_SUSPICIOUS) for one in kept.envelope.recipients)


def owned_mail(kept: Kept, state: DeliveryState = DeliveryState.HELD) -> Kept:
    return replace(kept, owners=owners_of(kept, state))


def identity(kept: Kept, to: str = BO) -> MailIdentity:
    return MailIdentity(kept.envelope.sender_key, to, kept.rungs, kept.fingerprint)


def count(conn: Connection, table: Table) -> int:
    return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def read(bodies: Bodies, conn: Connection, number: str) -> bytes:
    return b"".join(bodies.read(conn, number))


# ---- one question, one note: what the store takes in lists ---------------------------------------------------------


def question(
    sender: str = ANN,
    recipients: Collection[str] = (BO,),
    rungs: Collection[Rung] = WEAK,
    content: Fingerprint | None = None,
    now: datetime = NOW,
) -> Question:
    return Question(sender, sender, tuple(recipients), frozenset(rungs), now, content)


def attempt(
    sender: str = ANN,
    to: str = BO,
    rungs: Collection[Rung] = WEAK,
    content: Fingerprint | None = None,
    size: int | None = None,
    now: datetime = NOW,
    anew_before: datetime | None = None,
) -> Attempt:
    return Attempt(sender, to, frozenset(rungs), content, size, now, anew_before)


def saw(conn: Connection, *one: Any, **more: Any) -> None:
    """Note one attempt."""
    sightings.saw(conn, [attempt(*one, **more)])


def seen(conn: Connection, *asked: Any, **more: Any) -> dict[str, tuple[Sighting, ...]]:
    """The sightings that one question finds."""
    return {to: told.sightings for to, told in find_sightings(conn, [question(*asked, **more)])[0].items()}


def sighted(
    conn: Connection,
    to: str = BO,
    rungs: Collection[Rung] = WEAK,
    content: Fingerprint | None = None,
    first: datetime = NOW,
    last: datetime = NOW,
) -> None:
    """A sighting of Ann's as it would be written, whatever is there."""
    body, number = (content.body, content.message_id) if content else (None, None)
    one = Sighting(0, frozenset(rungs), first, last, body=body, message_id=number)
    sightings.add(conn, [((ANN, to), one)])


def passed(conn: Connection, sender: str, to: str, rungs: Collection[Rung], now: datetime) -> None:
    sightings.passed(conn, [Passed(sender, to, frozenset(rungs), now)])


def remember(
    conn: Connection,
    rungs: Collection[Rung],
    sender: str,
    to: str,
    grade: Grade,
    earned: str,
    now: datetime,
    expires: datetime,
    author: str = "",
    comment: str = "",
) -> None:
    memory.remember(conn, [Remembered(rungs, sender, to, grade, earned, now, expires, author, comment)])


def grades(conn: Connection, *asked: Any, **more: Any) -> dict[str, Grade]:
    return memory.grades(conn, [question(*asked, **more)])[0]


def stones(
    conn: Connection, sender: str, recipients: Collection[str], now: datetime
) -> dict[str, tuple[Tombstone, ...]]:
    return tombstones.find(conn, [question(sender, recipients, now=now, content=mail().fingerprint)])[0]


def found_copies(
    conn: Connection, sender: str, recipients: Collection[str], content: Fingerprint
) -> dict[str, tuple[CopyRow, ...]]:
    return copies.find(conn, [question(sender, recipients, content=content)])[0]


def defer(conn: Connection, kept: Kept, now: datetime, to: Recipient | None = None) -> None:
    copies.note(conn, [Deferred(kept.id, to or recipient(), now)])
