"""After the dot: what a mail proves about its author, and who is recognised by it that RCPT took for a stranger."""

from dataclasses import replace
from datetime import datetime
from functools import partial

from gateway.evidence.gather import Message
from gateway.model import Address, Grade, ListEntry, Peer, Spf
from gateway.policy import inbound, lists
from gateway.policy.authentication import is_out_of_place, without_replayed
from gateway.policy.identity import network_of
from gateway.policy.listing import is_allowed
from gateway.smtpd.admission import Admitted, Remembrance, remembered
from gateway.smtpd.door import Door
from gateway.smtpd.message import Received
from gateway.store import signatures
from gateway.store.engine import StoreUnavailable


async def authenticated(door: Door, received: Received, now: datetime) -> Received:
    """The mail with its proofs: signatures, the author's policy, a chain of forwarders."""
    host = received.sender_host
    if host is None or not door.evidence.worth_asking(host.address):
        return received
    found_spf: list[Spf | None] = [None]

    async def ask_spf() -> Spf | None:
        found_spf[0] = await door.evidence.spf_of(host.address, received.mail.sender, host.helo)
        return found_spf[0]

    message = received.message
    mail = Message(received.spool.chunks, received.spool.size, message.fingerprint.body, message.is_signed)
    author = (received.message.only_author or "").rpartition("@")[2]
    proof = await door.evidence.authentication_of(mail, author, received.known_spf or ask_spf, now)
    found = replace(received, authentication=proof, found_spf=found_spf[0])
    return await unreplayed(door, found, host, now) if found.relayed is None else found


async def unreplayed(door: Door, received: Received, host: Peer, now: datetime) -> Received:
    """The mail without the credit of a signature that many networks bring to people whom it does not name."""
    keys = [one.recipient.address.key for one in received.mail.admitted]
    found = received.authentication
    if not is_out_of_place(found, received.known_spf or received.found_spf, received.message, keys):
        return received
    here = str(network_of(host.address))
    digests = [one.digest for one in found.signatures if one.domain in found.aligned]
    try:
        networks = await door.database.read(partial(signatures.networks, signatures=digests))
    except StoreUnavailable:
        return received  # strangers are sent away anyway while nobody can be recognised
    for one in digests:
        door.database.note(signatures.used, signatures.Use(one, here, now))
    replayed = {one for one in digests if len(networks[one] | {here}) >= signatures.MOST}
    return replace(received, authentication=without_replayed(found, replayed))


async def recognised(door: Door, received: Received, now: datetime) -> Received:
    """The mail with its recipients admitted anew where the data tell more about its sender than RCPT knew."""
    if received.relayed is not None:
        return received
    admitted = [await recognise(door, received, one, now) for one in received.mail.admitted]
    known = any(one.facts.grade is Grade.KNOWN for one in admitted)
    sender_known = received.mail.transaction.sender_known or known
    if admitted == received.mail.admitted and sender_known == received.mail.transaction.sender_known:
        return received
    transaction = replace(received.mail.transaction, sender_known=sender_known)
    return replace(received, mail=replace(received.mail, admitted=admitted, transaction=transaction))


async def recognise(door: Door, received: Received, one: Admitted, now: datetime) -> Admitted:
    """Known by its envelope or its author: both are this organisation's, for it signed. The lists may name either."""
    rungs, entries = received.rungs, listed(door, received, one.recipient.address, now)
    if (rungs, entries) == (one.facts.rungs, one.facts.listed) and not received.authentication.aligned:
        return one
    facts = replace(one.facts, rungs=rungs, listed=entries)
    author = received.message.only_author or ""
    for name in dict.fromkeys((facts.sender, author)) if received.authentication.aligned else ():
        if facts.grade is Grade.KNOWN or facts.grade is None or not name:
            break
        told = await remembered(door, name, facts.recipient.key, Remembrance(received.rungs), now)
        if told.grade is not None and told.grade > facts.grade:
            facts = replace(facts, grade=told.grade)
    if facts.grade == one.facts.grade and is_allowed(facts) == is_allowed(one.facts):
        return replace(one, facts=facts)
    return replace(one, facts=facts, verdict=inbound.at_rcpt(facts, door.policy), carried=False)


def listed(door: Door, received: Received, recipient: Address, now: datetime) -> tuple[ListEntry, ...]:
    """The entries that hold now that the authors are known, and who signed."""
    host, authors = received.sender_host, received.message.authors
    address = None if host is None else host.address
    return lists.matching(
        door.listed, address, received.mail.sender, recipient, now, rungs=received.rungs, authors=authors
    )
