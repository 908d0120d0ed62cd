"""Whom the house knows: entries of the lists that people made, and who is remembered.

Everybody sees and changes what is about their own mail; approvers what is about their domains, or everybody.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from gateway import clock, entries
from gateway.i18n import _, tell
from gateway.marked import N_
from gateway.model import Act, Binds, ListEntry, ListVerb
from gateway.policy.conflicts import conflicts, conflicts_of
from gateway.policy.entries import conflict_plainly, is_name, plainly, whose
from gateway.policy.lists import in_force
from gateway.policy.parties import BadParty, read_domain, read_network, read_party, read_scope, why
from gateway.policy.rights import can, domains
from gateway.store import audit, lists, memory
from gateway.store.lists import SORTS, NewEntry, Wanted
from webui import places
from webui.acts import said
from webui.guard import actor, house, may, signed_in
from webui.noted import me
from webui.pages.held import view

page = Blueprint("known", __name__, url_prefix="/known")

A_PAGE = 50
MOST_REMEMBERED = 50
MOST_CONFLICTS = 200  # that a page shows
SHOW = ("all", *SORTS, "combinations", "past")
LIVES = {"": N_("for ever"), "30": N_("30 days"), "180": N_("half a year"), "400": N_("400 days")}
TABS = {
    "all": N_("All"),
    "servers": N_("Servers"),
    "domains": N_("Domains"),
    "addresses": N_("Addresses"),
    "combinations": N_("Combinations"),
    "past": N_("Not any more"),
}
# Why somebody is remembered, by what is on record.
EARNED = {
    one: one
    for one in (
        N_("wrote"),
        N_("sent"),
        N_("waited"),
        N_("accepted"),
        N_("released"),
        N_("two waited"),
    )
}


# ---- who may -------------------------------------------------------------------------------------------------------


def is_seen(about: str) -> bool:
    """What holds for everybody is known to all who decide; the rest to whoever may know of that mail."""
    return can(actor(), Act.SEE, about) if about else can(actor(), Act.KNOWN)


def is_mine(about: str) -> bool:
    """Whether they may change it: an own address by whoever has it, a domain or everybody by its approvers.

    Where everybody's entries need a second person nobody makes one here: it is proposed at a mail.
    """
    if not about and house().four_eyes.everybody:
        return False
    return can(actor(), Act.TRUST if about.partition("@")[0] else Act.TRUST_FOR_ALL, about)


def found_or_404(conn: Connection, number: int) -> ListEntry:
    one = lists.find(conn, number) if number <= places.LARGEST else None
    if one is None or not is_seen(whose(one)):
        abort(404)
    return one


def changing(conn: Connection, number: int) -> ListEntry:
    one = found_or_404(conn, number)
    if not is_mine(whose(one)):
        abort(403)
    return one


# ---- the list ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as it is shown."""

    entry: ListEntry
    words: str
    holds: bool
    mine: bool


def row_of(one: ListEntry) -> Row:
    return Row(one, tell(plainly(one)), one.withdrawn_at is None and in_force(one, clock.now()), is_mine(whose(one)))


@page.get("")
@signed_in
def show() -> str:
    query, sort = request.args.get("q", "").strip()[:200], request.args.get("show", "all")
    before, now = places.number(request.args.get("after", "")), clock.now()
    with house().reading() as conn:
        found = lists.search(conn, wanted(query, sort), now, A_PAGE + 1, before)
        remembered = whom_we_remember(conn, query, now) if sort == "all" and before is None else []
    after = found[A_PAGE - 1].id if len(found) > A_PAGE else None
    rows = [row_of(one) for one in found[:A_PAGE]]
    told: dict[str, Any] = {"rows": rows, "after": after, "query": query, "sort": sort}
    if request.headers.get("HX-Request") and before is not None:
        return render_template("known/rows.html", **told)
    told |= {"sorts": SHOW, "tabs": TABS, "remembered": remembered, "earned": earned}
    return render_template("known/page.html", may_add=bool(scopes()), **told)


def wanted(query: str = "", sort: str = "all") -> Wanted:
    return Wanted(view(), can(actor(), Act.KNOWN), query, sort, past=sort == "past")


def earned(how: str) -> str:
    return _(EARNED[how]) if how in EARNED else how


def whom_we_remember(conn: Connection, query: str, now: datetime) -> list[dict[str, Any]]:
    """For whoever looks: in their own mail, or everywhere, under a name."""
    if not can(actor(), Act.KNOWN):
        return memory.of_recipients(conn, actor().addresses, query, now, MOST_REMEMBERED)
    rows = memory.about(conn, query, now, MOST_REMEMBERED) if query else []
    return [row for row in rows if is_seen("" if row["recipient"] == memory.EVERYBODY else row["recipient"])]


@page.get("/conflicts")
@may(Act.KNOWN)
def show_conflicts() -> str:
    with house().reading() as conn:
        found = conflicts(lists.entries(conn), clock.now())
    told = [one for one in found if is_seen(whose(one.entry)) and (one.other is None or is_seen(whose(one.other)))]
    sentences = [(one.entry.id, tell(conflict_plainly(one))) for one in told[:MOST_CONFLICTS]]
    return render_template("known/conflicts.html", conflicts=sentences, more=len(told) - len(sentences))


# ---- one of them ---------------------------------------------------------------------------------------------------


