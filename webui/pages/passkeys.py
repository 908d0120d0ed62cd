"""Signing in with a passkey, and the passkeys that somebody has."""

from datetime import timedelta
from typing import Any

import structlog
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response

from gateway import clock
from gateway.i18n import _, ngettext
from gateway.marked import N_
from gateway.signin import passkeys as keys
from gateway.signin.passkeys import BadPasskey
from gateway.store import passkeys, persons
from webui import passwords
from webui.entry import (
    come_in,
    half,
    has_factor,
    keep_challenge,
    refuse_plain,
    refused,
    site_or_404,
    take_challenge,
    wanted,
)
from webui.guard import actor, house, public, signed_in
from webui.noted import note
from webui.pages.account import UNCHANGED, WRONG, is_confirmed, is_fresh
from webui.pages.signin import asked_for
from webui.patience import FREE as FEW
from webui.patience import must_wait, network, note_failure, too_many, wait_of

log = structlog.get_logger()

page = Blueprint("passkeys", __name__)

OLD = N_("That took too long, or was done already. Try again.")
NOT_KNOWN = N_("This passkey is not known here, or does not fit. Sign in another way.")
COPIED = N_(
    "Somebody may have copied this passkey: it counts less uses than it had. Sign in another way, and remove it."
)

# ---- signing in ----------------------------------------------------------------------------------------------------


@page.post("/sign-in/passkey/begin")
@public
def begin() -> Response:
    """What the browser is to sign: as the second step with a key of theirs, else whichever key it has."""
    where, waiting = site_or_404(), half()
    refuse_plain()
    known: list[dict[str, Any]] = []
    if waiting is not None and request.form.get("step") == "second":
        with house().reading() as conn:
            known = passkeys.of_person(conn, waiting["person"])
    options, challenge = keys.ask(where, known)
    keep_challenge(challenge, "sign in")
    return Response(options, content_type="application/json")


@page.post("/sign-in/passkey")
@public
def sign_in() -> tuple[str, int] | Response:
    """The answer of a key. It is enough by itself: who holds it was verified by the device that it is in."""
    where, now, said = site_or_404(), clock.now(), request.form.get("credential", "")
    refuse_plain()
    challenge, waiting = take_challenge("sign in"), half()
    if challenge is None:
        return problem(_(OLD), 400)
    with house().writing() as conn:
        if (wait := wait_of(conn, "network", network(), now, FEW * 4)) > timedelta(0):
            return problem(too_many(wait), 429)
        key, row = whose(conn, said)
        if row is not None and (wait := must_wait(conn, row["name"], now)) > timedelta(0):
            return problem(too_many(wait), 429)
        if waiting is not None and request.form.get("step") == "second" and (not row or row["id"] != waiting["person"]):
            key = row = None  # a key of somebody else is no second factor of theirs
        if key is None or row is None or row["disabled_at"] is not None:
            return wrong(conn, row["name"] if row else "", "it is nobody's")
        try:
            uses = keys.used(where, challenge, said, key)
        except BadPasskey as error:
            return wrong(conn, row["name"], error.args[0])
        if not passkeys.use(conn, key["id"], uses, now):
            passkeys.doubt(conn, key["id"], now)
            note(conn, "passkey doubted", row["name"], who=row["name"], key=key["name"], uses=uses, before=key["uses"])
            return problem(_(COPIED), 403)
        if request.form.get("step") == "second" and waiting is not None:
            return come_in(conn, row, now, waiting["then"], waiting["way"], "passkey")
        return come_in(conn, row, now, wanted(request.form.get("then", "")), "passkey", "passkey")


