"""Mail that a declared relay brings: who gave it to the relay, and what we know about that hop."""

from dataclasses import replace
from datetime import datetime

from gateway.model import Address, Peer, Relayed
from gateway.policy import inbound, lists, trail
from gateway.policy.fingerprint import Fingerprinter
from gateway.policy.identity import rungs_of
from gateway.smtpd.admission import Admitted, Remembrance, remembered
from gateway.smtpd.door import Door
from gateway.smtpd.message import Received


async def hop_of(door: Door, relay: Peer, sender: Address | None, reader: Fingerprinter) -> Relayed:
    """The hop before the relay. Its address is the relay's word; the evidence is looked up like any peer's."""
    hop = trail.hop_before(reader.received_fields(), door.relays)
    if hop is None:
        return Relayed(rungs_of(relay))
    name = await door.evidence.name_of(hop.address)
    peer = Peer(hop.address, hop.helo, name.value, nameless=name.is_missing, organisation=name.organisation)
    return Relayed(rungs_of(relay), peer, await door.evidence.spf_of(hop.address, sender, hop.helo))


async def judge_hop(door: Door, received: Received, now: datetime) -> Received:
    """The same mail with its recipients admitted anew, now that the data have told who sends it."""
    admitted = [await judge(door, received, one, now) for one in received.mail.admitted]
    return replace(received, mail=replace(received.mail, admitted=admitted))


async def judge(door: Door, received: Received, one: Admitted, now: datetime) -> Admitted:
    assert received.relayed is not None
    hop, sender, recipient = received.relayed.hop, received.mail.sender, one.recipient.address
    address, authors = hop.address if hop else None, received.message.authors
    told = Remembrance(received.rungs)
    if received.rungs:
        told = await remembered(door, received.mail.sender_key, recipient.key, told, now)
    facts = replace(
        one.facts,
        now=now,
        rungs=received.rungs,
        listed=lists.matching(door.listed, address, sender, recipient, now, rungs=received.rungs, authors=authors),
        grade=told.grade,
        sightings=told.sightings,
        spf=received.relayed.spf,
        relayed=received.relayed,
        switches=door.switches(now),
    )
    return replace(one, facts=facts, verdict=inbound.behind_relay(facts, door.policy))
