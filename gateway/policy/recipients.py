"""Many recipients, one reply: who may share a transaction, and what one answer after the dot means for each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum

from gateway.model import Action, Reason, ReasonCode, RecipientClass, Reply, Verdict


class Disposition(Enum):
    """What is done for one recipient."""

    INLINE = "inline"  # passed to the backend while the peer waits
    COURIER = "courier"  # ours; the courier passes it on
    HOLD = "hold"  # ours; kept for a person, or until it releases itself
    COPY = "copy"  # the sender's; we keep a copy
    DISCARD = "discard"  # delivered before
    NOTHING = "nothing"  # refused, or deferred without a copy


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with a message. `reply` words the answer; None leaves the words to the backend."""

    dispositions: tuple[Disposition, ...]
    verdicts: tuple[Verdict, ...]
    reply: Verdict | None

    @property
    def owns(self) -> bool:
        """True when something must be durable before the 250."""
        return bool({Disposition.COURIER, Disposition.HOLD} & set(self.dispositions))


@dataclass(frozen=True, slots=True)
class Transaction:
    """What the recipients admitted so far make of a transaction."""

    recipient_class: RecipientClass | None = None
    sender_known: bool = False


# Deferred because of us or because the mail is on its way: such a mail must not be taken in a second time.
NEVER_TAKEN = frozenset({ReasonCode.RETRY_IN_FLIGHT, ReasonCode.STORE_UNAVAILABLE})


def admit(transaction: Transaction, verdict: Verdict) -> tuple[Transaction, Verdict, bool]:
    """May this admitted recipient join? Returns the transaction after it, its verdict, and whether it is carried along.

    The first recipient sets the class. A recipient of another class is told to come in a transaction of its own
    (452), but a known sender's passing recipient carries waiting ones along; an exempt level carries nobody.
    """
    if verdict.action is not Action.ACCEPT:
        return transaction, verdict, False
    known = verdict.code is ReasonCode.PARTY_KNOWN
    if transaction.recipient_class in (None, verdict.recipient_class):
        joined = Transaction(verdict.recipient_class, transaction.sender_known or known)
        return joined, verdict, False
    passing = transaction.recipient_class is RecipientClass.PASS
    if passing and transaction.sender_known and verdict.recipient_class is RecipientClass.WAIT:
        return transaction, verdict, True
    other = Reason(ReasonCode.RECIPIENT_OTHER_CLASS, {"class": verdict.recipient_class})
    return transaction, Verdict(Action.DEFER, (other, *verdict.reasons), verdict.recipient_class), False


def join(verdicts: Sequence[Verdict], *, sender_known: bool, wait: timedelta) -> Plan:
    """One plan for all recipients, by the table in docs/flow.md."""
    actions = {verdict.action for verdict in verdicts}
    deferred = [verdict for verdict in verdicts if verdict.action is Action.DEFER]
    if deferred:
        takes = sender_known or any(verdict.code is ReasonCode.TAKEOVER_DUE for verdict in verdicts)
        mixed = bool(actions & {Action.ACCEPT, Action.HOLD, Action.DISCARD})
        if not (mixed and takes) or any(verdict.code in NEVER_TAKEN for verdict in deferred):
            return send_away(verdicts, deferred[0])
        return own([taken_along(verdict, wait) for verdict in verdicts])
    if actions == {Action.REJECT}:
        return Plan((Disposition.NOTHING,) * len(verdicts), tuple(verdicts), verdicts[0])
    if Action.HOLD in actions:
        return own(verdicts)
    dispositions = tuple(INLINE_DISPOSITION[verdict.action] for verdict in verdicts)
    discarded = next((verdict for verdict in verdicts if verdict.action is Action.DISCARD), None)
    return Plan(dispositions, tuple(verdicts), None if Disposition.INLINE in dispositions else discarded)


INLINE_DISPOSITION = {
    Action.ACCEPT: Disposition.INLINE,
    Action.DISCARD: Disposition.DISCARD,
    Action.REJECT: Disposition.NOTHING,
}
OWNED_DISPOSITION = {
    Action.ACCEPT: Disposition.COURIER,
    Action.HOLD: Disposition.HOLD,
    Action.DISCARD: Disposition.DISCARD,
    Action.REJECT: Disposition.NOTHING,
}


def taken_along(verdict: Verdict, wait: timedelta) -> Verdict:
    """A deferred recipient of mail that we take anyway: held, and released by itself after the wait."""
    if verdict.action is not Action.DEFER:
        return verdict
    return replace(
        verdict,
        action=Action.HOLD,
        reasons=(Reason(ReasonCode.GREYLIST_COMPANY), *verdict.reasons),
        release_after=wait,
    )


def send_away(verdicts: Sequence[Verdict], worded_by: Verdict) -> Plan:
    """451 for everybody: a copy for each that is not refused, and none of a mail that is on its way or settled."""
    dispositions = tuple(
        Disposition.NOTHING
        if verdict.action in (Action.REJECT, Action.DISCARD) or verdict.code in NEVER_TAKEN
        else Disposition.COPY
        for verdict in verdicts
    )
    return Plan(dispositions, tuple(verdicts), worded_by)


def own(verdicts: Sequence[Verdict]) -> Plan:
    """250 for everybody once all is durable."""
    dispositions = tuple(OWNED_DISPOSITION[verdict.action] for verdict in verdicts)
    worded_by = next(verdict for verdict in verdicts if verdict.action is Action.HOLD)
    return Plan(dispositions, tuple(verdicts), worded_by)


class After(Enum):
    """What becomes of one recipient once the backend has answered for all."""

    DELIVERED = "delivered"
    COURIER = "courier"  # the backend was not ready for this one: the courier goes on trying
    UNDELIVERABLE = "undeliverable"  # the backend refused this one: shown to a person
    SENDER = "sender"  # the sender keeps the mail, and learns from our reply


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to the peer, and what becomes of each recipient."""

    reply: Reply
    after: tuple[After, ...]


def join_replies(replies: Sequence[Reply]) -> Outcome:
    """One answer out of the backend's answers (RFC 2033 gives one each, we may give one for all)."""
    if delivered := next((reply for reply in replies if reply.is_positive), None):
        return Outcome(delivered, tuple(after(reply) for reply in replies))
    said = next((reply for reply in replies if reply.is_transient), replies[0])
    if said.code == 421:  # the backend closes its connection, not we ours
        said = replace(said, code=451)
    return Outcome(said, (After.SENDER,) * len(replies))


def after(reply: Reply) -> After:
    if reply.is_positive:
        return After.DELIVERED
    return After.COURIER if reply.is_transient else After.UNDELIVERABLE
