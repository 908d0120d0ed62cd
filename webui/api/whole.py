"""The house as a whole: who calls, what happened to a mail, how it is, and the switches for a bad hour."""

from typing import Any

from flask import g
from sqlalchemy import Connection

from gateway import clock, people
from gateway.model import Act, Scope, Switch
from gateway.policy.rights import can
from gateway.store import changes, decisions, finding, messages
from gateway.store.shelves import Found, Place
from gateway.vitals import troubles
from gateway.vitals.verdict import headline
from webui.api import cursors
from webui.api.asked import Asked
from webui.api.calls import call
from webui.api.mails import decided
from webui.api.nouns import Ailment, Decided, HouseHealth, Listing, Me, Switches, TurnedOn
from webui.api.problems import Problem
from webui.api.wanted import FindWanted
from webui.guard import actor, house
from webui.pages.find import by_address
from webui.pages.held import view

HOUSE = "House"


@call("GET", "/me", None, HOUSE, answer=Me)
def me(asked: Asked) -> Me:
    """Who calls

    The owner of the token and what it is for. Any token may ask.
    """
    mine = actor()
    return Me(
        name=mine.name,
        roles=sorted(map(people.written, mine.roles)),
        addresses=sorted(mine.addresses),
        token=g.token,
        scopes=sorted(g.scopes),
        expires=g.token_row["expires"],
    )


@call("GET", "/find", Scope.READ, HOUSE, query=FindWanted, answer=Listing[Decided])
def find(asked: Asked) -> Listing[Decided]:
    """Where is it, and why?

    What was decided about a mail, the newest first, by the id in one of our answers to its sender, by its own id, an
    address of either side, a Message-ID, or words of the subject of kept mail. What was refused and never kept is
    there too.
    """
    wanted: FindWanted = asked.query
    before = cursors.place("find", wanted.after)
    with house().reading() as conn:
        found = looked_up(conn, wanted.q.strip(), wanted.limit, before)
    mine = [
        row
        for row in found.rows
        if can(actor(), Act.SEE, row["recipient"]) and (before is None or (row["at"], row["id"]) < before)
    ]
    rows = mine[: wanted.limit]
    further = found.further
    if len(mine) > wanted.limit:
        further = rows[-1]["at"], rows[-1]["id"]
    following = cursors.written("find", *further) if further else None
    return Listing[Decided](items=[decided(row) for row in rows], next=following)


def looked_up(conn: Connection, query: str, limit: int, before: Place | None) -> Found:
    if "@" in query:
        return newest(by_address(conn, query) or finding.by_message_id(conn, query))
    wanted = query.strip("[]<> ").lower()
    rows = decisions.find(conn, wanted) or decisions.behind(conn, messages.load(conn, wanted))
    return newest(rows) if rows else finding.by_subject(conn, view(), query, limit + 1, before)


def newest(rows: list[dict[str, Any]]) -> Found:
    return Found(sorted(rows, key=lambda row: (row["at"], row["id"]), reverse=True))


@call("GET", "/health", Scope.HEALTH, HOUSE, answer=HouseHealth, act=Act.HEALTH)
def health(asked: Asked) -> HouseHealth:
    """How this node is

    What needs somebody, the grave things first, and what to do. The same as on the page Health.
    """
    watched = house().health
    if watched is None:
        raise Problem("not-found")
    found = watched.watcher.look()
    told = troubles(found, house().settings)
    return HouseHealth(
        at=found.at,
        node=house().node,
        mode=found.mode,
        headline=headline(told),
        troubles=[Ailment(words=one.words, do=one.do, is_grave=one.is_grave) for one in told],
    )


@call("GET", "/switches", Scope.HEALTH, HOUSE, answer=Switches, act=Act.HEALTH)
def switches(asked: Asked) -> Switches:
    """The switches for a bad hour

    Which are on, until when, and who turned them on.
    """
    with house().reading() as conn:
        on = changes.turned(conn, clock.now())
    rows = [
        TurnedOn(
            name=one, on=one in on, until=on[one].until if one in on else None, by=on[one].who if one in on else None
        )
        for one in Switch
    ]
    return Switches(items=rows)
