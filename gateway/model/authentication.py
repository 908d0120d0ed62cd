"""What a mail proves about who it is from: signatures, the author's policy, and a chain of forwarders."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.model.party import Spf


class AuthResult(StrEnum):
    """RFC 8601 2.7: what a check came to. The mechanisms use those of the words that mean something to them."""

    NONE = "none"
    PASS = "pass"  # noqa: S105  (a result, no password)
    FAIL = "fail"
    NEUTRAL = "neutral"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class Flaw(StrEnum):
    """Why a signature that verifies earns nothing. The RFCs forbid to count WEAK_KEY, SHA1 and EXPIRED: with these its
    result is permerror."""

    PARTIAL = "partial"  # l=: what follows is not signed
    WEAK_KEY = "weak_key"  # RSA below 1024 bits
    SHA1 = "sha1"
    TESTING = "testing"  # t=y
    EXPIRED = "expired"  # x= is over, or t= lies ahead
    UNSIGNED_FIELD = "unsigned_field"  # From or Subject is not signed, or is there more often than signed


@dataclass(frozen=True, slots=True)
class Signature:
    """One DKIM-Signature field (RFC 6376), as far as it was looked at. Names are lower-case A-labels."""

    domain: str  # d=
    selector: str  # s=
    result: AuthResult
    flaws: frozenset[Flaw] = frozenset()
    body_hash: str = ""  # bh=, base64 without white space
    digest: str = ""  # of b=: the same where the same signature comes again

    @property
    def is_sound(self) -> bool:
        """True when it verifies and nothing speaks against giving credit for it."""
        return self.result is AuthResult.PASS and not self.flaws


class DmarcPolicy(StrEnum):
    """What a domain asks receivers to do with mail that fails (p=, sp= or np=)."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Published:
    """What a DMARC record states, defaults filled in. `domain`: under which it was found; `failures`: fo=."""

    domain: str
    policy: DmarcPolicy = DmarcPolicy.NONE
    for_subdomains: DmarcPolicy = DmarcPolicy.NONE
    strict_dkim: bool = False
    strict_spf: bool = False
    testing: bool = False  # t=y
    failures: str = "0"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How DMARC came to its result, for reports to the domain: who passed and is aligned. `path`: what SPF said of
    whom; None where nobody answered."""

    published: Published
    dkim: bool = False
    spf: bool = False
    path: Spf | None = None


@dataclass(frozen=True, slots=True)
class Dmarc:
    """DMARC of the author's domain. `domain` is the organisational one; `policy` what applies to the author's.

    `evaluation` is None where no report is made of it.
    """

    result: AuthResult
    domain: str = ""
    policy: DmarcPolicy = DmarcPolicy.NONE
    rua: tuple[str, ...] = ()  # where aggregate reports are wanted, each with its limit ("mailto:a@example.com!10m")
    evaluation: Evaluation | None = None


@dataclass(frozen=True, slots=True)
class Arc:
    """The chain of sealed results (RFC 8617). `sealers` from the newest to the first; `said` is what the newest sealer
    states it found, for instance (("dmarc", "pass"),); only a listed sealer is believed. Both are empty unless the
    chain passes."""

    result: AuthResult
    sealers: tuple[str, ...] = ()
    said: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Authentication:
    """All that was found after the dot. None: not looked at.

    `aligned`: who signed soundly and is the author's own domain, above it or below it in its organisation.
    """

    signatures: tuple[Signature, ...] = ()
    aligned: tuple[str, ...] = ()
    dmarc: Dmarc | None = None
    arc: Arc | None = None


UNPROVED = Authentication()
