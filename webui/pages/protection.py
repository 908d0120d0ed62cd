"""One's own protection: the level of each address, what each level would have done, and mail that is expected."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from gateway import clock, expecting, previewed
from gateway.expecting import NotAllowed
from gateway.i18n import _
from gateway.marked import N_
from gateway.model import Act, Level
from gateway.policy.address import BadAddress, domain_key, parse_address
from gateway.policy.draft import Draft
from gateway.previewed import Coming, Preview
from gateway.store import changes, digests, levels
from gateway.store import expecting as windows
from webui import places
from webui.guard import actor, ensure, house, signed_in
from webui.noted import me, note
from webui.pages import digest, substitutes

page = Blueprint("protection", __name__, url_prefix="/protection")

# What each level means, as people say it; the order is from the least to the most protection.
SENTENCES = {
    Level.OFF: N_("Everything comes in at once. Nothing is looked at."),
    Level.WATCH: N_("Everything comes in at once. What looks odd is listed for a look afterwards."),
    Level.GREYLIST: N_("First mail of strangers comes some minutes late. Suspicious mail waits for a decision."),
    Level.REVIEW_AFTER: N_("The same, and mail of strangers is listed for a look afterwards."),
    Level.REVIEW_BEFORE: N_("Mail of strangers waits until somebody releases it."),
    Level.KNOWN_ONLY: N_("Only those come through whom somebody here wrote to or released. All others wait."),
}
# What each level is called.
NAMES = {
    Level.OFF: N_("Off"),
    Level.WATCH: N_("Watch"),
    Level.GREYLIST: N_("Greylist"),
    Level.REVIEW_AFTER: N_("Review after"),
    Level.REVIEW_BEFORE: N_("Review before"),
    Level.KNOWN_ONLY: N_("Known only"),
}
# How mail comes, behind "instead of".
INSTEAD = {
    Coming.AT_ONCE: N_("coming in at once"),
    Coming.LATE: N_("coming in some minutes late"),
    Coming.HELD: N_("waiting for a decision"),
    Coming.JUNK: N_("going to the Junk folder"),
    Coming.REFUSED: N_("being refused"),
    Coming.NEVER: N_("not being back so far"),
}
COMPARING = {"Coming": Coming, "instead": INSTEAD}  # what the templates need to tell of a preview


@page.get("")
@signed_in
def show() -> str:
    return listed(None, "")


def listed(told: Preview | None, about: str) -> str:
    """The page, with what the levels would have done to the mail of one account."""
    with house().reading() as conn:
        beside = substitutes.beside(conn)
        mine = [described(conn, address) | {"beside": beside[address]} for address in sorted(actor().addresses)]
        coming = substitutes.coming(conn)
        by_mail = digest.told(conn)
    return render_template(
        "protection/page.html",
        accounts=mine,
        sentences=SENTENCES,
        told=told,
        about=about,
        names=NAMES,
        **COMPARING,
        coming=coming,
        digest=by_mail,
    )


def described(conn: Connection, account: str) -> dict[str, Any]:
    now, chosen, usual = clock.now(), levels.of(conn, account), otherwise(conn, account)
    expected = [one for one in windows.open_now(conn, now) if one.recipient == account]
    return {
        "address": account,
        "level": Level(chosen["level"]) if chosen else usual,
        "chosen": chosen,
        "otherwise": usual,
        "windows": expected,
        "came": expecting.came(conn, account, now),
        "offers": {offer.message: offer for one in expected for offer in expecting.offers(conn, one, now)}.values(),
    }


# ---- levels --------------------------------------------------------------------------------------------------------


def otherwise(conn: Connection, account: str) -> Level:
    """Where nothing is chosen for it: its level in the settings, then what its domain has, in the workers' order."""
    given, domain = house().settings.protection, account.rpartition("@")[2]
    chosen = levels.of(conn, domain) if domain != account else None
    return (
        given.overrides.get(account)
        or (Level(chosen["level"]) if chosen else None)
        or given.overrides.get(domain)
        or given.level
    )


@page.get("/preview")
@signed_in
def preview() -> str:
    """What each level would have done to the mail of the last days: loaded after the page, or a page of its own."""
    account = account_named(request.args.get("account", ""))
    ensure(Act.LEVEL, account)
    with house().reading() as conn:
        chosen = levels.of(conn, account)
        present = Level(chosen["level"]) if chosen else otherwise(conn, account)
        told = previewed.preview(conn, account, present, rules_for(conn), clock.now())
    if request.headers.get("HX-Request"):
        place = places.number(request.args.get("place", "")) or 1
        return render_template("protection/previews.html", told=told, place=place, **COMPARING)
    return listed(told, account)


def rules_for(conn: Connection) -> Draft:
    """The rules, with whose holds are looked at because they get a digest."""
    return replace(house().rules, readers=digests.told_addresses(conn, house().settings.tells))


@page.post("/level")
@signed_in
def choose_level() -> Response:
    account, said = account_named(request.form.get("account", "")), request.form.get("level", "")
    ensure(Act.LEVEL, account)
    if account.rpartition("@")[2] not in house().settings.domains.local:
        abort(400, _("That is no account and no domain of ours."))
    if said not in ("", *map(str, Level)):
        abort(400, _("There is no such level."))
    now = clock.now()
    with house().writing() as conn:
        levels.choose(conn, account, Level(said) if said else None, actor().name, now)
        level = Level(said) if said else otherwise(conn, account)
        note(conn, "level chosen", account, level=said or "as the settings say")
        changes.announce(conn, house().node)
    told = {"account": account, "meaning": _(SENTENCES[level])}
    flash(_("%(account)s: %(meaning)s It counts from the next second on.") % told)
    return redirect(url_for("protection.show"))


def account_named(said: str) -> str:
    """An address or a domain as the workers look it up; "" where it is neither."""
    try:
        return parse_address(said).key if "@" in said else domain_key(said)
    except BadAddress:
        return ""


# ---- mail that is expected -----------------------------------------------------------------------------------------


@page.post("/expect")
@signed_in
def expect() -> Response:
    account, domain = account_named(request.form.get("account", "")), request.form.get("domain", "").strip()
    ensure(Act.EXPECT, account)
    try:
        address = parse_address(account)
    except BadAddress:
        abort(400, _("That is no address."))
    try:
        with house().writing() as conn:
            expecting.open_for(conn, address, domain or None, None, me(), house().expecting, clock.now())
            note(conn, "expects mail", account, domain=domain)
    except NotAllowed as error:
        flash(str(error), "first")
    else:
        flash(_("Mail that you expect now comes in at once, if its sender can prove who it is."))
    return redirect(url_for("protection.show"))


@page.post("/expect/<int:window>/close")
@signed_in
def expect_no_more(window: int) -> Response:
    with house().writing() as conn:
        found = windows.load(conn, window) if window <= places.LARGEST else None
        if found is None:
            abort(404)
        ensure(Act.EXPECT, found.recipient)
        if expecting.close(conn, window, me(), clock.now()):
            note(conn, "expects mail no more", found.recipient)
    flash(_("Mail of strangers waits again, as always."))
    return redirect(url_for("protection.show"))
