"""RCPT from a stranger: what it is worth to ask the backend, to let it wait, or to mark its network for."""

from typing import TYPE_CHECKING

import structlog

from gateway import clock
from gateway.model import Address, Grade, Pressure, RcptFacts, Verdict
from gateway.policy.address import normalise_sender
from gateway.policy.hosters import waits_longer
from gateway.policy.opinion import is_role_address
from gateway.policy.standing import Outcome, parties
from gateway.policy.tarpit import may_prove_patience
from gateway.smtpd.door import Door
from gateway.store import memory, standings
from gateway.store.engine import StoreUnavailable
from gateway.store.standings import Happened

if TYPE_CHECKING:
    from gateway.smtpd.admission import Mail

log = structlog.get_logger()


async def exists(door: Door, mail: "Mail", recipient: Address, pressure: Pressure, grade: Grade | None) -> bool | None:
    """Whether the recipient exists; nobody is asked about traps, or for a stranger that guesses addresses."""
    if pressure.trap:
        return False
    if pressure.harvesting and grade is Grade.STRANGER and not is_role_address(recipient):
        return None
    found = await door.directory.exists(recipient)
    if found is False:
        door.tarpit.guessed_wrong(mail.guest)
    return found


async def proved_patience(door: Door, mail: "Mail", facts: RcptFacts, verdict: Verdict) -> bool:
    """Let a stranger wait that would be deferred; True when it stayed. Once in a transaction."""
    if mail.patient or waits_longer(facts, door.policy):
        return False
    if not may_prove_patience(facts, verdict, mail.transaction, door.tarpit.delays, door.policy.timing):
        return False
    mail.patient = await mail.guest.is_patient()
    return mail.patient


async def mark_network(door: Door, mail: "Mail", facts: RcptFacts) -> None:
    """A trap was written to. Without the store we cannot tell a stranger from a friend, and mark nobody."""
    normal = normalise_sender(facts.sender) if facts.sender else ""
    try:
        friend = await door.database.read(lambda conn: memory.knows(conn, normal, facts.rungs, clock.now()))
    except StoreUnavailable as error:
        log.warning("the database could not be asked", error=str(error))
        return
    door.tarpit.wrote_to_trap(mail.guest, facts.sender, remembered=friend)
    if not friend:  # whose name it used is not known: its server is what misbehaved
        for party, value in parties(facts.rungs, "", door.shared):
            door.database.note(standings.note, Happened(party, value, Outcome.TRAPPED, facts.now, door.hostname))
