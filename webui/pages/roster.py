"""People as a file: out as CSV, and in again, after a look at what it would do."""

import io

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from gateway import clock, roster
from gateway.i18n import _, ngettext
from gateway.marked import N_
from gateway.model import Act
from gateway.roster import BadRoster, Change, Row
from gateway.store import changes
from webui.guard import house, may
from webui.noted import me, note
from webui.pages.exchange import read_text

page = Blueprint("roster", __name__, url_prefix="/people/file")

WHATS = {one: one for one in (N_("addresses"), N_("roles"), N_("level"), N_("substitute"))}  # that may change


@page.get("/export")
@may(Act.PEOPLE)
def export() -> Response:
    now, file = clock.now(), io.StringIO()
    with house().reading() as conn:
        roster.write(conn, file, now)
    with house().writing() as conn:
        note(conn, "people exported", "")
    named = {"Content-Disposition": f'attachment; filename="people-{now:%Y-%m-%d}.csv"'}
    return Response(file.getvalue(), mimetype="text/csv", headers=named)


@page.get("/import")
@may(Act.PEOPLE)
def ask() -> str:
    return render_template("people/import.html", columns=roster.COLUMNS)


@page.post("/import")
@may(Act.PEOPLE)
def import_file() -> str | tuple[str, int] | AnyResponse:
    """Shows what it would do; with `sure` it is done: all lines, or none where one is wrong."""
    text, problems = read_text()
    rows, wrong = roster.read(io.StringIO(text), house().settings.domains.local) if text else ([], [])
    try:
        if problems or wrong:
            raise BadRoster([*problems, *wrong])
        done = carried_out(rows, really=bool(request.form.get("sure")))
    except BadRoster as error:
        return render_template("people/import.html", columns=roster.COLUMNS, problems=error.args[0]), 400
    if not request.form.get("sure"):
        return render_template("people/import.html", columns=roster.COLUMNS, text=text, done=done, whats=WHATS)
    count = len({one.name for one in done})
    said = ngettext("%(count)d person is as the file says now.", "%(count)d people are as the file says now.", count)
    flash(said % {"count": count} if done else _("All was so already."))
    return redirect(url_for("people.show"))


def carried_out(rows: list[Row], *, really: bool) -> list[Change]:
    """What it did, or would have done. Raises BadRoster: then nothing was done."""
    with house().engine.connect() as conn, conn.begin() as work:
        done = roster.imported(conn, rows, me(), clock.now())
        if really:
            changes.announce(conn, house().node)
        else:
            work.rollback()
    return done
