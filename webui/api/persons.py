"""Who may sign in, as what, and whose mail they see."""

from collections.abc import Sequence
from typing import Any

from flask import request, url_for
from sqlalchemy import Connection

from gateway import clock, people
from gateway.model import Act, Scope, Tie
from gateway.people import GOOD_FOR, BadName, BadRole, Given, NotPossible
from gateway.policy.address import BadAddress, parse_address
from gateway.store import links, persons
from webui.api import cursors
from webui.api.answers import Answer
from webui.api.asked import Asked
from webui.api.calls import call
from webui.api.nouns import Held, Invitation, Listing, Somebody
from webui.api.once import carry_out
from webui.api.problems import Problem, invalid
from webui.api.wanted import NewPerson, PeopleWanted, PersonChange
from webui.guard import actor, house
from webui.noted import me
from webui.pages.people import state_of

PEOPLE = "People"
OURS = {"act": Act.PEOPLE}


@call("GET", "/people", Scope.PEOPLE, PEOPLE, query=PeopleWanted, answer=Listing[Somebody], **OURS)
def people_(asked: Asked) -> Listing[Somebody]:
    """Who may sign in

    By name, with those who are locked out.
    """
    query: PeopleWanted = asked.query
    after = cursors.text("people", query.after)
    with house().reading() as conn:
        rows = persons.everybody(conn, query.limit + 1, after, query.q.strip())
        found = described(conn, rows[: query.limit])
    more = len(rows) > query.limit
    return Listing[Somebody](
        items=found, next=cursors.written("people", rows[query.limit - 1]["name"]) if more else None
    )


def described(conn: Connection, rows: Sequence[dict[str, Any]]) -> list[Somebody]:
    numbers = [row["id"] for row in rows]
    roles, addresses = persons.roles_of_all(conn, numbers), persons.addresses_of_all(conn, numbers)
    ways = links.ways_of_all(conn, numbers)
    return [
        Somebody(
            name=row["name"],
            state=state_of(row, ways.get(row["id"], frozenset())),
            roles=sorted(map(people.written, roles[row["id"]])),
            addresses=[
                Held(address=one["address"], kind=one["kind"], until=one["until"]) for one in addresses[row["id"]]
            ],
            created=row["created"],
        )
        for row in rows
    ]


def found_for(conn: Connection, name: str) -> tuple[dict[str, Any], Somebody]:
    """Raises Problem where nobody is called that."""
    row = persons.named(conn, name)
    if row is None:
        raise Problem("not-found")
    return row, described(conn, [row])[0]


@call("GET", "/people/<name>", Scope.PEOPLE, PEOPLE, answer=Somebody, tagged=True, **OURS)
def person(asked: Asked, name: str) -> Somebody:
    """One person"""
    with house().reading() as conn:
        return found_for(conn, name)[1]


@call(
    "POST", "/people", Scope.PEOPLE, PEOPLE, body=NewPerson, answer=Invitation, status=201,
    also=("impossible", "somebody-first"), headers={"Location": "Where the person is."}, **OURS,
)  # fmt: skip
def person_add(asked: Asked) -> object:
    """Invite somebody

    They are there from now on and choose a password by the link, once, within three days. The link is told here only.
    """
    new: NewPerson = asked.body
    try:
        name = people.read_name(new.name)
    except BadName as error:
        raise invalid([{"pointer": "#/name", "detail": f"{error}."}]) from None
    roles, addresses = read_roles(new.roles), read_addresses(new.addresses)

    def work(conn: Connection) -> Answer:
        if persons.named(conn, name) is not None:
            raise Problem("somebody-first", f"There is somebody who is called {name}.")
        return invited(conn, name, roles, addresses)

    return carry_out(work)


def invited(conn: Connection, name: str, roles: Sequence[Given], addresses: Sequence[str]) -> Answer:
    now = clock.now()
    made = people.invite(conn, name, roles, addresses, me(), now)
    base = house().settings.web.url or request.host_url.rstrip("/")
    link = f"{base}{url_for('signin.invited', secret=made.secret)}"
    told = Invitation(name=name, link=link, expires=now + GOOD_FOR)
    return Answer(told, {"Location": url_for("api.person", name=name)})


@call("POST", "/people/<name>/invitation", Scope.PEOPLE, PEOPLE, answer=Invitation, status=201,
      headers={"Location": "Where the person is."}, **OURS)  # fmt: skip
def person_invite(asked: Asked, name: str) -> object:
    """Invite somebody again

    The way to a new password, and back in for whoever was locked out. Earlier links are worth nothing any more.
    """

    def work(conn: Connection) -> Answer:
        found_for(conn, name)
        return invited(conn, name, (), ())

    return carry_out(work)


@call(
    "PATCH", "/people/<name>", Scope.PEOPLE, PEOPLE, body=PersonChange, answer=Somebody, tagged=True, matched=True,
    also=("impossible",), **OURS,
)  # fmt: skip
def person_change(asked: Asked, name: str) -> object:
    """Change somebody's roles and addresses, or lock them out

    From their next click on. Who is locked out is signed out everywhere, and their tokens are revoked.
    """
    change: PersonChange = asked.body
    roles = None if change.roles is None else read_roles(change.roles)
    addresses = None if change.addresses is None else read_addresses(change.addresses)

    def work(conn: Connection) -> Somebody:
        persons.lock(conn, name)
        row, before = found_for(conn, name)
        asked.must_be(before)
        if roles is not None:
            people.give_roles(conn, name, roles, me(), clock.now())
        if addresses is not None:
            give_addresses(conn, name, row["id"], addresses)
        if change.disabled:
            if name == actor().name:
                raise Problem("impossible", "Nobody locks themselves out.")
            people.lock_out(conn, name, me(), clock.now())
        return found_for(conn, name)[1]

    try:
        return carry_out(work)
    except NotPossible as error:
        raise Problem("impossible", str(error)) from None


def give_addresses(conn: Connection, name: str, number: int, wanted: Sequence[str]) -> None:
    """These of their own and no others; what they stand in for stays."""
    there = {one["address"] for one in persons.addresses_of(conn, number) if one["kind"] == Tie.OWN}
    for address in sorted(set(wanted) - there):
        people.give_address(conn, name, address, me(), clock.now())
    for address in sorted(there - set(wanted)):
        people.take_address(conn, name, address, me(), clock.now())


def read_roles(said: Sequence[str]) -> list[Given]:
    """Raises Problem."""
    found = []
    for place, one in enumerate(said):
        try:
            found.append(people.read_role(*one.partition(":")[::2]))
        except BadRole as error:
            raise invalid([{"pointer": f"#/roles/{place}", "detail": f"{error}."}]) from None
    return found


def read_addresses(said: Sequence[str]) -> list[str]:
    """Raises Problem."""
    found = []
    for place, one in enumerate(said):
        try:
            found.append(parse_address(one.strip()).key)
        except BadAddress as error:
            raise invalid([{"pointer": f"#/addresses/{place}", "detail": f"That is no address: {error}."}]) from None
    return found
