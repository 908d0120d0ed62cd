"""A plain stranger and its first mail; the tables name only what differs from them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from gateway.model import (
    Address,
    CopyRow,
    CopyState,
    DataFacts,
    Fingerprint,
    Grade,
    Level,
    ListEntry,
    ListKind,
    ListVerb,
    MailIdentity,
    MessageFacts,
    Peer,
    RcptFacts,
    Reason,
    ReasonCode,
    Reply,
    Rung,
    RungKind,
    Sighting,
    Tombstone,
    TombstoneOutcome,
)
from gateway.policy.greylist import Timing
from gateway.policy.inbound import Policy, at_rcpt

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=seconds) for seconds in (1, 60, 3600, 86400))
TIMING = Timing(wait=3 * MINUTE, window=4 * DAY)
POLICY = Policy(timing=TIMING)

NETWORK = Rung(RungKind.NETWORK, "192.0.2.0/24")
OTHER_NETWORK = Rung(RungKind.NETWORK, "198.51.100.0/24")
HOST = Rung(RungKind.FCRDNS, "mail.elsewhere.example")
SPF = Rung(RungKind.SPF, "elsewhere.example")
SPF_WIDE = Rung(RungKind.SPF_WIDE, "elsewhere.example")
DKIM = Rung(RungKind.DKIM, "elsewhere.example")

ANN = Address("Ann@elsewhere.example", "Ann", "elsewhere.example")
BO = Address("bo@example.com", "bo", "example.com")
PEER = Peer(ip_address("192.0.2.7"), helo="mail.elsewhere.example")

MAIL = Fingerprint(whole="whole 1", body="body 1", headers="headers 1", message_id="id 1")
OTHER_MAIL = Fingerprint(whole="whole 2", body="body 2", headers="headers 2", message_id="id 2")
EVERY_DAY = replace(MAIL, headers=None)  # it lacks a Date or a Message-ID, and looks alike every day
SUSPICIOUS = (Reason(ReasonCode.CONTENT_SUSPICIOUS, {"because": "a test"}),)

STRANGER = RcptFacts(
    now=NOW,
    peer=PEER,
    rungs=frozenset({NETWORK}),
    sender=ANN.key,
    recipient=BO,
    is_local=True,
    recipient_exists=True,
    level=Level.GREYLIST,
    reviewed=False,
    listed=(),
    grade=Grade.STRANGER,
    sightings=(),
)


def seen(ago: timedelta, **differs: Any) -> Sighting:
    """An attempt that long ago from the stranger's network, deferred before its data unless `differs` says more."""
    plain = Sighting(id=1, rungs=frozenset({NETWORK}), first_seen=NOW - ago, last_seen=NOW - ago)
    return replace(plain, **differs)


def uploaded(ago: timedelta, content: Fingerprint = MAIL, **differs: Any) -> Sighting:
    """The same, with its data."""
    return seen(ago, **{"body": content.body, "message_id": content.message_id, **differs})


def identity(content: Fingerprint = MAIL, **differs: Any) -> MailIdentity:
    return replace(MailIdentity(ANN.key, BO.key, frozenset({NETWORK}), content), **differs)


def kept(ago: timedelta, state: CopyState = CopyState.SENDER_HELD, **differs: Any) -> CopyRow:
    """Our copy of the stranger's mail."""
    plain = CopyRow(1, "m1", state, NOW - ago, NOW - ago, identity())
    return replace(plain, **differs)


def settled(outcome: TombstoneOutcome, **differs: Any) -> Tombstone:
    """A tombstone of the stranger's mail."""
    return replace(Tombstone(7, outcome, identity(), NOW + DAY), **differs)


def listed(verb: ListVerb, kind: ListKind = ListKind.NETWORK, value: str = "192.0.2.0/24", **differs: Any) -> ListEntry:
    return replace(ListEntry(3, verb, kind, value), **differs)


def rcpt(**differs: Any) -> RcptFacts:
    return replace(STRANGER, **differs)


def data(facts: RcptFacts = STRANGER, policy: Policy = POLICY, **differs: Any) -> DataFacts:
    """The mail of an admitted recipient after the dot. The store knows nothing of it unless `differs` says so."""
    plain = DataFacts(
        now=facts.now,
        rcpt=facts,
        admitted=at_rcpt(facts, policy),
        carried=False,
        message=MessageFacts(MAIL, size=2000),
        sightings=facts.sightings,
        copies=(),
        tombstones=(),
    )
    return replace(plain, **differs)


REFUSAL = Reply(554, "5.2.2", "Mailbox full for ever")
