"""What the proof of authorship is worth: a rung of identity where it holds, evidence of forgery where it should have.

Their order is in `inbound`.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.model import (
    Action,
    Arc,
    Authentication,
    AuthResult,
    DataFacts,
    DmarcPolicy,
    Grade,
    MessageFacts,
    Reason,
    ReasonCode,
    Rung,
    RungKind,
    Spf,
    SpfResult,
    Verdict,
)
from gateway.policy.lists import are_related
from gateway.policy.opinion import is_role

if TYPE_CHECKING:
    from gateway.policy.inbound import Policy


def signing_rungs(authentication: Authentication) -> frozenset[Rung]:
    """The rungs that a mail proves by itself: whoever of its author's own organisation signed it."""
    return frozenset(Rung(RungKind.DKIM, domain) for domain in authentication.aligned)


def is_out_of_place(proof: Authentication, spf: Spf | None, message: MessageFacts, recipients: Collection[str]) -> bool:
    """True when a signature came with a host that the signer does not vouch for, to somebody whom it does not name.

    So do blind copies, lists and forwarded mail, each from a network of its own; and one signed spam that is sent again
    from everywhere.
    """
    if not proof.aligned or all(one in message.addressed for one in recipients):
        return False
    if spf is None or spf.result is not SpfResult.PASS:
        return True
    return not any(are_related(spf.domain, domain) for domain in proof.aligned)


def without_replayed(proof: Authentication, replayed: Collection[str]) -> Authentication:
    """The proof without what signatures lend that were sent again; `replayed` are their digests."""
    spoiled = {one.domain for one in proof.signatures if one.digest in replayed}
    return replace(proof, aligned=tuple(domain for domain in proof.aligned if domain not in spoiled))


def forged(facts: DataFacts, policy: "Policy") -> Reason | None:
    """The author's domain says that its mail is to be treated as forged, and nothing explains how it came like this."""
    found = facts.authentication.dmarc
    if found is None or found.result is not AuthResult.FAIL or found.policy is DmarcPolicy.NONE:
        return None
    if explanation(facts, policy) is not None:
        return None
    author = (facts.message.only_author or "").rpartition("@")[2]
    return Reason(ReasonCode.AUTH_FORGED, {"author": author, "policy": str(found.policy)})


def explanation(facts: DataFacts, policy: "Policy") -> str | None:
    """Why mail of a strict domain may arrive unproved: a forwarder of ours, a sealer we believe, a list we know."""
    if facts.rcpt.relayed is not None:
        return "forwarder"
    if is_believed_seal(facts.authentication.arc, policy):
        return "seal"
    if facts.message.list_id and (facts.rcpt.grade or Grade.STRANGER) >= Grade.REMEMBERED:
        return "list"
    return None


def is_believed_seal(arc: Arc | None, policy: "Policy") -> bool:
    """The last who handed it on is one we believe, and says that it was the author's own there."""
    if arc is None or arc.result is not AuthResult.PASS or not arc.sealers:
        return False
    return arc.sealers[0] in policy.sealers and dict(arc.said).get("dmarc") == AuthResult.PASS


def forged_author(facts: DataFacts, policy: "Policy") -> Verdict | None:
    """550 where the admin wants it and the domain asks for it; otherwise it is evidence, and a person decides."""
    if not policy.refuse_forged or is_role(facts.rcpt):
        return None
    reason = forged(facts, policy)
    if reason is None or reason.evidence["policy"] != DmarcPolicy.REJECT:
        return None
    return Verdict(Action.REJECT, (reason,))
