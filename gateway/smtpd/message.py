"""A message that was received and is being judged: the nouns of what follows the dot, and how it is recorded."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from gateway.bodies import NoRoom
from gateway.model import (
    UNPROVED,
    Action,
    Authentication,
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
    Spf,
    Verdict,
)
from gateway.policy import header, hold, stored
from gateway.policy.authentication import signing_rungs
from gateway.policy.fingerprint import FieldRemover
from gateway.policy.header import VERDICT_FIELD
from gateway.policy.identity import rungs_of
from gateway.policy.recipients import Disposition
from gateway.policy.reply import reply_to
from gateway.policy.sameness import Sameness, compare
from gateway.smtpd.admission import Admitted, Mail, log_decision
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
    authentication: Authentication = UNPROVED
    found_spf: Spf | None = None  # looked up for the author's policy, where RCPT had no need of it

    @property
    def sender_host(self) -> Peer | None:
        """Whoever sends it: behind a declared relay the hop before, if it is known."""
        return self.peer if self.relayed is None else self.relayed.hop

    @property
    def rungs(self) -> frozenset[Rung]:
        """The identity of whoever sends it."""
        host, signed = self.sender_host, signing_rungs(self.authentication)
        return signed if host is None else rungs_of(host, self.known_spf) | signed

    @property
    def known_spf(self) -> Spf | None:
        return self.mail.spf if self.relayed is None else self.relayed.spf

    def trace(self, hostname: str, now: datetime) -> str:
        """The fields that say how it came here and what it proved, to be put on top."""
        proved = header.authentication_results(
            hostname,
            self.known_spf or self.found_spf,
            self.authentication,
            null_sender=self.envelope.sender is None,
            author_domain=(self.message.only_author or "").rpartition("@")[2],
        )
        return proved + header.received(self.peer, self.envelope, hostname, self.mail.id, now)

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
    for decided in decisions_about(door, received, judged, answer):
        door.database.note(decisions.add, decided)
        log_decision(decided)


def decisions_about(door: Door, received: Received, judged: Sequence[Judged], answer: Reply) -> list[Decision]:
    """As they go on record."""
    return [
        Decision(
            reply_id=received.mail.id,
            at=one.facts.now,
            stage="data",
            peer=str(received.peer.address),
            sender=received.mail.sender_key,
            recipient=one.key,
            verdict=one.verdict,
            facts=stored.to_json(one.facts) | {"disposition": one.disposition.value},
            reply=str(answer),
            shadow=door.shadow_of(one.verdict, one.facts),
        )
        for one in judged
    ]
