"""The audit: a small share of what was let in without a person is listed, so that somebody sees what slips through.

Which mail is chosen follows from its bytes and a key that stays here: deciding once more chooses the same, and no
sender can tell beforehand.
"""

import hmac
from dataclasses import dataclass, replace

from gateway.model import Action, DataFacts, Reason, ReasonCode, Verdict

# Let in by what we remember and by what the mail says. Whom a person let in, or whose level lets in everything, would
# only make the figure look better.
AUTOMATIC = frozenset(
    {
        ReasonCode.PARTY_REMEMBERED,
        ReasonCode.GREYLIST_PASSED,
        ReasonCode.GREYLIST_PATIENT,
        ReasonCode.TAKEOVER_DUE,
        ReasonCode.RELAY_DECLARED,
    }
)


@dataclass(frozen=True, slots=True)
class AuditTerms:
    """How much is looked at, and the secret that chooses."""

    share: float = 0.0  # 0 to 1
    key: bytes = b""


NOBODY_AUDITS = AuditTerms()


def sampled(facts: DataFacts, verdict: Verdict, terms: AuditTerms) -> Verdict:
    """The verdict, and where the mail is chosen, listed for review. What is tagged for Junk did not slip through."""
    if verdict.action is not Action.ACCEPT or verdict.junk or verdict.code not in AUTOMATIC:
        return verdict
    if not is_chosen(facts.message.fingerprint.whole, terms):
        return verdict
    return replace(verdict, reasons=(*verdict.reasons, Reason(ReasonCode.AUDIT_SAMPLED)), review=True)


def is_chosen(whole: str, terms: AuditTerms) -> bool:
    """True for about that share of all mails: the same mail, the same answer."""
    if terms.share <= 0:
        return False
    drawn = hmac.digest(terms.key, b"audit " + whole.encode(), "sha256")  # no verdict that we sign begins so
    return int.from_bytes(drawn[:8]) < terms.share * 2**64
