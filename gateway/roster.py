"""People as a file: CSV, a line for each, in and out again.

A column that is there says all of it; one that is not there, and people whom no line names, stay as they are.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TextIO

from sqlalchemy import Connection

from gateway import people
from gateway.desk import Person
from gateway.i18n import _, tell
from gateway.listfile import in_line, no_csv
from gateway.model import Level, Tie
from gateway.people import Given, NotPossible, enter, read_name, read_role, written
from gateway.policy.address import BadAddress, parse_address
from gateway.policy.parties import why
from gateway.store import levels, persons

COLUMNS = ("name", "addresses", "roles", "level", "substitutes")
MOST = 10_000  # people
DAY = timedelta(days=1)
BETWEEN = re.compile(r"[\s,;]+")


class BadRoster(Exception):
    """Nothing was done; args[0] is what is wrong, a line each."""


@dataclass(frozen=True, slots=True)
class Loan:
    """Somebody stands in, for one of the addresses, from a day on (None: at once) until the end of another."""

    address: str
    name: str
    until: date
    since: date | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """What a line says of somebody; None of what it says nothing."""

    line: int
    name: str
    addresses: tuple[str, ...] | None = None
    roles: frozenset[Given] | None = None
    levels: dict[str, Level] | None = None  # "" is all of the addresses
    loans: tuple[Loan, ...] | None = None  # an address "" is all of them


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of somebody, as people read it."""

    name: str
    what: str
    detail: str = ""


# ---- in ------------------------------------------------------------------------------------------------------------


def read(file: TextIO, local: Iterable[str]) -> tuple[list[Row], list[str]]:
    """The lines of a file, and what is wrong with them."""
    rows: list[Row] = []
    problems: list[str] = []
    reader = csv.DictReader(file)
    try:
        wrong = headings(reader.fieldnames or ())
        if wrong:
            return [], [in_line(1, wrong)]
        for said in reader:
            row = read_row(said, reader.line_num, frozenset(local), problems)
            if row is not None and any(one.name == row.name for one in rows):
                problems.append(in_line(row.line, _("%(name)s has a line already") % {"name": row.name}))
            elif row is not None:
                rows.append(row)
    except (csv.Error, UnicodeDecodeError) as error:
        problems.append(no_csv(reader.line_num, error))
    if not rows and not problems:
        problems.append(_("there is nobody in it"))
    return rows, problems


def headings(names: Sequence[str]) -> str:
    """What is wrong with the names of the columns; "" for nothing."""
    unknown = [one for one in names if one not in COLUMNS]
    if unknown or "name" not in names or len(set(names)) < len(names):
        told = {"columns": ", ".join(COLUMNS), "unknown": ", ".join(unknown)}
        if unknown:
            return _("the columns are %(columns)s, and name is needed; %(unknown)s is none of them") % told
        return _("the columns are %(columns)s, and name is needed") % told
    return ""


def read_row(said: dict[str, Any], line: int, local: frozenset[str], problems: list[str]) -> Row | None:
    """None where something is wrong, which is told in full."""
    before = len(problems)

    def tried(column: str, reads: Callable[[str], Any]) -> Any:
        if said.get(column) is None:
            return None
        try:
            return reads(said[column])
        except ValueError as error:
            problems.append(
                in_line(line, _("%(column)s: %(problem)s") % {"column": column, "problem": tell(why(error))})
            )
            return None

    if None in said:
        problems.append(in_line(line, _("it has more fields than there are columns")))
    name = tried("name", read_name)
    addresses = tried("addresses", lambda text: read_addresses(text, local))
    row = Row(
        line,
        name or "",
        addresses,
        tried("roles", read_roles),
        tried("level", lambda text: read_levels(text, addresses)),
        tried("substitutes", lambda text: read_loans(text, addresses)),
    )
    return row if len(problems) == before else None


def words(text: str) -> list[str]:
    return [one for one in BETWEEN.split(text.strip()) if one]


