"""What is kept about a mail beside its bytes, and its form as one line of JSON.

The description travels with the bytes, so that `greygate db reindex` can rebuild the rows from them.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from gateway.model import (
    Address,
    CopyState,
    DeliveryState,
    Envelope,
    Fingerprint,
    MailParameters,
    Peer,
    ReasonCode,
    Recipient,
    Rung,
    RungKind,
)


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns the mail for one recipient. `state` is None while the sender does.

    LISTED is what nobody owns any more: it was delivered, and this is a copy for somebody to look at.
    """

    recipient: Recipient
    state: DeliveryState | CopyState | None = None
    reason: ReasonCode | None = None
    release_at: datetime | None = None

    @property
    def is_ours(self) -> bool:
        """True for mail that we answer for."""
        return isinstance(self.state, DeliveryState)


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything about a kept mail but its bytes. `size` counts the bytes; `trace` is what we put on top of them."""

    id: str
    received_at: datetime
    envelope: Envelope
    peer: Peer
    rungs: frozenset[Rung]
    fingerprint: Fingerprint
    size: int
    trace: str
    author: str = ""
    subject: str = ""
    owners: tuple[Owner, ...] = ()

    def owned_by(self, owners: Iterable[Owner]) -> "Kept":
        """The same mail with other owners for the recipients named; of a copy, the others stay the sender's."""
        before = self.owners or tuple(Owner(one) for one in self.envelope.recipients)
        changed = {owner.recipient.address.key: owner for owner in (*before, *owners)}
        return replace(self, owners=tuple(changed.values()))

    def without(self, key: str) -> "Kept":
        """The same mail as if it had never had this recipient."""
        left = tuple(one for one in self.envelope.recipients if one.address.key != key)
        owners = tuple(one for one in self.owners if one.recipient.address.key != key)
        return replace(self, envelope=replace(self.envelope, recipients=left), owners=owners)


class NoBody(Exception):
    """The bytes of a mail are not there, or not whole."""


def to_json(kept: Kept) -> bytes:
    sender, parameters = kept.envelope.sender, kept.envelope.parameters
    described = {
        "id": kept.id,
        "received_at": kept.received_at.isoformat(),
        "sender": address_to_json(sender) if sender else None,
        "recipients": [recipient_to_json(one) for one in kept.envelope.recipients],
        "parameters": {
            "body_8bit": parameters.body_8bit,
            "smtputf8": parameters.smtputf8,
            "ret": parameters.ret,
            "envid": parameters.envid,
        },
        "peer": [str(kept.peer.address), kept.peer.helo, kept.peer.name, kept.peer.tls, kept.peer.esmtp],
        "rungs": sorted([int(rung.kind), rung.value] for rung in kept.rungs),
        "fingerprint": [getattr(kept.fingerprint, name) for name in ("whole", "body", "headers", "message_id")],
        "size": kept.size,
        "trace": kept.trace,
        "author": kept.author,
        "subject": kept.subject,
        "owners": [
            [recipient_to_json(one.recipient), one.state, one.reason, moment(one.release_at)] for one in kept.owners
        ],
    }
    return json.dumps(described, ensure_ascii=True).encode("ascii")


def moment(when: datetime | None) -> str | None:
    return when.isoformat() if when else None


def recipient_to_json(recipient: Recipient) -> dict[str, Any]:
    return {
        "address": address_to_json(recipient.address),
        "notify": recipient.notify,
        "orcpt": recipient.orcpt,
    }


def recipient_from(stored: dict[str, Any]) -> Recipient:
    return Recipient(Address(*stored["address"]), stored["notify"], stored["orcpt"])


def address_to_json(address: Address) -> list[str]:
    return [address.raw, address.local, address.domain]


def from_json(data: bytes) -> Kept:
    """Raises NoBody when the description is not one of ours."""
    try:
        return described(json.loads(data))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NoBody("the envelope of a kept mail cannot be read") from error


def described(stored: dict[str, Any]) -> Kept:
    recipients = tuple(recipient_from(one) for one in stored["recipients"])
    sender = Address(*stored["sender"]) if stored["sender"] else None
    address, helo, name, tls, esmtp = stored["peer"]
    return Kept(
        id=stored["id"],
        received_at=datetime.fromisoformat(stored["received_at"]),
        envelope=Envelope(sender, recipients, MailParameters(size=stored["size"], **stored["parameters"])),
        peer=Peer(ip_address(address), helo, name, tls, esmtp),
        rungs=frozenset(Rung(RungKind(kind), value) for kind, value in stored["rungs"]),
        fingerprint=Fingerprint(*stored["fingerprint"]),
        size=stored["size"],
        trace=stored["trace"],
        author=stored["author"],
        subject=stored["subject"],
        owners=tuple(owner_from(one) for one in stored["owners"]),
    )


def owner_from(stored: list[Any]) -> Owner:
    recipient, state, reason, release_at = stored
    return Owner(
        recipient_from(recipient),
        CopyState.LISTED if state == CopyState.LISTED else DeliveryState(state) if state else None,
        ReasonCode(reason) if reason else None,
        datetime.fromisoformat(release_at) if release_at else None,
    )
