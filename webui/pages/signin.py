"""Signing in: a name and a password, the second step where there is one, and the first time an invitation."""

from datetime import datetime, timedelta
from typing import Any, cast

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from gateway import clock
from gateway.i18n import _, tell
from gateway.marked import N_
from gateway.signin.nouns import NoAnswer, NotIn
from gateway.store import passkeys, persons, sittings
from webui import passwords, patience
from webui.elsewhere import Attempt, TooSoon
from webui.entry import come_in, go_on, half, has_factor, refuse_plain, refused, site, wanted, ways
from webui.guard import house, public, signed_in
from webui.noted import note
from webui.pages.issuer import farewell
from webui.passwords import BadPassword
from webui.patience import is_plain, must_wait, note_failure
from webui.sessions import Sitting

page = Blueprint("signin", __name__)

WRONG = N_("The name or the password is wrong.")


@page.get("/sign-in")
@public
def form() -> str | Response:
    if g.actor is not None:
        return redirect(url_for("home.today"))
    return render_template("signin.html", then=request.args.get("then", ""), plain=is_plain(), **ways())


@page.post("/sign-in")
@public
def sign_in() -> tuple[str, int] | Response:
    name, password = request.form.get("name", "").strip().casefold()[:255], request.form.get("password", "")
    refuse_plain()
    now, then = clock.now(), wanted(request.form.get("then", ""))
    with house().writing() as conn:
        if (wait := must_wait(conn, name, now)) > timedelta(0):
            return too_many(wait)
        row = persons.named(conn, name)
    fits = passwords.is_right(row["password"] if row else "", password)  # takes long, so nobody waits for a lock
    if row is not None and fits:
        with house().writing() as conn:
            if row["disabled_at"] is None:
                return go_on(conn, row, now, then, "password")
            return wrong(conn, (name,), now)
    return sign_in_elsewhere(name, password, now, then)


def sign_in_elsewhere(name: str, password: str, now: datetime, then: str) -> tuple[str, int] | Response:
    """With a password of the directory or the mail server; whoever has none of this house and is nobody there takes as
    long as everybody else."""
    attempt = Attempt(name, password, now)
    try:
        way, found = attempt.ask()
    except TooSoon as error:
        return too_many(error.wait)
    except NoAnswer as error:
        with house().writing() as conn:
            note_failure(conn, name, now)  # it was a guess at the passwords of this house
            note(conn, "sign-in unanswered", "", who=name, by=error.args[0])
        said = _("%(who)s does not answer; people with a password of this house can still sign in.")
        return refused(said % {"who": tell(error.args[0])}, 503)
    except NotIn as error:
        with house().writing() as conn:
            note(conn, "sign-in refused", "", who=name, why=str(error))
        return refused(tell(error.why), 403)
    with house().writing() as conn:
        if found is None:
            return wrong(conn, attempt.names, now)
        try:
            row = attempt.person(conn, found)
        except NotIn as error:
            note(conn, "sign-in refused", "", who=name, why=str(error))
            return refused(tell(error.why), 403)
        return go_on(conn, row, now, then, way) if row["disabled_at"] is None else wrong(conn, attempt.names, now)


def too_many(wait: timedelta) -> tuple[str, int]:
    return refused(patience.too_many(wait), 429)


def wrong(conn: Connection, names: tuple[str, ...], now: datetime) -> tuple[str, int]:
    """`names`: as it was typed, and whose else it is: another spelling is no other chance."""
    note_failure(conn, names[0], now)
    for other in names[1:]:
        sittings.failed(conn, "name", other, now)
    note(conn, "sign-in failed", "", who=names[0])
    return refused(_(WRONG), 403)


# ---- the second step -----------------------------------------------------------------------------------------------


@page.get("/sign-in/code")
@public
def second() -> str | Response:
    waiting = half()
    if waiting is None:
        return redirect(url_for("signin.form"))
    return asked_for(waiting)


