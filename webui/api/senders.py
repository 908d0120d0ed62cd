"""Whom the house lets in and keeps out: the entries of the lists, with the same checks as on the pages."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from gateway import clock, entries
from gateway.model import Binds, ListEntry, ListVerb, Scope
from gateway.policy.entries import whose
from gateway.policy.parties import BadParty
from gateway.store import lists
from webui import places
from webui.api import cursors
from webui.api.answers import Answer
from webui.api.asked import Asked
from webui.api.calls import call
from webui.api.nouns import Entry, Listing
from webui.api.once import carry_out
from webui.api.problems import Problem
from webui.api.wanted import KnownChange, KnownWanted, NewKnown
from webui.guard import house
from webui.noted import me
from webui.pages.known import is_mine, is_seen, made_entry, row_of, wanted

SENDERS = "Senders"


@call("GET", "/known", Scope.READ, SENDERS, query=KnownWanted, answer=Listing[Entry])
def known(asked: Asked) -> Listing[Entry]:
    """Entries of the lists

    Those that are about the owner's own mail; for approvers those of their domains and those for everybody. The newest
    first; with `show=past` those that are over or were taken off.
    """
    query: KnownWanted = asked.query
    before, now = cursors.number("known", query.after), clock.now()
    with house().reading() as conn:
        found = lists.search(conn, wanted(query.q.strip(), query.show), now, query.limit + 1, before)
    rows = found[: query.limit]
    more = len(found) > query.limit
    return Listing[Entry](
        items=[entry_of(one) for one in rows], next=cursors.written("known", rows[-1].id) if more else None
    )


def entry_of(one: ListEntry) -> Entry:
    row = row_of(one)
    return Entry(
        id=one.id,
        verb=one.verb,
        kind=one.kind,
        value=one.value,
        network=str(one.network) if one.network is not None else None,
        signature=one.signature,
        scope=one.scope,
        unless_proved=one.binds is Binds.UNAUTHENTICATED,
        holds=row.holds,
        until=one.expires,
        created=one.created or clock.now(),
        by=one.author,
        comment=one.comment,
        withdrawn_at=one.withdrawn_at,
        withdrawn_by=one.withdrawn_by,
        words=row.words,
        may_change=row.mine,
    )


def found_for(conn: Connection, number: int) -> ListEntry:
    """Raises Problem where there is none that the owner may know of."""
    one = lists.find(conn, number) if number <= places.LARGEST else None
    if one is None or not is_seen(whose(one)):
        raise Problem("not-found")
    return one


def changing(conn: Connection, number: int, asked: Asked) -> ListEntry:
    """The same for whoever may change it, and if it is still what they saw."""
    lists.lock(conn, min(number, places.LARGEST))
    one = found_for(conn, number)
    if not is_mine(whose(one)):
        raise Problem("not-yours")
    asked.must_be(entry_of(one))
    return one


@call("GET", "/known/<int:entry>", Scope.READ, SENDERS, answer=Entry, tagged=True)
def known_entry(asked: Asked, entry: int) -> Entry:
    """One entry"""
    with house().reading() as conn:
        return entry_of(found_for(conn, entry))


@call(
    "POST", "/known", Scope.KNOWN, SENDERS, body=NewKnown, answer=Entry, status=201, tagged=True,
    also=("impossible",), headers={"Location": "Where the entry is."},
)  # fmt: skip
def known_add(asked: Asked) -> object:
    """Let a sender in, or keep one out

    From the next second on. For an own address whoever has it may say so, for a domain or for everybody its approvers.
    """
    new: NewKnown = asked.body
    try:
        made = made_entry(
            verb=ListVerb(new.verb),
            party=new.party.strip(),
            scope=(new.scope or "").strip(),
            network=new.network,
            signer=new.signature,
            expires=ending(new.days, clock.now()),
            comment=new.comment.strip(),
            unless_proved=new.unless_proved,
        )
    except (BadParty, ValueError) as error:
        raise Problem("impossible", f"{error}.") from None
    if not is_mine(whose(made.as_entry())):
        raise Problem("not-yours", "For them somebody else says whom to let in.")

    def work(conn: Connection) -> Answer:
        number = entries.add(conn, made, me(), clock.now())
        return Answer(entry_of(found_for(conn, number)), {"Location": f"/api/v1/known/{number}"})

    return carry_out(work)


def ending(days: int | None, now: datetime) -> datetime | None:
    return None if days is None else now + timedelta(days=days)


@call(
    "PATCH", "/known/<int:entry>", Scope.KNOWN, SENDERS, body=KnownChange, answer=Entry, tagged=True, matched=True,
    also=("not-yours", "somebody-first"),
)  # fmt: skip
def known_change(asked: Asked, entry: int) -> object:
    """Change until when an entry holds, or its comment"""
    change: KnownChange = asked.body

    def work(conn: Connection) -> Entry:
        one, given = changing(conn, entry, asked), change.model_fields_set
        expires = ending(change.days, clock.now()) if "days" in given else one.expires
        comment = change.comment.strip() if "comment" in given else one.comment
        if not entries.change(conn, entry, expires, comment, me(), clock.now()):
            raise Problem("somebody-first", taken_off(one))
        return entry_of(found_for(conn, entry))

    return carry_out(work)


def taken_off(one: ListEntry) -> str:
    return f"{one.withdrawn_by or 'Somebody'} took it off already."


@call(
    "DELETE", "/known/<int:entry>", Scope.KNOWN, SENDERS, answer=Entry, matched=True,
    also=("not-yours", "somebody-first"),
)  # fmt: skip
def known_remove(asked: Asked, entry: int) -> object:
    """Take an entry off

    It counts no more from the next second on; with one that came of a mail goes what is remembered because of that.
    """

    def work(conn: Connection) -> Entry:
        one = changing(conn, entry, asked)
        if not entries.take_off(conn, entry, me(), clock.now()):
            raise Problem("somebody-first", taken_off(one))
        return entry_of(found_for(conn, entry))

    return carry_out(work)


@call(
    "POST", "/known/<int:entry>/restore", Scope.KNOWN, SENDERS, answer=Entry, matched=True, tagged=True,
    also=("not-yours", "somebody-first"),
)  # fmt: skip
def known_restore(asked: Asked, entry: int) -> object:
    """Put an entry back that was taken off"""

    def work(conn: Connection) -> Entry:
        changing(conn, entry, asked)
        if not entries.put_back(conn, entry, me(), clock.now()):
            raise Problem("somebody-first", "It was not taken off.")
        return entry_of(found_for(conn, entry))

    return carry_out(work)
