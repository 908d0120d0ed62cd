"""What a link in a digest opens. To look at it changes nothing, and signs nobody in: programs do that all the time.

To act takes a form of ours and, besides the link, one of three things: being signed in, a browser that somebody said
is theirs, or the code that stands in the mail beside the link.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, abort, g, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response as AnyResponse

from gateway import clock, desk
from gateway.digest import links
from gateway.i18n import _, tell
from gateway.marked import N_
from gateway.model import Act, Actor, CopyState, DeliveryState, LinkAct, ReasonCode
from gateway.policy.danger import is_dangerous
from gateway.policy.rights import can, may_release
from gateway.policy.words import WORDS
from gateway.store import asked, copies, deliveries, devices, digests, messages, persons
from gateway.store.digests import Link
from webui.guard import house, public
from webui.noted import note, person_of
from webui.patience import is_plain
from webui.sessions import fresh
from webui.shown import ago
from webui.shown import outcome as shown_outcome

page = Blueprint("links", __name__, url_prefix="/d")

REMEMBERED = timedelta(days=90)
NOT_VALID = N_("This link is over, or it is not yours. Sign in to see what waits for you.")
TITLES = {
    LinkAct.RELEASE: N_("Release this mail?"),
    LinkAct.REFUSE: N_("Refuse this mail?"),
    LinkAct.ASK: N_("Ask an approver for this mail?"),
}
OPEN = (DeliveryState.HELD, CopyState.SENDER_HELD)
VERBS = {LinkAct.RELEASE: N_("Release it"), LinkAct.REFUSE: N_("Refuse it"), LinkAct.ASK: N_("Ask for it")}


@dataclass(frozen=True, slots=True)
class Opened:
    """A link that is valid, whose it is, and its mail as it stands. `held`: what the link holds."""

    link: Link
    held: bytes
    actor: Actor
    row: dict[str, Any] | None
    part: dict[str, Any] | None

    @property
    def is_open(self) -> bool:
        return self.row is not None and self.part is not None and self.part["state"] in OPEN

    @property
    def is_asked(self) -> bool:
        return self.link.act is LinkAct.ASK and self.link.used_at is not None

    @property
    def may(self) -> bool:
        """Whether they may still do what it is for."""
        if self.link.act is not LinkAct.RELEASE:
            return can(self.actor, Act.DECIDE, self.link.recipient)
        code, only = why(self.part), house().settings.hold.dangerous == "approvers"
        return may_release(self.actor, self.link.recipient, code, only_approvers=only)

    @property
    def is_dangerous(self) -> bool:
        return is_dangerous(why(self.part))

    @property
    def takes_code(self) -> bool:
        return self.link.code is not None and self.link.tries < links.TRIES

    @property
    def takes_device(self) -> bool:
        """A browser that was left open is no reason to let in what may do harm."""
        return not (self.link.act is LinkAct.RELEASE and self.is_dangerous)


def why(part: dict[str, Any] | None) -> str:
    """Why it is held; of what its sender still has, nothing."""
    return str(part.get("reason", "")) if part else ""


def opened(token: str) -> Opened:
    """The same answer, and as much work, whether it was never made, is over, or is somebody else's."""
    now = clock.now()
    with house().reading() as conn:
        held, fits = links.opened(token, links.seals(conn, now))
        link = digests.link(conn, links.key_of(held))
        row = persons.numbered(conn, link.person if link else 0)
        if not fits or link is None or row is None or not is_good(link, row, now):
            abort(403, _(NOT_VALID))
        parts = [*deliveries.of_message(conn, link.message), *copies.of_message(conn, link.message)]
        part = next((one for one in parts if one["recipient"] == link.recipient), None)
        return Opened(link, held, persons.actor(conn, row, now), messages.load(conn, link.message), part)


def is_good(link: Link, row: dict[str, Any], now: datetime) -> bool:
    is_theirs = g.actor is None or g.actor.number == link.person
    return is_theirs and link.expires > now and row["disabled_at"] is None


@page.get("/<token>")
@public
def show(token: str) -> str:
    return shown(token, opened(token))