def read_addresses(text: str, local: frozenset[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(parse_address(one).key for one in words(text)))
    foreign = [one for one in found if one.rpartition("@")[2] not in local]
    if foreign:
        raise ValueError(_("%(addresses)s is at no domain of ours") % {"addresses": ", ".join(foreign)})
    return found


def read_roles(text: str) -> frozenset[Given]:
    return frozenset(read_role(*one.partition(":")[::2]) for one in words(text))


def parted(word: str, addresses: Sequence[str] | None) -> tuple[str, str]:
    """An address that a word is about, "" for all of them, and the rest of it."""
    address, equals, rest = word.rpartition("=")
    if not equals:
        return "", word
    try:
        address = parse_address(address).key
    except BadAddress as error:
        raise ValueError(_("%(word)s: %(problem)s") % {"word": word, "problem": tell(why(error))}) from error
    if addresses is not None and address not in addresses:
        raise ValueError(_("%(address)s is none of the addresses of that line") % {"address": address})
    return address, rest


def read_levels(text: str, addresses: Sequence[str] | None) -> dict[str, Level]:
    """One for all of their addresses, or some for single ones: off, or info@example.com=off."""
    found = {}
    for word in words(text):
        address, said = parted(word, addresses)
        if said not in tuple(Level):
            told = {"level": said, "levels": ", ".join(Level)}
            raise ValueError(_("%(level)s is no level; they are %(levels)s") % told)
        found[address] = Level(said)
    return found


def read_loans(text: str, addresses: Sequence[str] | None) -> tuple[Loan, ...]:
    """ben:2026-12-31, ben:2026-12-01..2026-12-31, or info@example.com=ben:2026-12-31."""
    return tuple(read_loan(word, addresses) for word in words(text))


def read_loan(word: str, addresses: Sequence[str] | None) -> Loan:
    address, said = parted(word, addresses)
    name, colon, days = said.rpartition(":")
    since, dots, until = days.rpartition("..")
    try:
        if not colon:
            raise ValueError
        return Loan(address, read_name(name), date.fromisoformat(until), date.fromisoformat(since) if dots else None)
    except ValueError as error:
        told = {"word": word, "example": "ben:2026-12-31"}
        raise ValueError(_("%(word)s: write who stands in and until when, such as %(example)s") % told) from error


# ---- carried out ---------------------------------------------------------------------------------------------------


def imported(conn: Connection, rows: Sequence[Row], by: Person, now: datetime) -> list[Change]:
    """Do what the lines say, and tell; nothing where they are so already. Raises BadRoster with all that is against it:
    then the transaction has to be undone, as after a try."""
    problems: list[tuple[int, str]] = []
    changes = [Change(row.name, "new") for row in rows if add(conn, row, by, now)]
    for step in (take_and_give, set_roles, set_levels, set_loans):
        for row in rows:
            try:
                changes += step(conn, row, by, now)
            except (NotPossible, people.NoSuchPerson) as error:
                missing = _("nobody is called %(name)s") % {"name": error}
                said = missing if isinstance(error, people.NoSuchPerson) else str(error)
                problems.append((row.line, in_line(row.line, said)))
    if problems:
        raise BadRoster([said for __, said in sorted(problems, key=lambda one: one[0])])
    return changes


def add(conn: Connection, row: Row, by: Person, now: datetime) -> bool:
    if persons.named(conn, row.name) is not None:
        return False
    persons.add(conn, row.name, by.name, now)
    enter(conn, "made known", row.name, by, now, way="file")
    return True


def own_of(conn: Connection, name: str) -> list[str]:
    rows = persons.addresses_of(conn, people.known(conn, name)["id"])
    return [one["address"] for one in rows if one["kind"] == Tie.OWN]


def take_and_give(conn: Connection, row: Row, by: Person, now: datetime) -> Iterator[Change]:
    if row.addresses is None:
        return
    own = own_of(conn, row.name)
    for address in row.addresses:
        if address not in own:
            people.give_address(conn, row.name, address, by, now)
            yield Change(row.name, "address", f"+{address}")
    for address in own:
        if address not in row.addresses:
            people.take_address(conn, row.name, address, by, now)
            yield Change(row.name, "address", f"-{address}")


def set_roles(conn: Connection, row: Row, by: Person, now: datetime) -> Iterator[Change]:
    before = persons.roles_of(conn, people.known(conn, row.name)["id"])
    if row.roles is None or row.roles == before:
        return
    people.give_roles(conn, row.name, row.roles, by, now)
    told = [f"+{written(one)}" for one in row.roles - before] + [f"-{written(one)}" for one in before - row.roles]
    yield Change(row.name, "roles", " ".join(sorted(told)))


def set_levels(conn: Connection, row: Row, by: Person, now: datetime) -> Iterator[Change]:
    if row.levels is None:
        return
    for address in own_of(conn, row.name):
        wanted, chosen = row.levels.get(address, row.levels.get("")), levels.of(conn, address)
        if wanted != (Level(chosen["level"]) if chosen else None):
            levels.choose(conn, address, wanted, by.name, now)
            said = str(wanted) if wanted else "as the settings say"
            enter(conn, "level chosen", address, by, now, level=said)
            shown = said if wanted else _("as the settings say")
            yield Change(row.name, "level", _("%(address)s %(level)s") % {"address": address, "level": shown})


def set_loans(conn: Connection, row: Row, by: Person, now: datetime) -> Iterator[Change]:
    if row.loans is None:
        return
    own = own_of(conn, row.name)
    wanted = {(address, one.name): one for one in row.loans for address in ([one.address] if one.address else own)}
    there = {(one["address"], one["name"]): one for one in lent(conn, own, now)}
    for (address, name), one in wanted.items():
        since = datetime.combine(one.since, time(), UTC) if one.since else None
        until = datetime.combine(one.until, time(), UTC) + DAY
        known = there.get((address, name))
        if known is None or known["until"] != until or (since is not None and known["since"] != since):
            people.lend(conn, address, name, since, until, by, now)
            told = {"name": name, "address": address, "until": one.until}
            yield Change(row.name, "substitute", _("+%(name)s for %(address)s until %(until)s") % told)
    for address, name in there.keys() - wanted.keys():
        people.take_back(conn, address, name, by, now)
        yield Change(row.name, "substitute", _("-%(name)s for %(address)s") % {"name": name, "address": address})


def lent(conn: Connection, own: Sequence[str], now: datetime) -> list[dict[str, Any]]:
    return [one for one in persons.holders(conn, own, now) if one["kind"] == Tie.DELEGATE] if own else []


# ---- and out -------------------------------------------------------------------------------------------------------


def write(conn: Connection, file: TextIO, now: datetime) -> int:
    """Everybody, as `read` reads them; how many. Whoever is locked out is not among them: a line would not let them in,
    and nobody is locked out by one that is missing."""
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    rows = [row for row in persons.everybody(conn, MOST) if row["disabled_at"] is None]
    for row in rows:
        own = own_of(conn, row["name"])
        writer.writerow(
            {
                "name": row["name"],
                "addresses": " ".join(own),
                "roles": " ".join(sorted(map(written, persons.roles_of(conn, row["id"])))),
                "level": " ".join(levels_told(conn, own)),
                "substitutes": " ".join(map(loan_told, lent(conn, own, now))),
            }
        )
    return len(rows)


def levels_told(conn: Connection, own: Sequence[str]) -> list[str]:
    chosen = {address: one["level"] for address in own if (one := levels.of(conn, address))}
    if chosen and len(chosen) == len(own) and len(set(chosen.values())) == 1:
        return [next(iter(chosen.values()))]
    return [f"{address}={level}" for address, level in chosen.items()]


def loan_told(one: dict[str, Any]) -> str:
    until = (one["until"] - DAY).date() if one["until"] else date.max
    since = f"{one['since'].date()}.." if one["since"] else ""
    return f"{one['address']}={one['name']}:{since}{until}"
