"""What admins are told: a mail in the language that is spoken, and the same as JSON, which stays English."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from gateway.i18n import _, ngettext, spoken, tell
from gateway.ids import new_id
from gateway.marked import Said
from gateway.vitals.trouble import Trouble


@dataclass(frozen=True, slots=True)
class News:
    """What is told at once: what is amiss and was not told, what else is, and what is over, in its last words."""

    at: datetime
    hostname: str
    amiss: Sequence[Trouble]
    still: Sequence[Trouble] = ()
    over: Sequence[Said | str] = ()
    health: str = ""  # the address of the page; "" where it has none

    @property
    def headline(self) -> str:
        """In the language that is spoken."""
        told = [one.said for one in self.amiss] or self.over
        first, more = tell(told[0]).rstrip("."), len(told) - 1
        if not self.amiss:
            first = _("Over: %(what)s") % {"what": first}
        if not more:
            return first
        return ngettext("%(what)s (and %(count)d more)", "%(what)s (and %(count)d more)", more) % {
            "what": first,
            "count": more,
        }


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
    made["Content-Language"] = spoken().code  # RFC 3282
    return made.as_bytes()


def text(news: News) -> str:
    parts = [f"{tell(one.said)}\n  {tell(one.advice)}" for one in news.amiss]
    if news.over:
        parts.append("\n".join((_("Over:"), *(f"- {tell(said)}" for said in news.over))))
    if news.still:
        parts.append("\n".join((_("Still amiss, and told before:"), *(f"- {tell(one.said)}" for one in news.still))))
    if news.health:
        parts.append(_("Take care of it, or keep it quiet for a while: %(url)s") % {"url": news.health})
    return "\n\n".join(parts) + "\n"


def as_json(news: News) -> dict[str, Any]:
    """What is posted; names are added to, never renamed. For programs: whoever asks speaks English."""
    return {
        "type": "alert",
        "timestamp": news.at.isoformat(),
        "data": {
            "host": news.hostname,
            "text": news.headline,
            "amiss": [plain(one) for one in news.amiss],
            "still": [plain(one) for one in news.still],
            "over": list(map(str, news.over)),
            "health": news.health,
        },
    }


def plain(one: Trouble) -> dict[str, Any]:
    return {"kind": one.kind, "about": one.about, "words": one.words, "do": one.do, "grave": one.is_grave}
