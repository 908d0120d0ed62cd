"""The SMTP words of every verdict, in one place (RFC 5321 4.2, RFC 3463)."""

from dataclasses import dataclass

from gateway.model import Action, ReasonCode, Reply, Verdict

MAX_LINE = 512  # bytes, CR LF included (RFC 5321 4.5.3.1.5)


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

# What the dialogue itself says, whoever the peer is (RFC 5321 4.2).
OK = Reply(250, "2.0.0", "Ok")
BYE = Reply(221, "2.0.0", "Bye")
HELLO_FIRST = Reply(503, "5.5.1", "Say EHLO or HELO first")
MAIL_FIRST = Reply(503, "5.5.1", "Say MAIL FROM first")
RCPT_FIRST = Reply(503, "5.5.1", "No valid recipient yet")
NESTED_MAIL = Reply(503, "5.5.1", "A sender was given already")
NOT_HERE = Reply(502, "5.5.1", "Not available here")
UNKNOWN = Reply(500, "5.5.2", "Command not recognized")
BAD_LINE = Reply(500, "5.5.2", "A command ends with CR LF and contains no other control characters")
TOO_LONG = Reply(500, "5.5.2", "Command line too long")
NO_ARGUMENT = Reply(501, "5.5.4", "This command takes no argument")
TOO_MANY_ERRORS = Reply(421, "4.7.0", "Too many errors, closing")
TOO_MANY_COMMANDS = Reply(421, "4.7.0", "Too many commands without a mail, closing")
TOO_MANY_MAILS = Reply(421, "4.7.0", "Enough mails for one connection, please open another")
TOO_LONG_A_SESSION = Reply(421, "4.4.2", "This connection is open for too long, please open another")
TOO_MANY_CONNECTIONS = Reply(421, "4.7.0", "Too many connections from your network, please try later")
TOO_MANY_ENCRYPTED = Reply(421, "4.7.0", "No room for another encrypted connection, please try later")
TIMED_OUT = Reply(421, "4.4.2", "Timed out waiting for you")
STOPPING = Reply(421, "4.3.2", "Shutting down, please try again")
SYNCHRONIZE = Reply(554, "5.5.0", "Data were sent before we asked for them")
GO_AHEAD = "354 End data with <CR><LF>.<CR><LF>"
TOO_BIG = Reply(552, "5.3.4", "The message is too big")
SAY_HELLO = Reply(501, "5.5.4", "Say EHLO and your host name")
TLS_ALREADY = Reply(503, "5.5.1", "TLS is on already")
SAY_MAIL = Reply(501, "5.5.4", "Say MAIL FROM:<address>")
SAY_RCPT = Reply(501, "5.5.4", "Say RCPT TO:<address>")
SENDER_NEEDS_UTF8 = Reply(553, "5.6.7", "Such a sender needs SMTPUTF8")
EMPTY_RECIPIENT = Reply(553, "5.1.3", "A recipient cannot be empty")
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients, send to the others in a transaction of their own")

REFUSALS: dict[ReasonCode, Reply] = {
    ReasonCode.RELAY_DENIED: Reply(550, "5.7.1", "Relaying denied"),
    ReasonCode.RECIPIENT_UNKNOWN: Reply(550, "5.1.1", "No such recipient here"),
    ReasonCode.TRAP_HIT: Reply(550, "5.1.1", "No such recipient here"),
    ReasonCode.TARPIT_EARLY_TALKER: Reply(550, "5.7.1", "Your mail server speaks before it is greeted"),
    ReasonCode.LIST_BLOCKED: Reply(550, "5.7.1", "Refused by the recipient's policy"),
    ReasonCode.RETRY_REFUSED: Reply(550, "5.7.1", "Refused by the recipient"),
    ReasonCode.RETRY_UNDELIVERABLE: Reply(550, "5.0.0", "The mail server behind us refused this mail"),
    # RFC 7372 3.3
    ReasonCode.AUTH_FORGED: Reply(550, "5.7.26", "The author's domain asks to refuse mail that is not proved its own"),
    ReasonCode.MESSAGE_LOOP: Reply(554, "5.4.6", "Too many hops, this mail is looping"),
    ReasonCode.MESSAGE_DEFECT: Reply(550, "5.6.0", "The message is malformed"),
    ReasonCode.BACKEND_REFUSED: Reply(550, "5.0.0", "The mail server behind us refused this mail"),
}

DEFERRALS: dict[ReasonCode, Reply] = {
    ReasonCode.RECIPIENT_UNVERIFIED: Reply(450, "4.1.1", "The recipient cannot be verified right now"),
    ReasonCode.RECIPIENT_HARVEST: Reply(450, "4.7.1", "Too many unknown recipients from your network, try later"),
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
    """The reply with the id at its end. A backend's long words are cut, the id never is."""
    around = str(Reply(reply.code, reply.enhanced, f" [{reply_id}]"))
    return Reply(reply.code, reply.enhanced, f"{reply.text[: MAX_LINE - len(around) - 2]} [{reply_id}]")
