"""One mail: to look at it, and to decide."""

import re

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from gateway import bulk, clock, desk, impact, reviewing, undoing
from gateway.bodies import NoBody
from gateway.bulk import Asker
from gateway.desk import Done, NoSuchMail
from gateway.i18n import _, tell
from gateway.marked import N_
from gateway.model import Act, Label, ListVerb
from gateway.policy.entries import plainly
from gateway.policy.proposal import Choice, preselected
from gateway.policy.rights import can
from gateway.siblings import Sibling
from gateway.store import asked
from webui import preview
from webui.guard import actor, ensure, house, signed_in
from webui.mails import Seen, enter, seen, shown
from webui.noted import me, note
from webui.pages.held import next_to

page = Blueprint("mail", __name__, url_prefix="/mail")

VERBS = {"release": Label.HAM, "trust": Label.HAM, "refuse": Label.SPAM, "block": Label.SPAM, "refuse-all": Label.SPAM}
SHORTEST_REASON, LONGEST_REASON = 4, 200


def seen_or_404(number: str) -> Seen:
    found = seen(number)
    if found is None:
        abort(404)
    return found


def readable(number: str) -> Seen:
    """The same for whoever may read it; that they do is on record."""
    found = seen_or_404(number)
    if not found.readable:
        abort(403)
    enter(found)
    return found


@page.get("/<number>")
@signed_in
def show(number: str) -> str:
    found = shown(seen_or_404(number))
    if request.headers.get("HX-Request"):
        return render_template("mail/panes.html", shown=found)
    return render_template("mail/page.html", shown=found)


@page.post("/<number>/because")
@signed_in
def because(number: str) -> AnyResponse:
    """Why somebody looks into the mail of others: once a sitting, and on record with each mail."""
    found = seen_or_404(number)
    said = request.form.get("because", "").strip()
    if not SHORTEST_REASON <= len(said) <= LONGEST_REASON or not said.isprintable():
        flash(_("Say in a few words why you look into mail that is not yours."))
    elif found.must_say_why:
        session["because"] = said
    return redirect(back_to(number))


@page.get("/<number>/shown")
@signed_in
def framed(number: str) -> Response:
    """The cleaned HTML, for a frame in which nothing can act."""
    found = shown(seen_or_404(number))
    if found.text is None or not found.text.html:
        abort(404)
    return Response(preview.framed(found.text), headers=preview.FRAME)


@page.get("/<number>/raw")
@signed_in
def raw(number: str) -> Response:
    """All of it, as it came; a file, never a page."""
    data = whole(readable(number))
    return Response(data, headers=preview.download(f"{number}.eml"), mimetype="application/octet-stream")


@page.get("/<number>/file/<int:place>")
@signed_in
def file(number: str, place: int) -> Response:
    """An attachment: to be saved, never shown."""
    found = preview.attachment(whole(readable(number)), place)
    if found is None:
        abort(404)
    name, octets = found
    with house().writing() as conn:
        note(conn, "saved a file", number, place=place, name=name)
    return Response(octets, headers=preview.download(name), mimetype="application/octet-stream")


def whole(one: Seen) -> bytes:
    """Its bytes; 404 where they are gone."""
    try:
        with house().reading() as conn:
            return b"".join(house().bodies.read(conn, one.row["id"]))
    except NoBody:
        abort(404)


def all_siblings(number: str) -> list[Sibling]:
    with house().reading() as conn:
        try:
            return desk.siblings(conn, number, house().terms, clock.now())
        except NoSuchMail:
            return []


def is_theirs(one: Sibling) -> bool:
    return all(can(actor(), Act.DECIDE, recipient) for recipient in one.recipients)


def is_all_theirs(number: str) -> bool:
    """True for whoever may decide about every mail that is like it."""
    return all(map(is_theirs, all_siblings(number)))


# ---- to decide -----------------------------------------------------------------------------------------------------


