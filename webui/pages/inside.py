"""What there is to know of one mail, a page each: its header and its way, its source, its files, its story, and why."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, abort, render_template

from gateway.i18n import _
from gateway.marked import N_
from gateway.model import CopyState, DeliveryState
from gateway.policy import journey
from gateway.policy.journey import Step
from gateway.store import decisions
from gateway.store.rows import rungs_from_json
from webui import preview
from webui.guard import house, signed_in
from webui.mails import Seen, Shown, shown
from webui.pages.mail import all_siblings, is_theirs, seen_or_404, whole
from webui.shown import among, outcome, reason

page = Blueprint("inside", __name__, url_prefix="/mail")

ACTIONS = {
    "hold": N_("Held: %(why)s, for %(recipient)s"),
    "defer": N_("Asked to come back: %(why)s, for %(recipient)s"),
    "accept": N_("Let in: %(why)s, for %(recipient)s"),
    "reject": N_("Turned away: %(why)s, for %(recipient)s"),
    "discard": N_("Discarded: %(why)s, for %(recipient)s"),
}
WAITS = (DeliveryState.HELD, DeliveryState.RELEASING, CopyState.SENDER_HELD)
# What people and the gateway did with a mail, as its events are called.
KINDS = {
    "called ham": N_("Called ham"),
    "called spam": N_("Called spam"),
    "campaign": N_("Campaign"),
    "campaign refused": N_("Campaign refused"),
    "campaign released": N_("Campaign released"),
    "code": N_("Told at once: it looks like a code to sign in"),
    "delivered": N_("Delivered"),
    "expired": N_("Expired"),
    "lesson undone": N_("Lesson undone"),
    "list allow": N_("List allow"),
    "list block": N_("List block"),
    "list withdrawn": N_("List withdrawn"),
    "listed again": N_("Listed again"),
    "looked at": N_("Looked at"),
    "peeked": N_("Looked into"),
    "refused": N_("Refused"),
    "released": N_("Released"),
    "tried": N_("Tried"),
    "taken": N_("Taken over: its sender need not come back"),
    "undeliverable": N_("Undeliverable"),
    "undone": N_("Taken back"),
    "viewed": N_("Viewed"),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """A line of a mail's story."""

    at: datetime
    words: str


def opened(number: str) -> Shown:
    """With what is in it, for whoever may read it; those who have to say why first are asked on the page."""
    found = seen_or_404(number)
    if not (found.readable or found.must_say_why):
        abort(403)
    return shown(found)


@page.get("/<number>/headers")
@signed_in
def headers(number: str) -> str:
    found = opened(number)
    return render_template("mail/headers.html", shown=found, steps=way(found), proved=proved(found))


def way(found: Shown) -> tuple[Step, ...]:
    """Who handed it to whom; the last step is our own word."""
    row, fields = found.row, found.text.fields if found.text else ()
    came = row["received_at"].replace(microsecond=0)  # as exactly as fields say it
    ours = Step(row["peer_name"] or row["helo"], row["peer"], house().settings.smtp.hostname, at=came)
    written = next((journey.moment(value) for name, value in fields if name.lower() == "date"), None)
    return journey.steps([value for name, value in fields if name.lower() == "received"], written, ours)


def proved(found: Seen) -> list[tuple[str, str]]:
    """What its sender could show of who it is."""
    return sorted((str(one.kind), one.value) for one in rungs_from_json(found.row["rungs"]))


@page.get("/<number>/source")
@signed_in
def source(number: str) -> str:
    found = opened(number)
    text = preview.source(whole(found)) if found.readable else ""
    return render_template("mail/source.html", shown=found, source=text)


@page.get("/<number>/files")
@signed_in
def files(number: str) -> str:
    return render_template("mail/files.html", shown=opened(number))


@page.get("/<number>/story")
@signed_in
def story(number: str) -> str:
    found = shown(seen_or_404(number), opened=False)
    return render_template("mail/story.html", shown=found, story=told(found))


def told(one: Seen) -> list[Moment]:
    """What happened to it in order, but not what other recipients did: they may be blind copies."""
    row, mine = one.row, {part["recipient"] for part in one.mine}
    with house().reading() as conn:
        decided = decisions.find(conn, row["id"]) or decisions.behind(conn, row)
        happened = decisions.timeline(conn, row["id"])
    found = [Moment(row["received_at"], _("Came from %(host)s") % {"host": among(row["peer_name"] or row["peer"])})]
    found += [Moment(each["at"], decision(each)) for each in decided if each["recipient"] in mine]
    found += [
        Moment(each["at"], event(each)) for each in happened if each["recipient"] is None or each["recipient"] in mine
    ]
    ended = [part for part in one.mine if part.get("ended_at") and part["state"] not in (*WAITS, DeliveryState.REFUSED)]
    found += [Moment(part["ended_at"], end(part)) for part in ended]
    return sorted(found, key=lambda each: each.at)


def decision(each: dict[str, Any]) -> str:
    return _(ACTIONS[each["action"]]) % {"why": reason(each["code"]), "recipient": among(each["recipient"])}


def event(each: dict[str, Any]) -> str:
    what = _(KINDS.get(each["kind"], each["kind"].capitalize()))
    if not each["who"]:
        return to(what, each)
    who = among(each["who"])
    if not each["recipient"]:
        return _("%(what)s by %(who)s") % {"what": what, "who": who}
    said = {"what": what, "who": who, "recipient": among(each["recipient"])}
    return _("%(what)s by %(who)s, for %(recipient)s") % said


def end(part: dict[str, Any]) -> str:
    is_delivered = part["state"] == DeliveryState.DELIVERED
    what = _("Delivered") if is_delivered else outcome(part["state"], part["decided_by"], "")
    if not part["last_reply"]:
        return to(what, part)
    said = {"what": what, "reply": among(part["last_reply"]), "recipient": among(part["recipient"])}
    return _("%(what)s (the backend said: %(reply)s), for %(recipient)s") % said


def to(what: str, each: dict[str, Any]) -> str:
    if not each["recipient"]:
        return what
    return _("%(what)s, for %(recipient)s") % {"what": what, "recipient": among(each["recipient"])}


@page.get("/<number>/why")
@signed_in
def why(number: str) -> str:
    like_it = all_siblings(number)
    theirs = [one for one in like_it if is_theirs(one)]
    found = shown(seen_or_404(number), opened=False)
    return render_template("mail/why.html", shown=found, siblings=theirs, all=len(theirs) == len(like_it))
