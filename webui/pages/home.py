"""Today: what needs somebody now, and how the house is."""

from datetime import timedelta

from flask import Blueprint, Response, jsonify, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from gateway import clock
from gateway.model import Act, Role, Tie
from gateway.policy.rights import can
from gateway.store import asked, changes, persons, reviews, shelves
from gateway.store.shelves import View
from webui.guard import actor, house, public, signed_in
from webui.pages import substitutes
from webui.pages.bulk import going_on
from webui.pages.held import top, view

page = Blueprint("home", __name__)

COUNTED = 999  # nobody reads a larger number
COUNTED_LISTED = 99
SOON = timedelta(hours=24)


@page.get("/")
@signed_in
def today() -> str:
    now = clock.now()
    with house().reading() as conn:
        count, more = shelves.is_more_than(conn, view(Act.DECIDE), COUNTED)
        latest = shelves.held(conn, view(Act.DECIDE), 5)
        over = shelves.expiring(conn, view(Act.DECIDE), now + SOON, 5)
        waiting = shelves.waiting(conn, view(Act.DECIDE), 5)
        wanted = asked.open_ones(conn, View(domains=actor().domains(Role.APPROVER)), 5)
        listed, more_listed = reviews.is_more_than(conn, view(Act.DECIDE), COUNTED_LISTED)
        mode = changes.mode(conn)
        mine = persons.addresses_of(conn, actor().number)
        many = going_on(conn)
        lent = [one for rows in substitutes.beside(conn).values() for one in rows if one["kind"] == Tie.DELEGATE]
    return render_template(
        "today.html",
        count=COUNTED if more else count,
        more=more,
        listed=COUNTED_LISTED if more_listed else listed,
        more_listed=more_listed,
        latest=latest,
        top=top(latest, "created"),
        expiring=over,
        wanted=wanted,
        waiting=waiting,
        mode=mode.mode if mode else house().settings.protection.mode,
        reviewed=house().settings.hold.reviewed,
        addresses=mine,
        many=many,
        lent=lent,
        is_house=can(actor(), Act.HEALTH),
    )


@page.get("/healthz")
@public
def alive() -> str:
    """For whoever watches this process."""
    return "ok\n"


@page.get("/readyz")
@public
def ready() -> tuple[Response, int]:
    """For whoever sends people or programs here: whether this node can do its work, and in codes why not.

    What is behind a code is told to whoever may know, on the page Health.
    """
    watched = house().health
    missing = watched.ready.look() if watched is not None and watched.ready is not None else ()
    return jsonify(ready=not missing, missing=list(missing)), 503 if missing else 200


@page.get("/favicon.ico")
@public
def icon() -> AnyResponse:
    return redirect(url_for("static", filename="icon.svg"))
