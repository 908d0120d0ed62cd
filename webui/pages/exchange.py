"""The lists as files: out as CSV, and in again, after a look at what it would do."""

import io
from collections.abc import Sequence
from dataclasses import replace

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response as AnyResponse

from gateway import clock, entries, listfile
from gateway.i18n import _, ngettext, tell
from gateway.policy.conflicts import conflicts_of
from gateway.policy.entries import conflict_plainly, plainly, whose
from gateway.store import lists
from gateway.store.lists import NewEntry
from webui.guard import actor, house, signed_in
from webui.noted import me, note
from webui.pages.known import is_mine, wanted

page = Blueprint("exchange", __name__, url_prefix="/known")

MOST = 100_000  # entries of a file
SHOWN = 20  # of whatever a file would do


@page.get("/export")
@signed_in
def export() -> Response:
    """What they see, as it holds now."""
    now, file = clock.now(), io.StringIO()
    with house().reading() as conn:
        listfile.write(lists.search(conn, wanted(), now, MOST)[::-1], file)
    with house().writing() as conn:
        note(conn, "lists exported", "")
    named = {"Content-Disposition": f'attachment; filename="known-{now:%Y-%m-%d}.csv"'}
    return Response(file.getvalue(), mimetype="text/csv", headers=named)


@page.get("/import")
@signed_in
def ask() -> str:
    return render_template("known/import.html", columns=listfile.COLUMNS)


@page.post("/import")
@signed_in
def import_file() -> str | tuple[str, int] | AnyResponse:
    """Shows what it would do; with `sure` it is done: all lines, or none where one is wrong."""
    text, problems = read_text()
    found, wrong = listfile.read_entries(io.StringIO(text), actor().name, foreign) if text else ([], [])
    mine = [replace(one, author=actor().name) for one in found]  # who brings it in stands for it
    if problems or wrong:
        return render_template("known/import.html", columns=listfile.COLUMNS, problems=[*problems, *wrong]), 400
    if request.form.get("sure"):
        with house().writing() as conn:
            fresh = entries.import_all(conn, mine, me(), clock.now())
        flash(added(len(fresh), len(mine) - len(fresh)))
        return redirect(url_for("known.show"))
    with house().reading() as conn:
        fresh = entries.new_ones(conn, mine)
        told = quarrels(conn, fresh[:SHOWN])
    words = [(one.verb, tell(plainly(one.as_entry()))) for one in fresh[:SHOWN]]
    counts = {"fresh": len(fresh), "there": len(mine) - len(fresh)}
    return render_template("known/import.html", text=text, words=words, conflicts=told, **counts)


def added(fresh: int, there: int) -> str:
    new = ngettext("%(count)d entry was added", "%(count)d entries were added", fresh) % {"count": fresh}
    said = ngettext("%(added)s, %(count)d was there already.", "%(added)s, %(count)d were there already.", there)
    return said % {"added": new, "count": there}


def read_text() -> tuple[str, list[str]]:
    """What was sent: a file, or its text once it was looked at; and what is wrong with it."""
    file = request.files.get("file")
    try:
        text = file.read().decode("utf-8-sig") if file else request.form.get("text", "")
    except UnicodeDecodeError:
        return "", [_("That is no text in UTF-8. A spreadsheet saves it as CSV UTF-8.")]
    return text, [] if text else [_("There is nothing in it. Choose a file first.")]


def foreign(one: NewEntry) -> str:
    """An entry that somebody else would have to bring in."""
    if is_mine(whose(one.as_entry())):
        return ""
    if one.scope:
        return _("for %(scope)s somebody else says whom to let in") % {"scope": one.scope}
    return _("for everybody somebody else says whom to let in")


def quarrels(conn: Connection, fresh: Sequence[NewEntry]) -> list[str]:
    there = lists.entries(conn)
    found = [finding for one in fresh for finding in conflicts_of(one.as_entry(), there, clock.now())]
    return [tell(conflict_plainly(finding)) for finding in found[:SHOWN]]
