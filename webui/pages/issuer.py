"""Signing in at an issuer, and connecting an account over there with somebody who is signed in."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import structlog
from flask import Blueprint, abort, flash, g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from gateway import clock
from gateway.desk import Person
from gateway.i18n import _, tell
from gateway.marked import N_
from gateway.people import NotPossible
from gateway.signin import arrival
from gateway.signin.nouns import AGAIN, NoAnswer, NotIn, Proven
from gateway.store import links, persons
from webui.elsewhere import welcome
from webui.entry import come_in, go_on, refuse_plain, refused, wanted
from webui.guard import actor, house, public, signed_in
from webui.noted import me, note, peer
from webui.patience import FREE, must_wait, network, note_failure, too_many, wait_of

if TYPE_CHECKING:
    from gateway.signin.issuer import Issuer

log = structlog.get_logger()

page = Blueprint("issuer", __name__)

BACK_WITHIN = timedelta(minutes=10)  # a password and a second factor are typed there
SILENT = N_("The other side does not answer; people with a password of this house can still sign in.")


def issuer() -> "Issuer":
    return house().doors.oidc or abort(404)


def here() -> str:
    """Where browsers come back to, as it is registered there."""
    return house().settings.web.url + url_for("issuer.back")


@page.get("/sign-in/with")
@public
def begin() -> tuple[str, int] | Response:
    """A link, because browsers let no form lead to another site here; all that it does is ask the other side."""
    chosen = issuer()
    if g.actor is not None:
        return redirect(url_for("home.today"))
    refuse_plain()
    try:
        there, journey = chosen.begin(here(), clock.now())
    except NoAnswer as error:
        return silent(error)
    remember(journey, then=wanted(request.args.get("then", "")))
    return redirect(there)


def remember(journey: dict[str, str], **more: Any) -> None:
    session["journey"] = {**journey, "until": (clock.now() + BACK_WITHIN).isoformat(), **more}


@page.get("/sign-in/back")
@public
def back() -> tuple[str, int] | Response:
    chosen, now, journey = issuer(), clock.now(), session.pop("journey", None)
    refuse_plain()
    if not isinstance(journey, dict) or datetime.fromisoformat(journey["until"]) < now:
        return refused(_(AGAIN), 400) if g.actor is None else elsewhere(_(AGAIN))
    if journey.get("person") != (g.actor.number if g.actor else None):
        return (
            refused(_(AGAIN), 400) if g.actor is None else elsewhere(_(AGAIN))
        )  # somebody else is in, or nobody any more
    with house().reading() as conn:
        wait = wait_of(conn, "network", network(), now, FREE * 4)
    if wait > timedelta(0):
        return refused(too_many(wait), 429)
    try:
        found = chosen.arrive(journey, request.args, now)
    except NoAnswer as error:
        return silent(error)
    except NotIn as error:
        return denied(error)
    return connected(found) if g.actor is not None else arrived(found, journey, now)


def arrived(found: Proven, journey: dict[str, Any], now: datetime) -> tuple[str, int] | Response:
    by = Person(found.address or found.subject, house().node, peer())
    with house().writing() as conn:
        link = links.found(conn, found.issuer, found.subject)
        known = persons.numbered(conn, link["person_id"]) if link else None
        if known is not None and (wait := must_wait(conn, known["name"], now)) > timedelta(0):
            return refused(too_many(wait), 429)
        try:
            row = arrival.person_for(conn, found, welcome("oidc"), by, now)
        except NotIn as error:
            return refused_for(conn, by.name, error)
        if row["disabled_at"] is not None:
            return refused_for(conn, row["name"], NotIn(N_("You are locked out here. Ask your admin.")))
        then = wanted(journey.get("then", ""))
        if not found.factor:
            response = go_on(conn, row, now, then, "oidc")
        else:
            response = come_in(conn, row, now, then, "oidc", "provider")
        if found.token:
            session["farewell"] = found.token
        return response


def refused_for(conn: Any, name: str, error: NotIn) -> tuple[str, int]:
    note(conn, "sign-in refused", "", who=name, way="oidc", why=str(error))
    return refused(tell(error.why), 403)


def denied(error: NotIn) -> tuple[str, int] | Response:
    """An answer that proved nothing counts as a guess."""
    if g.actor is not None:
        return elsewhere(tell(error.why))
    with house().writing() as conn:
        note_failure(conn, "", clock.now())
        note(conn, "sign-in failed", "", who="somebody", way="oidc", why=str(error))
    return refused(tell(error.why), 403)


def silent(error: NoAnswer) -> tuple[str, int] | Response:
    log.warning("the issuer does not answer", why=error.args[1])
    if g.actor is None:
        return refused(_(SILENT), 503)
    return elsewhere(_("The other side does not answer. Try again later."))


# ---- connecting ----------------------------------------------------------------------------------------------------


@page.post("/security/links/begin")
@signed_in
def connect() -> str | Response:
    """A page that leads there: browsers let no form lead to another site here."""
    chosen = issuer()
    try:
        there, journey = chosen.begin(here(), clock.now())
    except NoAnswer as error:
        return cast(Response, silent(error))
    remember(journey, person=actor().number)
    return render_template("onward.html", onward=there, label=house().settings.oidc.label, out=False)


def connected(found: Proven) -> Response:
    try:
        with house().writing() as conn:
            arrival.connect(conn, g.person, found, "oidc", me(), clock.now())
    except NotPossible as error:
        return elsewhere(str(error))
    flash(_("From now on %(where)s lets you in.") % {"where": house().settings.oidc.label})
    return redirect(url_for("account.security"))


def elsewhere(words: str) -> Response:
    flash(words, "first")
    return redirect(url_for("account.security"))


def farewell() -> str:
    """Where whoever came in that way is signed out there too; "" where nobody asked for that."""
    token, door = session.get("farewell", ""), house().doors.oidc
    if not token or door is None or not house().settings.oidc.logout:
        return ""
    return door.farewell(token, house().settings.web.url + url_for("signin.form"), clock.now())
