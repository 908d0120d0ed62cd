"""A digest as a mail: text and HTML that say the same, signed where there is a key."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from typing import Any

import dkim
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from gateway.digest.gathered import Gathered, Item
from gateway.model import LinkAct, ReasonCode
from gateway.policy.words import WORDS
from gateway.visible import one_line

LONGEST = 120  # letters of what others wrote, on one line
SIGNED = ("from", "to", "subject", "date", "message-id", "list-id", "mime-version", "content-type")
DOES = {LinkAct.RELEASE: "Release", LinkAct.REFUSE: "Refuse", LinkAct.ASK: "Ask an approver for it"}


@dataclass(frozen=True, slots=True)
class Offer:
    """A link beside a mail; without a code somebody has to sign in."""

    act: LinkAct
    address: str
    has_code: bool

    @property
    def words(self) -> str:
        return DOES[self.act]


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
    return signed(made.as_bytes(), stamp)


def subject(told: Gathered) -> str:
    waiting, listed = len(told.waiting), len(told.listed)
    if not waiting:
        return f"{count(listed, 'mail')} to look at"
    fresh = f", {told.new} new" if 0 < told.new < waiting else ""
    if told.more:
        return f"More than {waiting} mails wait for you{fresh}"
    return f"{count(waiting, 'mail')} {'waits' if waiting == 1 else 'wait'} for you{fresh}"


def about_code(item: Item) -> str:
    """What the mail about a mail with a code is called."""
    return f"It may hold a code: a mail of {item.proven or 'a stranger'} waits"


def count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


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
        autoescape=select_autoescape(("html",), default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(line=line, because=because, proof=proof, left=left, at=at)
    made.globals.update(who=who)
    return made


def line(said: object) -> str:
    """What others wrote, on one line, with what cannot be seen written out and no link in it."""
    text = one_line(str(said or "")).replace("://", ": //")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def who(item: Item) -> str:
    return item.author or item.sender or "(nobody)"


def because(item: Item) -> str:
    return WORDS[ReasonCode(item.reason)].said if item.reason else "its sender is new here"


def proof(item: Item) -> str:
    """Who stands behind it, as far as anybody can tell."""
    if item.is_authors:
        return f"really from {line(item.proven)}"
    return f"sent through {line(item.proven)}" if item.proven else "nothing proves who sent it"


def left(until: datetime, now: datetime) -> str:
    """How long there is to decide."""
    days = max(until - now, timedelta(0)) // timedelta(days=1)
    if days < 1:
        return "less than a day"
    return count(days, "day")


def at(moment: datetime, zone: tzinfo) -> str:
    here: Any = moment.astimezone(zone)
    return f"{here:%a} {here.day} {here:%b %H:%M}"