def whose(conn: Connection, said: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    try:
        key = passkeys.found(conn, keys.credential_of(said))
    except BadPasskey:
        return None, None
    return key, persons.numbered(conn, key["person_id"]) if key else None


def wrong(conn: Connection, name: str, why: str) -> tuple[str, int]:
    log.info("a passkey did not fit", why=why)
    note_failure(conn, name, clock.now())
    note(conn, "passkey failed", "", who=name or "somebody")
    return problem(_(NOT_KNOWN), 403)


def problem(words: str, code: int) -> tuple[str, int]:
    waiting = half()
    if waiting is not None and request.form.get("step") == "second":
        return asked_for(waiting, words), code
    return refused(words, code)


# ---- somebody's own ------------------------------------------------------------------------------------------------


@page.post("/security/passkeys/begin")
@signed_in
def begin_new() -> Response | tuple[str, int]:
    where = site_or_404()
    if not may_add(request.form.get("password", "")):
        return _(WRONG), 403
    with house().reading() as conn:
        known = passkeys.of_person(conn, actor().number)
    if len(known) >= keys.MOST:
        said = ngettext(
            "You have %(count)d passkey. Remove one that you do not use any more.",
            "You have %(count)d passkeys. Remove one that you do not use any more.",
            keys.MOST,
        )
        return said % {"count": keys.MOST}, 409
    options, challenge = keys.offer(where, actor().number, actor().name, known)
    keep_challenge(challenge, "new")
    return Response(options, content_type="application/json")


@page.post("/security/passkeys")
@signed_in
def add() -> str | Response:
    where, challenge = site_or_404(), take_challenge("new")
    if challenge is None:
        flash(_(OLD), "first")
        return to_security()
    try:
        made = keys.taken(where, challenge, request.form.get("credential", ""))
    except BadPasskey as error:
        log.info("a passkey was not taken", why=error.args[0])
        flash(_("The browser made no passkey that works here. Nothing was changed."), "first")
        return to_security()
    codes: list[str] = []
    called = read_name(request.form.get("name", ""))
    try:
        with house().writing() as conn:
            row = persons.numbered(conn, actor().number)
            if row is None or passkeys.count(conn, row["id"]) >= keys.MOST:
                abort(409, too_many_keys())
            passkeys.add(conn, row["id"], made | {"name": called}, clock.now())
            note(conn, "passkey added", actor().name, key=called, synced=made["synced"])
            if not row["totp"] and not row["recovery"]:
                codes = passwords.recovery_codes()
                persons.change(conn, row["id"], recovery=[passwords.digest_of(one) for one in codes])
    except IntegrityError:
        abort(409, _("This passkey is here already."))
    if codes:
        return render_template("codes.html", codes=codes)
    flash(_("“%(name)s” lets you in from now on.") % {"name": called})
    return to_security()


@page.post("/security/passkeys/<int:entry>/rename")
@signed_in
def rename(entry: int) -> Response:
    called = read_name(request.form.get("name", ""))
    with house().writing() as conn:
        if not passkeys.rename(conn, actor().number, entry, called):
            abort(404)
        note(conn, "passkey renamed", actor().name, key=called)
    flash(_("It is called “%(name)s” now.") % {"name": called})
    return to_security()


@page.post("/security/passkeys/<int:entry>/remove")
@signed_in
def remove(entry: int) -> Response:
    with house().reading() as conn:
        if entry not in {one["id"] for one in passkeys.of_person(conn, actor().number)}:
            abort(404)
    if not is_confirmed(request.form.get("password", "")):
        flash(_(UNCHANGED), "first")
        return to_security()
    with house().writing() as conn:
        called = passkeys.remove(conn, actor().number, entry) or abort(404)
        row = persons.numbered(conn, actor().number)
        if row is not None and not has_factor(conn, row):
            persons.change(conn, row["id"], recovery=[])
        note(conn, "passkey removed", actor().name, key=called)
    flash(_("“%(name)s” lets nobody in any more. Remove it from your device, too.") % {"name": called})
    return to_security()


def too_many_keys() -> str:
    said = ngettext("There is %(count)d passkey already.", "There are %(count)d passkeys already.", keys.MOST)
    return said % {"count": keys.MOST}


def may_add(password: str) -> bool:
    """Whoever just came in need not say again who they are."""
    return is_fresh() or is_confirmed(password)


def read_name(said: str) -> str:
    shown = "".join(one for one in said if one.isprintable()).strip()
    return shown[: keys.LONGEST_NAME] or "Passkey"


def to_security() -> Response:
    return redirect(url_for("account.security") + "#passkeys")
