"""The SMTP words of every verdict, in one place (RFC 5321 4.2, RFC 3463)."""

from dataclasses import dataclass

from gateway.model import Action, ReasonCode, Reply, Verdict


@dataclass(frozen=True, slots=True)
class Wording:
    """The configurable part: how a greylisting is worded."""

    code: int = 451
    enhanced: str = "4.7.0"
    text: str = "Greylisted, retry later"


ACCEPTED = Reply(250, "2.1.5", "Recipient ok")
SENDER_OK = Reply(250, "2.1.0", "Sender ok")
TAKEN = Reply(250, "2.0.0", "Accepted")
FAILED = Reply(451, "4.3.0", "Temporary failure on our side, please send it again")
TOO_SLOW = Reply(451, "4.4.2", "The mail server behind us is still working on it, please send it again")

REFUSALS: dict[ReasonCode, Reply] = {
    ReasonCode.RELAY_DENIED: Reply(550, "5.7.1", "Relaying denied"),
    ReasonCode.RECIPIENT_UNKNOWN: Reply(550, "5.1.1", "No such recipient here"),
    ReasonCode.LIST_BLOCKED: Reply(550, "5.7.1", "Refused by the recipient's policy"),
    ReasonCode.RETRY_REFUSED: Reply(550, "5.7.1", "Refused by the recipient"),
    ReasonCode.RETRY_UNDELIVERABLE: Reply(550, "5.0.0", "The mail server behind us refused this mail"),
    ReasonCode.MESSAGE_LOOP: Reply(554, "5.4.6", "Too many hops, this mail is looping"),
    ReasonCode.MESSAGE_DEFECT: Reply(550, "5.6.0", "The message is malformed"),
    ReasonCode.BACKEND_REFUSED: Reply(550, "5.0.0", "The mail server behind us refused this mail"),
}

DEFERRALS: dict[ReasonCode, Reply] = {
    ReasonCode.RECIPIENT_UNVERIFIED: Reply(450, "4.1.1", "The recipient cannot be verified right now"),
    ReasonCode.RECIPIENT_OTHER_CLASS: Reply(452, "4.5.3", "Send to this recipient in a separate transaction"),
    ReasonCode.RETRY_IN_FLIGHT: Reply(451, "4.4.2", "This mail is being delivered, retry later"),
    ReasonCode.BACKEND_DOWN: Reply(451, "4.4.1", "The mail server behind us cannot be reached"),
    ReasonCode.BACKEND_DEFERRED: Reply(451, "4.4.2", "The mail server behind us is not ready"),
    ReasonCode.BACKEND_SLOW: TOO_SLOW,
    ReasonCode.STORE_UNAVAILABLE: FAILED,
    ReasonCode.STORAGE_FULL: Reply(452, "4.3.1", "No room for this mail right now"),
    ReasonCode.INTERNAL_FAILURE: FAILED,
}


def reply_to(verdict: Verdict, wording: Wording, reply_id: str, *, at_rcpt: bool) -> Reply:
    """The words for a verdict. A 4xx or 5xx ends with the id under which its decision is found."""
    match verdict.action:
        case Action.ACCEPT | Action.HOLD | Action.DISCARD:
            return ACCEPTED if at_rcpt else Reply(TAKEN.code, TAKEN.enhanced, f"{TAKEN.text} [{reply_id}]")
        case Action.DEFER:
            return with_id(verdict.reply or deferral(verdict.code, wording), reply_id)
        case Action.REJECT:
            return with_id(verdict.reply or REFUSALS[verdict.code], reply_id)


def deferral(code: ReasonCode, wording: Wording) -> Reply:
    """Everything that waits is worded as a greylisting; what is not a wait has words of its own."""
    return DEFERRALS.get(code) or Reply(wording.code, wording.enhanced, wording.text)


def with_id(reply: Reply, reply_id: str) -> Reply:
    return Reply(reply.code, reply.enhanced, f"{reply.text} [{reply_id}]")
