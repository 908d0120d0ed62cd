"""What accounts expect: opening and closing it, what stands against it, and what is offered when it is opened."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from gateway import expecting
from gateway.bodies import Bodies
from gateway.desk import Person
from gateway.expecting import Allowed, NotAllowed
from gateway.model import Action, Expectation, MessageFacts, Reason, ReasonCode, Verdict
from gateway.policy import stored
from gateway.store import changes, decisions
from gateway.store import expecting as store
from sql.tables import event
from tests.policy.stranger import SUSPICIOUS, data
from tests.store.making import (
    ANN,
    BO,
    CY,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    STRONG,
    WEAK,
    address,
    copied,
    fingerprint,
    held,
    keep,
    mail,
    owned_mail,
)
from tests.store.test_records import decided

WHO = Person("bo@cli", "node1")
LOCAL, TRAPS = frozenset({"example.com"}), frozenset({"trap@example.com"})
ALLOWED = Allowed(True, 10 * MINUTE, HOUR, 3, LOCAL, TRAPS)


def opened(
    conn: Connection,
    account: str = BO,
    domain: str | None = None,
    life: timedelta | None = None,
    allowed: Allowed = ALLOWED,
    now: timedelta = 0 * SECOND,
) -> Expectation:
    return expecting.open_for(conn, address(account), domain, life, WHO, allowed, NOW + now)


def test_what_is_opened_runs_until_its_end_and_everybody_hears_of_it(conn: Connection) -> None:
    made = opened(conn, life=5 * MINUTE)
    assert (made.recipient, made.domain, made.who) == (BO, None, "bo@cli")
    assert store.open_now(conn, NOW + 5 * MINUTE - SECOND) == (made,)
    assert store.open_now(conn, NOW + 5 * MINUTE) == ()
    assert changes.counts(conn) == {"node1": 1}
    row = conn.execute(select(event)).one()
    assert (row.kind, row.recipient, row.who) == ("expecting", BO, "bo@cli")
    assert row.detail == {"expectation": made.id, "domain": None, "until": made.until.isoformat()}


def test_it_is_closed_once(conn: Connection) -> None:
    made, other = opened(conn), opened(conn, CY)
    assert expecting.close(conn, made.id, WHO, NOW + SECOND)
    assert store.open_now(conn, NOW + SECOND) == (other,)
    assert not expecting.close(conn, made.id, WHO, NOW + 2 * SECOND)
    assert not expecting.close(conn, 4711, WHO, NOW)
    assert not expecting.close(conn, other.id, WHO, NOW + HOUR), "it has ended by itself"
    assert changes.counts(conn) == {"node1": 3}
    kinds = list(conn.execute(select(event.c.kind).order_by(event.c.id)).scalars())
    assert kinds == ["expecting", "expecting", "expecting no more"]


def test_without_a_time_it_lasts_as_long_as_it_may(conn: Connection) -> None:
    assert opened(conn).until == NOW + 10 * MINUTE
    assert opened(conn, domain="Shop.example.").until == NOW + HOUR
    assert [one.domain for one in store.open_now(conn, NOW)] == ["shop.example", None]
    assert opened(conn, domain="bücher.example").domain == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("account", "domain", "life", "allowed", "words"),
    [
        (BO, None, None, replace(ALLOWED, enabled=False), "switched off"),
        (ANN, None, None, ALLOWED, "none of our domains"),
        ("Postmaster@example.com", None, None, ALLOWED, "never waits"),
        ("abuse@example.com", "shop.example", None, ALLOWED, "never waits"),
        ("trap@example.com", None, None, ALLOWED, "is a trap"),
        (BO, None, 10 * MINUTE + SECOND, ALLOWED, "10 minutes at most"),
        (BO, None, 0 * MINUTE, ALLOWED, "10 minutes at most"),
        (BO, "shop.example", HOUR + SECOND, ALLOWED, "60 minutes at most"),
        (BO, "com", None, ALLOWED, "everybody may have a name below com"),
        (BO, "co.uk", None, ALLOWED, "everybody may have a name below co.uk"),
        (BO, "no domain", None, ALLOWED, "is no domain"),
    ],
)
def test_what_stands_against_it_is_told_and_nothing_is_opened(
    conn: Connection, account: str, domain: str | None, life: timedelta | None, allowed: Allowed, words: str
) -> None:
    with pytest.raises(NotAllowed, match=words):
        opened(conn, account, domain, life, allowed)
    assert store.open_now(conn, NOW) == ()
    assert changes.counts(conn) == {}


def test_an_account_may_do_so_a_few_times_a_day_and_closing_does_not_help(conn: Connection) -> None:
    for hour in range(3):
        made = opened(conn, now=hour * HOUR)
        expecting.close(conn, made.id, WHO, NOW + hour * HOUR)
    with pytest.raises(NotAllowed, match="3 times within a day"):
        opened(conn, now=DAY - SECOND)
    opened(conn, CY, now=DAY - SECOND)
    opened(conn, now=DAY)


def test_what_ended_long_ago_is_forgotten(conn: Connection) -> None:
    made = opened(conn)
    assert store.forget_old(conn, made.until, 100) == 0
    assert store.forget_old(conn, made.until + SECOND, 100) == 1
    assert store.load(conn, made.id) is None


# ---- what waits already --------------------------------------------------------------------------------------------

FRESH, OLD, WEAKLY, THEIRS, HELD = (f"00000000000{number:02}" for number in range(5))


@pytest.fixture
def waiting(conn: Connection, bodies: Bodies) -> None:
    def copy(number: str, ago: timedelta, to: str = BO, **differs: object) -> None:
        text = number.encode()
        kept = mail(number, recipients=(to,), text=text, received_at=NOW - ago, **{"rungs": STRONG, **differs})  # type: ignore[arg-type]
        copied(conn, keep(conn, bodies, kept, text), NOW - ago)

    copy(FRESH, 30 * MINUTE)
    copy(OLD, 30 * MINUTE + SECOND)
    copy(WEAKLY, MINUTE, rungs=WEAK)
    copy(THEIRS, MINUTE, to=CY)
    text = b"held"
    held(conn, keep(conn, bodies, owned_mail(mail(HELD, text=text, rungs=STRONG)), text), now=NOW - MINUTE)


def test_opening_offers_what_came_shortly_before_and_proves_who_it_is(conn: Connection, waiting: None) -> None:
    offered = expecting.offers(conn, opened(conn), NOW)
    assert [one.message for one in offered] == [HELD, FRESH]
    assert offered[1].suspicious == ()
    assert offered[1].proved == ("elsewhere.example",)
    assert offered[0].suspicious == (ReasonCode.CONTENT_SUSPICIOUS,), "somebody has to look at it first"
    assert [one.message for one in expecting.offers(conn, opened(conn, domain="elsewhere.example"), NOW)] == [
        HELD,
        FRESH,
    ]
    assert expecting.offers(conn, opened(conn, domain="shop.example"), NOW) == []


def test_a_suspicious_copy_is_offered_with_a_mark(conn: Connection, waiting: None) -> None:
    verdict = Verdict(Action.DEFER, (Reason(ReasonCode.GREYLIST_NEW),))
    about = MessageFacts(fingerprint(FRESH.encode()), size=5)
    facts = stored.to_json(data(message=about, suspicion=SUSPICIOUS))
    said = replace(decided(sender=ANN, recipient=BO), at=NOW - MINUTE, verdict=verdict, facts=facts)
    decisions.add(conn, [said])
    offered = {one.message: one.suspicious for one in expecting.offers(conn, opened(conn), NOW)}
    assert offered[FRESH] == ("content.suspicious",)