@page.get("/<number>/trust")
@signed_in
def trust(number: str) -> str:
    """Whom to let in, or to keep out, from now on: the safest and narrowest first, and what nobody should take, why."""
    verb = ListVerb.BLOCK if request.args.get("verb") == "block" else ListVerb.ALLOW
    found = seen_or_404(number)
    recipient = decidable(found)[0]
    ensure(Act.TRUST, recipient)
    with house().reading() as conn:
        choices = desk.proposals(conn, number, recipient, verb)
        changes = impact.of(conn, [one.entry for one in choices], clock.now())
    offered = [
        (place, one, tell(plainly(one.entry)), may_take(one, recipient), changes[place].words)
        for place, one in enumerate(choices)
    ]
    return render_template(
        "mail/trust.html", shown=found, choices=offered, preselected=preselected(choices), verb=str(verb)
    )


def may_take(choice: Choice, recipient: str) -> bool:
    """Whoever decides for one account does not let anybody in for others, nor for one domain for everybody."""
    scope = choice.entry.scope
    if scope == recipient:
        return choice.may_be_taken and can(actor(), Act.TRUST, recipient)
    return choice.may_be_taken and can(actor(), Act.TRUST_FOR_ALL, f"@{scope}" if scope else "")


def decidable(one: Seen) -> list[str]:
    """The recipients for whom whoever is signed in decides; 403 where there are none."""
    if not one.decidable:
        abort(403)
    return one.decidable


@page.post("/<number>/decide")
@signed_in
def decide(number: str) -> str | AnyResponse:
    found, verb = seen_or_404(number), request.form.get("verb", "")
    if verb not in VERBS:
        abort(400, _("There is no such decision."))
    recipients = decidable(found)
    if (probable := contradicted(found, VERBS[verb])) is not None:
        return render_template("mail/sure.html", shown=found, verb=verb, probable=probable)
    if verb == "refuse-all":
        if not is_all_theirs(number):
            abort(403)
        if (over := house().four_eyes.over) is not None and len(all_siblings(number)) >= over:
            flash(_("About so many another approver has to be asked."), "first")
            return redirect(url_for("bulk.like", number=number))
    place = chosen(number, verb, recipients, request.form.get("choice", ""))
    if place is not None and house().four_eyes.everybody and is_for_everybody(number, verb, recipients[0], place):
        return proposed(number, verb, place)
    return told(number, verb, carried_out(number, verb, recipients, place))


def is_for_everybody(number: str, verb: str, recipient: str, place: int) -> bool:
    with house().reading() as conn:
        return not desk.proposals(conn, number, recipient, listing(verb))[place].entry.scope


def proposed(number: str, verb: str, place: int) -> AnyResponse:
    """A second person has to confirm it before anything happens."""
    kind = bulk.RELEASE if VERBS[verb] is Label.HAM else bulk.REFUSE
    with house().writing() as conn:
        made = bulk.propose(conn, number, kind, place, Asker.of(actor(), me()), clock.now())
    flash(_("Proposed. Another approver has to confirm it; they find it on their page Today."))
    return redirect(url_for("bulk.show", number=made))


def contradicted(one: Seen, label: Label) -> float | None:
    """How sure a classifier is of the opposite; None where it is not, and where they were asked already."""
    return None if request.form.get("sure") else doubted(one, label)


def doubted(one: Seen, label: Label) -> float | None:
    """How probable spam is to a classifier that is sure of the opposite; None where none is."""
    if not one.is_open:
        return None
    with house().reading() as conn:
        return house().doubt(conn, one.row, label)


def carried_out(number: str, verb: str, recipients: list[str], choice: int | None) -> list[Done]:
    now, here = clock.now(), house()
    with here.writing() as conn:
        if VERBS[verb] is Label.HAM:
            due = now + here.settings.web.undo
            return desk.release(
                conn, here.bodies, number, recipients, me(), here.terms, now, choice=choice, teach=here.teach, due=due
            )
        together = verb == "refuse-all"
        return desk.refuse(
            conn, number, recipients, me(), here.terms, now, choice=choice, teach=here.teach, with_siblings=together
        )


