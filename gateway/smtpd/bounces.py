"""What our own mail has to do with mail that comes in: bounces of it, our tags in addresses, where to unsubscribe."""

from collections.abc import Iterable
from functools import partial

import structlog

from gateway import clock
from gateway.model import Address, Bounce
from gateway.policy import bounce
from gateway.policy.fingerprint import MAX_HEAD
from gateway.policy.outbound import unsubscribe_targets
from gateway.smtpd.door import Door
from gateway.smtpd.message import Received
from gateway.store import outbound
from gateway.store.engine import StoreUnavailable

log = structlog.get_logger()


def beginning(chunks: Iterable[bytes], most: int) -> bytes:
    """At least the first `most` bytes, where there are as many."""
    found, size = [], 0
    for chunk in chunks:
        found.append(chunk)
        size += len(chunk)
        if size >= most:
            break
    return b"".join(found)


def without_tag(door: Door, address: Address) -> Address:
    """The recipient below our own tag; any other as it is."""
    if not door.own_mail.key or not address.local.lower().startswith("prvs="):
        return address
    return bounce.untagged(address, door.own_mail.key, clock.now()) or address


async def about(door: Door, received: Received) -> Bounce:
    """Whose mail a mail without a sender is about. Only such mail is looked into."""
    if received.mail.sender is not None:
        return Bounce.NONE
    returned = bounce.read_bounce(beginning(received.spool.chunks(), bounce.MOST_READ))
    if not returned.ids:
        return Bounce.NONE
    try:
        noted = await door.database.read(partial(outbound.noted, ids=returned.ids))
    except StoreUnavailable as error:
        log.warning("the database could not be asked", error=str(error))
        return Bounce.NONE
    found = bounce.judge(returned, noted, clock.now())
    return Bounce.NONE if found is Bounce.FOREIGN and not door.own_mail.holds_foreign else found


def note_unsubscribing(door: Door, received: Received) -> None:
    """Whoever writes to such an address wants to hear nothing more, which makes nobody known."""
    head = beginning(received.spool.chunks(), MAX_HEAD)[:MAX_HEAD].partition(b"\r\n\r\n")[0] + b"\r\n"
    if b"list-unsubscribe:" in head.lower() and (targets := unsubscribe_targets(head)):
        door.database.note(outbound.wants_unsubscribing, (targets, clock.now()))
