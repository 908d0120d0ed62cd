"""Who may sign in, as what, and whose mail they see."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from gateway import clock, people
from gateway.i18n import _, ngettext, tell
from gateway.marked import N_, Said
from gateway.model import Act, Level, Role
from gateway.people import BadName, BadRole, Given, NoSuchPerson, NotPossible, written
from gateway.policy.address import BadAddress, parse_address
from gateway.policy.parties import why
from gateway.store import audit, levels, links, persons, sittings
from webui import places
from webui.acts import said as act_said
from webui.guard import actor, house, may
from webui.noted import me
from webui.pages.protection import NAMES, otherwise
from webui.shown import last_day

page = Blueprint("people", __name__, url_prefix="/people")

A_PAGE = 50
MOST_ADDRESSES = 50
MOST_DOMAINS = 20  # that are shown above the people
ROLES = {
    Role.APPROVER: N_("Approver: decides about the mail of others"),
    Role.AUDITOR: N_("Auditor: sees what happened and who did it, never what is in mail"),
    Role.LISTS: N_("List manager: sends to lists"),
    Role.ADMIN: N_("Admin: runs the house"),
}
# With what somebody signs in.
WAYS = {
    "password": N_("password"),
    "code": N_("code"),
    "passkey": N_("passkey"),
    "account elsewhere": N_("account elsewhere"),
}


# ---- everybody -----------------------------------------------------------------------------------------------------


@page.get("")
@may(Act.PEOPLE)
def show() -> str:
    return listed()


def listed(link: str = "", invited: str = "") -> str:
    query, after = request.args.get("q", "").strip()[:200], request.args.get("after", "")[:255]
    with house().reading() as conn:
        rows = persons.everybody(conn, A_PAGE + 1, after, query)
        found = described(conn, rows[:A_PAGE])
        domains = [] if query or after else houses(conn)
    told = {"people": found, "query": query, "after": rows[A_PAGE - 1]["name"] if len(rows) > A_PAGE else ""}
    if request.headers.get("HX-Request") and after:
        return render_template("people/rows.html", **told)
    told |= {"roles": ROLES, "levels": NAMES, "domains": domains}
    return render_template("people/page.html", link=link, invited=invited, **told)


def described(conn: Connection, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    numbers = [row["id"] for row in rows]
    roles, addresses = persons.roles_of_all(conn, numbers), persons.addresses_of_all(conn, numbers)
    ways = links.ways_of_all(conn, numbers)
    return [
        {
            "name": row["name"],
            "state": state_of(row, ways.get(row["id"], frozenset())),
            "roles": sorted(map(written, roles[row["id"]])),
            "addresses": addresses[row["id"]],
        }
        for row in rows
    ]


def state_of(row: dict[str, Any], ways: frozenset[str]) -> str:
    """With what they sign in. `ways`: passkeys and accounts elsewhere, as far as they have some."""
    if row["disabled_at"]:
        return _("locked out")
    own = ["password"] if row["password"] else []
    found = [*own, *(["code"] if row["totp"] else []), *sorted(ways)]
    return ", ".join(_(WAYS.get(one, one)) for one in found) or _("invited")


def houses(conn: Connection) -> list[dict[str, Any]]:
    """The domains, with their levels and who decides there."""
    local = sorted(house().settings.domains.local)[:MOST_DOMAINS]
    return [
        {
            "name": one,
            "level": level_of(conn, one),
            "approvers": persons.with_role(conn, Role.APPROVER, one, 5),
        }
        for one in local
    ]


def level_of(conn: Connection, account: str) -> Level:
    chosen = levels.of(conn, account)
    return Level(chosen["level"]) if chosen else otherwise(conn, account)


@page.post("/invite")
@may(Act.PEOPLE)
def invite() -> str | Response:
    try:
        name, addresses, roles = people.read_name(request.form.get("name", "")), read_addresses(), read_roles()
    except (BadName, BadAddress, BadRole) as error:
        flash(_("Nobody was invited: %(why)s.") % {"why": tell(why(error))}, "first")
        return redirect(url_for("people.show"))
    return listed(link_for(name, roles, addresses), name)


def link_for(name: str, roles: list[Given], addresses: list[str]) -> str:
    with house().writing() as conn:
        invited = people.invite(conn, name, roles, addresses, me(), clock.now())
    base = house().settings.web.url or request.host_url.rstrip("/")
    return f"{base}{url_for('signin.invited', secret=invited.secret)}"


# ---- one person ----------------------------------------------------------------------------------------------------


@page.get("/<name>")
@may(Act.PEOPLE)
def show_one(name: str) -> str:
    return shown(name)


def shown(name: str, link: str = "") -> str:
    now = clock.now()
    with house().reading() as conn:
        row = persons.named(conn, name) or abort(404)
        addresses = persons.addresses_of(conn, row["id"])
        held = {one["address"] for one in addresses if one["kind"] == "own"}
        others = [one for one in persons.holders(conn, held, now) if one["name"] != name]
        latest = audit.latest(conn, 1, who=name, act="signed in")
        ways = links.ways_of_all(conn, [row["id"]]).get(row["id"], frozenset())
        told = {
            "levels": {one["address"]: level_of(conn, one["address"]) for one in addresses},
            "given": persons.roles_of(conn, row["id"]),
            "sessions": sittings.of_person(conn, row["id"], now),
            "story": audit.latest(conn, 10, about=name),
        }
    return render_template(
        "people/person.html",
        person=row,
        state=state_of(row, ways),
        addresses=addresses,
        others=others,
        signed_in=latest[0]["at"] if latest else None,
        roles=ROLES,
        names=NAMES,
        said=act_said,
        link=link,
        has_key="passkey" in ways,
        written=written,
        **told,
    )


def done(name: str, work: Callable[[Connection], str]) -> Response:
    """Do something to somebody, and tell."""
    try:
        with house().writing() as conn:
            said = work(conn)
    except NoSuchPerson:
        abort(404)
    except NotPossible as error:
        flash(str(error), "first")
    else:
        flash(said)
    return redirect(url_for("people.show_one", name=name))


@page.post("/<name>/lock")
@may(Act.PEOPLE)
def lock(name: str) -> Response:
    if name == actor().name:
        abort(400, _("Nobody locks themselves out."))

    def work(conn: Connection) -> str:
        people.lock_out(conn, name, me(), clock.now())
        return _("%(name)s is out, everywhere. Another invitation lets them in again.") % {"name": name}

    return done(name, work)


@page.post("/<name>/invite")
@may(Act.PEOPLE)
def invite_again(name: str) -> str:
    """A new link, for whoever lost the old one or the password."""
    with house().reading() as conn:
        if persons.named(conn, name) is None:
            abort(404)
    return shown(name, link_for(name, [], []))


@page.post("/<name>/factor")
@may(Act.PEOPLE)
def reset_factor(name: str) -> Response:
    def work(conn: Connection) -> str:
        if people.reset_factor(conn, name, me(), clock.now()):
            said = _("The password alone lets %(name)s in now. They are signed out everywhere.")
            return said % {"name": name}
        return _("%(name)s has no second factor.") % {"name": name}

    return done(name, work)


@page.post("/<name>/sessions")
@may(Act.PEOPLE)
def end_sessions(name: str) -> Response:
    def work(conn: Connection) -> str:
        ended = people.end_sessions(conn, name, me(), clock.now())
        said = ngettext(
            "%(name)s was signed out, in %(count)d place.", "%(name)s was signed out, in %(count)d places.", ended
        )
        return said % {"name": name, "count": ended}

    return done(name, work)


@page.post("/<name>/roles")
@may(Act.PEOPLE)
def give_roles(name: str) -> Response:
    """The roles that stay, and new ones."""

    def work(conn: Connection) -> str:
        kept = [people.read_role(*one.partition(":")[::2]) for one in request.form.getlist("keep")]
        people.give_roles(conn, name, [*kept, *read_roles()], me(), clock.now())
        return _("Their roles are changed, from their next click on.")

    try:
        return done(name, work)
    except BadRole as error:
        abort(400, _("%(why)s.") % {"why": error})


@page.post("/<name>/give")
@may(Act.PEOPLE)
def give(name: str) -> Response:
    """An address for good, or until a day."""
    said = request.form.get("until", "")
    until = places.day(said)
    if said and until is None:
        abort(400, _("That is no day."))
    try:
        address = parse_address(request.form.get("address", "").strip()).key
    except BadAddress as error:
        abort(400, _("That is no address: %(why)s.") % {"why": tell(why(error))})

    def work(conn: Connection) -> str:
        if until is None:
            people.give_address(conn, name, address, me(), clock.now())
            said = _("%(name)s sees the mail of %(address)s now, and decides about it.")
            return said % {"name": name, "address": address}
        people.lend(conn, address, name, None, until, me(), clock.now())
        said = _("%(name)s stands in for %(address)s until %(day)s.")
        return said % {"name": name, "address": address, "day": last_day(until)}

    return done(name, work)


@page.post("/<name>/take")
@may(Act.PEOPLE)
def take(name: str) -> Response:
    address = request.form.get("address", "")

    def work(conn: Connection) -> str:
        taken = people.take_address(conn, name, address, me(), clock.now())
        said = _("%(name)s does not see the mail of %(address)s any more.")
        return said % {"name": name, "address": address} if taken else _("It was not theirs.")

    return done(name, work)


# ---- what is typed -------------------------------------------------------------------------------------------------


def read_addresses() -> list[str]:
    said = request.form.get("addresses", "").replace(",", " ").split()
    if len(said) > MOST_ADDRESSES:
        raise BadAddress(Said(N_("that is no list of at most %(count)d addresses"), {"count": MOST_ADDRESSES}))
    return [parse_address(one).key for one in said]


def read_roles() -> list[Given]:
    domain = request.form.get("domain", "").strip()
    return [people.read_role(one, domain) for one in request.form.getlist("role")]
