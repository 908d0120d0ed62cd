"""What a delivered mail tells of the identity it came with: for whom that sends, and whether all may remember it."""

from datetime import datetime

from gateway.evidence.domain import organisational
from gateway.model import RungKind
from gateway.policy.identity import lasting_for_all
from gateway.policy.standing import Outcome, parties
from gateway.smtpd.door import Door
from gateway.smtpd.message import Received
from gateway.store import identities, standings
from gateway.store.identities import Use, Waited
from gateway.store.standings import Happened


def note_use(door: Door, received: Received, now: datetime) -> None:
    """For whom these identities send. A signature speaks for its author, so the author's domain is what counts."""
    domain = domain_of(received)
    if domain is None or received.relayed is not None:
        return
    for rung in received.rungs:
        if rung.kind is not RungKind.NETWORK and not door.shared.has(rung) and door.noted.is_due((rung, domain), now):
            door.database.note(identities.used, Use(rung, domain, now, door.hostname))


def note_fate(door: Door, received: Received, outcome: Outcome, now: datetime) -> None:
    """How its mail fared, for all whom it speaks for. Of silence one a day is enough to know."""
    if received.relayed is not None:
        return
    address = received.message.only_author or received.mail.sender_key
    for party, value in parties(received.rungs, address, door.shared):
        if outcome is not Outcome.ACCEPTED or door.noted.is_due((party, value), now):
            door.database.note(standings.note, Happened(party, value, outcome, now, door.hostname))


def domain_of(received: Received) -> str | None:
    """Whose mail it is: the organisation of its author, else of its envelope sender; None where neither is told."""
    address = received.message.only_author or received.mail.sender_key
    domain = address.rpartition("@")[2].lower()
    return organisational(domain) if domain and not domain.startswith("[") else None


def note_wait(door: Door, received: Received, normal: str, recipient: str, now: datetime) -> None:
    """It waited and came back: the second recipient for whom an authenticated identity did so settles it for all."""
    if not normal:
        return
    for rung in lasting_for_all(received.rungs, door.shared):
        lasting = Waited(rung, normal, recipient, now, now + door.memory_for)
        door.database.note(identities.waited, lasting)
