"""The approval desk: what people do with kept mail. Used by the command line, the pages and the API alike."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from gateway import approvals
from gateway.bodies import Bodies
from gateway.desk import harm
from gateway.desk.lent import refuse_copy, release_copy
from gateway.desk.nouns import Done, NoSuchMail, Person, Teach, Terms, teach_nobody
from gateway.desk.owned import refuse_held, release_held
from gateway.model import Fate, Grade, Label, ListVerb
from gateway.policy import author
from gateway.policy.address import normalise_sender
from gateway.policy.identity import earning, lending
from gateway.policy.proposal import Choice
from gateway.policy.standing import Outcome, parties
from gateway.siblings import Sibling, reach_back
from gateway.siblings import of as siblings_of
from gateway.store import (
    audit,
    campaigns,
    changes,
    copies,
    decisions,
    deliveries,
    identities,
    memory,
    messages,
    sightings,
    standings,
)
from gateway.store.memory import Remembered
from gateway.store.rows import fingerprint_of, rungs_from_json
from gateway.store.standings import Happened

__all__ = [
    "Done",
    "NoSuchMail",
    "Person",
    "Teach",
    "Terms",
    "proposals",
    "refuse",
    "refuse_one",
    "release",
    "siblings",
    "teach_nobody",
]


def release(
    conn: Connection,
    bodies: Bodies,
    number: str,
    wanted: Sequence[str],
    person: Person,
    terms: Terms,
    now: datetime,
    *,
    trust: bool = True,
    choice: int | None = None,
    teach: Teach = teach_nobody,
    due: datetime | None = None,
) -> list[Done]:
    """Deliver a kept mail to these recipients (all, if none is named); with `trust` its sender is known from now on.

    `choice`: the place of the proposed combination that is put on the allowlist as well; see `gateway.approvals`.
    `teach`: who is told what the mail is. `due`: not before, so that it can be taken back until then.
    What may do harm is not released by whoever is no approver of the domain, where the terms say so.
    """
    row = found(conn, number)
    ours, theirs = of(deliveries.of_message(conn, number), wanted), of(copies.of_message(conn, number), wanted)
    done = harm.kept_back(conn, row, ours + theirs, person, terms)
    left = {one.recipient for one in done}
    done += [release_held(conn, bodies, row, one, person, now, due) for one in ours if one["recipient"] not in left]
    owned = left | {one.recipient for one in done}
    for copy in theirs:
        if copy["recipient"] not in owned:
            done.append(release_copy(conn, bodies, row, copy, person, terms, now, due))
    for one in done:
        if one.happened and trust:
            make_known(conn, row, one.recipient, person, terms, now)
    if choice is not None:
        done = [put_on_list(conn, row, one, ListVerb.ALLOW, choice, person, now, now + terms.memory) for one in done]
    finish(conn, "released", row, done, person, now)
    tell(conn, teach, row, done, Label.HAM, person, now)
    note_fate(conn, row, done, Outcome.RELEASED, person, now)
    return done


def refuse(
    conn: Connection,
    number: str,
    wanted: Sequence[str],
    person: Person,
    terms: Terms,
    now: datetime,
    *,
    choice: int | None = None,
    teach: Teach = teach_nobody,
    with_siblings: bool = False,
) -> list[Done]:
    """Refuse a kept mail: what we own is not delivered, and the retry of what its sender owns is answered 550.

    `with_siblings`: so are the kept mails that share a link or their text with it. `choice`: the place of the
    proposed combination that is blocked from now on; see `gateway.approvals`.
    """
    row = found(conn, number)
    done = refuse_one(conn, number, wanted, person, terms, now, choice=choice, teach=teach)
    together = [one.message for one in siblings(conn, number, terms, now)] if with_siblings else []
    if any(one.happened for one in done):
        reach_back(conn, row, terms.campaigns, together, person.name, now)
    return done + [one for other in together for one in refuse_one(conn, other, (), person, terms, now, teach=teach)]


def refuse_one(
    conn: Connection,
    number: str,
    wanted: Sequence[str],
    person: Person,
    terms: Terms,
    now: datetime,
    *,
    choice: int | None = None,
    teach: Teach = teach_nobody,
) -> list[Done]:
    """Refuse this mail and look at no other: whoever decides about a campaign looks once for all of them."""
    row = found(conn, number)
    done = [refuse_held(conn, held, person, now) for held in of(deliveries.of_message(conn, number), wanted)]
    owned = {one.recipient for one in done}
    for copy in of(copies.of_message(conn, number), wanted):
        if copy["recipient"] not in owned:
            done.append(refuse_copy(conn, row, copy, person, terms, now))
    if choice is not None:
        done = [put_on_list(conn, row, one, ListVerb.BLOCK, choice, person, now) for one in done]
    finish(conn, "refused", row, done, person, now)
    tell(conn, teach, row, done, Label.SPAM, person, now)
    note_fate(conn, row, done, Outcome.REFUSED, person, now)
    return done


def siblings(conn: Connection, number: str, terms: Terms, now: datetime) -> list[Sibling]:
    """Kept mails of other strangers that share a link or their text with this one. Raises NoSuchMail."""
    return siblings_of(conn, found(conn, number), terms.campaigns, now)


def found(conn: Connection, number: str) -> dict[str, Any]:
    row = messages.load(conn, number)
    if row is None:
        raise NoSuchMail(number)
    return row


def of(rows: Sequence[dict[str, Any]], wanted: Sequence[str]) -> list[dict[str, Any]]:
    return [row for row in rows if not wanted or row["recipient"] in wanted]


def put_on_list(
    conn: Connection,
    row: dict[str, Any],
    one: Done,
    verb: ListVerb,
    choice: int,
    person: Person,
    now: datetime,
    expires: datetime | None = None,
) -> Done:
    if not one.happened:
        return one
    return replace(one, listed=approvals.put_on_list(conn, row, one.recipient, verb, choice, person.name, now, expires))


def proposals(conn: Connection, number: str, recipient: str, verb: ListVerb) -> tuple[Choice, ...]:
    """The combinations that would have let a kept mail through to a recipient, or that would have stopped it."""
    return approvals.proposed(found(conn, number), recipient, verb)


def finish(
    conn: Connection, kind: str, row: dict[str, Any], done: Sequence[Done], person: Person, now: datetime
) -> None:
    for one in done:
        if one.happened:
            sightings.settled(conn, row["sender_key"], one.recipient, fingerprint_of(row), now)
            decisions.happened(conn, kind, now, message=row["id"], recipient=one.recipient, who=person.name)
    enter(conn, kind, row["id"], done, person, now)
    changes.announce(conn, person.node)


def enter(conn: Connection, act: str, number: str, done: Sequence[Done], person: Person, now: datetime) -> None:
    """Into the audit, once for all its recipients; nothing happened, nothing is entered."""
    recipients = [one.recipient for one in done if one.happened]
    if recipients:
        detail = {"recipients": recipients, "listed": [one.listed for one in done if one.listed is not None]}
        audit.add(conn, person.node, person.entry(now, act, number, detail))


def tell(
    conn: Connection,
    teach: Teach,
    row: dict[str, Any],
    done: Sequence[Done],
    label: Label,
    person: Person,
    now: datetime,
) -> None:
    """A person's word about a mail is one lesson, however many recipients it has."""
    mine = next((one.recipient for one in done if one.happened), None)
    if mine is not None:
        teach(conn, row, mine, label, person.name, now)


