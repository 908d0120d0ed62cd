"""What somebody is told by mail, and in which browsers links of such mails work without a code."""

from datetime import time
from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from gateway import clock
from gateway.i18n import _
from gateway.marked import N_
from gateway.model import Act, DigestWish, Tells, Told
from gateway.policy.rights import domains
from gateway.settings.writing import MOST_TIMES, TIME
from gateway.store import changes, devices, digests
from webui.guard import actor, house, signed_in
from webui.noted import note

page = Blueprint("digest", __name__, url_prefix="/protection")

# What may be told, as people say it.
KINDS = {
    Told.HELD: N_("Mail to me that waits for a decision"),
    Told.LISTED: N_("Mail that came in and is listed for a look"),
    Told.NOBODYS: N_("Mail that waits and is nobody's, in the domains that I approve"),
}


def told(conn: Connection) -> dict[str, Any]:
    """What the page shows of it. `is_possible`: the house sends digests at all, and has somewhere to link to."""
    here = house().settings
    wish = digests.wish_of(conn, actor().number)
    usual = DigestWish(wanted=house().settings.tells is Tells.EVERYBODY)
    return {
        "is_possible": bool(house().settings.tells),
        "wish": wish or usual,
        "times": [f"{one:%H:%M}" for one in wish.times] if wish else [],
        "usual": here.digest.times,
        "kinds": {
            kind: words for kind, words in KINDS.items() if kind is not Told.NOBODYS or domains(actor(), Act.DECIDE)
        },
        "own": sorted(actor().addresses - actor().lent),
        "sent": digests.latest_of(conn, actor().number, 3),
        "devices": devices.of_person(conn, actor().number, clock.now()),
    }


@page.post("/digest")
@signed_in
def choose() -> Response:
    form, now = request.form, clock.now()
    said = form.get("times", "").replace(",", " ").split()
    if len(said) > MOST_TIMES or not all(map(TIME.fullmatch, said)):
        abort(400, _("Times are written like 08:00, and at most %(count)d of them.") % {"count": MOST_TIMES})
    address = form.get("address", "")
    if address and address not in actor().addresses - actor().lent:
        abort(400, _("That address is not yours."))
    kinds = frozenset(kind for kind in Told if kind in form.getlist("kinds")) or frozenset({Told.HELD})
    if Told.NOBODYS in kinds and not domains(actor(), Act.DECIDE):
        abort(403)
    wanted = DigestWish(
        wanted=form.get("wanted") == "yes",
        times=tuple(sorted({time.fromisoformat(one) for one in said})),
        weekends="weekends" in form,
        kinds=kinds,
        address=address,
        instant="instant" in form,
    )
    with house().writing() as conn:
        digests.wish(conn, actor().number, wanted, now)
        chosen: dict[str, Any] = {"wanted": wanted.wanted, "times": said, "kinds": sorted(kinds), "address": address}
        note(conn, "digest chosen", actor().name, **chosen)
        changes.announce(conn, house().node)
    flash(_("You get a mail when something waits for you.") if wanted.wanted else _("You get no mails from here."))
    return redirect(url_for("protection.show"))


@page.post("/devices")
@signed_in
def forget_devices() -> Response:
    with house().writing() as conn:
        gone = devices.forget_all(conn, actor().number)
        note(conn, "browsers forgotten", actor().name, browsers=gone)
    flash(_("Links in mails ask for their code again, everywhere."))
    return redirect(url_for("protection.show"))
