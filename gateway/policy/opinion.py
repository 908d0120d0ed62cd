"""What rules are made of: an opinion with its reason, and what several of them ask."""

from gateway.model import Action, Address, DataFacts, Level, RcptFacts, Reason, ReasonCode, RecipientClass, Verdict


def verdict(action: Action, code: ReasonCode, /, **evidence: str | int | float | bool | None) -> Verdict:
    return Verdict(action, (Reason(code, evidence),))


def admit(
    recipient_class: RecipientClass,
    code: ReasonCode,
    /,
    *,
    review: bool = False,
    **evidence: str | int | float | bool | None,
) -> Verdict:
    """Let a recipient into the transaction, in a class."""
    return Verdict(Action.ACCEPT, (Reason(code, evidence),), recipient_class, review=review)


def is_role(facts: RcptFacts) -> bool:
    return is_role_address(facts.recipient)


def is_role_address(recipient: Address) -> bool:
    return recipient.local.lower() in ("postmaster", "abuse")


def hold(facts: DataFacts, reasons: tuple[Reason, ...], *, junk: bool = True) -> Verdict:
    """Hold where somebody looks at holds; elsewhere deliver, tagged for Junk when the content is suspicious."""
    if facts.rcpt.reviewed:
        return Verdict(Action.HOLD, reasons)
    return Verdict(Action.ACCEPT, reasons, junk=junk, review=is_listed(facts))


def is_listed(facts: DataFacts) -> bool:
    """True when whatever a stranger gets delivered is listed for somebody to look at."""
    return facts.rcpt.level is Level.REVIEW_AFTER
