"""The sections about mails that we write: to people, to admins, and to domains that ask for reports."""

import os
import re
from base64 import b64decode
from datetime import time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, PlainValidator

from gateway.model import HookEvent
from gateway.settings.listening import Section
from gateway.settings.quantities import DAY, HOUR, MINUTE, quoted
from gateway.settings.shapes import (
    Backends,
    Domains,
    Duration,
    Flag,
    Location,
    Mailbox,
    Number,
    Shape,
    distinct,
    printable,
    web_address,
)

TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_LOOPBACK = re.compile(r"http://(127\.|localhost[:/]|\[::1\])")
_PREFIX = "whsec_"  # as Standard Webhooks writes secrets
_SELECTOR = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,61}[a-z0-9_])?")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,58}[a-z0-9])?")
MOST_TIMES = 4  # of a day


def time_of_day(value: object) -> str:
    """The text itself; raises ValueError for anything but hours and minutes."""
    if not isinstance(value, str) or not TIME.fullmatch(value):
        raise ValueError(f'{quoted(str(value))} is no time of the day; write one such as "08:00"')
    return value


def zone(value: object) -> str:
    """The name of a time zone, or nothing; raises ValueError for what is none."""
    if value == "":
        return ""
    try:
        return ZoneInfo(str(value)).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'{quoted(str(value))} is no time zone; write one such as "Europe/Berlin"') from None


def selector(value: object) -> str:
    """A selector (RFC 6376 3.1), or nothing; raises ValueError for what cannot be one."""
    if value == "":
        return ""
    if not isinstance(value, str) or not _SELECTOR.fullmatch(value):
        raise ValueError(f'{quoted(str(value))} is no selector; write one such as "greygate"')
    return value


TimeOfDay = Annotated[str, PlainValidator(time_of_day), Shape("a time", 'times such as "08:00"')]
Times = Annotated[tuple[TimeOfDay, ...], AfterValidator(distinct), Field(min_length=1, max_length=MOST_TIMES)]
Zone = Annotated[str, PlainValidator(zone), Shape('a time zone such as "Europe/Berlin"; "" is that of the machine')]
Selector = Annotated[str, PlainValidator(selector), Shape('a selector such as "greygate"; "" is none')]


def zone_here() -> ZoneInfo:
    """The time zone of this machine; UTC where it has none that has a name."""
    told = os.environ.get("TZ", "").lstrip(":") or os.path.realpath("/etc/localtime").partition("/zoneinfo/")[2]
    try:
        return ZoneInfo(told)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


class DigestSettings(Section):
    """Mails that tell people what waits for them. They need [web] url, for the links in them."""

    send: Literal["off", "chosen", "everybody"] = Field(
        default="chosen",
        description="Who gets them: nobody, those who choose so on the page Protection, or all who do not say no.",
    )
    times: Times = Field(
        default=("08:00", "13:00"), description="When, where nobody chose other times; at most four a day."
    )
    zone: Zone = Field(default="", description="By which clock.")
    links: Duration = Field(
        default=7 * DAY, ge=HOUR, le=30 * DAY, description="How long the links in them can be used."
    )
    code: Flag = Field(
        default=True,
        description="Whether typing a code that stands beside the link is enough to use it; otherwise people sign in. "
        "For dangerous mail it never is.",
    )
    most: Number = Field(default=200, ge=1, le=500, description="Mails that one digest lists.")
    sender: Mailbox | None = Field(
        default=None, description="From whom they are; without it from postmaster of our first domain."
    )
    dkim_key: Location | None = Field(
        default=None, description="The RSA key (PEM) that signs them for the domain of their sender."
    )
    dkim_selector: Selector = Field(default="", description="Under which name its public half is in the DNS.")

    @property
    def clock(self) -> ZoneInfo:
        return ZoneInfo(self.zone) if self.zone else zone_here()

    @property
    def moments(self) -> tuple[time, ...]:
        return tuple(map(time.fromisoformat, self.times))


