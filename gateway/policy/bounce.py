"""Bounces: is what comes back about a mail that we sent? By its Message-ID, or by our own tag in the address (BATV)."""

import binascii
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha1
from typing import TYPE_CHECKING

from gateway.model import Action, Address, Bounce, DataFacts, Reason, ReasonCode, RecipientClass, Verdict
from gateway.policy.fingerprint import split_fields
from gateway.policy.outbound import message_ids, values
from gateway.policy.score import is_suspicious

if TYPE_CHECKING:
    from gateway.policy.inbound import Policy

MOST_READ = 256 * 1024  # bytes of a bounce that are looked at: every session waits meanwhile
MOST_IDS = 50
USE_BEFORE = timedelta(days=7)  # how long we must have noted what we send, before what we do not know is foreign
STILL_USED = timedelta(days=3)  # since the last of them
TAG_FOR = timedelta(days=7)  # how long a tag of ours is good

# Lines, not MIME parts: many servers return the mail as plain text, and parsing hostile MIME takes seconds.
_RETURNED = re.compile(
    rb"^(?:>[ \t]*)?Message-ID:[ \t]*(?:\r\n[ \t]+)?(<[^<>\s]{1,990}>)", re.IGNORECASE | re.MULTILINE
)
_QUOTED = re.compile(rb"=[0-9A-F]{2}")
_REPORT_TYPE = re.compile(r"\breport-type=\"?delivery-status\b")
_PRVS = re.compile(r"prvs=([0-9])([0-9]{3})([0-9a-f]{6})=(.+)", re.IGNORECASE)
_PRVS_BEHIND = re.compile(r"prvs=([^/]+)/([0-9])([0-9]{3})([0-9a-f]{6})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Returned:
    """The Message-IDs of the mails that a bounce answers or returns, and whether it is a delivery report (RFC 3464)."""

    ids: tuple[str, ...] = ()
    is_report: bool = False


def read_bounce(data: bytes) -> Returned:
    """What the first MOST_READ bytes of a bounce tell. Its own Message-ID is not among the ids; at most MOST_IDS."""
    head, _, body = data[:MOST_READ].partition(b"\r\n\r\n")
    fields = split_fields(head + b"\r\n\r\n")
    found = message_ids(" ".join([*values(fields, "in-reply-to"), *values(fields, "references")]))
    for raw in _RETURNED.findall(body):
        found += message_ids(raw.decode("latin-1"))
        if _QUOTED.search(raw):  # returned in quoted-printable
            found += message_ids(binascii.a2b_qp(raw).decode("latin-1"))
        if len(found) >= MOST_IDS:
            break
    is_report = any(map(is_delivery_report, values(fields, "content-type")))
    return Returned(tuple(dict.fromkeys(found))[:MOST_IDS], is_report)


def is_delivery_report(content_type: str) -> bool:
    """In small letters."""
    return content_type.startswith("multipart/report") and bool(_REPORT_TYPE.search(content_type))


@dataclass(frozen=True, slots=True)
class Noted:
    """What we have noted of mail that we sent: whether that one is among it, and when the first and last was noted."""

    known: bool = False
    first: datetime | None = None
    last: datetime | None = None


def judge(returned: Returned, noted: Noted, now: datetime) -> Bounce:
    """Foreign is only what reports on a mail that we would know: we have noted ours for days, and still do."""
    if noted.known:
        return Bounce.OURS
    if not returned.ids or not returned.is_report or noted.first is None or noted.last is None:
        return Bounce.NONE
    complete = now - noted.first >= USE_BEFORE and now - noted.last <= STILL_USED
    return Bounce.FOREIGN if complete else Bounce.NONE


def bounce_of_ours(facts: DataFacts, policy: "Policy") -> Verdict | None:
    """One of our people wrote the mail that comes back, so it neither waits nor is held. Suspicious is suspicious."""
    if facts.bounce is not Bounce.OURS or is_suspicious(facts, policy):
        return None
    if facts.admitted.recipient_class is RecipientClass.PASS:
        return None
    return Verdict(Action.ACCEPT, (Reason(ReasonCode.BOUNCE_OURS), *facts.admitted.reasons, *facts.suspicion))


def suspicion(found: Bounce) -> tuple[Reason, ...]:
    """What a bounce of somebody else's mail weighs."""
    return (Reason(ReasonCode.BOUNCE_FOREIGN),) if found is Bounce.FOREIGN else ()


# ---- our own tag in the address (draft-levine-smtp-batv) -----------------------------------------------------------


def tagged(address: Address, key: str, now: datetime) -> Address:
    """The address with a tag that is good for TAG_FOR. Only for the null sender's way back."""
    day = f"{(now + TAG_FOR - EPOCH).days % 1000:03d}"
    raw_local, _, raw_domain = address.raw.rpartition("@")
    mark = f"prvs=0{day}{signature('0', day, address.key, key)}="
    return Address(f"{mark}{raw_local}@{raw_domain}", mark + address.local, address.domain)


def untagged(address: Address, key: str, now: datetime) -> Address | None:
    """The address below a valid tag of ours; None when there is none, or it is wrong or too old."""
    if found := _PRVS.fullmatch(address.local):
        number, day, mark, local = found.groups()
    elif found := _PRVS_BEHIND.fullmatch(address.local):
        local, number, day, mark = found.groups()
    else:
        return None
    plain = Address(f"{local}@{address.raw.rpartition('@')[2]}", local, address.domain)
    expected = signature(number, day, plain.key, key)
    left = (int(day) - (now - EPOCH).days) % 1000
    fresh = left <= TAG_FOR.days
    return plain if hmac.compare_digest(expected, mark.lower()) and fresh else None


def signature(number: str, day: str, address: str, key: str) -> str:
    """The draft's three bytes of HMAC-SHA1, over the address as we compare it: others change its letters' case."""
    text = f"{number}{day}{address}".encode("utf-8", "surrogateescape")
    return hmac.new(key.encode(), text, sha1).hexdigest()[:6]


EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
