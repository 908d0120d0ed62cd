"""Mail that is sent away whatever is in it: its sender is answered first, and it is looked at afterwards.

What is in it counts when it comes back, for the queue that people see, and for the mails that share something with it.
In a flood that is worth the time for some of it only; none comes in without a look.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gateway import clock
from gateway.model import RecipientClass, Reply
from gateway.policy.recipients import Plan
from gateway.policy.suspicion import weighed
from gateway.smtpd import campaigns, contents
from gateway.smtpd.admission import log_decision
from gateway.smtpd.door import Door
from gateway.smtpd.message import Judged, Received, decisions_about, record
from gateway.store import decisions


def waits(received: Received) -> bool:
    """True where it takes an earlier attempt to get this mail in, for all of its recipients."""
    return all(one.verdict.recipient_class is RecipientClass.WAIT for one in received.mail.admitted)


def needs_no_look(door: Door, plan: Plan) -> bool:
    """True for a plan that stays the same whatever is in the mail: nobody gets it now, and no draft is asked."""
    return plan.reply is not None and not plan.owns and door.draft is None


def look_and_record(door: Door, received: Received, judged: Sequence[Judged], answer: Reply) -> None:
    """Log the decisions, and keep them when the mail was looked at, as far as there is time for that.

    It goes on when the session has ended.
    """
    now = clock.now()
    if not door.pending_looks.may(now):
        return record(door, received, judged, answer)
    for decided in decisions_about(door, received, judged, answer):
        log_decision(decided)
    received.spool.share()
    door.spooled_bytes += received.spool.size  # what is being received and what is being looked at share one bound
    door.in_background(look_first(door, received, judged, answer, now))
    return None


async def look_first(door: Door, received: Received, judged: Sequence[Judged], answer: Reply, now: datetime) -> None:
    seen = judged
    try:
        seen = await looked_at(door, received, judged, now)
    finally:
        door.spooled_bytes -= received.spool.size
        received.spool.close()
        for decided in decisions_about(door, received, seen, answer):
            door.database.note(decisions.add, decided)


async def looked_at(door: Door, received: Received, judged: Sequence[Judged], now: datetime) -> list[Judged]:
    """The same decisions with what was found in the mail, which is noted for those that follow."""
    found = await contents.found_in(door, received)
    shares = await campaigns.compared(door, received, found, now)
    seen = [
        replace(one, facts=weighed(contents.with_content(one.facts, one.key, found, shares.campaigns), door.policy))
        for one in judged
    ]
    campaigns.note(door, shares, seen, now)
    return seen