def shown(token: str, found: Opened, problem: str = "") -> str:
    with house().reading() as conn:
        by_device = found.takes_device and has_device(conn, found, clock.now())
    by_session = g.actor is not None
    return render_template(
        "links/link.html",
        token=token,
        found=found,
        act=found.link.act,
        title=_(TITLES[found.link.act]),
        verb=_(VERBS[found.link.act]),
        because=tell(WORDS[ReasonCode(why(found.part))].said) if why(found.part) else "",
        needs_code=not (by_session or by_device),
        can_remember=not by_device and found.takes_device,
        became=outcome(found),
        problem=problem,
        plain=is_plain(),
    )


def outcome(found: Opened) -> str:
    """What became of the mail, and by whom."""
    if found.part is None:
        return _("It is not held any more.")
    said = shown_outcome(found.part["state"], found.part["decided_by"], found.actor.name)
    if found.part["decided_at"]:
        return _("%(what)s %(ago)s.") % {"what": said, "ago": ago(found.part["decided_at"])}
    return _("%(what)s.") % {"what": said}


def has_device(conn: Connection, found: Opened, now: datetime) -> bool:
    secret = request.cookies.get(cookie(), "")
    return bool(secret) and devices.is_of(conn, secret, found.link.person, now)


def cookie() -> str:
    return "__Host-greygate-device" if request.is_secure else "greygate-device"


# ---- to act --------------------------------------------------------------------------------------------------------


@page.post("/<token>")
@public
def act(token: str) -> tuple[str, int] | AnyResponse:
    found = opened(token)
    if is_plain():
        said = _("Over plain HTTP nobody acts from another machine: everybody on the way could read along.")
        abort(403, said)
    if found.is_open and not found.is_asked:
        if not found.may:
            abort(403, _(NOT_VALID))
        how = proof(found)
        if how is None:
            return shown(token, opened(token), problem_of(opened(token))), 403
        carry_out(found, how)
    response = make_response(redirect(url_for("links.show", token=token), 303))
    if request.form.get("remember") and found.takes_device:
        remember(found, response)
    return response


def proof(found: Opened) -> str | None:
    """What shows that it is them; None where nothing does."""
    if g.actor is not None:
        return "signed in"
    now = clock.now()
    with house().writing() as conn:
        if found.takes_device and has_device(conn, found, now):
            devices.seen(conn, request.cookies[cookie()], now)
            return "a browser of theirs"
        if found.link.code is None or not digests.take_try(conn, found.link.key, links.TRIES):
            return None
        if not links.is_code(found.held, request.form.get("code", ""), found.link.code):
            note(conn, "wrong code of a link", found.link.message, who=found.actor.name, recipient=found.link.recipient)
            return None
    return "a code"


def problem_of(found: Opened) -> str:
    if found.takes_code:
        return _("That was not the code. It stands in the mail, beside the link that you followed.")
    return _("Here one has to sign in.")


def carry_out(found: Opened, how: str) -> None:
    here, now, link = house(), clock.now(), found.link
    person = person_of(found.actor)
    wanted = [link.recipient]
    with here.writing() as conn:
        digests.used(conn, link.key, now)
        note(conn, "used a link", link.message, who=person.name, to=str(link.act), recipient=link.recipient, by=how)
        if link.act is LinkAct.RELEASE:
            due = now + here.settings.web.undo
            more = {"teach": here.teach_unless_sure, "due": due}
            desk.release(conn, here.bodies, link.message, wanted, person, here.terms, now, **more)  # type: ignore[arg-type]
        elif link.act is LinkAct.REFUSE:
            desk.refuse(conn, link.message, wanted, person, here.terms, now, teach=here.teach_unless_sure)
        else:
            words = request.form.get("words", "").strip()
            asked.ask(conn, link.message, link.recipient, found.link.person, words, now)


def remember(found: Opened, response: Response) -> None:
    """From now on this browser is theirs, for links of this kind and for nothing else."""
    secret, now = fresh(), clock.now()
    with house().writing() as conn:
        devices.add(conn, found.link.person, secret, str(request.user_agent), now, now + REMEMBERED)
        note(conn, "browser remembered", "", who=found.actor.name)
    age = int(REMEMBERED.total_seconds())
    response.set_cookie(
        cookie(), secret, max_age=age, httponly=True, samesite="Lax", secure=request.is_secure, path="/"
    )
