"""The person of ours that somebody from elsewhere is: found by who they are there, or bound to it for the first time.

Somebody is bound by (issuer, subject) and never found by their address again: whoever gets another's address over there
gets nothing of theirs here.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from gateway.desk import Person
from gateway.i18n import _
from gateway.marked import N_
from gateway.model import Role, Tie
from gateway.people import BadName, Given, NotPossible, enter, read_name, read_role, written
from gateway.signin.nouns import NotIn, Proven, Welcome
from gateway.store import links, persons

UNKNOWN = N_("Nobody here goes with that account. Ask your admin to invite you.")
GUARDED = N_(
    "An admin with a password of this house connects such an account on the page “How you sign in”, once signed in."
)
TAKEN = N_("Somebody here has that address already, with another account over there. Ask your admin.")


def person_for(conn: Connection, who: Proven, welcome: Welcome, by: Person, now: datetime) -> dict[str, Any]:
    """Their row, with the roles that go with their groups; whoever is locked out too. Raises NotIn."""
    link = links.found(conn, who.issuer, who.subject)
    row = persons.numbered(conn, link["person_id"]) if link else first_time(conn, who, welcome, by, now)
    assert row is not None  # a link goes with its person
    if row["disabled_at"] is None:
        links.change(conn, who.issuer, who.subject, used_at=now, **({"address": who.address} if who.address else {}))
        keep_roles(conn, row, who.issuer, who.subject, welcome.given(who.groups), by, now)
    return row


def first_time(conn: Connection, who: Proven, welcome: Welcome, by: Person, now: datetime) -> dict[str, Any]:
    row = known_as(conn, who.address, now) if who.address else None
    if row is None:
        if not who.address or not welcome.create or who.address.rpartition("@")[2] not in welcome.local:
            raise NotIn(UNKNOWN)
        return made(conn, who, welcome.way, by, now)
    if is_guarded(conn, row):
        raise NotIn(GUARDED)
    if any(one["issuer"] == who.issuer for one in links.of_person(conn, row["id"])):
        raise NotIn(TAKEN)
    if row["disabled_at"] is None:
        links.add(conn, row["id"], who.issuer, who.subject, who.address, now, made=False)
        enter(conn, "connected", row["name"], by, now, way=welcome.way, subject=who.subject, address=who.address)
    return row


def known_as(conn: Connection, address: str, now: datetime) -> dict[str, Any] | None:
    """Who is called by an address, or is the only one whose own it is."""
    if row := persons.named(conn, address.casefold()):
        return row
    own = [one for one in persons.holders(conn, [address], now) if one["kind"] == Tie.OWN]
    return persons.numbered(conn, own[0]["person_id"]) if len(own) == 1 else None


def is_guarded(conn: Connection, row: dict[str, Any]) -> bool:
    """True for an admin with a password of this house, whom nobody elsewhere can become, lock out or demote."""
    return bool(row["password"]) and (Role.ADMIN, "") in persons.roles_of(conn, row["id"])


def made(conn: Connection, who: Proven, way: str, by: Person, now: datetime) -> dict[str, Any]:
    """Somebody new, with the address that they have elsewhere. Raises NotIn."""
    try:
        name = read_name(who.address)
    except BadName as error:
        raise NotIn(UNKNOWN) from error
    number = persons.add(conn, name, by.name, now)
    persons.give_address(conn, number, who.address, Tie.OWN, by.name, now)
    links.add(conn, number, who.issuer, who.subject, who.address, now, made=True)
    enter(conn, "made known", name, by, now, way=way, subject=who.subject, address=who.address)
    row = persons.numbered(conn, number)
    assert row is not None
    return row


def connect(conn: Connection, row: dict[str, Any], who: Proven, way: str, by: Person, now: datetime) -> None:
    """Bind somebody who is signed in. Raises NotPossible where the account over there is somebody else's here."""
    link = links.found(conn, who.issuer, who.subject)
    if link is not None and link["person_id"] != row["id"]:
        raise NotPossible(_("That account is connected with somebody else here."))
    if link is None:
        links.add(conn, row["id"], who.issuer, who.subject, who.address, now, made=False)
        enter(conn, "connected", row["name"], by, now, way=way, subject=who.subject, address=who.address)


def disconnect(conn: Connection, row: dict[str, Any], key: bytes, by: Person, now: datetime) -> bool:
    """That account lets them in no more, and the roles that came with it go; False where it was not theirs."""
    link = links.remove(conn, row["id"], key)
    if link is None:
        return False
    before, from_there = persons.roles_of(conn, row["id"]), read_roles(link["roles"])
    persons.give_roles(conn, row["id"], before - from_there)
    enter(conn, "disconnected", row["name"], by, now, issuer=link["issuer"], roles=sorted(map(written, from_there)))
    return True


def read_roles(said: Collection[str]) -> frozenset[Given]:
    return frozenset(read_role(*one.partition(":")[::2]) for one in said)


def keep_roles(
    conn: Connection,
    row: dict[str, Any],
    issuer: str,
    subject: str,
    wanted: frozenset[Given],
    by: Person,
    now: datetime,
) -> bool:
    """Give the roles that go with groups, and take those that came that way and go with none any more.

    What somebody of ours gave by hand stays. Whether something changed.
    """
    link = links.found(conn, issuer, subject)
    if link is None:
        return False
    before, from_there = persons.roles_of(conn, row["id"]), read_roles(link["roles"])
    after = (before - (from_there - wanted)) | wanted
    theirs = (from_there & wanted) | (wanted - before)
    if theirs != from_there:
        links.change(conn, issuer, subject, roles=sorted(map(written, theirs)))
    if after == before:
        return False
    persons.give_roles(conn, row["id"], after)
    told = {"roles": sorted(map(written, after)), "before": sorted(map(written, before))}
    enter(conn, "roles changed", row["name"], by, now, why="groups elsewhere", **told)
    return True
