"""Who stands in for whom: whoever owns an address names a substitute for a time, and takes it back."""

from datetime import datetime
from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from gateway import clock, people
from gateway.i18n import _
from gateway.model import Act
from gateway.people import NoSuchPerson, NotPossible
from gateway.store import persons
from webui import places
from webui.guard import actor, ensure, house, signed_in
from webui.noted import me
from webui.shown import last_day

page = Blueprint("substitutes", __name__, url_prefix="/protection/substitute")


def beside(conn: Connection) -> dict[str, list[dict[str, Any]]]:
    """By address of whoever is signed in: who else has it or stands in, and until when they stand in themselves."""
    found: dict[str, list[dict[str, Any]]] = {address: [] for address in actor().addresses}
    for row in persons.holders(conn, actor().addresses, clock.now()):
        if row["disabled_at"] is None:
            found[row["address"]].append(row)
    return found


def coming(conn: Connection) -> list[dict[str, Any]]:
    """For whom they will stand in from some day on."""
    now = clock.now()
    mine = persons.addresses_of(conn, actor().number)
    return [row for row in mine if row["since"] is not None and row["since"] > now]


@page.post("")
@signed_in
def name_one() -> Response:
    address, name = request.form.get("account", ""), request.form.get("name", "").strip().casefold()
    ensure(Act.LEND, address)
    try:
        since, until = read_days()
        with house().writing() as conn:
            people.lend(conn, address, name, since, until, me(), clock.now())
    except NoSuchPerson:
        told = {"name": name}
        flash(_("Nobody signs in here as %(name)s. Their name stands at the top of their pages.") % told, "first")
    except NotPossible as error:
        flash(str(error), "first")
    else:
        until_day = {"name": name, "address": address, "day": last_day(until)}
        flash(_("%(name)s sees the mail of %(address)s and decides about it until %(day)s.") % until_day)
    return redirect(url_for("protection.show"))


def read_days() -> tuple[datetime | None, datetime]:
    """From the first moment of a day to the end of another. Raises NotPossible."""
    said = request.form.get("from", "")
    since, until = places.day(said), places.day(request.form.get("until", ""))
    if until is None or (said and since is None):
        raise NotPossible(_("Say until which day."))
    return (since - places.DAY if since else None), until


@page.post("/end")
@signed_in
def end() -> Response:
    """By whoever owns it, or by the substitute."""
    address, name = request.form.get("account", ""), request.form.get("name", "")
    if name != actor().name:
        ensure(Act.LEND, address)
    try:
        with house().writing() as conn:
            done = people.take_back(conn, address, name, me(), clock.now())
    except NoSuchPerson:
        abort(404)
    ended = _("%(name)s does not stand in for %(address)s any more.")
    said = (ended if done else _("%(name)s did not stand in for %(address)s.")) % {"name": name, "address": address}
    flash(said)
    return redirect(url_for("protection.show"))