def asked_for(waiting: dict[str, Any], problem: str = "") -> str:
    with house().reading() as conn:
        row = persons.numbered(conn, waiting["person"])
        has_key = site() is not None and passkeys.count(conn, waiting["person"]) > 0
    return render_template("second.html", problem=problem, has_key=has_key, has_code=bool(row and row["totp"]))


@page.post("/sign-in/code")
@public
def check_second() -> tuple[str, int] | Response:
    waiting, now = half(), clock.now()
    if waiting is None:
        return redirect(url_for("signin.form"))
    code = request.form.get("code", "")
    with house().writing() as conn:
        row = persons.numbered(conn, waiting["person"])
        if row is None or row["disabled_at"] is not None or not has_factor(conn, row):
            session.pop("half")
            return redirect(url_for("signin.form"))  # since the password somebody was locked out, or needs no code
        if (wait := must_wait(conn, row["name"], now)) > timedelta(0):
            problem = _("Try again in %(count)d s.") % {"count": int(wait.total_seconds()) + 1}
        elif is_second_right(conn, row, code, now):
            return come_in(conn, row, now, waiting["then"], waiting["way"], "code")
        else:
            note_failure(conn, row["name"], now)
            note(conn, "code failed", "", who=row["name"])
            problem = _("That code is wrong, or was used already.")
    return asked_for(waiting, problem), 429 if wait > timedelta(0) else 403


def is_second_right(conn: Connection, row: dict[str, Any], code: str, now: datetime) -> bool:
    """A code of now that was not used, or one of those for the day the telephone is lost: each counts once."""
    step = passwords.step_of(row["totp"], code, now.timestamp()) if row["totp"] else None
    if step is not None:
        return persons.use_step(conn, row["id"], step)
    return persons.use_recovery(conn, row["id"], passwords.digest_of(code))


@page.post("/sign-out")
@signed_in
def sign_out() -> str | Response:
    onward = farewell()
    with house().writing() as conn:
        sittings.end(conn, cast(Sitting, session).secret)
        note(conn, "signed out", "")
    session.clear()
    cast(Sitting, session).renew()
    if onward:
        return render_template("onward.html", onward=onward, label=house().settings.oidc.label, out=True)
    flash(_("You are signed out."))
    return redirect(url_for("signin.form"))


# ---- invitations ---------------------------------------------------------------------------------------------------


@page.get("/invitation/<secret>")
@public
def invited(secret: str) -> tuple[str, int] | str:
    with house().reading() as conn:
        row = whom(conn, secret)
    if row is None:
        return over()
    return render_template("invited.html", name=row["name"], shortest=passwords.SHORTEST)


@page.post("/invitation/<secret>")
@public
def accept(secret: str) -> tuple[str, int] | str | Response:
    refuse_plain()
    now, password = clock.now(), request.form.get("password", "")
    with house().writing() as conn:
        row = whom(conn, secret)
        if row is None:
            return over()
        try:
            if password != request.form.get("again", ""):
                raise BadPassword(_("The two are not the same."))
            stored = passwords.hashed(password, row["name"])
        except BadPassword as error:
            said = {"name": row["name"], "shortest": passwords.SHORTEST, "problem": str(error)}
            return render_template("invited.html", **said), 400
        if not sittings.use_invitation(conn, secret, now):
            return over()  # somebody was first
        sittings.end_all(conn, row["id"])
        persons.change(conn, row["id"], password=stored, disabled_at=None)
        note(conn, "password chosen", "", who=row["name"])
        return go_on(conn, row, now, url_for("account.security"), "invitation")


def over() -> tuple[str, int]:
    return render_template("error.html", title=_("This invitation is over"), code=404, said=_(OVER)), 404


OVER = N_("It was used already, or is older than it may be. Ask whoever invited you for another.")


def whom(conn: Connection, secret: str) -> dict[str, Any] | None:
    number = sittings.invited(conn, secret, clock.now())
    return None if number is None else persons.numbered(conn, number)
