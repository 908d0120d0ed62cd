"""What open pages hear while somebody looks at them: that there is news, and what of it is theirs.

Both are asked by the page itself, so neither keeps anybody signed in.
"""

from typing import Any, cast

from flask import Blueprint, Response, jsonify, request, session

from gateway import clock
from gateway.i18n import _, ngettext
from gateway.model import Act
from gateway.policy.rights import can
from gateway.store import news, sittings
from webui.guard import actor, house, signed_in
from webui.mails import DECIDABLE, PENDING, goes_on_looking, others_at
from webui.pages.held import asked_for, place, view
from webui.sessions import Sitting
from webui.shown import outcome

page = Blueprint("live", __name__)

MOST_ROWS = 100  # of a list that are asked about
COUNTED = 99  # nobody reads a larger number


@page.get("/events")
@signed_in
def events() -> Response:
    """A stream for one page; 204 where there are enough, and the page asks by itself now and then."""
    sitting, here = cast(Sitting, session), house()
    sitting.is_unattended = True
    key, tab = sittings.key_of(sitting.secret), request.args.get("tab", "")[:40]
    stream = here.watch.join(here.reading, actor(), key, tab, here.settings.web.streams)
    if stream is None:
        return Response(status=204)
    made = Response(stream, mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"})  # nginx would wait
    made.call_on_close(stream.close)
    return made


@page.get("/news")
@signed_in
def tell() -> Response:
    """How many came above the list that is shown, how its rows stand now, and who else looks at them."""
    cast(Sitting, session).is_unattended = True
    shown = [one for one in request.args.get("rows", "").split(",") if one][:MOST_ROWS]
    opened = request.args.get("mail", "")[:20]
    asked = [*shown, opened] if opened else shown
    rows = standing(asked)
    if opened in rows:
        goes_on_looking(opened)
    new = came()
    return jsonify(new=new, came=came_words(new), rows=rows, looks=looking(list(rows)))


def came() -> int:
    above, asked, lent = place(request.args.get("top", "")), request.args.get("q", ""), "lent" in request.args
    if above is None:
        return 0
    with house().reading() as conn:
        return news.how_many_newer(conn, view(), asked_for(asked), above, COUNTED + 1, lent=lent)


def came_words(new: int) -> str:
    """What leads to what came, as the page says it above its list."""
    if not new:
        return ""
    if new > COUNTED:
        return ngettext("More than %(count)d new. Show them", "More than %(count)d new. Show them", COUNTED) % {
            "count": COUNTED
        }
    return ngettext("%(count)d new. Show it", "%(count)d new. Show them", new) % {"count": new}


def standing(numbers: list[str]) -> dict[str, Any]:
    """By mail, as far as it is theirs to see: whether there is something to decide, and what became of it."""
    if not numbers:
        return {}
    with house().reading() as conn:
        mine = [one for one in news.standing(conn, numbers) if can(actor(), Act.SEE, one["recipient"])]
    found: dict[str, Any] = {}
    for one in mine:
        is_open = one["state"] in DECIDABLE
        if one["message"] not in found or is_open:
            is_held = is_open and one["state"] not in PENDING
            words = outcome(one["state"], one["decided_by"], actor().name)
            over = "" if is_open else _("%(became)s: nothing is to be decided.") % {"became": words}
            found[one["message"]] = {"open": is_open, "held": is_held, "words": words, "over": over}
    return found


def looking(numbers: list[str]) -> dict[str, str]:
    with house().reading() as conn:
        return others_at(conn, numbers, clock.now())
