"""Mail that was let in and is listed for a look: what it is, say those whom it concerns. No delivery is undone."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway import clock, reviewing
from gateway.desk import Done, NoSuchMail
from gateway.i18n import _
from gateway.marked import N_
from gateway.model import Act, Label
from gateway.policy.rights import can
from gateway.store import reviews
from webui.guard import actor, house, signed_in
from webui.mails import Shown, Why, reasons_of, seen, shown
from webui.noted import me
from webui.pages.held import A_PAGE, Shelf, cursor, place, view

page = Blueprint("review", __name__, url_prefix="/review")

VERBS = {"ham": Label.HAM, "spam": Label.SPAM, "looked": None}
SAID = {
    "ham": N_("It is wanted: that is learnt."),
    "spam": N_("It is spam: that is learnt, and counts against its sender. The mail stays where it was delivered."),
    "looked": N_("Off the list. Nothing is learnt from it."),
}


@page.get("")
@signed_in
def show() -> str:
    after = request.args.get("after", "")
    with house().reading() as conn:
        rows = reviews.on_list(conn, A_PAGE + 1, view(), place(after))
    shelf = Shelf(rows[:A_PAGE], cursor(rows, "at"), "")
    if request.headers.get("HX-Request") and after:
        return render_template("review/rows.html", shelf=shelf)
    chosen = request.args.get("mail", "") or next((row["reply_id"] for row in shelf.rows), "")
    return render_template("review/page.html", shelf=shelf, one=looked_up(chosen) if chosen else None)


@page.get("/<number>")
@signed_in
def one(number: str) -> str | Response:
    """The mail beside the list; by itself it is the list with it."""
    found = found_or_404(number)
    if not request.headers.get("HX-Request"):
        return redirect(url_for("review.show", mail=number))
    return render_template("review/panes.html", one=found)


@dataclass(frozen=True, slots=True)
class Listed:
    """A delivered mail that is or was listed. `decided`: why it came in; `recipients`: those that somebody sees, `mine`
    those for whom they decide; `shown`: what is in it, None where nothing of it is kept."""

    number: str
    decided: dict[str, Any]
    recipients: list[str]
    mine: list[str]
    on_list: bool
    kept: dict[str, Any] | None
    shown: Shown | None

    @property
    def why(self) -> tuple[Why, ...]:
        return reasons_of(self.decided)


def found_or_404(number: str) -> Listed:
    found = looked_up(number)
    if found is None:
        abort(404)
    return found


def looked_up(number: str) -> Listed | None:
    """For whoever sees one of its recipients."""
    with house().reading() as conn:
        rows = [row for row in reviews.decided(conn, number) if can(actor(), Act.SEE, row["recipient"])]
        kept = reviews.mail_of(conn, number, rows)
    if not rows:
        return None
    recipients = sorted({row["recipient"] for row in rows})
    mine = [to for to in recipients if can(actor(), Act.DECIDE, to)]
    found = seen(kept["id"]) if kept else None
    looked_into = None if found is None else shown(found)
    return Listed(number, rows[-1], recipients, mine, any(row["review"] for row in rows), kept, looked_into)


@page.post("/<number>/say")
@signed_in
def say(number: str) -> str | Response:
    """Wanted, spam, or nothing but that somebody looked at it; then the next one."""
    found, verb = found_or_404(number), request.form.get("verb", "")
    if verb not in VERBS:
        abort(400, _("There is no such word for a mail."))
    if not found.mine:
        abort(403)
    label = VERBS[verb]
    if label is not None and (probable := contradicted(found, label)) is not None:
        return render_template("review/sure.html", one=found, verb=verb, probable=probable)
    following = next_to(number)
    try:
        done = carried_out(found, label)
    except NoSuchMail:
        done = []
    if any(one.happened for one in done):
        flash(_(SAID[verb]), f"undo {number}" if label is not None and has_own_copy(found) else "message")
    else:
        flash(_("Somebody said so already, or it is off the list."), "first")
    return redirect(url_for("review.show", mail=following or None))


def has_own_copy(one: Listed) -> bool:
    """Only then is it on record for whom it was said, and can be listed again."""
    return one.kept is not None and one.kept["id"] == one.number


def contradicted(one: Listed, label: Label) -> float | None:
    """How sure a classifier is of the opposite; None where it is not, and where they were asked already."""
    if request.form.get("sure") or one.kept is None:
        return None
    with house().reading() as conn:
        return house().doubt(conn, one.kept, label)


def carried_out(one: Listed, label: Label | None) -> list[Done]:
    here, now = house(), clock.now()
    with here.writing() as conn:
        if label is None:
            return reviewing.looked(conn, one.number, me(), now, wanted=one.mine)
        if one.kept is not None:
            here.teach(conn, one.kept, one.mine[0], label, actor().name, now)
        return reviewing.called(conn, one.number, label, me(), now, wanted=one.mine)


def next_to(number: str) -> str:
    """What comes after a mail in the list; "" at its end."""
    with house().reading() as conn:
        rows = reviews.on_list(conn, A_PAGE, view(Act.DECIDE))
    numbers = list(dict.fromkeys(row["reply_id"] for row in rows))
    place = numbers.index(number) + 1 if number in numbers else 0
    return next((one for one in numbers[place:] + numbers[:place] if one != number), "")