def chosen(number: str, verb: str, recipients: list[str], said: str) -> int | None:
    """The place of the entry that somebody chose to put on the lists with it, for each recipient."""
    if verb not in ("trust", "block"):
        return None
    kind = listing(verb)
    with house().reading() as conn:
        offered = [(desk.proposals(conn, number, one, kind), one) for one in recipients]
    choices = offered[0][0]
    place = int(said) if said.isdecimal() and len(said) < 4 else preselected(choices)
    if place is None or place >= len(choices) or not all(may_take(found[place], one) for found, one in offered):
        abort(400, _("That cannot be chosen for this mail."))
    return place


def listing(verb: str) -> ListVerb:
    return ListVerb.ALLOW if verb == "trust" else ListVerb.BLOCK


SAID = {
    "release": N_("Released"),
    "trust": N_("Released, and its sender is let in from now on"),
    "refuse": N_("Refused"),
    "refuse-all": N_("Refused, with all that are like it"),
    "block": N_("Refused, and its sender is blocked"),
}


def told(number: str, verb: str, done: list[Done]) -> str | AnyResponse:
    """How it went; who decides goes on with the next mail, and may take this back for a while."""
    happened = [one for one in done if one.happened]
    if happened:
        flash(_(SAID[verb]), f"undo {number}")
    else:
        flash("; ".join(sorted({one.words for one in done})) or _("There was nothing to decide."), "first")
    following = next_to(number)
    where = url_for("held.show", mail=following) if following else url_for("held.show")
    if request.headers.get("HX-Request"):
        return Response("", 204, {"HX-Redirect": where})
    return redirect(where)


@page.post("/<number>/ask")
@signed_in
def ask(number: str) -> AnyResponse:
    """For a mail that they may not release themselves: an approver is told who wants it."""
    found, now = seen_or_404(number), clock.now()
    wanted = decidable(found)
    if not (found.is_open and found.is_for_approvers):
        abort(409, _("There is nothing to ask for: it is decided, or yours to decide."))
    with house().writing() as conn:
        for one in wanted:
            asked.ask(conn, number, one, actor().number, request.form.get("words", "").strip(), now)
        note(conn, "asked for a mail", number, recipients=wanted)
    flash(_("Asked for. An approver of the domain sees it, and decides."))
    return redirect(back_to(number))


@page.post("/<number>/undo")
@signed_in
def undo(number: str) -> AnyResponse:
    """Take one's own word back: a release until it is carried out, a refusal for an hour, what was said in review."""
    wanted, now = decidable(seen_or_404(number)), clock.now()
    with house().writing() as conn:
        done = undoing.unrelease(conn, number, me(), now, wanted=wanted)
        done = done or undoing.undo(conn, number, me(), now, own=True, wanted=wanted)
        done = done or reviewing.undo(conn, number, me(), now, wanted=wanted)
    if any(one.happened for one in done):
        flash(_("Taken back: it waits as before."))
    else:
        flash("; ".join(sorted({one.words for one in done})) or _("There is nothing to take back."), "first")
    return redirect(back_to(number, otherwise="held.show"))


def back_to(number: str, otherwise: str = "") -> str:
    """The page that a form was on, as far as it has one for this mail."""
    said = request.form.get("from", "")
    if re.fullmatch(r"/bulk/\d{1,18}/look/\d{1,6}", said):
        return said
    if said.startswith("/campaigns/") and (key := said.removeprefix("/campaigns/")).isalnum():
        return url_for("campaigns.one", key=key)
    pages = {"/held": "held.show", "/review": "review.show"}
    if (page := next((pages[path] for path in pages if path in said), otherwise)) != "":
        return url_for(page, mail=number)
    return url_for("mail.show", number=number)
