"""What is on record for those who look back: decisions with the identities they were about, and people's acts."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, select

from gateway.model import Action, Grade, Rung, RungKind
from gateway.policy import author
from gateway.policy.suggest import Act, Contact
from gateway.store.rows import rungs_from_json
from sql.tables import decision, event, memory, message

AT_ONCE = 1000  # rows that are fetched together
TAKEN = frozenset({Action.ACCEPT, Action.HOLD, Action.DISCARD})


def contacts(conn: Connection, since: datetime, most: int) -> Iterator[Contact]:
    """The latest decisions since a moment, newest first; those without an identity tell nothing."""
    query = (
        select(decision.c.at, decision.c.sender, decision.c.recipient, decision.c.action, decision.c.facts)
        .where(decision.c.at >= since)
        .order_by(decision.c.at.desc())
        .limit(most)
    )
    for row in conn.execute(query, execution_options={"yield_per": AT_ONCE}):
        facts = row.facts["facts"]
        authors = [one for one in facts.get("data", {}).get("authors", ()) if one]
        yield Contact(
            at=row.at,
            sender=row.sender,
            name=authors[0] if len(authors) == 1 else row.sender,
            recipient=row.recipient,
            rungs=rungs_from_json(facts.get("rungs", ())),
            stranger=facts.get("grade") in (None, Grade.STRANGER.name.lower()),
            came_back=row.action in TAKEN,
        )


def acts(conn: Connection, since: datetime) -> Iterator[Act]:
    """What people released and refused since a moment."""
    query = (
        select(event.c.kind, event.c.at, event.c.recipient, message.c.id, message.c.sender_key, message.c.author,
               message.c.rungs)
        .join_from(event, message, message.c.id == event.c.message)
        .where(event.c.at >= since, event.c.kind.in_(["released", "refused"]))
        .order_by(event.c.id)
    )  # fmt: skip
    for row in conn.execute(query):
        named = [one for one in author.addresses([row.author]) if one]
        name = named[0] if len(named) == 1 else row.sender_key
        yield Act(row.kind == "released", row.id, name, rungs_from_json(row.rungs), row.recipient or "", row.at)


def friends(conn: Connection, now: datetime) -> frozenset[Rung]:
    """The identities of all whom we know or remember."""
    query = select(memory.c.kind, memory.c.value).where(memory.c.expires > now).distinct()
    return frozenset(Rung(RungKind(row.kind), row.value) for row in conn.execute(query))


def refused_pairs(conn: Connection, since: datetime) -> frozenset[tuple[str, str]]:
    """(sender, recipient) of mail that people refused since a moment, and released none of."""
    query = (
        select(event.c.kind, event.c.recipient, message.c.sender_key)
        .join_from(event, message, message.c.id == event.c.message)
        .where(event.c.at >= since, event.c.kind.in_(["released", "refused"]))
    )
    by_kind: dict[str, set[tuple[str, str]]] = {"released": set(), "refused": set()}
    for row in conn.execute(query):
        by_kind[row.kind].add((row.sender_key, row.recipient or ""))
    return frozenset(by_kind["refused"] - by_kind["released"])
