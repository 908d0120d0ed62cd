"""Deciding about many: what was ticked in a list, or all that is like a mail."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from gateway import bulk, clock
from gateway.bulk import Asker, Kind, NotNow
from gateway.i18n import _
from gateway.model import BulkState
from gateway.store import bulks
from webui import mails
from webui.guard import actor, house, signed_in
from webui.mails import seen, shown
from webui.noted import me

page = Blueprint("bulk", __name__)

VERBS = ("release", "refuse")
A_PAGE = 50  # rows
GOING_ON = (BulkState.PROPOSED, BulkState.WORKING, BulkState.UNDOING)
MOST_GOING_ON = 20


def asker() -> Asker:
    return Asker.of(actor(), me())


def verb() -> str:
    said = request.form.get("verb", "")
    if said not in VERBS:
        abort(400, _("There is no such decision."))
    return said


@page.post("/held/selected")
@signed_in
def selected() -> Response:
    """What was ticked."""
    with house().writing() as conn:
        number = bulk.prepare(conn, request.form.getlist("mail"), verb(), asker(), clock.now())
    if number is None:
        is_over = request.form.getlist("mail")
        flash(_("Nothing that waits was ticked.") if is_over else _("Tick some mails first."), "first")
        return redirect(url_for("held.show"))
    return redirect(url_for("bulk.show", number=number))


@page.get("/mail/<number>/like")
@signed_in
def like(number: str) -> str:
    """All that is like a mail."""
    found = seen(number)
    if found is None:
        abort(404)
    if not found.decidable:
        abort(403)
    with house().reading() as conn:
        groups = mails.alike(conn, found, mails.MOST_ALIKE)
        listed = [(one, bulks.shown(conn, one.mails[:A_PAGE])) for one in groups]
    return render_template("bulk/like.html", shown=found, groups=listed)


@page.post("/mail/<number>/like")
@signed_in
def decide_alike(number: str) -> Response:
    found, said = seen(number), verb()
    if found is None:
        abort(404)
    if not found.decidable:
        abort(403)
    with house().writing() as conn:
        groups = {str(one.kind): one for one in mails.alike(conn, found, bulk.MOST)}
        group = groups.get(request.form.get("kind", Kind.DOMAIN))
        made = bulk.prepare(conn, group.mails, said, asker(), clock.now(), about=group.words) if group else None
    if made is None:
        flash(_("Nothing that is like it waits any more."), "first")
        return redirect(url_for("mail.show", number=number))
    return redirect(url_for("bulk.show", number=made))


# ---- one decision --------------------------------------------------------------------------------------------------


def theirs(number: int) -> dict[str, Any]:
    """The decision of whoever is signed in; others have none under that number."""
    with house().reading() as conn:
        row = bulks.load(conn, number)
    if row is None or row["person"] != actor().number:
        abort(404)
    return row


def confirmed_by(number: int) -> dict[str, Any] | None:
    """A decision that whoever is signed in may confirm."""
    with house().reading() as conn:
        row = bulks.load(conn, number)
        return row if row is not None and bulk.may_confirm(conn, row, asker(), clock.now()) else None


@page.get("/bulk/<int:number>")
@signed_in
def show(number: int) -> str:
    to_confirm = confirmed_by(number)
    row = to_confirm or theirs(number)
    after = request.args.get("after", 0, int)
    with house().reading() as conn:
        said = bulk.sentences(row, bulks.tally(conn, number), actor().name)
        if request.headers.get("HX-Request"):
            return render_template("bulk/progress.html", row=row, said=said, may_undo=may_undo(row))
        samples, rows = bulks.samples(conn, number), bulks.described(conn, number, asker().view, A_PAGE + 1, after)
    return render_template(
        "bulk/page.html",
        row=row,
        said=said,
        may_undo=may_undo(row),
        samples=samples,
        ready=all(one["looked_at"] for one in samples),
        rows=rows[:A_PAGE],
        after=rows[A_PAGE - 1]["place"] if len(rows) > A_PAGE else None,
        to_confirm=to_confirm is not None,
        over=house().four_eyes.over,
        at_once=bulk.AT_ONCE,
    )


def may_undo(row: dict[str, Any]) -> bool:
    """While it makes sense: what was released is gone soon after, what was refused may be had back for an hour."""
    if row["state"] not in (BulkState.DONE, BulkState.STOPPED) or not row["reached"]:
        return False
    lasts = timedelta(hours=1) if row["verb"] == "refuse" else house().settings.web.undo
    return bool(clock.now() < row["ended_at"] + lasts)


@page.get("/bulk/<int:number>/look/<int:place>")
@signed_in
def look(number: int, place: int) -> str:
    """One of the samples, as it would be shown in the list."""
    row = theirs(number)
    one = sample(number, place)
    found = seen(one["message"])
    samples = samples_of(number)
    at = [other["place"] for other in samples].index(place) + 1
    return render_template(
        "bulk/look.html", row=row, place=place, at=at, of=len(samples), shown=shown(found) if found else None
    )


def samples_of(number: int) -> list[dict[str, Any]]:
    with house().reading() as conn:
        return bulks.samples(conn, number)


def sample(number: int, place: int) -> dict[str, Any]:
    found = next((one for one in samples_of(number) if one["place"] == place), None)
    if found is None:
        abort(404)
    return found


@page.post("/bulk/<int:number>/look/<int:place>")
@signed_in
def looked(number: int, place: int) -> Response:
    """It is like the others, or it is left out; the next one follows."""
    row = theirs(number)
    sample(number, place)
    if row["state"] == BulkState.ASKED:
        with house().writing() as conn:
            if request.form.get("verdict") == "leave":
                bulks.leave_out(conn, number, place)
            else:
                bulks.looked(conn, number, place, clock.now())
    following = next((one["place"] for one in samples_of(number) if one["looked_at"] is None), None)
    if following is None:
        return redirect(url_for("bulk.show", number=number))
    return redirect(url_for("bulk.look", number=number, place=following))


# ---- how it goes on ------------------------------------------------------------------------------------------------


@page.post("/bulk/<int:number>/begin")
@signed_in
def begin(number: int) -> Response:
    theirs(number)
    here, trust = house(), request.form.get("trust") == "yes"
    try:
        with here.writing() as conn:
            wait, rules = here.settings.web.undo, here.four_eyes
            state = bulk.begin(conn, number, asker(), clock.now(), wait=wait, trust=trust, rules=rules)
    except NotNow as why:
        flash(str(why), "first")
        return redirect(url_for("bulk.show", number=number))
    if state is BulkState.PROPOSED:
        flash(_("Proposed. Another approver has to confirm it; they find it on their page Today."))
        return redirect(url_for("bulk.show", number=number))
    return worked(number)


def worked(number: int) -> Response:
    """What is small is done before the answer; what is large is left to the clerk, and its page tells how far it is."""
    if theirs(number)["mails"] > bulk.AT_ONCE:
        return redirect(url_for("bulk.show", number=number))
    work(number)
    row = theirs(number)
    flash(told(row), f"undo-bulk {number}" if may_undo(row) else "message")
    return redirect(url_for("held.show"))


def work(number: int) -> None:
    going = True
    while going:
        with house().writing() as conn:
            going = bulk.turn(conn, number, house().means, clock.now())


def told(row: dict[str, Any]) -> str:
    with house().reading() as conn:
        return " ".join(bulk.sentences(row, bulks.tally(conn, row["id"]), actor().name))


@page.post("/bulk/<int:number>/confirm")
@signed_in
def confirm(number: int) -> Response:
    """The second person says yes."""
    if confirmed_by(number) is None:
        theirs(number)  # its author may not, and is told so; others have no such page
    try:
        with house().writing() as conn:
            bulk.confirm(conn, number, asker(), clock.now(), wait=house().settings.web.undo)
    except NotNow as why:
        flash(str(why), "first")
        return redirect(url_for("home.today"))
    with house().reading() as conn:
        row = bulks.load(conn, number)
    if row is not None and row["mails"] <= bulk.AT_ONCE:
        work(number)
    flash(_("Confirmed: it is carried out."))
    return redirect(url_for("home.today"))


@page.post("/bulk/<int:number>/withdraw")
@signed_in
def withdraw(number: int) -> Response:
    theirs(number)
    with house().writing() as conn:
        done = bulk.withdraw(conn, number, asker(), clock.now())
    flash(_("Nothing was decided.") if done else _("It was begun already."), "message" if done else "first")
    return redirect(url_for("held.show"))


@page.post("/bulk/<int:number>/stop")
@signed_in
def stop(number: int) -> Response:
    theirs(number)
    with house().writing() as conn:
        done = bulk.stop(conn, number, asker(), clock.now())
    flash(_("Stopped.") if done else _("It had ended already."), "message" if done else "first")
    return redirect(url_for("bulk.show", number=number))


@page.post("/bulk/<int:number>/undo")
@signed_in
def undo(number: int) -> Response:
    theirs(number)
    with house().writing() as conn:
        done = bulk.undo(conn, number, asker(), clock.now())
    if not done:
        flash(_("There is nothing to take back."), "first")
        return redirect(url_for("held.show"))
    return worked(number)


def going_on(conn: Connection) -> dict[str, list[dict[str, Any]]]:
    """What of this is to be told on the page Today: to confirm, and one's own."""
    rows = bulks.in_states(conn, GOING_ON, MOST_GOING_ON)
    mine = [row for row in rows if row["person"] == actor().number]
    now, who = clock.now(), asker()
    return {"mine": mine, "to_confirm": [row for row in rows if bulk.may_confirm(conn, row, who, now)]}
