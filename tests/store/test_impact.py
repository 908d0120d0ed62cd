"""What an entry would have changed: by the function that the door asks, of as many decisions as one may look at."""

from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_network

import pytest
from sqlalchemy import Connection

from gateway import impact
from gateway.model import Action, ListEntry, ListKind, ListVerb, Reason, ReasonCode, Verdict
from gateway.policy import stored
from gateway.store import decisions
from tests.policy.stranger import STRANGER
from tests.store.making import ANN, BO, CY, DAY, NOW, address
from tests.store.test_records import decided

BLOCK = ListEntry(0, ListVerb.BLOCK, ListKind.DOMAIN, "elsewhere.example")
ALLOW = ListEntry(0, ListVerb.ALLOW, ListKind.ADDRESS, ANN, network=ip_network("192.0.2.0/24"))


def happened(
    conn: Connection, many: int, sender: str = ANN, to: str = BO, action: Action = Action.ACCEPT, at: datetime = NOW
) -> None:
    facts = stored.to_json(replace(STRANGER, sender=sender, recipient=address(to)))
    one = replace(
        decided(sender=sender, recipient=to, facts=facts),
        stage="rcpt",
        verdict=Verdict(action, (Reason(ReasonCode.GREYLIST_NEW),)),
    )
    decisions.add(conn, [replace(one, at=at - timedelta(seconds=many - place)) for place in range(many)])


def told(conn: Connection, *entries: ListEntry) -> list[str]:
    return [one.words for one in impact.of(conn, entries, NOW)]


@pytest.mark.parametrize(
    ("entry", "action", "changed"),
    [
        (BLOCK, Action.ACCEPT, 3),
        (BLOCK, Action.DEFER, 3),
        (BLOCK, Action.REJECT, 0),
        (ALLOW, Action.ACCEPT, 0),
        (ALLOW, Action.DEFER, 3),
        (ALLOW, Action.HOLD, 3),
        (replace(ALLOW, network=ip_network("198.51.100.0/24")), Action.HOLD, 0),
    ],
)
def test_what_would_have_been_another_decision_is_counted(
    conn: Connection, entry: ListEntry, action: Action, changed: int
) -> None:
    happened(conn, 3, action=action)
    happened(conn, 4, sender="eve@odd.example", action=action)
    assert told(conn, entry) == [f"would have changed {changed} of 7 decisions of the last 30 days"]


def test_only_what_is_in_its_scope_is_compared(conn: Connection) -> None:
    happened(conn, 3)
    happened(conn, 2, to=CY)
    happened(conn, 1, to="dee@other.example")
    happened(conn, 5, at=NOW - 31 * DAY)
    entries = [replace(BLOCK, scope=scope) for scope in (CY, "example.com", None)]
    assert [(one.changed, one.looked_at) for one in impact.of(conn, entries, NOW)] == [(2, 2), (5, 5), (6, 6)]
    assert told(conn, replace(BLOCK, scope="zoe@example.com")) == ["nothing to compare it with in the last 30 days"]


def test_of_many_some_are_looked_at_and_the_words_say_so(conn: Connection) -> None:
    happened(conn, 700, sender="eve@odd.example", at=NOW - DAY)
    happened(conn, 300)
    (wide,) = impact.of(conn, [BLOCK], NOW)
    assert wide.looked_at == impact.MOST
    assert wide.changed == 150, "some from all over the time"
    assert wide.words == "would have changed 150 of 500 decisions picked from the last 30 days"
    (narrow,) = told(conn, replace(BLOCK, scope=BO))
    assert narrow == "would have changed at least 300: of the latest 500 decisions"
