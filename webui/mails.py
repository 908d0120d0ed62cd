"""One mail as one person sees it: whom it is for, what is in it as far as they may read it, and why it is here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import session
from sqlalchemy import Connection

from gateway import bulk, clock
from gateway.bodies import NoBody
from gateway.bulk import Group
from gateway.i18n import _, ngettext, written
from gateway.model import Act, CopyState, DeliveryState, ReasonCode
from gateway.policy.rights import can, may_release, needs_reason
from gateway.policy.words import WORDS
from gateway.store import asked, copies, decisions, deliveries, messages, news
from gateway.store.news import LOOKS_FOR
from webui import preview
from webui.guard import actor, house
from webui.noted import note
from webui.preview import Preview
from webui.shown import among

PENDING = (CopyState.SENDER_HELD, CopyState.PASSING, CopyState.ABANDONED)
DECIDABLE = (DeliveryState.HELD, DeliveryState.EXPIRED, DeliveryState.UNDELIVERABLE, *PENDING)
MOST_NOTED = 100  # mails of one sitting
MOST_ALIKE = 99  # nobody reads a larger number beside a mail


@dataclass(frozen=True, slots=True)
class Why:
    """A reason in words, with its weight, its share from -1 to 1 of the heaviest, what would have changed it, and the
    keys and values of its evidence."""

    code: str
    said: str
    otherwise: str
    evidence: tuple[tuple[str, str], ...]
    weight: float | None
    share: float


@dataclass(frozen=True, slots=True)
class Seen:
    """A mail that somebody may know of. `mine`: its recipients that they see; `readable`: those whose mail they may
    read, where they have said why, as far as they have to."""

    row: dict[str, Any]
    mine: tuple[dict[str, Any], ...]
    readable: tuple[str, ...]
    must_say_why: bool  # before they may read it
    asked: tuple[dict[str, Any], ...] = ()  # who wants it that may not release it

    @property
    def is_open(self) -> bool:
        return any(one["state"] in DECIDABLE for one in self.mine)

    @property
    def is_for_approvers(self) -> bool:
        """True where whoever is signed in decides about it, but may not release it: it may do harm."""
        only = house().terms.only_approvers
        held = [one for one in self.mine if one["state"] == DeliveryState.HELD]
        mine = [one for one in held if can(actor(), Act.DECIDE, one["recipient"])]
        may = [one for one in mine if may_release(actor(), one["recipient"], one["reason"], only_approvers=only)]
        return bool(mine) and not may

    @property
    def decidable(self) -> list[str]:
        """The recipients for whom they decide."""
        return [one["recipient"] for one in self.mine if can(actor(), Act.DECIDE, one["recipient"])]


@dataclass(frozen=True, slots=True)
class Shown(Seen):
    """The same with what is in it, None where they may not read it or nobody can, and why it is here."""

    text: Preview | None = None
    why: tuple[Why, ...] = ()
    decided: dict[str, Any] | None = None
    alike: tuple[Group, ...] = ()
    looks: str = ""  # who else has it open


def seen(number: str, because: str | None = None) -> Seen | None:
    """The mail for whoever is signed in; None where there is nothing that they may see.

    `because`: why they look into the mail of others, "" where they do not say; None: as they said in this sitting.
    """
    said = session.get("because") if because is None else because
    with house().reading() as conn:
        row = messages.load(conn, number)
        mine = tuple(one for one in parts(conn, number) if can(actor(), Act.SEE, one["recipient"]))
        wishes = tuple(named(one) for one in asked.of_mails(conn, [number]) if can(actor(), Act.SEE, one["recipient"]))
    if row is None or not mine:
        return None
    narrow = house().settings.web.sender_held == "recipient"
    allowed = [one["recipient"] for one in mine if can(actor(), read_act(one), one["recipient"], narrow=narrow)]
    own = [recipient for recipient in allowed if not needs_reason(actor(), recipient)]
    must_say = bool(allowed) and not own and not said  # asked once a sitting
    return Seen(row, mine, () if must_say else tuple(allowed), must_say, wishes)


def named(wish: dict[str, Any]) -> dict[str, Any]:
    """A wish, and whether whoever is signed in has it."""
    return wish | {"is_you": wish["name"] == actor().name}


def shown(one: Seen, *, opened: bool = True) -> Shown:
    """What is in it where it is `opened`, which is on record from then on, why it is here, and who else looks at it."""
    text = looked_into(one) if opened and one.readable else None
    number = one.row["id"]
    with house().reading() as conn:
        latest = latest_decision(conn, one.row, {part["recipient"] for part in one.mine})
        looks = others_at(conn, [number], clock.now()).get(number, "")
        like_it = alike(conn, one, MOST_ALIKE) if one.is_open else ()
    look_at(one)
    given = (one.row, one.mine, one.readable, one.must_say_why, one.asked)
    return Shown(*given, text, reasons_of(latest), latest, like_it, looks)


def alike(conn: Connection, one: Seen, most: int) -> tuple[Group, ...]:
    """What is like it, of what whoever is signed in decides about."""
    return bulk.alike(conn, one.row, bulk.view_of(actor()), house().terms.campaigns, clock.now(), most)


def parts(conn: Connection, number: str) -> list[dict[str, Any]]:
    """What became of it for each recipient: ours where there is both."""
    ours = deliveries.of_message(conn, number)
    owned = {one["recipient"] for one in ours}
    return ours + [one for one in copies.of_message(conn, number) if one["recipient"] not in owned]


def read_act(one: dict[str, Any]) -> Act:
    return Act.READ_PENDING if one["state"] in PENDING else Act.READ


def looked_into(one: Seen) -> Preview | None:
    try:
        with house().reading() as conn:
            found = preview.of(house().bodies.read(conn, one.row["id"]))
    except NoBody:
        return None
    enter(one)
    return found


def enter(one: Seen) -> None:
    """That somebody reads it, with the reason where it is the mail of others: once a sitting is enough to know."""
    number, already = one.row["id"], session.get("read", [])
    if number in already:
        return
    because = "" if any(not needs_reason(actor(), recipient) for recipient in one.readable) else session["because"]
    with house().writing() as conn:
        note(conn, "read", number, recipients=list(one.readable), because=because)
    session["read"] = [*already, number][-MOST_NOTED:]


# ---- who else ------------------------------------------------------------------------------------------------------


def look_at(one: Seen) -> None:
    """That whoever is signed in has it open, for those who would decide about it too. It ends with the session."""
    number, now, recipients = one.row["id"], clock.now(), one.decidable
    if not (one.is_open and recipients):
        return
    if not is_noted(number, now):
        session["looks"] = {"mail": number, "for": recipients, "at": now.isoformat()}


def is_noted(number: str, now: datetime) -> bool:
    """True where it is noted already, and will be for a while."""
    noted = session.get("looks") or {"mail": "", "at": ""}
    return bool(noted["mail"] == number and noted["at"] > (now - LOOKS_FOR / 2).isoformat())


def goes_on_looking(number: str) -> None:
    """The page is still open. Which mail somebody opened last is not for pages to say."""
    if session.get("looks", {}).get("mail") == number and (found := seen(number)) is not None:
        look_at(found)


def others_at(conn: Connection, numbers: list[str], now: datetime) -> dict[str, str]:
    """Who else looks at these mails, as far as they decide about the same recipients."""
    names: dict[str, set[str]] = {}
    for one in news.lookers(conn, now, numbers) if numbers else ():
        if one.person != actor().number and any(can(actor(), Act.DECIDE, to) for to in one.recipients):
            names.setdefault(one.mail, set()).add(one.name)
    return {mail: looking(sorted(who)) for mail, who in names.items()}


def looking(names: list[str]) -> str:
    who = written.listed([among(name) for name in names])
    return ngettext("%(who)s is looking at this", "%(who)s are looking at this", len(names)) % {"who": who}


# ---- why -----------------------------------------------------------------------------------------------------------


def latest_decision(conn: Connection, row: dict[str, Any], recipients: set[str]) -> dict[str, Any] | None:
    """The last that was decided about it before a person did, for one of these recipients."""
    rows = decisions.find(conn, row["id"]) or decisions.behind(conn, row)
    mine = [one for one in rows if one["recipient"] in recipients]
    return mine[-1] if mine else None


def reasons_of(decided: dict[str, Any] | None) -> tuple[Why, ...]:
    """The heaviest first, after the one that decided."""
    if decided is None:
        return ()
    found = decided["facts"]["reasons"]
    heaviest = max((abs(one["weight"] or 0.0) for one in found), default=0.0) or 1.0
    return tuple(why(one, heaviest) for one in found)


def why(reason: dict[str, Any], heaviest: float) -> Why:
    told = WORDS[ReasonCode(reason["code"])]
    evidence = tuple((name, str(value)) for name, value in reason["evidence"].items() if value is not None)
    weight = reason["weight"]
    return Why(reason["code"], _(told.said), _(told.otherwise), evidence, weight, (weight or 0.0) / heaviest)
