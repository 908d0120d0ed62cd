"""What a sender's domains are to us: never heard of, or looking like one that our people know."""

from functools import partial

import structlog

from gateway import clock
from gateway.evidence.domain import organisational
from gateway.model import Grade, Mark
from gateway.policy import lookalike
from gateway.policy.expecting import domain_of
from gateway.policy.hidden import hides
from gateway.policy.lists import above
from gateway.smtpd.door import Door
from gateway.smtpd.message import Received
from gateway.store import domains
from gateway.store.engine import StoreUnavailable

log = structlog.get_logger()

MOST_MARKS = 10


async def is_new_domain(door: Door, received: Received) -> bool | None:
    """Asked only about strangers that hide who they are. None: it was not worth asking, or nobody could say."""
    sender = received.mail.sender
    if sender is None or not any(hides(one.facts, received.authentication) for one in received.mail.admitted):
        return None
    wanted = tuple(above(sender.domain))
    try:
        return not await door.database.read(partial(domains.on_record, wanted=wanted, now=clock.now()))
    except StoreUnavailable as error:
        log.warning("the database could not be asked", error=str(error))
        return None


def marks_of(door: Door, received: Received) -> tuple[Mark, ...]:
    """What a stranger's domains look like, of the envelope sender and of the authors, and what the From field shows."""
    if not any(one.facts.grade is Grade.STRANGER for one in received.mail.admitted):
        return ()
    message, sender = received.message, received.mail.sender
    written = list(dict.fromkeys(domain_of(author) for author in message.authors if author))
    found = [
        mark
        for domain in dict.fromkeys([*written, *([sender.domain] if sender else [])])
        for mark in lookalike.marks(domain, organisational(domain), door.resembled)
    ]
    found += lookalike.displayed(message.author, message.authors, list(map(organisational, written)), door.resembled)
    return tuple(dict.fromkeys(found))[:MOST_MARKS]
