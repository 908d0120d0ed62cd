"""The one mail that we write ourselves: to a recipient, about held mail that expired without a decision."""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime


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
    mail["From"] = f"Mail gateway <{postmaster}>"
    mail["To"] = recipient
    mail["Subject"] = "A mail to you was held and has expired"
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<expired-{expired.number}-{int(now.timestamp())}@{hostname}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(
        "A mail to you was held for a decision, and nobody decided in time.\n\n"
        f"  From:     {one_line(expired.author or expired.sender or '(no sender)')}\n"
        f"  Envelope: {one_line(expired.sender or '<>')}\n"
        f"  Subject:  {one_line(expired.subject or '(none)')}\n"
        f"  Received: {expired.received_at:%Y-%m-%d %H:%M} UTC\n\n"
        "It was not delivered, and its sender was not told. For two more weeks your\n"
        f"administrator can still release it; its number is {expired.number}.\n",
        cte="quoted-printable",
    )
    return mail.as_bytes()


def one_line(text: str) -> str:
    """A stranger's words in a mail of ours: one line, no control characters, nothing to click."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)[:200]
    return plain.replace("://", ": //")
