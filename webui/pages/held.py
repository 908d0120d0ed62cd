"""Mail that waits for a person: the list, what is in it and why, and the decision."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, render_template, request

from gateway import clock
from gateway.model import Act
from gateway.policy.rights import can, domains
from gateway.store import shelves
from gateway.store.shelves import Asked, Found, View
from webui import places
from webui.guard import actor, house, signed_in
from webui.mails import Shown, seen, shown

page = Blueprint("held", __name__)

A_PAGE = 50  # rows
LATE = timedelta(seconds=5)  # a row may show after it was dated
PREFIXES = {"from": "sender", "to": "recipient", "subject": "subject", "why": "reason"}


@dataclass(frozen=True, slots=True)
class Shelf:
    """A page of a list: its rows, how it goes on, and what was asked for."""

    rows: list[dict[str, Any]]
    after: str  # where the next page begins; "" where this is the last
    query: str
    back: str = ""  # where the search goes on; "" where all was looked through
    top: str = ""  # what comes from now on is above this; "" where newer pages are

    @property
    def picks(self) -> bool:
        """Whether there is something for whoever looks to decide."""
        return any(can(actor(), Act.DECIDE, row["recipient"]) for row in self.rows)


def view(act: Act = Act.SEE) -> View:
    """Whose mail is shown to whoever is signed in."""
    return View(actor().addresses, domains(actor(), act))


@page.get("/held")
@signed_in
def show() -> str:
    shelf = shelf_of(request.args.get("q", ""), request.args.get("after", ""))
    if request.headers.get("HX-Request") and request.args.get("after"):
        return render_template("held/rows.html", shelf=shelf)
    chosen = request.args.get("mail", "") or next((row["message"] for row in shelf.rows), "")
    return render_template("held/page.html", shelf=shelf, shown=open_one(chosen))


@page.get("/waiting")
@signed_in
def waiting() -> str:
    """Mail that its sender still has."""
    query, after = request.args.get("q", ""), request.args.get("after", "")
    with house().reading() as conn:
        found = shelves.look_at_waiting(conn, view(), A_PAGE + 1, asked_for(query), place(after))
    rows = found.rows
    shelf = Shelf(rows[:A_PAGE], cursor(rows, "last_seen"), query, back(found), "" if after else top(rows, "last_seen"))
    if request.headers.get("HX-Request") and after:
        return render_template("waiting/rows.html", shelf=shelf, timing=house().settings.greylist)
    return render_template("waiting/page.html", shelf=shelf, timing=house().settings.greylist)


def shelf_of(query: str, after: str) -> Shelf:
    with house().reading() as conn:
        found = shelves.look(conn, view(), A_PAGE + 1, asked_for(query), place(after))
    rows = found.rows
    return Shelf(rows[:A_PAGE], cursor(rows, "created"), query, back(found), "" if after else top(rows, "created"))


def open_one(number: str) -> Shown | None:
    """The mail in the middle, as far as whoever looks may see it."""
    found = seen(number) if number else None
    return None if found is None else shown(found)


def next_to(number: str) -> str:
    """What comes after a mail in the list: where one goes on when it is decided about. "" at its end."""
    with house().reading() as conn:
        rows = shelves.held(conn, view(Act.DECIDE), A_PAGE)
    numbers = list(dict.fromkeys(row["message"] for row in rows))
    place = numbers.index(number) + 1 if number in numbers else 0
    return next((one for one in numbers[place:] + numbers[:place] if one != number), "")


# ---- what is asked for ---------------------------------------------------------------------------------------------


def asked_for(query: str) -> Asked:
    """`from:`, `to:`, `subject:` and `why:` with a word behind them; what is left is looked for everywhere."""
    found: dict[str, str] = {}
    words = []
    for word in query.split()[:20]:
        name, colon, value = word.partition(":")
        if colon and value and name.lower() in PREFIXES:
            found[PREFIXES[name.lower()]] = value[:200]
        else:
            words.append(word)
    return Asked(text=" ".join(words)[:200], **found)


def cursor(rows: list[dict[str, Any]], column: str) -> str:
    if len(rows) <= A_PAGE:
        return ""
    last = rows[A_PAGE - 1]
    return f"{last[column].isoformat()}~{last['id']}"


def top(rows: list[dict[str, Any]], column: str) -> str:
    """The first row as a place; of an empty list it is now, as far as all clocks agree."""
    return f"{rows[0][column].isoformat()}~{rows[0]['id']}" if rows else f"{(clock.now() - LATE).isoformat()}~0"


def back(found: Found) -> str:
    """Where the search goes on. A row of that moment may come twice, and none is left out."""
    return "" if found.further is None else f"{found.further[0].isoformat()}~{found.further[1]}"


def place(after: str) -> tuple[datetime, int] | None:
    """Where a page begins; from the beginning where that cannot be read."""
    at, _, last = after.partition("~")
    moment, number = places.moment(at), places.number(last)
    return None if moment is None or number is None else (moment, number)
