"""Is this retry the same mail? Only a strong match may be discarded; in doubt a mail is delivered twice."""

from datetime import datetime, timedelta
from enum import IntEnum

from gateway.model import CopyRow, CopyState, Fingerprint, MailIdentity, Tombstone, TombstoneOutcome
from gateway.policy.identity import strongest

LOST_REPLY_GRACE = timedelta(hours=1)  # how long a discard may be repeated because our 250 did not arrive


class Sameness(IntEnum):
    NONE = 0
    WEAK = 1  # Message-ID or body agree
    WHOLE = 2  # every byte but the trace fields agrees, yet nothing says that it was meant to be unique
    STRONG = 3  # identity, From, Subject, Date, Message-ID and the content agree


def same_envelope(one: MailIdentity, other: MailIdentity) -> bool:
    return one.sender == other.sender and one.recipient == other.recipient


def shares_identity(settled: MailIdentity, retry: MailIdentity) -> bool:
    """True when the retry comes from an identity at least as strong as the strongest one the settled mail had."""
    shared = settled.rungs & retry.rungs
    return bool(shared) and strongest(shared) >= strongest(settled.rungs)


def is_alike(one: Fingerprint, other: Fingerprint) -> bool:
    """True when body, Message-ID or the whole agree: without any of these it is another mail."""
    same_id = one.message_id is not None and one.message_id == other.message_id
    return one.body == other.body or same_id or one.whole == other.whole


def compare(settled: MailIdentity, retry: MailIdentity) -> Sameness:
    """How surely `retry` is the mail that was settled before."""
    if not same_envelope(settled, retry):
        return Sameness.NONE
    ours, theirs = settled.fingerprint, retry.fingerprint
    if not is_alike(ours, theirs):
        return Sameness.NONE
    unique = ours.headers is not None and ours.headers == theirs.headers
    same_content = ours.whole == theirs.whole or ours.body == theirs.body
    if unique and same_content and shares_identity(settled, retry):
        return Sameness.STRONG
    return Sameness.WHOLE if ours.whole == theirs.whole else Sameness.WEAK


def settles(tombstone: Tombstone, retry: MailIdentity, now: datetime) -> bool:
    """True when the tombstone answers for this retry. A delivered one answers once, with an hour's grace."""
    if tombstone.expires <= now or compare(tombstone.mail, retry) is not Sameness.STRONG:
        return False
    if tombstone.outcome is TombstoneOutcome.DELIVERED and tombstone.consumed_at is not None:
        return now - tombstone.consumed_at <= LOST_REPLY_GRACE
    return True


def in_flight(copy: CopyRow, retry: MailIdentity, now: datetime) -> bool:
    """True while another connection is passing this very mail to the backend."""
    if copy.state is not CopyState.PASSING or copy.lease_until is None or copy.lease_until <= now:
        return False
    return compare(copy.mail, retry) >= Sameness.WHOLE


def probably_delivered(tombstone: Tombstone, retry: MailIdentity) -> bool:
    """A released copy was delivered and this deferred mail looks like it: close the copy, never the mail."""
    return (
        tombstone.released
        and tombstone.outcome is TombstoneOutcome.DELIVERED
        and compare(tombstone.mail, retry) >= Sameness.WEAK
    )
