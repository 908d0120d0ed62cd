"""A message that was received and is being judged: the nouns of what follows the dot, and how it is recorded."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import structlog

from gateway.bodies import NoRoom
from gateway.model import (
    Action,
    CopyRow,
    DataFacts,
    Envelope,
    MessageFacts,
    Peer,
    Reason,
    ReasonCode,
    Relayed,
    Reply,
    Rung,
    Verdict,
)
from gateway.policy import hold
from gateway.policy.fingerprint import FieldRemover
from gateway.policy.header import VERDICT_FIELD
from gateway.policy.identity import rungs_of
from gateway.policy.recipients import Disposition
from gateway.policy.reply import reply_to
from gateway.policy.sameness import Sameness, compare
from gateway.smtpd.admission import Admitted, Mail, described, log_decision
from gateway.smtpd.door import Door
from gateway.spool import Spool, without_fields
from gateway.store import decisions
from gateway.store.decisions import Decision

log = structlog.get_logger()

Later = Callable[[], Awaitable[None]]


class Beaten(Exception):
    """Somebody else moved a copy of this mail while we decided."""


@dataclass(frozen=True, slots=True)
class Received:
    """A whole message that waits for an answer."""

    mail: Mail
    envelope: Envelope
    peer: Peer
    message: MessageFacts
    spool: Spool
    relayed: Relayed | None = None

    @property
    def rungs(self) -> frozenset[Rung]:
        """The identity of whoever sends it: behind a declared relay that of the hop before, if it is known."""
        if self.relayed is None:
            return rungs_of(self.peer, self.mail.spf)
        return rungs_of(self.relayed.hop, self.relayed.spf) if self.relayed.hop is not None else frozenset()

    def chunks(self, hostname: str) -> Iterator[bytes]:
        """The sender's bytes, without fields that claim to be ours."""
        if not self.message.forged_fields:
            return self.spool.chunks()
        return without_fields(self.spool.chunks(), FieldRemover(hostname, VERDICT_FIELD))

    def size(self, hostname: str) -> int:
        if not self.message.forged_fields:
            return self.spool.size
        return sum(len(chunk) for chunk in self.chunks(hostname))


@dataclass(frozen=True, slots=True)
class Judged:
    """A recipient with all that was decided about its mail."""

    admitted: Admitted
    facts: DataFacts
    verdict: Verdict
    disposition: Disposition

    @property
    def key(self) -> str:
        return self.admitted.recipient.address.key

    def same_copies(self) -> list[CopyRow]:
        """Open copies of this very mail."""
        return [
            copy
            for copy in self.facts.copies or ()
            if copy.state in hold.OPEN_COPIES and compare(copy.mail, self.facts.mail) >= Sameness.WHOLE
        ]


def fail(door: Door, received: Received, judged: Sequence[Judged], error: Exception) -> Reply:
    """What we could not do is a 4xx; the sender keeps the mail."""
    log.error("a message could not be taken", id=received.mail.id, error=str(error) or type(error).__name__)
    codes = {NoRoom: ReasonCode.STORAGE_FULL, Beaten: ReasonCode.RETRY_IN_FLIGHT}
    code = codes.get(type(error), ReasonCode.STORE_UNAVAILABLE)
    verdict = Verdict(Action.DEFER, (Reason(code),))
    answer = reply_to(verdict, door.wording, received.mail.id, at_rcpt=False)
    record(door, received, [replace(one, verdict=verdict) for one in judged], answer)
    return answer


def record(door: Door, received: Received, judged: Sequence[Judged], answer: Reply) -> None:
    """Keep the decisions with their facts, and write their lines into the log."""
    decided = [
        Decision(
            reply_id=received.mail.id,
            at=one.facts.now,
            stage="data",
            peer=str(received.peer.address),
            sender=received.mail.sender_key,
            recipient=one.key,
            verdict=one.verdict,
            facts=described(one.admitted.facts) | about_message(one),
            reply=str(answer),
        )
        for one in judged
    ]
    for one_decided in decided:
        door.database.note(decisions.add, one_decided)
        log_decision(one_decided)


def about_message(one: Judged) -> dict[str, object]:
    message = one.facts.message
    seen = None if one.facts.sightings is None else len(one.facts.sightings)
    return {
        "admitted": str(one.admitted.verdict.code),
        "carried": one.admitted.carried,
        "disposition": one.disposition.value,
        "data": {
            "size": message.size,
            "whole": message.fingerprint.whole,
            "body": message.fingerprint.body,
            "headers": message.fingerprint.headers,
            "received": message.received_count,
            "forged": list(message.forged_fields),
            "sightings": seen,
            "copies": None if one.facts.copies is None else [copy.id for copy in one.facts.copies],
            "tombstones": None if one.facts.tombstones is None else [stone.id for stone in one.facts.tombstones],
        },
    }
