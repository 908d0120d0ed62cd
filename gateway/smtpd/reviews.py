"""Delivered mail that is listed for review: its bytes are kept for a while, so that somebody can look at it.

The delivery has ended, or is ours, before any of this begins, and the peer does not wait for it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import structlog
from sqlalchemy import Connection

from gateway import clock
from gateway.bodies import Kept, NoRoom, Owner
from gateway.model import Action, CopyState, ReasonCode
from gateway.policy.identity import quota_network
from gateway.smtpd.door import Door
from gateway.smtpd.keeping import describe
from gateway.smtpd.message import Judged, Received
from gateway.store import reviews
from gateway.store.engine import StoreUnavailable
from gateway.store.reviews import Listed, ListedMail

log = structlog.get_logger()

PART = 2  # of each quota listed mail may fill the first half: copies of deferred mail find the other
AT_ONCE = 20  # mails whose bytes wait to be written; of more at once the rest is listed without them


def list_for_review(door: Door, received: Received, judged: Sequence[Judged]) -> None:
    """Keep what was taken in and is listed; it goes on when the session has ended."""
    listed = [
        (one.admitted.recipient, why(one))
        for one in judged
        if one.verdict.review and one.verdict.action in (Action.ACCEPT, Action.HOLD)
    ]
    if listed:
        received.spool.share()
        door.in_background(keep(door, received, listed))


def why(one: Judged) -> ReasonCode:
    chosen = any(reason.code is ReasonCode.AUDIT_SAMPLED for reason in one.verdict.reasons)
    return ReasonCode.AUDIT_SAMPLED if chosen else one.verdict.code


async def keep(door: Door, received: Received, listed: Sequence[Listed]) -> None:
    door.listing += 1
    try:
        await keep_listed(door, received, listed)
    except (NoRoom, StoreUnavailable, OSError) as error:
        log.warning("a listed mail was not kept", id=received.mail.id, error=str(error))
    finally:
        door.listing -= 1
        received.spool.close()


async def keep_listed(door: Door, received: Received, listed: Sequence[Listed]) -> None:
    """Bytes first, where there is room, then the rows."""
    owners = tuple(Owner(recipient, CopyState.LISTED, code) for recipient, code in listed)
    kept = describe(door, received, received.mail.id, clock.now(), owners)
    if not await has_bytes(door, received, kept):
        bare = replace(kept, author="", subject="")  # words of a mail are kept with its bytes, or not at all
        door.database.note(reviews.add, ListedMail(bare, "none", listed))
    elif door.bodies.kind == "database":
        await store_with_bytes(door, received, ListedMail(kept, door.bodies.kind, listed))
    else:
        door.database.note(reviews.add, ListedMail(kept, door.bodies.kind, listed))


async def store_with_bytes(door: Door, received: Received, one: ListedMail) -> None:
    """Now, not with the next batch: the bytes are gone when this ends."""

    def store(conn: Connection) -> None:
        reviews.add(conn, [one])
        door.bodies.record(conn, one.kept, received.chunks(door.hostname))

    await door.database.write(store)


async def has_bytes(door: Door, received: Received, kept: Kept) -> bool:
    """Write the bytes; False where no quota has room for them. They are never worth waiting for the disk."""
    network = str(quota_network(received.peer.address))
    if door.listing > AT_ONCE or not await door.has_room(kept.size, network, PART):
        return False
    try:
        await asyncio.to_thread(door.bodies.write, kept, received.chunks(door.hostname), durable=False)
    except NoRoom as error:
        log.warning("a listed mail was not kept", id=kept.id, error=str(error))
        return False
    door.kept_a_copy(kept.size, network)
    return True
