"""Mails whose bytes we keep: one row and one body however many recipients, retries and networks."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, update

from gateway.bodies import Kept
from gateway.model import Address, CopyState, DeliveryState, Envelope, MailParameters, Peer, Rung
from gateway.policy.address import BadAddress, parse_address
from gateway.policy.hold import OPEN_COPIES, SAID
from gateway.policy.identity import quota_network
from gateway.store.rows import fingerprint_columns, rungs_from_json, rungs_to_json
from sql.tables import copy, delivery, message

SAME = (
    select(message.c.whole, message.c.sender_key, message.c.id)
    .where(message.c.whole.in_(bindparam("wholes", expanding=True)), message.c.stored != "none")
    .order_by(message.c.received_at, message.c.id)
)
UNDO_FOR = timedelta(hours=1)  # in which a refusal can be taken back
UNENDED = (DeliveryState.HELD, DeliveryState.RELEASING, DeliveryState.UNDELIVERABLE, DeliveryState.EXPIRED)


def add(conn: Connection, kept: Kept, stored: str) -> None:
    """Insert the row of a mail; `stored` says where its bytes are (files, database, none)."""
    add_all(conn, [kept], stored)


def add_all(conn: Connection, mails: Sequence[Kept], stored: str) -> None:
    if mails:
        conn.execute(insert(message), [row_of(kept, stored) for kept in mails])


def row_of(kept: Kept, stored: str) -> dict[str, Any]:
    envelope, parameters = kept.envelope, kept.envelope.parameters
    return {
        "id": kept.id,
        "received_at": kept.received_at,
        "sender": envelope.sender.raw if envelope.sender else "",
        "sender_key": envelope.sender_key,
        "peer": str(kept.peer.address),
        "helo": kept.peer.helo[:255],
        "peer_name": kept.peer.name,
        "tls": kept.peer.tls,
        "esmtp": kept.peer.esmtp,
        "size": kept.size,
        "body_8bit": parameters.body_8bit,
        "smtputf8": parameters.smtputf8,
        "ret": parameters.ret,
        "envid": parameters.envid,
        "author": kept.author[:400],
        "subject": kept.subject[:400],
        "rungs": rungs_to_json(kept.rungs),
        "trace": kept.trace,
        "network": str(quota_network(kept.peer.address)),
        "stored": stored,
        **fingerprint_columns(kept.fingerprint),
    }


def find_same(conn: Connection, mails: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The ids of kept mails with these bytes (the hash of the whole) from these senders; the newest of each."""
    rows = conn.execute(SAME, {"wholes": list({whole for whole, _ in mails})})
    return {(whole, sender): number for whole, sender, number in rows}


def came_again(conn: Connection, mails: Mapping[str, frozenset[Rung]]) -> None:
    """The same mails from further identities: a retry may come from any of them."""
    query = select(message.c.id, message.c.rungs).where(message.c.id.in_(list(mails)))
    for number, stored in conn.execute(query).all() if mails else ():
        merged = rungs_from_json(stored) | mails[number]
        if len(merged) > len(stored):
            conn.execute(update(message).where(message.c.id == number).values(rungs=rungs_to_json(merged)))


def load(conn: Connection, number: str) -> dict[str, Any] | None:
    row = conn.execute(select(message).where(message.c.id == number)).mappings().one_or_none()
    return dict(row) if row else None


def sender_of(row: dict[str, Any]) -> Address | None:
    return stored_address(row["sender"]) if row["sender"] else None


def stored_address(raw: str) -> Address:
    """An address that was validated when it came in. Old grammar must not make a stored mail undeliverable."""
    try:
        return parse_address(raw)
    except BadAddress:
        local, _, domain = raw.rpartition("@")
        return Address(raw, local, domain.lower())


def envelope_of(row: dict[str, Any]) -> Envelope:
    """The envelope without recipients, as it came."""
    parameters = MailParameters(
        size=row["size"],
        body_8bit=row["body_8bit"],
        smtputf8=row["smtputf8"],
        ret=row["ret"],
        envid=row["envid"],
    )
    return Envelope(sender_of(row), (), parameters)


def peer_of(row: dict[str, Any]) -> Peer:
    return Peer(ip_address(row["peer"]), row["helo"], row["peer_name"], row["tls"], row["esmtp"])


def bytes_kept(conn: Connection) -> int:
    """Bytes of all kept mails."""
    query = select(func.coalesce(func.sum(message.c.size), 0)).where(message.c.stored != "none")
    return int(conn.execute(query).scalar_one())


def bytes_of_network(conn: Connection, network: str) -> int:
    query = select(func.coalesce(func.sum(message.c.size), 0)).where(
        message.c.network == network, message.c.stored != "none"
    )
    return int(conn.execute(query).scalar_one())


def finished(conn: Connection, before: datetime, most: int, now: datetime) -> list[str]:
    """Mails received before a moment whose bytes nobody needs: every copy and every delivery has ended.

    What a person refused lately, or said of listed mail, is still needed: it may be taken back.
    """
    lately = now - UNDO_FOR
    may_be_undone = and_(copy.c.state.in_([CopyState.REFUSED, *SAID]), copy.c.decided_at > lately)
    needed = or_(copy.c.state.in_([*OPEN_COPIES, CopyState.LISTED]), may_be_undone)
    open_copy = select(copy.c.id).where(copy.c.message == message.c.id, needed).exists()
    refused_lately = and_(delivery.c.state == DeliveryState.REFUSED, delivery.c.decided_at > lately)
    wanted = or_(delivery.c.state.in_(UNENDED), and_(refused_lately, delivery.c.decided_by != "retention"))
    unended = select(delivery.c.id).where(delivery.c.message == message.c.id, wanted).exists()
    over = (message.c.stored != "none", message.c.received_at < before, ~open_copy, ~unended)
    query = select(message.c.id).where(*over).limit(most)
    return list(conn.execute(query).scalars())


def body_dropped(conn: Connection, numbers: Collection[str]) -> None:
    conn.execute(update(message).where(message.c.id.in_(numbers)).values(stored="none"))


def forget_old(conn: Connection, before: datetime, most: int) -> int:
    """Delete rows of mails received before a moment that have no bytes any more, with their copies and deliveries."""
    query = select(message.c.id).where(message.c.stored == "none", message.c.received_at < before).limit(most)
    numbers = list(conn.execute(query).scalars())
    remove(conn, numbers)
    return len(numbers)


def remove(conn: Connection, numbers: Collection[str]) -> None:
    for table in (copy, delivery):
        conn.execute(delete(table).where(table.c.message.in_(numbers)))
    conn.execute(delete(message).where(message.c.id.in_(numbers)))


def ids(conn: Connection, wanted: Iterable[str]) -> set[str]:
    """Those of the ids that have a row."""
    return set(conn.execute(select(message.c.id).where(message.c.id.in_(list(wanted)))).scalars())


def states(conn: Connection, number: str) -> list[tuple[str, CopyState | DeliveryState]]:
    """Every recipient of a mail and how it stands."""
    copies = conn.execute(select(copy.c.recipient, copy.c.state).where(copy.c.message == number))
    found: list[tuple[str, CopyState | DeliveryState]] = [(row[0], CopyState(row[1])) for row in copies]
    owned = conn.execute(select(delivery.c.recipient, delivery.c.state).where(delivery.c.message == number))
    return found + [(row[0], DeliveryState(row[1])) for row in owned]
