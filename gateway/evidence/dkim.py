"""DKIM: who signed this mail? (RFC 6376, 8301, 8463; results by RFC 8601 2.7.1)

dkimpy gives tag lists, keys and RSA; the steps are ours, see docs/design/0010. A signature that verifies but that the
RFCs forbid to count (a weak key, SHA-1, expired) is a permerror with its flaw; other flaws leave it a pass.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.evidence.canonical import digested, opened
from gateway.evidence.claim import Claim, Digests, Keys, checked, claim_of, fetched
from gateway.evidence.resolver import Resolver
from gateway.evidence.signed import Key, Malformed, Tags, listed, name_of, number_of, tags_of, unfolded
from gateway.model import AuthResult, Flaw, Signature
from gateway.policy.fingerprint import Field, split_fields

MOST_SIGNATURES = 5  # that are verified
MOST_READ = 50  # that are looked at, to choose these
CLOCKS_DIFFER = timedelta(hours=1)
VOID = {Flaw.WEAK_KEY, Flaw.SHA1, Flaw.EXPIRED}  # RFC 8301 3.1, 3.2; RFC 6376 6.1.1

_QUOTED = re.compile("=([0-9A-F]{2})")

Read = Claim | Signature  # the latter where it cannot be read any further


async def verify(message: bytes, resolver: Resolver, now: datetime, author_domain: str = "") -> tuple[Signature, ...]:
    """The signatures of a whole message. Never raises for what others wrote."""
    head, body = opened([message])
    fields = split_fields(head)
    read = signatures_of(fields, author_domain)
    claims = claims_among(read)
    keys = await fetched(claims, resolver)
    return evaluate(read, fields, keys, digested(body, {claim.body for claim in claims if claim.body}), now)


def signatures_of(fields: Sequence[Field], author_domain: str) -> tuple[Read, ...]:
    """The signatures that are to be verified, as they stand in the mail. Of too many those that may align with the
    author come first, then the upper ones; the same field twice is one."""
    places: dict[bytes, int] = {}
    for place, (name, raw) in enumerate(fields):
        if name == "dkim-signature" and len(places) < MOST_READ:
            places.setdefault(raw, place)
    read = [read_signature(place, raw) for raw, place in places.items()]
    chosen = sorted(range(len(read)), key=lambda index: not is_near(read[index].domain, author_domain))
    return tuple(read[index] for index in sorted(chosen[:MOST_SIGNATURES]))


def is_near(domain: str, author_domain: str) -> bool:
    """One is the other, or above it."""
    one, other = f".{domain}", f".{author_domain}"
    return bool(domain and author_domain) and (one.endswith(other) or other.endswith(one))


def claims_among(read: Sequence[Read]) -> tuple[Claim, ...]:
    return tuple(one for one in read if isinstance(one, Claim))


def read_signature(place: int, raw: bytes) -> Read:
    tags: Tags = {}
    try:
        tags = tags_of(raw.partition(b":")[2])
        claim = claim_of(place, raw, tags, usual_form="simple/simple")
        validate(claim)
    except Malformed:
        return Signature(readable(tags.get("d", "")), readable(tags.get("s", "")), AuthResult.PERMERROR)
    return claim


def readable(value: str) -> str:
    try:
        return name_of(value)
    except Malformed:
        return ""


def validate(claim: Claim) -> None:
    """Raises Malformed (RFC 6376 6.1.1)."""
    tags = claim.tags
    if tags.get("v") != "1":
        raise Malformed("no version that is known")
    if "from" not in claim.names:
        raise Malformed("From is not signed")
    if "dns/txt" not in listed(tags.get("q", "dns/txt")):
        raise Malformed("the key is not in DNS")
    if not f".{identity_domain(claim)}".endswith(f".{claim.domain}"):
        raise Malformed("it signs for another domain")
    signed, ends = number_of(tags, "t"), number_of(tags, "x")
    if signed is not None and ends is not None and ends <= signed:
        raise Malformed("it ends before it begins")


def identity_domain(claim: Claim) -> str:
    """Of i=, which is written in DKIM's quoted-printable (RFC 6376 2.11). Raises Malformed."""
    if "i" not in claim.tags:
        return claim.domain
    identity = _QUOTED.sub(lambda found: chr(int(found[1], 16)), unfolded(claim.tags["i"]))
    return name_of(identity.rpartition("@")[2])


def evaluate(
    read: Sequence[Read], fields: Sequence[Field], keys: Keys, digests: Digests, now: datetime
) -> tuple[Signature, ...]:
    """What the signatures came to. Asks nobody, and may run in a thread."""
    there = Counter(name for name, _ in fields)
    return tuple(
        judged(one, *checked(one, one.text(fields), keys, digests), there, now) if isinstance(one, Claim) else one
        for one in read
    )


def judged(claim: Claim, result: AuthResult, key: Key | None, there: Counter[str], now: datetime) -> Signature:
    flaws: frozenset[Flaw] = frozenset()
    if key is not None and "s" in key.flags and identity_domain(claim) != claim.domain:
        result = AuthResult.PERMERROR  # the key is not for subdomains
    elif key is not None and result is AuthResult.PASS:
        flaws = frozenset(flaw for flaw, is_so in flaws_of(claim, key, there, now).items() if is_so)
        result = AuthResult.PERMERROR if flaws & VOID else result
    digest = hashlib.sha256(claim.signature).hexdigest()
    return Signature(claim.domain, claim.selector, result, flaws, unfolded(claim.tags["bh"]), digest)


def flaws_of(claim: Claim, key: Key, there: Counter[str], now: datetime) -> dict[Flaw, bool]:
    signed, ends = number_of(claim.tags, "t"), number_of(claim.tags, "x")
    moment, allowed = now.timestamp(), CLOCKS_DIFFER.total_seconds()
    named = Counter(claim.names)
    return {
        Flaw.PARTIAL: "l" in claim.tags,
        Flaw.WEAK_KEY: key.is_weak,
        Flaw.SHA1: claim.algorithm == "sha1",
        Flaw.TESTING: "y" in key.flags,
        Flaw.EXPIRED: (ends is not None and ends + allowed < moment)
        or (signed is not None and signed - allowed > moment),
        Flaw.UNSIGNED_FIELD: any(there[name] > named[name] for name in ("from", "subject")),
    }
