"""How things are written on the pages. What others wrote is shown letter by letter: nothing in it acts."""

import json
from datetime import datetime, timedelta
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from gateway import clock
from gateway.i18n import _, written
from gateway.i18n.written import size, span
from gateway.model import CopyState, DeliveryState
from gateway.policy import lookalike
from gateway.policy.words import WORDS
from gateway.switching import TOLD
from gateway.visible import one_line
from webui.assets import asset

LONGEST = 200  # letters of a line that others wrote
DECISIONS = ("Released", "Refused")
OUTCOMES: dict[str, str] = {
    DeliveryState.HELD: "Waits for a decision",
    DeliveryState.RELEASING: "Released",
    DeliveryState.DELIVERED: "Released",
    DeliveryState.REFUSED: "Refused",
    DeliveryState.EXPIRED: "Waited too long",
    DeliveryState.UNDELIVERABLE: "Could not be delivered",
    CopyState.SENDER_HELD: "Its sender has it",
    CopyState.PASSING: "Comes right now",
    CopyState.PASSED: "Came by itself",
    CopyState.TAKEN_OVER: "Came by itself",
    CopyState.RELEASED: "Released",
    CopyState.REFUSED: "Refused",
    CopyState.ABANDONED: "Its sender gave up",
    CopyState.LISTED: "Came in, listed for a look",
    CopyState.LOOKED_AT: "Came in, looked at",
    CopyState.CALLED_SPAM: "Came in, called spam",
    CopyState.CALLED_HAM: "Came in, called wanted",
    CopyState.UNSEEN: "Came in",
}


def teach(env: Environment) -> None:
    env.filters.update(line=line, bdi=bdi, ago=ago, span=span, clock=mmss, moment=moment, reason=reason)
    env.filters.update(letters=letters, size=size, day=day, last_day=last_day, details=details)
    env.globals.update(now=clock.now, asset=asset, switching=TOLD)


def line(text: object) -> str:
    """One line of what others wrote, with what cannot be seen written out."""
    said = one_line(str(text or ""))
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"


def bdi(text: object) -> Markup:
    """The same among other words: which way it is read changes nothing around it, and nobody translates it."""
    return Markup('<bdi translate="no">{}</bdi>').format(line(text))


def details(told: str) -> str:
    """What is on record besides, in words: `{"roles":["admin"],"sure":true}` is "roles: admin · sure"."""
    try:
        found = json.loads(told)
    except ValueError:
        return line(told)
    if not isinstance(found, dict):
        return line(told)
    parts = [
        named(key.replace("_", " "), value)
        for key, value in found.items()
        if value is not False and value not in (None, "", [], {})
    ]
    return line(" · ".join(parts))


def named(name: str, value: Any) -> str:
    if value is True:
        return name
    if isinstance(value, list):
        return f"{name}: {', '.join(map(str, value))}"
    return f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"


def letters(name: str) -> str:
    """How a name reads whose letters are not all Latin; "" where it is written as it reads."""
    host = name.partition("/")[0]
    read = ".".join(map(lookalike.shown, host.split(".")))
    return "" if read == host else line(read)


def ago(at: datetime | None) -> str:
    return _("never") if at is None else written.ago(clock.now() - at)


def mmss(duration: timedelta) -> str:
    """A countdown: 2:30, 1:05:00."""
    seconds = max(0, int(duration.total_seconds()))
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def moment(at: datetime | None) -> str:
    """Exactly, with its zone: where people look up what happened."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def day(at: datetime) -> str:
    """As people say it: Friday 3 April; with the year where it is another one."""
    return written.day(at, clock.now())


def last_day(end: datetime) -> str:
    """The day that ends with a moment."""
    return day(end - timedelta(microseconds=1))


def reason(code: str) -> str:
    """Why, as a sentence says it."""
    return next((_(said.said) for known, said in WORDS.items() if str(known) == code), code)


def outcome(state: str, decided_by: str | None, me: str) -> str:
    """What became of a mail for one recipient, as the list and the mail say it."""
    what = OUTCOMES.get(state, "Over")
    who = "you" if decided_by == me else decided_by
    return f"{what} by {line(who)}" if who and what in DECISIONS else what
