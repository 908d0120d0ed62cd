"""What a signature field claims, and whether that holds: the part that DKIM and ARC have in common.

DNS is asked beforehand for all keys together (`fetched`); whether a claim holds is then only arithmetic, which may run
in a thread.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.evidence.canonical import BodyForm, canonical_field, signed_fields, unsigned_form
from gateway.evidence.resolver import Records, Resolver
from gateway.evidence.signed import Key, Malformed, Tags, base64_of, key_among, listed, name_of, number_of, required
from gateway.model import AuthResult
from gateway.policy.fingerprint import Field

ALGORITHMS = {"rsa-sha256": ("rsa", "sha256"), "ed25519-sha256": ("ed25519", "sha256"), "rsa-sha1": ("rsa", "sha1")}
FORMS = {"simple": False, "relaxed": True}

Keys = Mapping[str, Records | None]
Digests = Mapping[BodyForm, bytes]


@dataclass(frozen=True, slots=True)
class Claim:
    """A signature field that could be read. `place` is its index among the fields of its mail; `body` None: no body."""

    place: int
    raw: bytes
    tags: Tags
    domain: str
    selector: str
    key_kind: str
    algorithm: str
    signature: bytes
    names: tuple[str, ...] = ()  # of the fields that are signed
    relaxed_head: bool = True
    body: BodyForm | None = None
    body_hash: bytes = b""

    @property
    def key_name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"

    def text(self, fields: Sequence[Field]) -> bytes:
        """What is signed of the head of its mail (RFC 6376 3.7)."""
        others = (field for place, field in enumerate(fields) if place != self.place)
        return self.over(signed_fields(others, self.names))

    def over(self, raws: Iterable[bytes]) -> bytes:
        """These fields and its own, as they are signed."""
        parts = [canonical_field(raw, is_relaxed=self.relaxed_head) for raw in (*raws, unsigned_form(self.raw))]
        return b"".join(parts).removesuffix(b"\r\n")


def seal_of(place: int, raw: bytes, tags: Tags) -> Claim:
    """A claim about fields that are not listed in it. Raises Malformed."""
    required(tags, "a", "b", "d", "s")
    if tags["a"] not in ALGORITHMS:
        raise Malformed("no such algorithm")
    number_of(tags, "t")
    domain, selector = name_of(tags["d"]), name_of(tags["s"])
    return Claim(place, raw, tags, domain, selector, *ALGORITHMS[tags["a"]], base64_of(tags["b"]))


def claim_of(place: int, raw: bytes, tags: Tags, *, usual_form: str) -> Claim:
    """A claim about fields and the body, in `usual_form` where it does not say which. Raises Malformed."""
    seal = seal_of(place, raw, tags)
    required(tags, "bh")
    if "h" not in tags:
        raise Malformed("no h=")
    head, _, body = tags.get("c", usual_form).partition("/")
    form = body or "simple"
    if head not in FORMS or form not in FORMS:
        raise Malformed("no such form")
    return Claim(
        place, raw, tags, seal.domain, seal.selector, seal.key_kind, seal.algorithm, seal.signature,
        names=listed(tags["h"]),
        relaxed_head=FORMS[head],
        body=BodyForm(FORMS[form], seal.algorithm, number_of(tags, "l")),
        body_hash=base64_of(tags["bh"]),
    )  # fmt: skip


async def fetched(claims: Collection[Claim], resolver: Resolver) -> Keys:
    """The key records of these claims, all asked for at the same time; None where nobody answered."""
    names = tuple(dict.fromkeys(claim.key_name for claim in claims))
    answers = await asyncio.gather(*(resolver.lookup(name, "TXT") for name in names))
    return dict(zip(names, answers, strict=True))


def checked(claim: Claim, text: bytes, keys: Keys, digests: Digests) -> tuple[AuthResult, Key | None]:
    """Whether a claim about this text holds, and by which key. `digests` has that of the body."""
    records = keys.get(claim.key_name)
    if records is None:
        return AuthResult.TEMPERROR, None
    try:
        key = key_among(records)
        if key.kind != claim.key_kind or (key.hashes and claim.algorithm not in key.hashes):
            return AuthResult.PERMERROR, key
        if claim.body is not None and digests[claim.body] != claim.body_hash:
            return AuthResult.FAIL, key
        held = key.verifies(text, claim.signature, claim.algorithm)
    except Malformed:
        return AuthResult.PERMERROR, None
    return AuthResult.PASS if held else AuthResult.FAIL, key
