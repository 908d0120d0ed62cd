"""Mail that we wrote ourselves, as the courier delivers it: kept like any other that is ours."""

from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address

from sqlalchemy import Connection

from gateway.bodies import Bodies, Kept, Owner
from gateway.model import DeliveryState, Envelope, Peer, ReasonCode, Recipient
from gateway.policy import header
from gateway.policy.fingerprint import Fingerprinter
from gateway.policy.header import VERDICT_FIELD
from gateway.store import deliveries, messages
from gateway.store.deliveries import Owned
from gateway.store.keys import text_key

NOBODY = "127.0.0.1"  # the peer of mail that nobody brought


def kept(number: str, text: bytes, recipient: Recipient, reason: ReasonCode, hostname: str, now: datetime) -> Kept:
    """A mail of ours as it is kept: from the null sender, so that nothing ever answers it."""
    reader = Fingerprinter(hostname, VERDICT_FIELD)
    reader.feed(text)
    facts = reader.finish()
    envelope = Envelope(None, (recipient,))
    peer = Peer(ip_address(NOBODY), hostname)
    return Kept(
        id=number,
        received_at=now,
        envelope=envelope,
        peer=peer,
        rungs=frozenset(),
        fingerprint=replace(facts.fingerprint, message_id=text_key(facts.fingerprint.message_id)),
        size=len(text),
        trace=header.received(peer, envelope, hostname, number, now),
        author=facts.author,
        subject=facts.subject,
        owners=(Owner(recipient, DeliveryState.RELEASING, reason),),
    )


def send(conn: Connection, bodies: Bodies, mail: Kept, text: bytes, now: datetime) -> None:
    """Hand it to the courier, with the transaction. Raises NoRoom, OSError.

    A transaction may be undone and run again, the file that it wrote may not: the mail has the same id each time.
    """
    (owner,) = mail.owners
    assert owner.reason is not None  # as `kept` made it
    bodies.write(mail, [text], durable=True)
    messages.add(conn, mail, bodies.kind)
    bodies.record(conn, mail, [text])
    deliveries.own(conn, mail.id, Owned(owner.recipient, DeliveryState.RELEASING, owner.reason), now)
