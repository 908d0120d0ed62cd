"""ARC: what did those who forwarded a mail find, and did they seal it? (RFC 8617)"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.evidence.canonical import canonical_field
from gateway.evidence.claim import Claim, Digests, Keys, checked, claim_of, seal_of
from gateway.evidence.signed import Key, Malformed, tags_of
from gateway.model import Arc, AuthResult
from gateway.policy.fingerprint import Field

MOST_SETS = 50  # RFC 8617 5.2
MOST_STATED = 20  # results of one sealer that are read
LONGEST_STATED = 4096  # bytes of them
RESULTS, MESSAGE, SEAL = "arc-authentication-results", "arc-message-signature", "arc-seal"
NAMES = (RESULTS, MESSAGE, SEAL)

_INSTANCE = re.compile(r"0*([1-9][0-9]?)")
_STATED_INSTANCE = re.compile(rb"\s*i\s*=\s*([0-9]+)\s*;")
_COMMENT = re.compile(r"\([^()]*\)")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_RESULT = re.compile(r"\s*([a-z][a-z0-9-]*)(?:\s*/\s*[0-9]+)?\s*=\s*([a-z]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ArcSet:
    """What one sealer added."""

    results: bytes
    message: Claim
    seal: Claim


@dataclass(frozen=True, slots=True)
class Chain:
    """The sets from the first to the newest. None: they are no chain."""

    sets: tuple[ArcSet, ...] | None

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Those that have to hold: the newest message signature and all seals."""
        return (self.sets[-1].message, *(one.seal for one in self.sets)) if self.sets else ()


def chain_of(fields: Sequence[Field]) -> Chain | None:
    """The chain in a mail; None where there is no field of one."""
    if not any(name in NAMES for name, _ in fields):
        return None
    try:
        return Chain(tuple(sets_of(fields)))
    except Malformed:
        return Chain(None)


def sets_of(fields: Sequence[Field]) -> Iterator[ArcSet]:
    """Raises Malformed unless there is one of each field for each instance, and each cv= may stand there."""
    found: dict[tuple[str, int], tuple[int, bytes]] = {}
    for place, (name, raw) in enumerate(fields):
        if name in NAMES:
            key = name, instance_of(name, raw)
            if key in found:
                raise Malformed("twice the same")
            found[key] = place, raw
    count = max(instance for _, instance in found)
    if count > MOST_SETS or len(found) != count * len(NAMES):
        raise Malformed("not complete")
    for instance in range(1, count + 1):
        seal = sealed(*found[SEAL, instance], "none" if instance == 1 else "pass")
        yield ArcSet(found[RESULTS, instance][1], message_claim(*found[MESSAGE, instance]), seal)


def instance_of(name: str, raw: bytes) -> int:
    """Raises Malformed."""
    value = raw.partition(b":")[2]
    if name == RESULTS:
        stated = _STATED_INSTANCE.match(value)
        text = stated[1].decode() if stated else ""
    else:
        text = tags_of(value).get("i", "")
    found = _INSTANCE.fullmatch(text)
    if not found:
        raise Malformed("no instance")
    return int(found[1])


def message_claim(place: int, raw: bytes) -> Claim:
    claim = claim_of(place, raw, tags_of(raw.partition(b":")[2]), usual_form="relaxed/relaxed")
    if SEAL in claim.names:
        raise Malformed("it signs a seal")
    return checked_algorithm(claim)


def sealed(place: int, raw: bytes, expected: str) -> Claim:
    tags = tags_of(raw.partition(b":")[2])
    if "h" in tags or tags.get("cv") != expected:
        raise Malformed("no seal, or it says that the chain was broken")
    return checked_algorithm(seal_of(place, raw, tags))


def checked_algorithm(claim: Claim) -> Claim:
    if claim.algorithm == "sha1":
        raise Malformed("no algorithm for this")
    return claim


def evaluate(chain: Chain, fields: Sequence[Field], keys: Keys, digests: Digests) -> Arc:
    """What the chain came to (RFC 8617 5.2). Asks nobody, and may run in a thread."""
    sets = chain.sets
    if not sets:
        return Arc(AuthResult.FAIL)
    newest = sets[-1].message
    outcomes = [outcome(*checked(newest, newest.text(fields), keys, digests))]
    before = b""
    for one in sets:
        before += canonical_field(one.results, is_relaxed=True) + canonical_field(one.message.raw, is_relaxed=True)
        outcomes.append(outcome(*checked(one.seal, before + one.seal.over(()), keys, digests)))
        before += canonical_field(one.seal.raw, is_relaxed=True)
    for bad in (AuthResult.FAIL, AuthResult.TEMPERROR):
        if bad in outcomes:
            return Arc(bad)
    return Arc(AuthResult.PASS, tuple(one.seal.domain for one in reversed(sets)), tuple(stated(sets[-1].results)))


def outcome(result: AuthResult, key: Key | None) -> AuthResult:
    if result is AuthResult.TEMPERROR or (result is AuthResult.PASS and key is not None and not key.is_weak):
        return result
    return AuthResult.FAIL


def stated(raw: bytes) -> list[tuple[str, str]]:
    """The methods and results of an Authentication-Results value, in small letters (RFC 8601 2.2)."""
    text = _QUOTED.sub('""', raw.partition(b":")[2][:LONGEST_STATED].decode("latin-1"))
    for _ in range(5):  # comments in comments
        text = _COMMENT.sub(" ", text)
    parts = text.split(";")[2 : 2 + MOST_STATED]  # behind i= and the name of who says so
    return [(found[1].lower(), found[2].lower()) for part in parts if (found := _RESULT.match(part))]
