"""How a mail is built, as far as mail programs that people use do not build it like that. None of it decides alone."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from gateway.model import ContentFacts, DataFacts, Finding, Reason, ReasonCode, SpfResult
from gateway.policy.lists import are_related

CODES = frozenset(code for code in ReasonCode if code.startswith("structure."))
OLDEST = timedelta(days=7)  # a queue keeps mail for five days
NEWEST = timedelta(hours=26)  # a clock in the wrong zone

GROUPS = (
    (
        ReasonCode.STRUCTURE_FIELDS,
        (Finding.NO_DATE, Finding.NO_MESSAGE_ID, Finding.BAD_MESSAGE_ID, Finding.NO_AUTHOR, Finding.BROKEN_HEADER),
    ),
    (ReasonCode.STRUCTURE_DOUBLED, (Finding.DOUBLED_FIELD,)),
    (ReasonCode.STRUCTURE_RECEIVED, (Finding.BAD_RECEIVED,)),
    (ReasonCode.STRUCTURE_PARTS, (Finding.BROKEN_PARTS, Finding.BROKEN_ENCODING)),
    (ReasonCode.STRUCTURE_LETTERS, (Finding.INVISIBLE, Finding.TURNED, Finding.CONFUSABLE)),
    (ReasonCode.STRUCTURE_HIDDEN, (Finding.HIDDEN_TEXT,)),
)


def reasons(facts: DataFacts) -> Iterator[Reason]:
    """What counts against a stranger. A mail without a sender is a machine's, whose fields are as they are."""
    if (told := claims_author(facts)) is not None:
        yield told
    found = facts.content
    if found is None or not facts.rcpt.sender:
        return
    if (told := dated(found, facts.now)) is not None:
        yield told
    for code, group in GROUPS:
        seen = [str(one) for one in group if one in found.findings]
        if seen:
            yield Reason(code, {"seen": ", ".join(seen)})


def dated(found: ContentFacts, now: datetime) -> Reason | None:
    """Its Date field is far off, or no date."""
    if Finding.BAD_DATE in found.findings:
        return Reason(ReasonCode.STRUCTURE_DATE, {"seen": str(Finding.BAD_DATE)})
    if found.dated is None or -OLDEST <= found.dated - now <= NEWEST:
        return None
    return Reason(ReasonCode.STRUCTURE_DATE, {"hours": round((found.dated - now) / timedelta(hours=1))})


def claims_author(facts: DataFacts) -> Reason | None:
    """It calls itself a host of its author's domain, and nothing proves that it has to do with it."""
    author = (facts.message.only_author or "").rpartition("@")[2]
    said = facts.rcpt.peer.helo.lower().rstrip(".")
    if not author or facts.rcpt.relayed is not None or not are_related(said, author) or not was_asked(facts):
        return None
    proved = {rung.value for rung in facts.rcpt.rungs}
    if any(are_related(value, author) for value in proved):
        return None
    return Reason(ReasonCode.STRUCTURE_HELO, {"helo": said[:255], "author": author})


def was_asked(facts: DataFacts) -> bool:
    """True when DNS said what there is to say; a time-out is no evidence."""
    peer, spf = facts.rcpt.peer, facts.rcpt.spf
    return (peer.nameless or peer.name is not None) and spf is not None and spf.result is not SpfResult.TEMPERROR