@page.get("/<int:entry>")
@signed_in
def show_one(entry: int) -> str:
    with house().reading() as conn:
        one = found_or_404(conn, entry)
        others = [other for other in lists.entries(conn) if is_seen(whose(other))]
        story = audit.latest(conn, 100, who="", about=entries.about(entry))[::-1]
    told = [tell(conflict_plainly(found)) for found in conflicts_of(one, others, clock.now())[:20]]
    last = one.expires - timedelta(microseconds=1) if one.expires else None
    return render_template(
        "known/entry.html",
        row=row_of(one),
        story=[each for each in story if each["act"] != "entry added"],
        said=said,
        conflicts=told,
        last_day=f"{last:%Y-%m-%d}" if last else "",
    )


@page.post("/<int:entry>/change")
@signed_in
def change(entry: int) -> Response:
    last, comment = request.form.get("until", ""), request.form.get("comment", "").strip()[:500]
    expires = places.day(last)
    if last and expires is None:
        abort(400, _("That is no day."))
    with house().writing() as conn:
        changing(conn, entry)
        done = entries.change(conn, entry, expires, comment, me(), clock.now())
    changed = _("Changed. It counts from the next second on.")
    flash(changed if done else _("It was taken off already."), "" if done else "first")
    return redirect(url_for("known.show_one", entry=entry))


@page.post("/<int:entry>/withdraw")
@signed_in
def withdraw(entry: int) -> Response:
    with house().writing() as conn:
        one = changing(conn, entry)
        done = entries.take_off(conn, entry, me(), clock.now())
    if done:
        flash(_("It does not hold any more: %(entry)s.") % {"entry": tell(plainly(one))}, f"back {entry}")
    else:
        flash(_("It was taken off already."), "first")
    return redirect(url_for("known.show"))


@page.post("/<int:entry>/restore")
@signed_in
def restore(entry: int) -> Response:
    with house().writing() as conn:
        one = changing(conn, entry)
        done = entries.put_back(conn, entry, me(), clock.now())
    again = _("It holds again: %(entry)s.") % {"entry": tell(plainly(one))}
    flash(again if done else _("It was never taken off."), "" if done else "first")
    return redirect(url_for("known.show_one", entry=entry))


# ---- a new one -----------------------------------------------------------------------------------------------------


def scopes() -> dict[str, str]:
    """For whom somebody may say it: their addresses, the domains that they decide for, or everybody."""
    found = {one: one for one in sorted(actor().addresses)}
    given = domains(actor(), Act.TRUST_FOR_ALL)
    for domain in sorted(house().settings.domains.local if "" in given else given):
        found[domain] = _("everybody at %(domain)s") % {"domain": domain}
    return found | ({"": _("everybody here")} if is_mine("") else {})


@page.get("/add")
@signed_in
def ask() -> str:
    return asked("")


def asked(problem: str) -> str:
    return render_template(
        "known/add.html", scopes=scopes(), lives=LIVES, problem=problem, is_approver=bool(domains(actor(), Act.DECIDE))
    )


@page.post("/add")
@signed_in
def add() -> Response | str | tuple[str, int]:
    try:
        new = read_new(clock.now())
    except (BadParty, ValueError) as error:
        return asked(tell(why(error))), 400
    made = new.as_entry()
    if not is_mine(whose(made)):
        abort(403, _("For them somebody else says whom to let in."))
    with house().writing() as conn:
        number = entries.add(conn, new, me(), clock.now())
    flash(_("It counts from the next second on: %(entry)s.") % {"entry": tell(plainly(made))})
    return redirect(url_for("known.show_one", entry=number))


def read_new(now: datetime) -> NewEntry:
    """Raises ValueError with what is wrong."""
    form = {name: value.strip() for name, value in request.form.items()}
    life = form.get("life", "")
    if life not in LIVES:
        raise BadParty(_("choose how long it holds"))
    return made_entry(
        verb=ListVerb(form.get("verb", "allow")),
        party=form.get("party", ""),
        scope=form.get("recipient") or form.get("scope", ""),
        network=form.get("network"),
        signer=form.get("signature"),
        expires=now + timedelta(days=int(life)) if life else None,
        comment=form.get("comment", "")[:500],
        unless_proved=bool(form.get("binds")),
    )


def made_entry(
    *,
    verb: ListVerb,
    party: str,
    scope: str,
    network: str | None,
    signer: str | None,
    expires: datetime | None,
    comment: str,
    unless_proved: bool,
) -> NewEntry:
    """What whoever is signed in wants to add. `scope` "" is everybody. Raises ValueError with what is wrong."""
    kind, value = read_party(party)
    if scope and read_scope(scope).rpartition("@")[2] not in house().settings.domains.local:
        raise BadParty(_("%(scope)s is no address and no domain of ours") % {"scope": scope})
    if not is_name(kind) and (network or signer):
        raise BadParty(_("a network or a signature goes beside the name of a sender"))
    return NewEntry(
        verb,
        kind,
        value,
        read_network(network) if network else None,
        read_scope(scope) if scope else None,
        expires,
        actor().name,
        comment,
        read_domain(signer) if signer else None,
        Binds.UNAUTHENTICATED if verb is ListVerb.BLOCK and unless_proved and is_name(kind) else Binds.EVERYTHING,
    )
