"""How one signs in, and where one is signed in."""

from datetime import timedelta
from typing import Any, cast

import segno
from flask import Blueprint, abort, flash, g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from gateway import clock, tokens
from gateway.i18n import CHOICE, LANGUAGES, _, ngettext, speak, written
from gateway.marked import N_
from gateway.model import Act, Scope
from gateway.people import NotPossible
from gateway.policy.rights import can
from gateway.signin import arrival
from gateway.signin.nouns import NoAnswer, NotIn
from gateway.store import links, passkeys, persons, sittings
from gateway.store import tokens as kept_tokens
from gateway.tokens import BadToken
from webui import passwords, places
from webui.elsewhere import Attempt, TooSoon
from webui.entry import has_factor, site
from webui.guard import actor, house, signed_in
from webui.language import of_browser
from webui.noted import me, note
from webui.passwords import BadPassword
from webui.patience import must_wait, note_failure
from webui.sessions import Sitting

page = Blueprint("account", __name__)

WRONG = N_("The password is wrong, or there were too many attempts.")
UNCHANGED = N_("The password is wrong, or there were too many attempts. Nothing was changed.")
FRESH = timedelta(minutes=10)  # since somebody came in

# What a token may be for, as its owner reads it.
SCOPES = {
    Scope.READ: N_("Look at mail, senders and levels"),
    Scope.DECIDE: N_("Release and refuse mail"),
    Scope.KNOWN: N_("Let senders in and keep them out"),
    Scope.PROTECTION: N_("Choose levels, and expect mail"),
    Scope.PEOPLE: N_("See and change who may sign in"),
    Scope.HEALTH: N_("See how the house is"),
}
OF_ADMINS = {Scope.PEOPLE: Act.PEOPLE, Scope.HEALTH: Act.HEALTH}  # of no use to anybody else
LIVES = (30, 90, 180, 366)  # days

# ---- how it reads --------------------------------------------------------------------------------------------------


@page.post("/security/language")
@signed_in
def choose_language() -> Response:
    """For the pages and for mails to them; none is the one of their browser, and of the house in mails."""
    chosen = request.form.get("language", "")
    if chosen and chosen not in LANGUAGES:
        abort(400)
    with house().writing() as conn:
        persons.wish(conn, actor().number, CHOICE, chosen)
    speak(LANGUAGES.get(chosen) or of_browser(house().settings.web.language))
    flash(_("You read Greygate in this language from now on."))
    return redirect(url_for("account.security"))


# ---- signing in ----------------------------------------------------------------------------------------------------


@page.get("/security")
@signed_in
def security() -> str:
    with house().reading() as conn:
        row = persons.numbered(conn, actor().number)
        told: dict[str, Any] = {
            "sessions": sittings.of_person(conn, actor().number, clock.now()),
            "keys": passkeys.of_person(conn, actor().number),
            "links": links.of_person(conn, actor().number),
            "tokens": [
                one for one in kept_tokens.of_person(conn, actor().number) if tokens.is_in_use(one, clock.now())
            ],
        }
    told |= {"site": site(), "fresh": is_fresh(), "oidc": house().settings.oidc, "names": elsewhere_names()}
    told |= {
        "scopes": {one: says for one, says in SCOPES.items() if one not in OF_ADMINS or can(actor(), OF_ADMINS[one])},
        "lives": LIVES,
        "usual": tokens.USUAL.days,
        "days_said": written.days,
    }
    here = sittings.key_of(cast(Sitting, session).secret)
    told |= {"languages": LANGUAGES.values(), "chosen": row["wishes"].get(CHOICE, "") if row else ""}
    return render_template("security.html", person=row, here=here, offered=offered(), **told)


def elsewhere_names() -> dict[str, str]:
    """Issuers, as people call them."""
    settings = house().settings
    known = {way: door.issuer for way, door in house().doors.by_password()}
    words = {known.get("directory", ""): _("The directory"), known.get("imap", ""): _("The mail server")}
    label = settings.oidc.label
    return words | {settings.oidc.issuer: label[:1].upper() + label[1:]}


def offered() -> dict[str, str]:
    """A second factor that is not set up yet: the same one until it is."""
    if "totp" not in session:
        session["totp"] = passwords.new_secret()
    address = passwords.address_of(session["totp"], actor().name)
    picture = segno.make(address, error="m").svg_data_uri(scale=4, dark="#000", light="#fff")
    return {"secret": session["totp"], "picture": picture}


def is_password(said: str) -> bool:
    """Whether it is that of whoever is signed in. Whoever guesses waits as at the door."""
    name, now = actor().name, clock.now()
    with house().reading() as conn:
        row = persons.numbered(conn, actor().number)
        wait = must_wait(conn, name, now)
    if row is None or wait > timedelta(0):
        return False
    if passwords.is_right(row["password"], said):  # takes long, so nobody waits for a lock
        return True
    if not row["password"] and is_theirs_elsewhere(said):
        return True
    with house().writing() as conn:
        note_failure(conn, name, now)
    return False


def is_theirs_elsewhere(said: str) -> bool:
    """Whether it is their password in the directory or at the mail server."""
    with house().reading() as conn:
        mine = links.of_person(conn, actor().number)
    addresses = {(one["issuer"], one["subject"]): one["address"] for one in mine if one["address"]}
    for address in {one for (issuer, __), one in addresses.items() if issuer != house().settings.oidc.issuer}:
        try:
            __, found = Attempt(address, said, clock.now()).ask()
        except (NoAnswer, NotIn, TooSoon):
            continue
        if found is not None and (found.issuer, found.subject) in addresses:
            return True
    return False


def is_fresh() -> bool:
    """Whether they came in just now."""
    return clock.now() - cast(Sitting, session).created <= FRESH