def hook_address(value: object) -> str:
    """Where something is posted to, or nothing; raises ValueError for what is no such address."""
    found = web_address(value)
    if found.startswith("http://") and not _LOOPBACK.match(found):
        raise ValueError(f"{quoted(found)} is not encrypted; write https://, or a port of this machine")
    return found


def hook_name(value: object) -> str:
    """The name itself; raises ValueError for what is none."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(f'{quoted(str(value))} is no name; write one such as "siem", of a-z, 0-9 and -')
    return value


def hook_event(value: object) -> str:
    """The name of an event; raises ValueError for what is none."""
    if value not in list(HookEvent):
        raise ValueError(f"{quoted(str(value))} is no event; there are {', '.join(HookEvent)}")
    return str(value)


Events = Annotated[
    tuple[Annotated[str, PlainValidator(hook_event), Shape("an event", f"events: {', '.join(HookEvent)}")], ...],
    AfterValidator(distinct),
]
HookName = Annotated[str, PlainValidator(hook_name), Shape('a name such as "siem"')]
HookAddress = Annotated[
    str, PlainValidator(hook_address), Shape('an address such as https://chat.example.com/hook; "" is none')
]


def hook_secret(text: str) -> bytes:
    """What the first line of a file with a secret says. Raises ValueError."""
    given = text.partition("\n")[0].strip()
    if not given.startswith(_PREFIX):
        raise ValueError(f"its first line does not begin with {_PREFIX}")
    found = b64decode(given.removeprefix(_PREFIX), validate=True)
    if not 24 <= len(found) <= 64:
        raise ValueError("its secret is not 24 to 64 bytes long")
    return found


class AlertSettings(Section):
    """Whom we tell when something is amiss. Off without an address and a hook."""

    to: tuple[Mailbox, ...] = Field(default=(), description="Who is written to.")
    via: Backends = Field(
        default=(),
        description="Through which server; without it through the mail server of their domain, which may be what is "
        "down.",
    )
    hook: HookAddress = Field(default="", description="Where it is posted, as signed JSON.")
    hook_secret: Location | None = Field(
        default=None, description="A file whose first line is the secret that signs it: whsec_ and base64."
    )
    after: Duration = Field(default=5 * MINUTE, le=DAY, description="How long something is amiss before we tell.")
    again: Duration = Field(default=DAY, ge=HOUR, description="How often we tell again while it is, and nobody has it.")
    unattended: Duration = Field(
        default=3 * DAY, ge=HOUR, description="How long held mail may wait for a decision before that is amiss."
    )
    hold_change: Number = Field(
        default=3,
        ge=0,
        le=100,
        description="How many times as much mail as usual is held, or as little, before that is amiss; 0 is never.",
    )
    hold_change_least: Number = Field(
        default=20, ge=5, description="How many mails have to be held for that, or usually are."
    )


class HookSettings(Section):
    """A place that is told what happens to mail, as signed JSON; may stand any number of times."""

    name: HookName = Field(description="What it is called here. With another name it begins anew.")
    address: HookAddress = Field(description="Where it is posted.")
    secret_file: Location = Field(description="A file whose first line is the secret that signs it: whsec_ and base64.")
    events: Events = Field(default=tuple(map(str, HookEvent)), min_length=1, description="Of what it is told.")
    domains: Domains = Field(default=(), description="Only about mail for these of our domains; empty is all.")


def words(value: object) -> str:
    """Printable ASCII, or nothing; raises ValueError for anything else."""
    return "" if value == "" else printable(value)


Words = Annotated[str, PlainValidator(words), Shape('printable ASCII, at most 200 characters; "" is none')]


class ReportSettings(Section):
    """Reports to the domains that ask for them. They leave by [submission] smarthost."""

    dmarc: Flag = Field(
        default=False,
        description="Whether a domain whose DMARC record says rua= is told once a day what we saw of its mail.",
    )
    sender: Mailbox | None = Field(
        default=None, description="From whom they are; without it from postmaster of our first domain."
    )
    organisation: Words = Field(default="", description="Who we are, in them; without it the domain of their sender.")
    contact: Words = Field(default="", description="Where else to ask about them, such as the address of a page.")
