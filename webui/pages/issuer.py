"""Signing in at an issuer, and connecting an account over there with somebody who is signed in."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import structlog
from flask import Blueprint, abort, flash, g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from gateway import clock
from gateway.desk import Person
from gateway.people import NotPossible
from gateway.signin import arrival
from gateway.signin.nouns import AGAIN, NoAnswer, NotIn, Proven
from gateway.store import links, persons
from webui.elsewhere import welcome
from webui.entry import come_in, go_on, refuse_plain, refused, wanted
from webui.guard import actor, house, public, signed_in
from webui.noted import me, note, peer
from webui.patience import FREE, must_wait, network, note_failure, wait_of

if TYPE_CHECKING:
    from gateway.signin.issuer import Issuer

log = structlog.get_logger()

page = Blueprint("issuer", __name__)

BACK_WITHIN = timedelta(minutes=10)  # a password and a second factor are typed there
SILENT = "The other side does not answer; people with a password of this house can still sign in."


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
        return refused(AGAIN, 400) if g.actor is None else elsewhere(AGAIN)
    if journey.get("person") != (g.actor.number if g.actor else None):
        return refused(AGAIN, 400) if g.actor is None else elsewhere(AGAIN)  # somebody else is in, or nobody any more
    with house().reading() as conn:
        wait = wait_of(conn, "network", network(), now, FREE * 4)
    if wait > timedelta(0):
        return refused(f"Too many attempts. Try again in {int(wait.total_seconds()) + 1} s.", 429)
    try:
        found = chosen.arrive(journey, request.args, now)
    except NoAnswer as error:
        return silent(error)
    except NotIn as error:
        return denied(error.args[0])
    return connected(found) if g.actor is not None else arrived(found, journey, now)


def arrived(found: Proven, journey: dict[str, Any], now: datetime) -> tuple[str, int] | Response:
    by = Person(found.address or found.subject, house().node, peer())
    with house().writing() as conn:
        link = links.found(conn, found.issuer, found.subject)
        known = persons.numbered(conn, link["person_id"]) if link else None
        if known is not None and (wait := must_wait(conn, known["name"], now)) > timedelta(0):
            return refused(f"Too many attempts. Try again in {int(wait.total_seconds()) + 1} s.", 429)
        try:
            row = arrival.person_for(conn, found, welcome("oidc"), by, now)
        except NotIn as error:
            return refused_for(conn, by.name, error.args[0])
        if row["disabled_at"] is not None:
            return refused_for(conn, row["name"], "You are locked out here. Ask your admin.")
        then = wanted(journey.get("then", ""))
        if not found.factor:
            response = go_on(conn, row, now, then, "oidc")
        else:
            response = come_in(conn, row, now, then, "oidc", "provider")
        if found.token:
            session["farewell"] = found.token
        return response


def refused_for(conn: Any, name: str, words: str) -> tuple[str, int]:
    note(conn, "sign-in refused", "", who=name, way="oidc", why=words)
    return refused(words, 403)


def denied(words: str) -> tuple[str, int] | Response:
    """An answer that proved nothing counts as a guess."""
    if g.actor is not None:
        return elsewhere(words)
    with house().writing() as conn:
        note_failure(conn, "", clock.now())
        note(conn, "sign-in failed", "", who="somebody", way="oidc", why=words)
    return refused(words, 403)


def silent(error: NoAnswer) -> tuple[str, int] | Response:
    log.warning("the issuer does not answer", why=error.args[1])
    return refused(SILENT, 503) if g.actor is None else elsewhere("The other side does not answer. Try again later.")


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
    flash(f"From now on {house().settings.oidc.label} lets you in.")
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
