"""How things are written on the pages. What others wrote is shown letter by letter: nothing in it acts."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from jinja2 import Environment
from markupsafe import Markup, escape

from gateway import clock
from gateway.i18n import _, spoken, tell, written
from gateway.i18n.written import size, span
from gateway.marked import N_
from gateway.model import CopyState, DeliveryState, Fared
from gateway.policy import lookalike
from gateway.policy.evidence_words import EVIDENCE
from gateway.policy.words import WORDS
from gateway.switching import TOLD
from gateway.visible import one_line
from webui.assets import asset

LONGEST = 200  # letters of a line that others wrote
OUTCOMES: dict[str, str] = {
    DeliveryState.HELD: N_("Waits for a decision"),
    DeliveryState.RELEASING: N_("Released"),
    DeliveryState.DELIVERED: N_("Released"),
    DeliveryState.REFUSED: N_("Refused"),
    DeliveryState.EXPIRED: N_("Waited too long"),
    DeliveryState.UNDELIVERABLE: N_("Could not be delivered"),
    CopyState.SENDER_HELD: N_("Its sender has it"),
    CopyState.PASSING: N_("Comes right now"),
    CopyState.PASSED: N_("Came by itself"),
    CopyState.TAKEN_OVER: N_("Came by itself"),
    CopyState.RELEASED: N_("Released"),
    CopyState.REFUSED: N_("Refused"),
    CopyState.ABANDONED: N_("Its sender gave up"),
    CopyState.LISTED: N_("Came in, listed for a look"),
    CopyState.LOOKED_AT: N_("Came in, looked at"),
    CopyState.CALLED_SPAM: N_("Came in, called spam"),
    CopyState.CALLED_HAM: N_("Came in, called wanted"),
    CopyState.UNSEEN: N_("Came in"),
}
DECIDED = {
    "Released": (N_("Released by you"), N_("Released by %(who)s")),
    "Refused": (N_("Refused by you"), N_("Refused by %(who)s")),
}
FARED: dict[str, str] = {
    Fared.DECIDED: N_("decided"),
    Fared.BEATEN: N_("beaten"),
    Fared.GONE: N_("gone"),
    Fared.UNDONE: N_("undone"),
    Fared.STAYS: N_("stays"),
}
ISOLATE, END_ISOLATE = "\u2068", "\u2069"  # UAX 9: FIRST STRONG ISOLATE, POP DIRECTIONAL ISOLATE


def teach(env: Environment) -> None:
    env.filters.update(line=line, bdi=bdi, ago=ago, span=span, clock=mmss, moment=moment, reason=reason)
    env.filters.update(letters=letters, size=size, day=day, last_day=last_day, details=details, tell=tell)
    env.filters.update(listed=listed, number=written.number, evidence=evidence, warning=warning, counts=counts)
    env.filters.update(fared=fared)
    env.globals.update(exactly=written.exactly, now=clock.now, asset=asset, switching=TOLD)


def line(text: object) -> str:
    """One line of what others wrote, with what cannot be seen written out."""
    said = one_line(str(text or ""))
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"


def bdi(text: object, otherwise: str = "") -> Markup:
    """The same among other words: which way it is read changes nothing around it, and nobody translates it.

    `otherwise`: what we say where there is nothing."""
    if otherwise and not text:
        return escape(otherwise)
    return Markup('<bdi translate="no">{}</bdi>').format(line(text))


def among(text: object) -> str:
    """The same where there can be no tags, such as in what is told to a browser as JSON."""
    return f"{ISOLATE}{line(text)}{END_ISOLATE}" if spoken().is_rtl else line(text)


def listed(texts: Iterable[object]) -> Markup:
    """Several of what others wrote, one after the other."""
    return escape(_(", ")).join(map(bdi, texts))


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
    return "" if at is None else written.exactly(at)


def day(at: datetime) -> str:
    """As people say it: Friday 3 April; with the year where it is another one."""
    return written.day(at, clock.now())


def last_day(end: datetime) -> str:
    """The day that ends with a moment."""
    return day(end - timedelta(microseconds=1))


def reason(code: str) -> str:
    """Why, as a sentence says it."""
    return next((_(said.said) for known, said in WORDS.items() if str(known) == code), code)


def evidence(name: str) -> str:
    """What a piece of evidence is called; what has no name is as programs know it."""
    return _(EVIDENCE[name]) if name in EVIDENCE else Markup("<code>{}</code>").format(line(name))


def warning(said: str) -> str:
    """What `webui.kinds` warns of: of a file itself, or of one that is within."""
    within, __, words = said.rpartition(": ")
    return _("%(file)s: %(warning)s") % {"file": among(within), "warning": _(words)} if within else _(words)


def counts(found: Mapping[str, int]) -> str:
    """How much of what: pictures (3), scripts (1)."""
    return _(", ").join(_("%(what)s (%(count)d)") % {"what": _(what), "count": many} for what, many in found.items())


def fared(outcome: str) -> str:
    """What became of one mail of many."""
    return _(FARED.get(outcome, outcome))


def outcome(state: str, decided_by: str | None, me: str) -> str:
    """What became of a mail for one recipient, as the list and the mail say it."""
    what = OUTCOMES.get(state, N_("Over"))
    if not decided_by or what not in DECIDED:
        return _(what)
    by_you, by_somebody = DECIDED[what]
    return _(by_you) if decided_by == me else _(by_somebody) % {"who": among(decided_by)}