def is_confirmed(said: str) -> bool:
    """Whether it is them, for what nobody does at an open session; who has no password here came in just now."""
    return is_them(said) or (not g.person["password"] and is_fresh())


def is_them(said: str) -> bool:
    """Whether what was typed is their password or a code of now, for what nobody does at somebody's open session."""
    if not g.person["totp"] or not said.replace(" ", "").isdecimal():
        return is_password(said)
    name, now = actor().name, clock.now()
    with house().writing() as conn:
        if must_wait(conn, name, now) > timedelta(0):
            return False
        step = passwords.step_of(g.person["totp"], said, now.timestamp())
        if step is not None and persons.use_step(conn, actor().number, step):
            return True
        note_failure(conn, name, now)
    return False


@page.post("/security/factor")
@signed_in
def take_factor() -> str | Response:
    """From now on a code is asked for; the codes for the day the telephone is lost are shown once."""
    secret, now = session.get("totp", ""), clock.now()
    step = passwords.step_of(secret, request.form.get("code", ""), now.timestamp()) if secret else None
    if step is None:
        flash(_("That was not the code. The clock of the telephone must be right."), "first")
        return redirect(url_for("account.security"))
    codes = passwords.recovery_codes()
    with house().writing() as conn:
        row = persons.numbered(conn, actor().number)
        if row is None or row["totp"]:
            abort(409, _("There is a second factor already."))
        digests = [passwords.digest_of(one) for one in codes]
        persons.change(conn, actor().number, totp=secret, totp_step=step, recovery=digests)
        note(conn, "second factor set up", actor().name)
    session.pop("totp")
    return render_template("codes.html", codes=codes)


@page.post("/security/factor/remove")
@signed_in
def remove_factor() -> Response:
    if not is_confirmed(request.form.get("password", "")):
        flash(_(UNCHANGED), "first")
        return redirect(url_for("account.security"))
    with house().writing() as conn:
        persons.change(conn, actor().number, totp=None)
        has_key = has_factor(conn, {"id": actor().number, "totp": None})
        if not has_key:
            persons.change(conn, actor().number, recovery=[])
        note(conn, "second factor removed", actor().name)
    with_key = _("From now on a passkey is asked for after the password.")
    flash(with_key if has_key else _("From now on the password alone is asked for."))
    return redirect(url_for("account.security"))


@page.post("/security/password")
@signed_in
def change_password() -> Response:
    form = request.form
    try:
        if not is_password(form.get("old", "")):
            raise BadPassword(_(WRONG))
        if form.get("password") != form.get("again"):
            raise BadPassword(_("The two new ones are not the same."))
        stored = passwords.hashed(form.get("password", ""), actor().name)
    except BadPassword as error:
        flash(str(error), "first")
        return redirect(url_for("account.security"))
    with house().writing() as conn:
        persons.change(conn, actor().number, password=stored)
        ended = sittings.end_all(conn, actor().number, cast(Sitting, session).secret)
        note(conn, "password changed", actor().name, sessions_ended=ended)
    flash(_("The password is another one now. Everywhere else you are signed out."))
    return redirect(url_for("account.security"))


@page.post("/security/elsewhere")
@signed_in
def sign_out_elsewhere() -> Response:
    with house().writing() as conn:
        ended = sittings.end_all(conn, actor().number, cast(Sitting, session).secret)
        note(conn, "signed out elsewhere", actor().name, sessions_ended=ended)
    said = ngettext("Signed out in %(count)d other place.", "Signed out in %(count)d other places.", ended)
    flash(said % {"count": ended} if ended else _("You were signed in nowhere else."))
    return redirect(url_for("account.security"))


# ---- who somebody is elsewhere -------------------------------------------------------------------------------------


@page.post("/security/links/<key>/remove")
@signed_in
def disconnect(key: str) -> Response:
    try:
        wanted = bytes.fromhex(key)
    except ValueError:
        abort(404)
    if not g.person["password"]:
        flash(_("You have no password of this house: without that account you could not sign in any more."), "first")
        return redirect(url_for("account.security"))
    if not is_confirmed(request.form.get("password", "")):
        flash(_(UNCHANGED), "first")
        return redirect(url_for("account.security"))
    with house().writing() as conn:
        if not arrival.disconnect(conn, g.person, wanted, me(), clock.now()):
            abort(404)
    flash(_("That account lets you in no more."))
    return redirect(url_for("account.security"))


# ---- programs ------------------------------------------------------------------------------------------------------


@page.post("/security/tokens")
@signed_in
def make_token() -> str | Response:
    """For a program that acts for whoever is signed in; it is shown once."""
    form = request.form
    days = places.number(form.get("days", "")) or 0
    if not is_them(form.get("password", "")):
        flash(_("The password is wrong, or there were too many attempts. No token was made."), "first")
        return redirect(url_for("account.security"))
    try:
        scopes = tokens.read_scopes(form.getlist("scope"))
        with house().writing() as conn:
            life = timedelta(days=min(days, tokens.LONGEST.days + 1))
            made = tokens.make(conn, actor().name, form.get("name", ""), scopes, life, me(), clock.now())
    except (BadToken, NotPossible) as error:
        flash(str(error), "first")
        return redirect(url_for("account.security"))
    return render_template("token.html", made=made)


@page.post("/security/tokens/<int:number>/revoke")
@signed_in
def revoke_token(number: int) -> Response:
    with house().writing() as conn:
        known = number <= places.LARGEST
        done = known and tokens.revoke(conn, number, me(), clock.now(), owner=actor().number)
    if not done:
        abort(404)
    flash(_("It is worth nothing any more."))
    return redirect(url_for("account.security"))
