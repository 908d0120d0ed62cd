"""Nouns for the tests of the store: a mail, its envelope, its identity; all with defaults that need no thought."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from sqlalchemy import Connection, Table, func, select

from gateway.bodies import Bodies, Kept, Owner
from gateway.model import (
    Address,
    DeliveryState,
    Envelope,
    Fingerprint,
    MailIdentity,
    MailParameters,
    Peer,
    ReasonCode,
    Recipient,
    Rung,
    RungKind,
)
from gateway.policy.address import parse_address
from gateway.settings import Settings
from gateway.settings.read import from_table
from gateway.store import copies, deliveries, messages
from gateway.store.deliveries import Owned
from gateway.store.keys import text_key

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
        copies.note(conn, kept.id, kept.envelope.sender_key, one, now)
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
