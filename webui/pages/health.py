"""How the house is: what needs somebody, what is set and why, what watching told, and the switches for a bad hour."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, cast

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from markupsafe import Markup, escape
from werkzeug.wrappers import Response

from gateway import clock, switching, tried
from gateway.alerts.amiss import seen
from gateway.i18n import _, gettext, sentence, written
from gateway.marked import Said
from gateway.model import Act, Switch
from gateway.policy import aloud
from gateway.settings import BadSettings, file_problems, read, timers_sentence, warnings
from gateway.settings.effective import Pending, parts, pending
from gateway.store import alerts, changes
from gateway.switching import TOLD
from gateway.vitals import Health, troubles
from gateway.vitals.counted import expected
from gateway.vitals.reports import SPANS
from gateway.vitals.verdict import headline
from webui.guard import actor, house, may
from webui.noted import me, note
from webui.pages.account import is_them
from webui.sessions import Sitting
from webui.shown import bdi, reason

page = Blueprint("health", __name__, url_prefix="/health")

LIVES = {"15m": timedelta(minutes=15), "1h": timedelta(hours=1), "4h": timedelta(hours=4), "1d": timedelta(days=1)}
USUAL = "1h"
QUIET = timedelta(days=1)


def health() -> Health:
    found = house().health
    if found is None:
        abort(404)
    return found


# ---- how it is -----------------------------------------------------------------------------------------------------


@page.get("")
@may(Act.HEALTH)
def show() -> str:
    return looked("health/page.html")


@page.get("/now")
@may(Act.HEALTH)
def again() -> str:
    """The part that the page asks for by itself: that does not mean that somebody is there."""
    cast(Sitting, session).is_unattended = True
    return looked("health/now.html")


def looked(template: str) -> str:
    settings = house().settings
    found = health().watcher.look()
    told = troubles(found, settings)
    return render_template(
        template,
        alerts=noted(found.kept.trouble is None),
        key_of=lambda one: seen(one, house().node).key.hex(),
        found=found,
        troubles=told,
        headline=headline(told),
        expected=expected(settings),
        settings=settings,
        node=house().node,
        seconds=lambda count: timedelta(seconds=count),
        number=written.number,
        worded=worded,
    )


def worded(said: Said | str) -> Markup:
    """A sentence in the language of the page, with what is technical in it kept apart."""
    if isinstance(said, str):
        return escape(gettext(said))
    values = {
        name: value if isinstance(value, int) else worded(value) if isinstance(value, Said) else bdi(value)
        for name, value in said.values.items()
    }
    return escape(sentence(said)) % values if values else escape(sentence(said))


def noted(is_there: bool) -> dict[str, dict[str, Any]]:
    """What the alerts know of what is amiss, where somebody is told of it at all."""
    given = house().settings.alerts
    if not is_there or not (given.to or given.hook):
        return {}
    with house().reading() as conn:
        return {row["key"].hex(): row for row in alerts.open_ones(conn)}


@page.post("/alerts/<key>")
@may(Act.SWITCH)
def care(key: str) -> Response:
    """Somebody takes care of what is amiss, or keeps it quiet for a while; the others see that."""
    now, do = clock.now(), request.form.get("do", "")
    ways: dict[str, dict[str, Any]] = {
        "take": {"owner": actor().name},
        "leave": {"owner": ""},
        "quiet": {"silent_until": now + QUIET},
    }
    try:
        number = bytes.fromhex(key)
    except ValueError:
        abort(404)
    if do not in ways:
        abort(400, _("There is no such thing to do."))
    with house().writing() as conn:
        row = next((one for one in alerts.open_ones(conn) if one["key"] == number), None)
        if row is None:
            abort(404)
        alerts.change(conn, number, ways[do])
        note(conn, f"alert {do}", row["kind"], words=row["words"])
    done = {"take": _("It is yours now."), "leave": _("It is nobody's again.")}
    flash(done.get(do, _("Nobody is told of it for a day.")))
    return redirect(url_for("health.show"))


# ---- what is set ---------------------------------------------------------------------------------------------------


@page.get("/settings")
@may(Act.HEALTH)
def settings() -> str:
    chosen = house().settings
    waiting, problems = in_file()
    with house().reading() as conn:
        set_by = changes.mode(conn)
    return render_template(
        "health/settings.html",
        parts=parts(chosen),
        everything=request.args.get("all") == "yes",
        file=health().file,
        pending=waiting,
        problems=problems + file_problems(chosen),
        warnings=warnings(chosen),
        timers=timers_sentence(chosen),
        set_by=set_by,
        named=aloud.WHEN_NAMED,
        there=aloud.WHEN_THERE,
    )


def in_file() -> tuple[list[Pending], list[str]]:
    """What the file says otherwise by now, and what is wrong in it."""
    file = health().file
    if file is None:
        return [], []
    try:
        return pending(house().settings, read(file)), []
    except BadSettings as error:
        return [], error.problems


# ---- what watching told --------------------------------------------------------------------------------------------


@page.get("/watching")
@may(Act.HEALTH)
def watching() -> str:
    name = request.args.get("since", "7d")
    if name not in SPANS:
        abort(404)
    made = health().reports.of(name)
    if request.headers.get("HX-Request"):
        cast(Sitting, session).is_unattended = True
    with house().reading() as conn:
        set_by = changes.mode(conn)
    chosen = house().settings
    return render_template(
        "health/report.html" if request.headers.get("HX-Request") else "health/watching.html",
        made=made,
        since=name,
        spans=SPANS,
        mode=set_by.mode if set_by else chosen.protection.mode,
        wait=chosen.greylist.wait,
        draft=chosen.shadow.settings,
        tried=tried.kept(chosen.storage.path),
        days=days,
        reasons=reasons,
    )


def days(counts: tuple[tuple[date, int], ...]) -> list[tuple[str, int]]:
    return [(written.weekday(day), count) for day, count in counts]


def reasons(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The most frequent first, in words."""
    return [(reason(code), count) for code, count in sorted(counts.items(), key=lambda one: -one[1])]


# ---- the switches --------------------------------------------------------------------------------------------------


@page.get("/switches")
@may(Act.HEALTH)
def switches() -> str:
    return render_template("health/switches.html", told=TOLD)


@page.get("/switches/<name>")
@may(Act.SWITCH)
def switch(name: str) -> str:
    """What it does and for how long, before anything happens."""
    return asked(named(name))


@page.post("/switches/<name>")
@may(Act.SWITCH)
def turn(name: str) -> str | tuple[str, int] | Response:
    one, said = named(name), request.form.get("life", "")
    if said not in ("off", *LIVES):
        abort(400, _("Say for how long, please."))
    if not is_them(request.form.get("password", "")):
        problem = _("That was not right, or there were too many attempts. Nothing was changed.")
        return asked(one, said, problem), 403
    now = clock.now()
    with house().writing() as conn:
        if said == "off":
            switching.turn_off(conn, one, me(), now)
        else:
            switching.turn_on(conn, one, LIVES[said], me(), now)
    called = {"switch": _(TOLD[one].name)}
    if said == "off":
        flash(_("“%(switch)s” is off within a second, everywhere.") % called)
    else:
        flash(_("“%(switch)s” is on within a second, everywhere.") % called)
    return redirect(url_for("health.switches"))


def named(name: str) -> Switch:
    if name not in list(Switch):
        abort(404)
    return Switch(name)


def asked(one: Switch, said: str = "", problem: str = "") -> str:
    return render_template(
        "health/sure.html", name=one, told=TOLD[one], lives=LIVES, chosen=said or USUAL, problem=problem
    )
