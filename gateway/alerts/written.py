"""What admins are told: a mail, and the same as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from gateway.ids import new_id
from gateway.vitals.verdict import Trouble


@dataclass(frozen=True, slots=True)
class News:
    """What is told at once: what is amiss and was not told, what else is, and what is over, in its last words."""

    at: datetime
    hostname: str
    amiss: Sequence[Trouble]
    still: Sequence[Trouble] = ()
    over: Sequence[str] = ()
    health: str = ""  # the address of the page; "" where it has none

    @property
    def headline(self) -> str:
        if self.amiss:
            more = len(self.amiss) - 1
            return self.amiss[0].words.rstrip(".") + (f" (and {more} more)" if more else "")
        return "Over: " + self.over[0].rstrip(".") + (f" (and {len(self.over) - 1} more)" if len(self.over) > 1 else "")


def mail(news: News, sender: str, recipient: str) -> bytes:
    """With CRLF line ends. Nothing answers it (RFC 3834 5)."""
    made = EmailMessage(policy=SMTP.clone(max_line_length=78))
    made["From"] = f"Greygate <{sender}>"
    made["To"] = recipient
    made["Subject"] = f"[{news.hostname}] {news.headline}"
    made["Date"] = format_datetime(news.at)
    made["Message-ID"] = f"<alert-{new_id(news.at)}@{news.hostname}>"
    made["Auto-Submitted"] = "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"
    if any(one.is_grave for one in news.amiss):
        made["Importance"] = "high"
    made.set_content(text(news), cte="quoted-printable")
    return made.as_bytes()


def text(news: News) -> str:
    parts = [f"{one.words}\n  {one.do}" for one in news.amiss]
    if news.over:
        parts.append("Over:\n" + "\n".join(f"- {words}" for words in news.over))
    if news.still:
        parts.append("Still amiss, and told before:\n" + "\n".join(f"- {one.words}" for one in news.still))
    if news.health:
        parts.append(f"Take care of it, or keep it quiet for a while: {news.health}")
    return "\n\n".join(parts) + "\n"


def as_json(news: News) -> dict[str, Any]:
    """What is posted; names are added to, never renamed."""
    return {
        "type": "alert",
        "timestamp": news.at.isoformat(),
        "data": {
            "host": news.hostname,
            "text": news.headline,
            "amiss": [plain(one) for one in news.amiss],
            "still": [plain(one) for one in news.still],
            "over": list(news.over),
            "health": news.health,
        },
    }


def plain(one: Trouble) -> dict[str, Any]:
    return {"kind": one.kind, "about": one.about, "words": one.words, "do": one.do, "grave": one.is_grave}
