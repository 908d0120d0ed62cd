"""Campaigns: what mails of different senders share, and one decision about all of them."""

from datetime import datetime

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from gateway import bulk, campaign_words, campaigns, clock, together
from gateway.bulk import ALIKE, Asker
from gateway.campaigns import Campaign, NoSuchCampaign
from gateway.i18n import _, ngettext
from gateway.model import Act
from gateway.store.messages import UNDO_FOR
from gateway.together import Decided
from webui import places
from webui.guard import actor, house, signed_in
from webui.noted import me
from webui.pages.held import view

page = Blueprint("campaigns", __name__, url_prefix="/campaigns")

A_PAGE = 50  # mails of one campaign


@page.get("")
@signed_in
def show() -> str:
    terms, now = house().terms.campaigns, clock.now()
    with house().reading() as conn:
        found = campaigns.page(conn, view(), terms, places.moment(request.args.get("after", "")), now)
        learning = campaign_words.learning(campaigns.learnt(conn, now), terms)
    rows = "campaigns/rows.html" if request.headers.get("HX-Request") else "campaigns/page.html"
    return render_template(rows, page=found, words=campaign_words, learning=learning)


@page.get("/<key>")
@signed_in
def one(key: str) -> str:
    with house().reading() as conn:
        found = named(conn, key, Act.SEE)
        rows = campaigns.mails(conn, found, view(), A_PAGE + 1, place(request.args.get("after", "")))
        mine = of_mine(conn, key)
        learning = campaign_words.learning(campaigns.learnt(conn, clock.now()), house().terms.campaigns)
    after = ""
    if len(rows) > A_PAGE:
        last = rows[A_PAGE - 1][0]
        after = f"{last['received_at'].isoformat()}~{last['id']}"
    shown = {"one": found, "mails": rows[:A_PAGE], "after": after}
    if request.headers.get("HX-Request"):
        return render_template("campaigns/mails.html", **shown)
    return render_template(
        "campaigns/one.html", **shown, mine=mine, slices=slices(mine), words=campaign_words, learning=learning,
        terms=house().terms.campaigns, at_once=together.AT_ONCE,
    )  # fmt: skip


def named(conn: Connection, key: str, act: Act) -> Campaign:
    """The campaign as far as somebody may do something to its mails; 404 where there is nothing of it for them."""
    try:
        return campaigns.named(conn, key, view(act), house().terms.campaigns, clock.now())
    except NoSuchCampaign:
        abort(404)


def of_mine(conn: Connection, key: str) -> Campaign | None:
    """The same, as far as they decide."""
    try:
        return campaigns.named(conn, key, view(Act.DECIDE), house().terms.campaigns, clock.now())
    except NoSuchCampaign:
        return None


def slices(mine: Campaign | None) -> list[campaigns.Slice]:
    """What whoever is signed in decided, as far as it can be taken back."""
    if mine is None:
        return []
    now, undo = clock.now(), house().settings.web.undo
    found = campaigns.slices(mine, actor().name)
    return [part for part in found if part.at > now - (undo if part.released else UNDO_FOR)]


def place(after: str) -> tuple[datetime, str] | None:
    at, __, last = after.partition("~")
    moment = places.moment(at)
    return None if moment is None else (moment, last[:20])


# ---- to decide -----------------------------------------------------------------------------------------------------


@page.post("/<key>/refuse")
@signed_in
def refuse(key: str) -> Response:
    """All open ones for whom somebody decides, a part at a time."""
    here = decidable(key)
    if (asked := with_a_second(here, bulk.REFUSE)) is not None:
        return asked
    with house().writing() as conn:
        done = together.refuse(
            conn, here, view(Act.DECIDE), me(), house().terms, clock.now(), house().teach_unless_sure
        )
    return told(key, done, refused_words(done.mails))


@page.post("/<key>/release")
@signed_in
def release(key: str) -> Response:
    """They are wanted."""
    here, now = decidable(key), clock.now()
    if (asked := with_a_second(here, bulk.RELEASE)) is not None:
        return asked
    with house().writing() as conn:
        done = together.release(
            conn, house().bodies, here, view(Act.DECIDE), me(), house().terms, now, house().teach_unless_sure,
            now + house().settings.web.undo,
        )  # fmt: skip
    return told(key, done, released_words(done.mails))


def decidable(key: str) -> str:
    """404 for whoever sees nothing of it, 403 for whoever decides for nobody there."""
    with house().reading() as conn:
        found = named(conn, key, Act.SEE)
        if of_mine(conn, key) is None:
            abort(403)
    return found.key


def with_a_second(key: str, verb: str) -> Response | None:
    """About so many mails nobody decides alone where the settings say so: they are asked about as any many are."""
    over = house().four_eyes.over
    with house().writing() as conn:
        mine = of_mine(conn, key)
        if over is None or mine is None or len(mine.mails) <= over:
            return None
        number = bulk.prepare(conn, mine.mails, verb, Asker.of(actor(), me()), clock.now(), about=ALIKE)
    return None if number is None else redirect(url_for("bulk.show", number=number))


def refused_words(count: int) -> str:
    return ngettext(
        "Refused %(count)d mail. Their senders are told so when they come again.",
        "Refused %(count)d mails. Their senders are told so when they come again.",
        count,
    ) % {"count": count}


def released_words(count: int) -> str:
    return ngettext(
        "Released %(count)d mail. What they share counts against nobody any more.",
        "Released %(count)d mails. What they share counts against nobody any more.",
        count,
    ) % {"count": count}


def listed_words(count: int) -> str:
    return ngettext(
        "%(count)d mail of it came in before and is listed for a look.",
        "%(count)d mails of it came in before and are listed for a look.",
        count,
    ) % {"count": count}


def left_words(count: int) -> str:
    return ngettext(
        "%(count)d mail is left: press again for the next ones.",
        "%(count)d mails are left: press again for the next ones.",
        count,
    ) % {"count": count}


def told(key: str, done: Decided, happened: str) -> Response:
    if done.mails:
        words = [happened]
        if done.listed:
            words.append(listed_words(done.listed))
        if done.left:
            words.append(left_words(done.left))
        flash(" ".join(words), f"undo {done.first}")
    else:
        flash("; ".join(sorted({one.words for one in done.done})) or _("There was nothing to decide."), "first")
    return redirect(url_for("campaigns.one", key=key))
