"""What stands before every page: who may come in, and what the browser may do with what it gets.

Deny by default: a page that says nothing about who may see it is for nobody.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, flash, g, redirect, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from gateway import clock
from gateway.i18n import _
from gateway.model import Act, Actor, Role, Scope
from gateway.policy.rights import can
from gateway.store import changes, passkeys, persons
from webui.house import House
from webui.language import speak_as_chosen
from webui.sessions import Sitting
from webui.shown import outcome

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'"
    "; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",  # with no-referrer browsers say "Origin: null" for our own forms too
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
YEAR = 365 * 86400  # seconds


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may call a page: everybody, whoever is signed in, or whoever may do this to the house.

    `scope`: it is for programs, and their token has to be for this.
    """

    public: bool = False
    act: Act | None = None
    scope: Scope | None = None
    by_token: bool = False


View = TypeVar("View", bound=Callable[..., Any])


def public(view: View) -> View:
    view.rule = Rule(public=True)  # type: ignore[attr-defined]
    return view


def signed_in(view: View) -> View:
    """Whose mail it is about is asked inside, by `ensure`."""
    view.rule = Rule()  # type: ignore[attr-defined]
    return view


def may(act: Act) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.rule = Rule(act=act)  # type: ignore[attr-defined]
        return view

    return mark


def rule_of(app: Flask, endpoint: str | None) -> Rule | None:
    if endpoint == "static":
        return Rule(public=True)
    return getattr(app.view_functions.get(endpoint or ""), "rule", None)


def house() -> House:
    return cast(House, current_app.extensions["house"])


def actor() -> Actor:
    """Who is signed in."""
    return cast(Actor, g.actor)


def ensure(act: Act, account: str = "") -> None:
    """Whoever may not even see that it is there is told that it is not."""
    if can(actor(), act, account, narrow=house().settings.web.sender_held == "recipient"):
        return
    abort(403 if can(actor(), Act.SEE, account) else 404)


def protect(app: Flask) -> None:
    app.before_request(admit)
    app.after_request(add_headers)
    app.context_processor(lambda: {"actor": g.get("actor"), "turned": g.get("turned", {})})
    app.jinja_env.globals.update(csrf=csrf, Act=Act, can=may_do, became=became)


def may_do(act: Act, account: str = "") -> bool:
    return can(actor(), act, account)


def became(state: str, decided_by: str | None) -> str:
    """What became of a mail for one recipient, as whoever is signed in reads it."""
    return outcome(state, decided_by, actor().name)


# ---- before --------------------------------------------------------------------------------------------------------


def admit() -> AnyResponse | None:
    g.actor = None
    if request.endpoint is None:
        return None  # there is no such page, and the error says so to everybody
    rule = rule_of(current_app, request.endpoint)
    if rule is None:
        abort(404)
    if rule.by_token:
        from webui.api import bearer  # it asks this module who somebody is

        bearer.admit(rule)
        return None
    if request.endpoint != "static":
        g.actor = who(cast(Sitting, session))
    if request.method not in SAFE:
        refuse_foreign()
    if rule.public:
        return None
    if g.actor is None:
        return to_sign_in()
    if owes_factor() and request.blueprint not in ("account", "signin", "passkeys"):
        flash(
            _("Whoever decides about the mail of others needs a second factor here. Set it up first, please."), "first"
        )
        return redirect(url_for("account.security"))
    if rule.act is not None and not can(g.actor, rule.act):
        abort(403)
    return None


def owes_factor() -> bool:
    """True for whoever decides about others and signs in with a password alone, where the settings want more."""
    if house().settings.web.second_factor != "required" or g.person["totp"] or session.get("factor"):
        return False
    if not any(g.actor.has_some(role) for role in (Role.ADMIN, Role.APPROVER, Role.AUDITOR)):
        return False
    with house().reading() as conn:
        return passkeys.count(conn, g.person["id"]) == 0


def who(sitting: Sitting) -> Actor | None:
    if sitting.trouble is not None:
        raise sitting.trouble
    if sitting.person is None:
        return None
    with house().reading() as conn:
        row = persons.numbered(conn, sitting.person)
        if row is None or row["disabled_at"] is not None:
            return None
        g.person = row
        speak_as_chosen(row)
        g.turned = changes.turned(conn, clock.now())  # every page says so while a switch is on
        return persons.actor(conn, row, clock.now())


def to_sign_in() -> AnyResponse:
    there = request.full_path.rstrip("?") if request.method == "GET" else ""
    if request.headers.get("HX-Request"):  # a part of a page is no place for the page to sign in
        return Response("", 401, {"HX-Redirect": url_for("signin.form")})
    return redirect(url_for("signin.form", then=there) if there not in ("", "/") else url_for("signin.form"))


# ---- forms of others -----------------------------------------------------------------------------------------------


def csrf() -> str:
    """What every form of this session has to hold."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(24)
    return cast(str, session["csrf"])


def host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def refuse_foreign() -> None:
    """No other site may make a browser do anything here."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403, _("That came from another site."))
    origin = request.headers.get("Origin")
    if origin is not None and host_of(origin) != request.host:
        abort(403, _("That came from another site."))
    held, said = session.get("csrf"), request.headers.get("X-CSRF-Token") or request.form.get("csrf", "")
    if held is None and g.actor is None and origin is not None:
        return  # nobody is signed in: there is nothing that a form of others could misuse, and it is not one of others
    if not isinstance(held, str) or not secrets.compare_digest(held.encode(), said.encode()):
        abort(400, _("This page is too old. Load it again, and then once more, please."))


# ---- after ---------------------------------------------------------------------------------------------------------


def add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", f"max-age={YEAR}")
    return response
