"""What we write to a recipient about held mail that expired without a decision, in the language that is spoken."""

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from textwrap import fill

from gateway.i18n import _, spoken

WIDE = 76  # letters of a line
APART, TOGETHER = "\u2068", "\u2069"  # around what is read by itself (Unicode, UAX 9)


@dataclass(frozen=True, slots=True)
class Expired:
    """What the notice tells. Sender and subject are the mail's own words, shown as text."""

    number: str
    sender: str
    author: str
    subject: str
    received_at: datetime


def to_recipient(expired: Expired, recipient: str, hostname: str, postmaster: str, now: datetime) -> bytes:
    """The notice with CRLF line ends. It answers nobody and asks for no answer (RFC 3834 5)."""
    mail = EmailMessage(policy=SMTP.clone(max_line_length=78))
    mail["From"] = Address(_("Mail gateway"), addr_spec=postmaster)
    mail["To"] = recipient
    mail["Subject"] = _("A mail to you was held and has expired")
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<expired-{expired.number}-{int(now.timestamp())}@{hostname}>"
    mail["Auto-Submitted"] = "auto-generated"
    about = (
        (_("From:"), apart(expired.author or expired.sender) or _("(no sender)")),
        (_("Envelope:"), apart(expired.sender or "<>")),
        (_("Subject:"), apart(expired.subject) or _("(none)")),
        (_("Received:"), f"{expired.received_at:%Y-%m-%d %H:%M} UTC"),
    )
    after = _(
        "It was not delivered, and its sender was not told. For two more weeks your administrator can still release "
        "it; its number is %(number)s."
    ) % {"number": expired.number}
    parts = (
        fill(_("A mail to you was held for a decision, and nobody decided in time."), WIDE),
        "\n".join(f"  {label:<9} {value}" for label, value in about),
        fill(after, WIDE),
    )
    mail.set_content("\n\n".join(parts) + "\n", cte="quoted-printable")
    mail["Content-Language"] = spoken().code  # RFC 3282; what is set before the content goes with the one before it
    return mail.as_bytes()


def apart(text: str) -> str:
    """A stranger's words, which are read by themselves where the words around them run to the left."""
    said = one_line(text)
    return f"{APART}{said}{TOGETHER}" if said and spoken().is_rtl else said


def one_line(text: str) -> str:
    """A stranger's words in a mail of ours: one line, no control characters, nothing to click."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)[:200]
    return plain.replace("://", ": //")
