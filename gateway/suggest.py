"""Candidates for the lists out of one's own history. Nothing is done by itself."""

from datetime import datetime

from sqlalchemy import Connection

from gateway.evidence.domain import organisational
from gateway.model import HosterKind
from gateway.policy import suggest
from gateway.policy.conflicts import covers
from gateway.policy.lists import in_force
from gateway.policy.suggest import Suggestion, Thresholds
from gateway.store import history, hosters, lists

MOST = 200_000  # decisions that are looked at


def suggestions(conn: Connection, since: datetime, now: datetime, thresholds: Thresholds) -> list[Suggestion]:
    """Whom to allow, which places to list as hosters, what many share; without what the lists say already."""
    contacts = list(history.contacts(conn, since, MOST))
    refused = history.refused_pairs(conn, since)
    listed = [entry for entry in lists.entries(conn) if in_force(entry, now)]
    places = {one.value for one in hosters.entries(conn) if one.kind is not HosterKind.AS}
    allowed = [
        one
        for one in suggest.worth_allowing(history.acts(conn, since), thresholds.released)
        if not any(one.entry and entry.verb is one.entry.verb and covers(entry, one.entry) for entry in listed)
    ]
    rented = suggest.likely_hosters(contacts, refused, history.friends(conn, now), organisational, thresholds, now)
    shared = suggest.likely_shared(contacts, organisational, thresholds.sharers)
    return [*allowed, *(one for one in rented if one.value not in places), *shared]
