"""A digest as a mail: text and HTML that say the same, signed where there is a key. In the language that is spoken."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache

import dkim
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_eval_context, select_autoescape
from jinja2.nodes import EvalContext
from markupsafe import Markup

from gateway.digest.gathered import Gathered, Item
from gateway.i18n import _, gettext, ngettext, npgettext, pgettext, spoken, written
from gateway.marked import N_
from gateway.model import LinkAct, ReasonCode
from gateway.policy.words import WORDS
from gateway.visible import one_line

LONGEST = 120  # letters of what others wrote, on one line
SIGNED = ("from", "to", "subject", "date", "message-id", "list-id", "mime-version", "content-type")
LABEL = 8  # letters of what stands before each line of the text
APART, TOGETHER = "\u2068", "\u2069"  # around what is read by itself (Unicode, UAX 9)
DOES = {LinkAct.RELEASE: N_("Release"), LinkAct.REFUSE: N_("Refuse"), LinkAct.ASK: N_("Ask an approver for it")}


@dataclass(frozen=True, slots=True)
class Offer:
    """A link beside a mail; without a code somebody has to sign in."""

    act: LinkAct
    address: str
    has_code: bool

    @property
    def words(self) -> str:
        does = _(DOES[self.act])
        return does if self.has_code else _("%(does)s (after signing in)") % {"does": does}


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside a mail: its links, and the code that these ask for."""

    code: str = ""
    links: tuple[Offer, ...] = ()

    @property
    def has_code(self) -> bool:
        return any(one.has_code for one in self.links)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every mail of ours says of itself. `key`: PEM, of the domain of the sender."""

    sender: str
    hostname: str
    url: str  # of the pages
    zone: tzinfo
    key: bytes = b""
    selector: str = ""


def mail(
    told: Gathered,
    offers: Mapping[tuple[str, str], Beside],
    recipient: str,
    stamp: Stamp,
    number: str,
    now: datetime,
    headline: str = "",
) -> bytes:
    """The whole mail with CRLF line ends. `offers`: by message and recipient. Nothing answers it (RFC 3834 5)."""
    headline = headline or subject(told)
    made = EmailMessage(policy=SMTP.clone(max_line_length=78))
    made["From"] = f"Greygate <{stamp.sender}>"
    made["To"] = recipient
    made["Subject"] = headline
    made["Date"] = format_datetime(now.astimezone(stamp.zone))
    made["Message-ID"] = f"<digest-{number}@{stamp.hostname}>"
    made["List-Id"] = f"Mail that waits for you <digest.{stamp.hostname}>"
    made["List-Unsubscribe"] = f"<{stamp.url}/protection>"
    made["Auto-Submitted"] = "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"  # Exchange asks for it: no note that somebody is away
    given = {
        "told": told,
        "offers": offers,
        "url": stamp.url,
        "zone": stamp.zone,
        "now": now,
        "several": len({one.recipient for one in told.waiting + told.listed}) > 1,
        "subject": headline,
        "nothing": Beside(),
        "has_codes": any(one.has_code for one in offers.values()),
    }
    made.set_content(environment().get_template("digest.txt").render(given), cte="quoted-printable")
    made.add_alternative(environment().get_template("digest.html").render(given), "html", cte="quoted-printable")
    made["Content-Language"] = spoken().code  # RFC 3282; what is set before the content goes with the one before it
    return signed(made.as_bytes(), stamp)


def subject(told: Gathered) -> str:
    waiting, listed = len(told.waiting), len(told.listed)
    if not waiting:
        return ngettext("%(count)d mail to look at", "%(count)d mails to look at", listed) % {"count": listed}
    if told.more:
        said = ngettext("More than %(count)d mails wait for you", "More than %(count)d mails wait for you", waiting)
    else:
        said = ngettext("%(count)d mail waits for you", "%(count)d mails wait for you", waiting)
    said %= {"count": waiting}
    if not 0 < told.new < waiting:
        return said
    return _("%(waiting)s, %(new)s") % {
        "waiting": said,
        "new": ngettext("%(count)d new", "%(count)d new", told.new) % {"count": told.new},
    }


def about_code(item: Item) -> str:
    """What the mail about a mail with a code is called."""
    if not item.proven:
        return _("It may hold a code: a mail of a stranger waits")
    return _("It may hold a code: a mail of %(who)s waits") % {"who": apart(item.proven)}


def signed(text: bytes, stamp: Stamp) -> bytes:
    """With a DKIM signature on top (RFC 6376), where there is a key."""
    if not stamp.key:
        return text
    domain = stamp.sender.rpartition("@")[2]
    names = [name.encode() for name in SIGNED]
    field: bytes = dkim.sign(
        text,
        stamp.selector.encode(),
        domain.encode("idna"),
        stamp.key,
        canonicalize=(b"relaxed", b"relaxed"),
        include_headers=names,
    )
    return field + text


# ---- how things are written ----------------------------------------------------------------------------------------


@cache
def environment() -> Environment:
    made = Environment(
        loader=PackageLoader("gateway.digest"),
        extensions=["jinja2.ext.i18n"],
        autoescape=select_autoescape(("html",), default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_callables(  # type: ignore[attr-defined]
        gettext, ngettext, newstyle=True, pgettext=pgettext, npgettext=npgettext
    )
    made.filters.update(bdi=bdi, label=label, because=because, at=at, days=days)
    made.globals.update(spoken=spoken, subject_of=subject_of, who=who)
    return made


def line(said: object) -> str:
    """What others wrote, on one line, with what cannot be seen written out and no link in it."""
    text = one_line(str(said or "")).replace("://", ": //")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


@pass_eval_context
def bdi(context: EvalContext, said: object) -> str:
    """The same among words of ours: which way it is read changes nothing around it."""
    return Markup('<bdi translate="no">{}</bdi>').format(line(said)) if context.autoescape else apart(line(said))


def apart(said: str) -> str:
    """In text there are no tags: letters that nobody sees keep it apart, where the words around it run to the left."""
    return f"{APART}{said}{TOGETHER}" if spoken().is_rtl else said


def label(said: str) -> str:
    return f"{said:<{LABEL - 1}} "


@pass_eval_context
def subject_of(context: EvalContext, item: Item) -> str:
    return bdi(context, item.subject) if item.subject else _("(no subject)")


@pass_eval_context
def who(context: EvalContext, item: Item) -> str:
    said = item.author or item.sender
    return bdi(context, said) if said else _("(nobody)")


def because(item: Item) -> str:
    return _(WORDS[ReasonCode(item.reason)].said) if item.reason else _("its sender is new here")


def days(until: datetime, now: datetime) -> int:
    """Whole days that there are to decide."""
    return max(until - now, timedelta(0)) // timedelta(days=1)


def at(moment: datetime, zone: tzinfo) -> str:
    return written.moment(moment.astimezone(zone))