def note_fate(
    conn: Connection, row: dict[str, Any], done: Sequence[Done], outcome: Outcome, person: Person, now: datetime
) -> None:
    """A person's word about a mail is one about whoever it speaks for, however many recipients it has."""
    if not any(one.happened for one in done):
        return
    campaigns.judged(conn, row["whole"], Fate(str(outcome)), person.name, now)
    authors = author.addresses([row["author"]], 2)
    address = authors[0] if len(authors) == 1 and authors[0] else row["sender_key"]
    found = parties(rungs_from_json(row["rungs"]), address, identities.known(conn))
    standings.note(conn, [Happened(party, value, outcome, now, person.node) for party, value in found])


def make_known(
    conn: Connection, row: dict[str, Any], recipient: str, person: Person, terms: Terms, now: datetime
) -> None:
    """An act of ours stands behind this sender now, from the identities it came with and for this recipient."""
    sender = row["sender_key"]
    normal = normalise_sender(sender) if sender else ""
    found, shared = rungs_from_json(row["rungs"]), identities.known(conn)
    # A person may speak for the bounces of a server; of a pool that many share nobody can.
    is_act = not normal and not any(map(shared.has, found))
    rungs = earning(found) if is_act else lending(found, normal, shared)
    comment = approvals.act_of(row["id"])
    until = now + terms.memory
    known = Remembered(rungs, normal, recipient, Grade.KNOWN, "released", now, until, person.name, comment)
    memory.remember(conn, [known])
