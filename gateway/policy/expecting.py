"""Expected mail: somebody said that it comes, so a stranger that proves who it is neither waits nor is held.

An expectation is the act of one account and ends by itself. It lets mail in and earns its sender nothing. What the
content holds stays held.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.model import (
    Action,
    DataFacts,
    Expectation,
    Level,
    RcptFacts,
    Reason,
    ReasonCode,
    RecipientClass,
    Rung,
    RungKind,
    Verdict,
)
from gateway.policy.opinion import hold, is_listed
from gateway.policy.score import is_suspicious

if TYPE_CHECKING:
    from gateway.policy.inbound import Policy

# A wide SPF record says of very many that they may send, and a host's name or network that anybody there may.
PROVING = frozenset({RungKind.SPF, RungKind.DKIM})


def fulfilled(
    expected: Iterable[Expectation],
    rungs: Collection[Rung],
    sender_domain: str,
    author_domains: Collection[str],
    now: datetime,
) -> Expectation | None:
    """The expectation that a mail fulfils, one for a named domain first; None: it is a stranger's like any other.

    `sender_domain` is of the envelope sender, "" for the null sender: then SPF is about HELO, which is no sender.
    `author_domains` are of the From field, empty before the data.
    """
    counting = proved(rungs, sender_domain)
    for one in sorted(expected, key=lambda one: one.domain is None):
        if one.is_open(now) and (bool(counting) if one.domain is None else names(one.domain, counting, author_domains)):
            return one
    return None


def proved(rungs: Collection[Rung], sender_domain: str) -> frozenset[Rung]:
    """The rungs that prove a domain, and not merely a host."""
    return frozenset(
        rung for rung in rungs if rung.kind in PROVING and (rung.kind is RungKind.DKIM or bool(sender_domain))
    )


def names(domain: str, counting: Collection[Rung], author_domains: Collection[str]) -> bool:
    return any(proves(rung, domain, author_domains) for rung in counting)


def proves(rung: Rung, domain: str, author_domains: Collection[str]) -> bool:
    """Whether a proved domain is the named one, or of it.

    Whoever may send from a domain can write any From, so the author must fit too. A signature is its author's own; it
    may be made by the organisation above the named domain.
    """
    if rung.kind is RungKind.SPF:
        fits = all(is_in(author, domain) or is_in(domain, author) for author in author_domains)
        return is_in(rung.value, domain) and fits
    written = bool(author_domains) and all(is_in(author, domain) for author in author_domains)
    return is_in(rung.value, domain) or (is_in(domain, rung.value) and written)


def is_in(domain: str, above: str) -> bool:
    return domain == above or domain.endswith("." + above)


# ---- where it is asked ---------------------------------------------------------------------------------------------


def expected_mail(facts: RcptFacts, policy: "Policy") -> Verdict | None:
    """At RCPT the sender's network is all that can prove its domain."""
    found = fulfilled(facts.expected, facts.rungs, domain_of(facts.sender), (), facts.now)
    if found is None:
        return None
    review = facts.level is Level.REVIEW_AFTER
    return Verdict(Action.ACCEPT, (reason(found),), RecipientClass.PASS, review=review)


def after_all(facts: DataFacts) -> Reason | None:
    """After the dot the author is known, and who signed. What RCPT began is judged by the time of RCPT."""
    rcpt, authors = facts.rcpt, [domain_of(author) for author in facts.message.authors]
    found = fulfilled(rcpt.expected, rcpt.rungs, domain_of(rcpt.sender), authors, rcpt.now)
    return None if found is None else reason(found)


def expected_after_all(facts: DataFacts, policy: "Policy") -> Verdict | None:
    """Its signature shows that it is what the recipient expects; RCPT took it for a stranger's."""
    told = None if facts.admitted.recipient_class is RecipientClass.PASS else after_all(facts)
    if told is None:
        return None
    if is_suspicious(facts, policy):
        return hold(facts, (*facts.suspicion, told))
    return Verdict(Action.ACCEPT, (told, *facts.suspicion), review=is_listed(facts))


def reason(found: Expectation) -> Reason:
    return Reason(ReasonCode.EXPECTED_MAIL, {"expectation": found.id, "domain": found.domain, "who": found.who})


def domain_of(address: str) -> str:
    return address.rpartition("@")[2]
