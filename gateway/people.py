"""People come in and go, and what they are: invitations, roles, addresses, second factors, and locking out.

Used by the command line and the pages alike.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from gateway.desk import Person
from gateway.i18n import _, tell
from gateway.model import Role, Tie
from gateway.policy.address import BadAddress, domain_key
from gateway.policy.parties import why
from gateway.store import audit, passkeys, persons, sittings, tokens

GOOD_FOR = timedelta(days=3)  # an invitation
LONGEST = 255  # letters of a name
LONGEST_LOAN = timedelta(days=366)
FIRST = frozenset({(Role.ADMIN, ""), (Role.APPROVER, "")})  # in a small office one person does it all

Given = tuple[Role, str]  # a role and the domain that it is for; "" is all of them


class BadName(ValueError):
    """What nobody can be called; args[0] says why."""


class BadRole(ValueError):
    """No role, or no domain; args[0] says why."""


class NoSuchPerson(Exception):
    """Nobody is called that."""


class NotPossible(Exception):
    """args[0] says what stands against it, in a sentence."""


@dataclass(frozen=True, slots=True)
class Invited:
    """Somebody who may choose a password, with what the link has to hold."""

    name: str
    secret: str


def read_name(said: str) -> str:
    """A name as it is kept: in small letters. Raises BadName."""
    name = said.strip().casefold()
    if not name or len(name) > LONGEST or not name.isprintable() or any(letter in name for letter in " /"):
        raise BadName(_("a name is a word or a mail address, such as olga or olga@example.com"))
    return name


def read_role(role: str, domain: str) -> Given:
    """Raises BadRole."""
    try:
        return Role(role), domain_key(domain) if domain else ""
    except BadAddress as error:
        raise BadRole(_("%(domain)s is no domain: %(why)s") % {"domain": domain, "why": tell(why(error))}) from error
    except ValueError as error:
        told = {"roles": ", ".join(Role), "example": "approver:example.com"}
        raise BadRole(_("a role is one of %(roles)s, for one domain as in %(example)s") % told) from error


def written(one: Given) -> str:
    """As people write it: approver, or approver:example.com."""
    role, domain = one
    return f"{role}:{domain}" if domain else str(role)


def invite(
    conn: Connection,
    name: str,
    roles: Collection[Given],
    addresses: Collection[str],
    by: Person,
    now: datetime,
) -> Invited:
    """The person is there from now on, and may choose a password, once. Roles and addresses are added to theirs."""
    row = persons.named(conn, name)
    number = row["id"] if row else persons.add(conn, name, by.name, now)
    if roles:
        persons.give_roles(conn, number, persons.roles_of(conn, number) | frozenset(roles))
    for address in addresses:
        persons.give_address(conn, number, address, Tie.OWN, by.name, now)
    secret = secrets.token_urlsafe(24)
    sittings.invite(conn, secret, number, by.name, now, now + GOOD_FOR)
    detail = {"roles": sorted(map(written, roles)), "addresses": list(addresses)}
    audit.add(conn, by.node, by.entry(now, "invited", name, detail))
    return Invited(name, secret)


def known(conn: Connection, name: str) -> dict[str, Any]:
    """Raises NoSuchPerson."""
    row = persons.named(conn, name)
    if row is None:
        raise NoSuchPerson(name)
    return row


def enter(conn: Connection, act: str, about: str, by: Person, now: datetime, **detail: Any) -> None:
    audit.add(conn, by.node, by.entry(now, act, about, detail))


def lock_out(conn: Connection, name: str, by: Person, now: datetime) -> int:
    """At once and everywhere; how many sessions ended. Their tokens are revoked for good.

    Another invitation lets them in again. Raises NoSuchPerson.
    """
    row = known(conn, name)
    persons.change(conn, row["id"], disabled_at=now, password="", totp=None, recovery=[])
    passkeys.remove_all(conn, row["id"])
    sittings.uninvite(conn, row["id"])
    ended = sittings.end_all(conn, row["id"])
    enter(conn, "locked out", name, by, now, sessions=ended, tokens=tokens.revoke_all(conn, row["id"], now))
    return ended


def end_sessions(conn: Connection, name: str, by: Person, now: datetime) -> int:
    """Wherever they are signed in; how many there were. Raises NoSuchPerson."""
    ended = sittings.end_all(conn, known(conn, name)["id"])
    enter(conn, "sessions ended", name, by, now, sessions=ended)
    return ended


def reset_factor(conn: Connection, name: str, by: Person, now: datetime) -> bool:
    """Their telephone is lost: the password alone counts until they set up another, and all sessions end. Passkeys are
    gone too: they may be in the same telephone.

    False where there was none. Raises NoSuchPerson.
    """
    row = known(conn, name)
    if not passkeys.remove_all(conn, row["id"]) and not row["totp"]:
        return False
    persons.change(conn, row["id"], totp=None, recovery=[])
    enter(conn, "second factor reset", name, by, now, sessions=sittings.end_all(conn, row["id"]))
    return True


def give_roles(conn: Connection, name: str, roles: Collection[Given], by: Person, now: datetime) -> None:
    """These and no others. Raises NoSuchPerson and NotPossible."""
    row = known(conn, name)
    before, after = persons.roles_of(conn, row["id"]), frozenset(roles)
    if name == by.name and (Role.ADMIN, "") in before - after:
        raise NotPossible(_("Nobody stops being the admin by themselves: another admin has to say so."))
    persons.give_roles(conn, row["id"], after)
    enter(conn, "roles changed", name, by, now, roles=sorted(map(written, after)), before=sorted(map(written, before)))


def give_address(conn: Connection, name: str, address: str, by: Person, now: datetime) -> None:
    """Its mail is theirs too, beside whoever has it already. Raises NoSuchPerson."""
    persons.give_address(conn, known(conn, name)["id"], address, Tie.OWN, by.name, now)
    enter(conn, "address given", name, by, now, address=address)


def take_address(conn: Connection, name: str, address: str, by: Person, now: datetime) -> bool:
    """They see its mail no more; False where they did not. Raises NoSuchPerson."""
    taken = persons.take_address(conn, known(conn, name)["id"], address)
    if taken:
        enter(conn, "address taken", name, by, now, address=address)
    return taken


# ---- substitutes ---------------------------------------------------------------------------------------------------


def lend(
    conn: Connection, address: str, name: str, since: datetime | None, until: datetime, by: Person, now: datetime
) -> None:
    """They see the mail of an address and decide about it for a time. Raises NoSuchPerson and NotPossible."""
    row = known(conn, name)
    if row["disabled_at"] is not None:
        raise NotPossible(_("%(name)s is locked out.") % {"name": name})
    if persons.tie_of(conn, row["id"], address, now) is Tie.OWN:
        raise NotPossible(_("%(address)s is %(name)s's own already.") % {"address": address, "name": name})
    if until <= max(now, since or now):
        raise NotPossible(_("It would be over before it begins."))
    if until - now > LONGEST_LOAN:
        raise NotPossible(_("A substitute stands in for a year at most. For longer, an admin gives them the address."))
    persons.give_address(conn, row["id"], address, Tie.DELEGATE, by.name, now, until, since)
    enter(conn, "substitute named", address, by, now, name=name, since=since, until=until)


def take_back(conn: Connection, address: str, name: str, by: Person, now: datetime) -> bool:
    """They stand in no more; False where they did not. Raises NoSuchPerson."""
    taken = persons.take_address(conn, known(conn, name)["id"], address, Tie.DELEGATE)
    if taken:
        enter(conn, "substitute ended", address, by, now, name=name)
    return taken
