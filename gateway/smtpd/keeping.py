"""Keeping mail: copies of what its sender still has, and mail that becomes ours before we say 250."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from gateway import clock
from gateway.bodies import Kept, NoRoom, Owner
from gateway.ids import new_id
from gateway.model import CopyState, DeliveryState
from gateway.policy import header, hold
from gateway.policy.identity import quota_network, rungs_of
from gateway.policy.recipients import Disposition
from gateway.policy.sameness import probably_delivered
from gateway.smtpd.door import Door
from gateway.smtpd.message import Beaten, Judged, Received
from gateway.store import copies, decisions, deliveries, messages, sightings, tombstones
from gateway.store.deliveries import Owned

log = structlog.get_logger()


# ---- the sender keeps the mail -------------------------------------------------------------------------------------


async def keep_copies(door: Door, received: Received, judged: Sequence[Judged]) -> None:
    """Note the attempt for everybody who is deferred, with one copy of the bytes if there is room."""
    deferred = [one for one in judged if one.disposition is Disposition.COPY]
    if not deferred:
        return
    now = clock.now()
    sender, rungs, size = received.mail.sender_key, rungs_of(received.peer), received.mail.parameters.size
    kept = await keep_body(door, received, now) if door.has_room(received.spool.size) else None
    open_ones = [one for one in deferred if not delivered_before(one)]

    anew = now - door.policy.timing.window

    def note(conn: Connection) -> None:
        for one in deferred:
            sightings.saw(conn, sender, one.key, rungs, received.message.fingerprint, size, now, anew_before=anew)
        if kept is None or not open_ones:
            return
        number = kept.number
        if kept.is_new and door.bodies.kind == "files":
            # Another attempt's note may have come in between: one mail, one row, or it could be released twice.
            first = messages.find_same(conn, received.message.fingerprint.whole, sender)
            number = first or number
            if first is None:
                messages.add(conn, kept.described, door.bodies.kind)
        for one in open_ones:
            copies.note(conn, number, sender, one.admitted.recipient, now)
        messages.came_again(conn, number, rungs)

    door.database.note(note)


def delivered_before(one: Judged) -> bool:
    """A released copy of what looks like this mail was delivered: nobody needs to look at another copy."""
    return any(probably_delivered(tombstone, one.facts.mail) for tombstone in one.facts.tombstones or ())


@dataclass(frozen=True, slots=True)
class Copied:
    """Where the bytes of a deferred mail are: kept before, or described now."""

    number: str
    described: Kept
    is_new: bool


async def keep_body(door: Door, received: Received, now: datetime) -> Copied | None:
    """Keep the bytes once, however often they come. None when there is no room for them."""
    whole, sender = received.message.fingerprint.whole, received.mail.sender_key
    network = str(quota_network(received.peer.address))
    known, used = await door.database.read(
        lambda conn: (messages.find_same(conn, whole, sender), messages.bytes_of_network(conn, network))
    )
    if known is not None:
        return Copied(known, describe(door, received, known, now, ()), is_new=False)
    if used + received.spool.size > door.keeping.per_network:
        return None
    kept = describe(door, received, new_id(now), now, ())
    try:
        await asyncio.to_thread(door.bodies.write, kept, received.chunks(door.hostname), durable=False)
    except NoRoom as error:
        log.warning("no copy was kept", error=str(error))
        return None
    if door.bodies.kind == "database":
        await store_with_bytes(door, received, kept)
    door.kept_bytes += kept.size
    return Copied(kept.id, kept, is_new=True)


async def store_with_bytes(door: Door, received: Received, kept: Kept) -> None:
    """Now, not with the next batch: the bytes are gone when the session goes on."""

    def store(conn: Connection) -> None:
        messages.add(conn, kept, door.bodies.kind)
        door.bodies.record(conn, kept, received.chunks(door.hostname))

    await door.database.write(store)


def describe(door: Door, received: Received, number: str, now: datetime, owners: tuple[Owner, ...]) -> Kept:
    """The mail as it is kept, with the Received field that it will carry."""
    return Kept(
        id=number,
        received_at=now,
        envelope=received.envelope,
        peer=received.peer,
        rungs=rungs_of(received.peer),
        fingerprint=received.message.fingerprint,
        size=received.size(door.hostname),
        trace=header.received(received.peer, received.envelope, door.hostname, received.mail.id, now),
        author=received.message.author,
        subject=received.message.subject,
        owners=owners,
    )


# ---- the mail becomes ours -----------------------------------------------------------------------------------------


async def own(door: Door, received: Received, judged: Sequence[Judged]) -> None:
    """Make the mail durable for everybody who is held or served by the courier; afterwards 250 may be said."""
    taken = [one for one in judged if one.disposition in (Disposition.HOLD, Disposition.COURIER)]
    now = clock.now()
    owned = [owned_as(door, one, now) for one in taken]
    number = await make_durable(door, received, owned, now, judged)
    log.info("message taken", id=received.mail.id, message=number, recipients=len(taken))


def owned_as(door: Door, one: Judged, now: datetime) -> Owned:
    releasing = one.disposition is Disposition.COURIER
    life = hold.lifetime(now, door.hold_for, one.verdict.release_after)
    return Owned(
        recipient=one.admitted.recipient,
        state=DeliveryState.RELEASING if releasing else DeliveryState.HELD,
        reason=one.verdict.code,
        lifetime=deliveries.NEVER if releasing else life,
        junk=one.verdict.junk,
    )


async def make_durable(
    door: Door, received: Received, owned: Sequence[Owned], now: datetime, judged: Sequence[Judged]
) -> str:
    """Bytes first, then the rows in one transaction. Raises NoRoom, StoreUnavailable or Beaten: nothing is ours."""
    owners = tuple(Owner(one.recipient, one.state, one.reason, one.lifetime.release_at) for one in owned)
    kept = describe(door, received, new_id(now), now, owners)
    mine = {one.recipient.address.key for one in owned}

    def store(conn: Connection) -> None:
        messages.add(conn, kept, door.bodies.kind)
        door.bodies.record(conn, kept, received.chunks(door.hostname))
        for one in owned:
            deliveries.own(conn, kept.id, one, now)
        for one_judged in judged:
            if one_judged.key in mine:
                take_over_copies(conn, one_judged, now)
        decisions.happened(conn, "taken", now, message=kept.id, who="gateway", reply=received.mail.id)

    try:
        await asyncio.to_thread(door.bodies.write, kept, received.chunks(door.hostname), durable=True)
        await door.database.write(store)
    except (Beaten, NoRoom):  # NoRoom may come after the file has its name: its folder could not be synced
        await asyncio.to_thread(drop_file, door, kept.id)
        raise
    return kept.id


def take_over_copies(conn: Connection, one: Judged, now: datetime) -> None:
    for copy in one.same_copies():
        if not copies.move(conn, copy.id, CopyState.TAKEN_OVER, now=now):
            raise Beaten


def drop_file(door: Door, number: str) -> None:
    """Only files need it: rows vanished with their transaction."""
    if door.bodies.kind == "files":
        door.bodies.drop(None, [number])  # type: ignore[arg-type]


async def consume(door: Door, judged: Sequence[Judged]) -> None:
    """A mail that was delivered before is dropped, visibly and once."""
    dropped = [one for one in judged if one.disposition is Disposition.DISCARD]
    numbers = [int(str(one.verdict.reasons[0].evidence["tombstone"])) for one in dropped]
    if numbers:
        now = clock.now()
        await door.database.write(lambda conn: tombstones.consume(conn, numbers, now))
