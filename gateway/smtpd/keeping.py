"""Keeping mail: copies of what its sender still has, and mail that becomes ours before we say 250."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import Connection

from gateway import clock
from gateway.bodies import FileBodies, Kept, NoRoom, Owner
from gateway.ids import new_id
from gateway.model import CopyState, DeliveryState
from gateway.policy import hold
from gateway.policy.identity import quota_network
from gateway.policy.recipients import Disposition
from gateway.policy.sameness import probably_delivered
from gateway.smtpd.door import Door
from gateway.smtpd.message import Beaten, Judged, Received
from gateway.store import copies, decisions, deliveries, messages, sightings, tombstones
from gateway.store.answer import Answer
from gateway.store.copies import KeptCopy
from gateway.store.deliveries import Owned
from gateway.store.engine import StoreUnavailable
from gateway.store.sightings import Attempt

log = structlog.get_logger()


# ---- the sender keeps the mail -------------------------------------------------------------------------------------


async def keep_copies(door: Door, received: Received, judged: Sequence[Judged], told: Answer | None) -> None:
    """Note the attempt for everybody who is deferred, with one copy of the bytes if there is room."""
    deferred = [one for one in judged if one.disposition is Disposition.COPY]
    now, rungs, content = clock.now(), received.rungs, received.message.fingerprint
    sender, size = received.mail.sender_key, received.mail.parameters.size
    anew = now - door.policy.timing.window
    for one in deferred if received.relayed is None else ():
        door.database.note(sightings.saw, Attempt(sender, one.key, rungs, content, size, now, anew))
    recipients = tuple(one.admitted.recipient for one in deferred if not delivered_before(one))
    if not recipients or told is None:
        return
    if told.kept is not None:
        copied = KeptCopy(told.kept, None, sender, recipients, content, rungs, now)
    elif (kept := await keep_body(door, received, now)) is not None:
        written = door.bodies.kind == "database"
        copied = KeptCopy(kept.id, None if written else kept, sender, recipients, content, rungs, now)
    else:
        return
    door.database.note(copies.keep, copied)


def delivered_before(one: Judged) -> bool:
    """A released copy of what looks like this mail was delivered: nobody needs to look at another copy."""
    return any(probably_delivered(tombstone, one.facts.mail) for tombstone in one.facts.tombstones or ())


async def keep_body(door: Door, received: Received, now: datetime) -> Kept | None:
    """Keep the bytes of a mail that is not kept yet. None when there is no room for them."""
    size, network = received.spool.size, str(quota_network(received.peer.address))
    if not await door.has_room(size, network):
        return None
    kept = describe(door, received, new_id(now), now, ())
    try:
        if received.spool.is_small:  # a small write into the page cache: a thread would cost more than it saves
            door.bodies.write(kept, received.chunks(door.hostname), durable=False)
        else:
            await asyncio.to_thread(door.bodies.write, kept, received.chunks(door.hostname), durable=False)
    except NoRoom as error:
        log.warning("no copy was kept", error=str(error))
        return None
    if door.bodies.kind == "database":
        await store_with_bytes(door, received, kept)
    door.kept_a_copy(kept.size, network)
    return kept


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
        rungs=received.rungs,
        fingerprint=received.message.fingerprint,
        size=received.size(door.hostname),
        trace=received.trace(door.hostname, now),
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
    if isinstance(door.bodies, FileBodies):
        door.bodies.remove([number])


async def consume(door: Door, judged: Sequence[Judged]) -> None:
    """A mail that was delivered before is dropped, visibly and once."""
    numbers = settled_by(judged)
    if numbers:
        now = clock.now()
        await door.database.write(lambda conn: tombstones.consume(conn, numbers, now))


async def restore(door: Door, judged: Sequence[Judged]) -> None:
    """Our 250 for what was dropped did not arrive: it will come again, and is to be dropped again."""
    numbers = settled_by(judged)
    if numbers:
        try:
            await door.database.write(lambda conn: tombstones.restore(conn, numbers))
        except StoreUnavailable as error:
            log.warning("a dropped retry was not noted", error=str(error))


def settled_by(judged: Sequence[Judged]) -> list[int]:
    """The tombstones of what is dropped."""
    dropped = [one for one in judged if one.disposition is Disposition.DISCARD]
    return [int(str(one.verdict.reasons[0].evidence["tombstone"])) for one in dropped]
