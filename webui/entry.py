"""What all ways to sign in have in common: the second step, and coming in."""

from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import urlsplit

from flask import abort, redirect, render_template, request, session, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from gateway import clock
from gateway.i18n import _
from gateway.model import Role
from gateway.signin import passkeys as keys
from gateway.signin.passkeys import Site
from gateway.store import passkeys, persons, sittings
from webui.guard import house
from webui.noted import note
from webui.patience import is_plain
from webui.sessions import Sitting

STEP_WITHIN = timedelta(minutes=5)  # from the first step to the second, and from a challenge to its answer


def refuse_plain() -> None:
    if is_plain():
        abort(403, _("Over plain HTTP nobody signs in from another machine: everybody on the way could read along."))


def has_factor(conn: Connection, row: dict[str, Any]) -> bool:
    """Whether more than a password is asked for."""
    return bool(row["totp"]) or passkeys.count(conn, row["id"]) > 0


def go_on(conn: Connection, row: dict[str, Any], now: datetime, then: str, way: str) -> Response:
    """After the first step: to the second where somebody has one, else in."""
    if not has_factor(conn, row):
        return come_in(conn, row, now, then, way)
    session["half"] = {"person": row["id"], "until": (now + STEP_WITHIN).isoformat(), "then": then, "way": way}
    return redirect(url_for("signin.second"))


def come_in(conn: Connection, row: dict[str, Any], now: datetime, then: str, way: str, factor: str = "") -> Response:
    """From here on the browser is this person's, with another secret than before. `factor`: what was asked besides."""
    sittings.succeeded(conn, "name", row["name"])
    roles = {role for role, __ in persons.roles_of(conn, row["id"])}
    note(conn, "signed in", "", who=row["name"], way=way, **({"factor": factor} if factor else {}))
    session.clear()
    session["person"] = row["id"]
    session["decides"] = not roles.isdisjoint({Role.APPROVER, Role.ADMIN, Role.AUDITOR})
    session["way"] = way
    if factor:
        session["factor"] = factor
    cast(Sitting, session).renew()
    return redirect(then or url_for("home.today"))


def half() -> dict[str, Any] | None:
    """Whoever took the first step and owes the second."""
    found = session.get("half")
    if not isinstance(found, dict) or datetime.fromisoformat(found["until"]) < clock.now():
        return None
    return found


def wanted(then: str) -> str:
    """Where somebody wanted to go: a page of ours, never another site's."""
    try:
        parts = urlsplit(then)
    except ValueError:
        return ""
    is_ours = then.startswith("/") and not then.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return then if is_ours and then.isprintable() else ""


def ways() -> dict[str, Any]:
    """The ways to sign in that are on, for the page that offers them."""
    settings = house().settings
    return {
        "oidc": settings.oidc.label if settings.oidc.is_on else "",
        "site": site(),
        "elsewhere": settings.directory.is_on or settings.imap.is_on,
    }


def refused(words: str, code: int) -> tuple[str, int]:
    then, name = wanted(request.values.get("then", "")), request.form.get("name", "")
    return render_template("signin.html", problem=words, then=then, name=name, **ways()), code


# ---- passkeys ------------------------------------------------------------------------------------------------------


def site() -> Site | None:
    """Where passkeys are good; None where they are off, or cannot be."""
    web = house().settings.web
    return keys.site(web.url, request.host_url.rstrip("/")) if web.passkeys else None


def site_or_404() -> Site:
    return site() or abort(404)


def keep_challenge(challenge: str, purpose: str) -> None:
    session["challenge"] = {"is": challenge, "for": purpose, "until": (clock.now() + STEP_WITHIN).isoformat()}


def take_challenge(purpose: str) -> str | None:
    """What was asked of this browser for this purpose, once and for a time."""
    found = session.pop("challenge", None)
    if not isinstance(found, dict) or found["for"] != purpose:
        return None
    return None if datetime.fromisoformat(found["until"]) < clock.now() else str(found["is"])
