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
from gateway.model import Level, Tie
from gateway.people import Given, NotPossible, enter, read_name, read_role, written
from gateway.policy.address import BadAddress, parse_address
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
            return [], [f"line 1: {wrong}"]
        for said in reader:
            row = read_row(said, reader.line_num, frozenset(local), problems)
            if row is not None and any(one.name == row.name for one in rows):
                problems.append(f"line {row.line}: {row.name} has a line already")
            elif row is not None:
                rows.append(row)
    except (csv.Error, UnicodeDecodeError) as error:
        problems.append(f"behind line {reader.line_num}: no CSV in UTF-8: {error}")
    if not rows and not problems:
        problems.append("there is nobody in it")
    return rows, problems


def headings(names: Sequence[str]) -> str:
    """What is wrong with the names of the columns; "" for nothing."""
    unknown = [one for one in names if one not in COLUMNS]
    if unknown or "name" not in names or len(set(names)) < len(names):
        odd = f"; {', '.join(unknown)} is none of them" if unknown else ""
        return f"the columns are {', '.join(COLUMNS)}, and name is needed{odd}"
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
            problems.append(f"line {line}: {column}: {error}")
            return None

    if None in said:
        problems.append(f"line {line}: it has more fields than there are columns")
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
        raise ValueError(f"{', '.join(foreign)} is at no domain of ours")
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
        raise ValueError(f"{word}: {error}") from error
    if addresses is not None and address not in addresses:
        raise ValueError(f"{address} is none of the addresses of that line")
    return address, rest


def read_levels(text: str, addresses: Sequence[str] | None) -> dict[str, Level]:
    """One for all of their addresses, or some for single ones: off, or info@example.com=off."""
    found = {}
    for word in words(text):
        address, said = parted(word, addresses)
        if said not in tuple(Level):
            raise ValueError(f"{said} is no level; they are {', '.join(Level)}")
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
        raise ValueError(f"{word}: write who stands in and until when, such as ben:2026-12-31") from error


# ---- carried out ---------------------------------------------------------------------------------------------------


def imported(conn: Connection, rows: Sequence[Row], by: Person, now: datetime) -> list[Change]:
    """Do what the lines say, and tell; nothing where they are so already. Raises BadRoster with all that is against it:
    then the transaction has to be undone, as after a try."""
    problems: list[str] = []
    changes = [Change(row.name, "new") for row in rows if add(conn, row, by, now)]
    for step in (take_and_give, set_roles, set_levels, set_loans):
        for row in rows:
            try:
                changes += step(conn, row, by, now)
            except (NotPossible, people.NoSuchPerson) as error:
                said = f"nobody is called {error}" if isinstance(error, people.NoSuchPerson) else str(error)
                problems.append(f"line {row.line}: {said}")
    if problems:
        raise BadRoster(sorted(problems, key=lambda said: int(said.split()[1].rstrip(":"))))
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
            yield Change(row.name, "level", f"{address} {said}")


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
            yield Change(row.name, "substitute", f"+{name} for {address} until {one.until}")
    for address, name in there.keys() - wanted.keys():
        people.take_back(conn, address, name, by, now)
        yield Change(row.name, "substitute", f"-{name} for {address}")


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
