"""Held mail that may do harm by being released: whoever it is for does not let it in from a link in a mail."""

from gateway.model import ReasonCode

DANGEROUS = frozenset(
    {
        ReasonCode.ATTACHMENT_PROGRAM,
        ReasonCode.ATTACHMENT_MACRO,
        ReasonCode.ATTACHMENT_DISGUISED,
        ReasonCode.ATTACHMENT_CLOSED,
        ReasonCode.ATTACHMENT_VIRUS,
        ReasonCode.CAMPAIGN_CONFIRMED,
        ReasonCode.SENDER_LOOKALIKE,
        ReasonCode.AUTH_FORGED,
        ReasonCode.HELO_FORGED,
    }
)


def is_dangerous(code: str) -> bool:
    """`code`: why a mail is held, as it is stored."""
    return code in DANGEROUS
