"""Keeping people and recipients as the directory has them: first what would change, then all of it or nothing.

Nobody is deleted: whoever is not in the directory any more is locked out, and comes back with it. What people of ours
did by hand stays: roles and addresses that did not come from there, and who was locked out by a person.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from gateway.desk import Person
from gateway.model import Tie
from gateway.people import BadName, enter, read_name
from gateway.settings.signin import DirectorySettings
from gateway.signin.arrival import is_guarded, keep_roles, known_as
from gateway.signin.directory import Entry, Group
from gateway.signin.nouns import Welcome, is_member
from gateway.store import directories, links, persons, sittings

ISSUER = "directory"
NAME = "directory"  # of its rounds
FEW = 2  # that may be gone at once however few there are
STAMP = "# as of "


class TooMany(Exception):
    """More would be gone at once than the settings allow. args[0] says what, in a sentence."""


@dataclass(slots=True)
class Plan:
    """What would change. `here`: links by subject; `kept`: who stays although they are gone, and why."""

    come: list[Entry] = field(default_factory=list)  # nobody of ours yet
    bound: list[tuple[Entry, str]] = field(default_factory=list)  # known here by that name
    back: list[tuple[Entry, str]] = field(default_factory=list)
    changed: list[tuple[Entry, str, list[str], list[str]]] = field(default_factory=list)  # addresses given and taken
    gone: list[tuple[dict[str, Any], str]] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)
    stay: list[tuple[Entry, str]] = field(default_factory=list)  # whose roles may be others
    more: set[str] = field(default_factory=set)  # recipients
    fewer: set[str] = field(default_factory=set)

    def lines(self) -> list[tuple[str, str, str]]:
        """What would change, as people read it: what, who, and more."""
        found = [("new", each.address, ", ".join(each.addresses[1:])) for each in self.come]
        found += [("connected", name, each.address) for each, name in self.bound]
        found += [("back", name, each.address) for each, name in self.back]
        for _, name, given, taken in self.changed:
            told = [*(f"+{address}" for address in given), *(f"-{address}" for address in taken)]
            found.append(("addresses", name, " ".join(told)))
        found += [("locked out", who, "not in the directory any more") for _, who in self.gone]
        found += [("left alone", name, why) for name, why in self.kept]
        found += [("recipient", f"+{address}", "") for address in sorted(self.more)]
        return found + [("recipient", f"-{address}", "") for address in sorted(self.fewer)]


def planned(
    conn: Connection,
    people: Sequence[Entry],
    groups: Sequence[Group],
    settings: DirectorySettings,
    local: Collection[str],
    now: datetime,
) -> Plan:
    """What there is to do."""
    plan = Plan()
    if settings.keeps_people:
        plan_people(conn, plan, [at_home(one, local) for one in people if is_member(one.groups, settings.groups)], now)
    if settings.keeps_recipients:
        named = (*(one.addresses for one in people), *(one.addresses for one in groups))
        said = {one for addresses in named for one in addresses if domain_of(one) in local}
        known = directories.recipients(conn)
        plan.more, plan.fewer = said - known, known - said
    return plan


def plan_people(conn: Connection, plan: Plan, people: Sequence[Entry], now: datetime) -> None:
    known = {link["subject"]: link for link in links.of_issuer(conn, ISSUER)}
    taken: set[str] = set()  # names that somebody new gets
    for entry in people:
        if not entry.addresses:
            continue
        link = known.get(entry.subject)
        if link is None:
            plan_new(conn, plan, entry, taken, now)
        else:
            plan_known(conn, plan, entry, link)
    there = {entry.subject for entry in people}
    for subject, link in known.items():
        if subject not in there and link["addresses"] and link["left_at"] is None:
            plan_gone(conn, plan, link)


def plan_new(conn: Connection, plan: Plan, entry: Entry, taken: set[str], now: datetime) -> None:
    row = known_as(conn, entry.address, now)
    if entry.address in taken:
        plan.kept.append((entry.address, "two entries have this address"))
    elif row is None:
        plan.come.append(entry)
    elif is_guarded(conn, row):
        plan.kept.append((row["name"], "an admin with a password of this house"))
    elif any(one["issuer"] == ISSUER for one in links.of_person(conn, row["id"])):
        plan.kept.append((row["name"], f"{entry.address} has another entry in the directory now"))
    else:
        plan.bound.append((entry, row["name"]))
    taken.add(entry.address)


def plan_known(conn: Connection, plan: Plan, entry: Entry, link: Mapping[str, Any]) -> None:
    row = persons.numbered(conn, link["person_id"])
    assert row is not None  # a link goes with its person
    if link["left_at"] is not None:
        plan.back.append((entry, row["name"]))
    given = [one for one in entry.addresses if one not in link["addresses"]]
    gone = [one for one in link["addresses"] if one not in entry.addresses]
    if given or gone:
        plan.changed.append((entry, row["name"], given, gone))
    plan.stay.append((entry, row["name"]))


def plan_gone(conn: Connection, plan: Plan, link: dict[str, Any]) -> None:
    row = persons.numbered(conn, link["person_id"])
    assert row is not None
    if is_guarded(conn, row):
        plan.kept.append((row["name"], "an admin with a password of this house"))
    elif row["disabled_at"] is None:  # whoever was locked out by a person does not come back with the directory
        plan.gone.append((link, row["name"]))


def guard(conn: Connection, plan: Plan, settings: DirectorySettings) -> None:
    """Raises TooMany."""
    linked = [one for one in links.of_issuer(conn, ISSUER) if one["addresses"] and one["left_at"] is None]
    for what, gone, known in (
        ("people would be locked out", len(plan.gone), len(linked)),
        ("recipients would be gone", len(plan.fewer), directories.how_many(conn)),
    ):
        if gone > max(FEW, known * settings.most_removed // 100):
            allowed = f"[directory] most_removed allows {settings.most_removed} per cent at once"
            raise TooMany(f"{gone} of {known} {what}; {allowed}")


def carried_out(conn: Connection, plan: Plan, welcome: Welcome, by: Person, now: datetime) -> None:
    """All of it, in one transaction."""
    for entry in plan.come:
        make(conn, entry, by, now)
    for entry, name in plan.bound:
        row = known_row(conn, name)
        links.add(conn, row["id"], ISSUER, entry.subject, entry.address, now, made=False)
        enter(conn, "connected", name, by, now, way=ISSUER, subject=entry.subject, address=entry.address)
        have_addresses(conn, row["id"], entry, entry.addresses, (), by, now)
    for entry, name in plan.back:
        persons.change(conn, known_row(conn, name)["id"], disabled_at=None)
        links.change(conn, ISSUER, entry.subject, left_at=None)
        enter(conn, "let in again", name, by, now, why="back in the directory")
    for entry, name, given, taken in plan.changed:
        have_addresses(conn, known_row(conn, name)["id"], entry, given, taken, by, now)
        enter(conn, "addresses changed", name, by, now, given=given, taken=taken, why="directory")
    for link, name in plan.gone:
        row = known_row(conn, name)
        persons.change(conn, row["id"], disabled_at=now)
        links.change(conn, ISSUER, link["subject"], left_at=now)
        ended = sittings.end_all(conn, row["id"])
        enter(conn, "locked out", name, by, now, sessions=ended, why="not in the directory any more")
    for entry, name in (*plan.bound, *plan.stay, *((one, called(one)) for one in plan.come)):
        if row_named := persons.named(conn, name):
            keep_roles(conn, row_named, ISSUER, entry.subject, welcome.given(entry.groups), by, now)
    directories.replace(conn, NAME, plan.more, plan.fewer)
    if plan.more or plan.fewer:
        enter(conn, "recipients read", ISSUER, by, now, more=len(plan.more), fewer=len(plan.fewer))


def make(conn: Connection, entry: Entry, by: Person, now: datetime) -> None:
    name = called(entry)
    if not name:
        return
    number = persons.add(conn, name, by.name, now)
    links.add(conn, number, ISSUER, entry.subject, entry.address, now, made=True)
    have_addresses(conn, number, entry, entry.addresses, (), by, now)
    enter(conn, "made known", name, by, now, way=ISSUER, subject=entry.subject, addresses=list(entry.addresses))


def called(entry: Entry) -> str:
    """What somebody new is called; "" for an address that is no name."""
    try:
        return read_name(entry.address)
    except BadName:
        return ""


def have_addresses(
    conn: Connection,
    number: int,
    entry: Entry,
    given: Collection[str],
    taken: Collection[str],
    by: Person,
    now: datetime,
) -> None:
    for address in given:
        persons.give_address(conn, number, address, Tie.OWN, by.name, now)
    for address in taken:
        persons.take_address(conn, number, address, Tie.OWN)
    links.change(conn, ISSUER, entry.subject, address=entry.address, addresses=list(entry.addresses))


def known_row(conn: Connection, name: str) -> dict[str, Any]:
    row = persons.named(conn, name)
    assert row is not None  # it was there when it was planned, in this transaction
    return row


def at_home(entry: Entry, local: Collection[str]) -> Entry:
    """With its addresses at domains of ours only."""
    kept = tuple(one for one in entry.addresses if domain_of(one) in local)
    return Entry(entry.dn, entry.subject, kept, entry.groups, entry.uid)


def domain_of(address: str) -> str:
    return address.rpartition("@")[2]


# ---- the list that those who take mail in read ---------------------------------------------------------------------


def write_list(conn: Connection, file: Path) -> bool:
    """The recipients as this node keeps them, if they are others by now; whether they were."""
    last = directories.last(conn, NAME)
    if last is None or last["ended"] is None:
        return False  # nobody knows yet, and an empty list would refuse everybody
    head = f"{STAMP}{last['stamp']}"
    try:
        with file.open(encoding="utf-8") as old:
            if old.readline().rstrip("\n") == head:
                return False
    except OSError:
        pass  # the first time
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_text("\n".join([head, *sorted(directories.recipients(conn))]) + "\n", encoding="utf-8")
    fresh.replace(file)
    return True
