"""Mail that a declared relay brings: who gave it to the relay, and what we know about that hop."""

from dataclasses import replace
from datetime import datetime

from gateway.model import Grade, Peer, Relayed, Sighting
from gateway.policy import inbound, lists, trail
from gateway.policy.fingerprint import Fingerprinter
from gateway.policy.identity import rungs_of
from gateway.smtpd.admission import Admitted, remembered
from gateway.smtpd.door import Door
from gateway.smtpd.message import Received


async def hop_of(door: Door, relay: Peer, reader: Fingerprinter) -> Relayed:
    """The hop before the relay. Its address is the relay's word; its name is looked up like any peer's."""
    hop = trail.hop_before(reader.received_fields(), door.relays)
    if hop is None:
        return Relayed(rungs_of(relay))
    return Relayed(rungs_of(relay), Peer(hop.address, hop.helo, await door.name_of(hop.address)))


async def judge_hop(door: Door, received: Received, now: datetime) -> Received:
    """The same mail with its recipients admitted anew, now that the data have told who sends it."""
    admitted = [await judge(door, received, one, now) for one in received.mail.admitted]
    return replace(received, mail=replace(received.mail, admitted=admitted))


async def judge(door: Door, received: Received, one: Admitted, now: datetime) -> Admitted:
    assert received.relayed is not None
    hop, sender, recipient = received.relayed.hop, received.mail.sender, one.recipient.address
    grade: Grade | None = Grade.STRANGER
    seen: tuple[Sighting, ...] | None = ()
    if hop is not None:
        grade, seen = await remembered(door, received.mail.sender_key, recipient.key, hop, now)
    facts = replace(
        one.facts,
        now=now,
        rungs=received.rungs,
        listed=lists.matching(door.listed, hop.address if hop else None, sender, recipient, now),
        grade=grade,
        sightings=seen,
        relayed=received.relayed,
        switches=door.switches(now),
    )
    return replace(one, facts=facts, verdict=inbound.behind_relay(facts, door.policy))
