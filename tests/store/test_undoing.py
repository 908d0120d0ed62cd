"""A refusal is taken back: the mail waits as before, and nothing else is left of it."""

from datetime import datetime

import pytest
from sqlalchemy import Connection, select

from gateway import desk, undoing
from gateway.bodies import Bodies
from gateway.desk import Person, Terms
from gateway.model import CopyState, DeliveryState, ReasonCode
from gateway.policy.hold import Lifetime
from gateway.policy.standing import Outcome, Party
from gateway.store import copies, deliveries, messages, standings
from gateway.store.deliveries import Owned
from sql.tables import tombstone
from tests.store.making import DAY, HOUR, MINUTE, NOW, SECOND, STRONG, keep, mail, recipient

STAFF = Person("staff", "node")
TERMS = Terms(400 * DAY, 8 * DAY)


def held(conn: Connection, bodies: Bodies) -> str:
    kept = keep(conn, bodies, mail(rungs=STRONG))
    owned = Owned(recipient(), DeliveryState.HELD, ReasonCode.CONTENT_SUSPICIOUS, Lifetime(None, NOW + 30 * DAY))
    deliveries.own(conn, kept.id, owned, NOW)
    return kept.id


def refused_at(conn: Connection, number: str, at: datetime) -> None:
    assert [one.happened for one in desk.refuse(conn, number, (), STAFF, TERMS, at)] == [True]


def test_held_mail_waits_again_as_it_did(conn: Connection, bodies: Bodies) -> None:
    number = held(conn, bodies)
    (before,) = deliveries.of_message(conn, number)
    refused_at(conn, number, NOW)
    assert [one.words for one in undoing.undo(conn, number, STAFF, NOW + MINUTE)] == ["it waits again"]
    assert deliveries.of_message(conn, number) == [before]


def test_the_senders_standing_is_as_it_was(conn: Connection, bodies: Bodies) -> None:
    number = held(conn, bodies)
    refused_at(conn, number, NOW)
    assert standings.history(conn, Party.SERVER, "elsewhere.example", NOW)[Outcome.REFUSED] == pytest.approx(1)
    undoing.undo(conn, number, STAFF, NOW + MINUTE)
    after = standings.history(conn, Party.SERVER, "elsewhere.example", NOW)
    assert after[Outcome.REFUSED] == pytest.approx(0)


def test_the_retry_of_a_copy_is_not_answered_550_any_more(conn: Connection, bodies: Bodies) -> None:
    kept = keep(conn, bodies, mail())
    mine = copies.KeptCopy(kept.id, None, kept.envelope.sender_key, (recipient(),), kept.fingerprint, kept.rungs, NOW)
    copies.keep(conn, [mine])
    refused_at(conn, kept.id, NOW)
    assert conn.execute(select(tombstone.c.id)).all()
    undoing.undo(conn, kept.id, STAFF, NOW + MINUTE)
    assert [row["state"] for row in copies.of_message(conn, kept.id)] == [CopyState.SENDER_HELD]
    assert conn.execute(select(tombstone.c.id)).all() == []


def test_after_an_hour_it_is_too_late_and_only_then_may_the_bytes_go(conn: Connection, bodies: Bodies) -> None:
    number = held(conn, bodies)
    refused_at(conn, number, NOW)
    assert messages.finished(conn, NOW + HOUR, 10, NOW + HOUR - SECOND) == []
    assert messages.finished(conn, NOW + HOUR, 10, NOW + HOUR + SECOND) == [number]
    assert [one.happened for one in undoing.undo(conn, number, STAFF, NOW + HOUR + SECOND)] == [False]


def test_what_was_not_refused_is_left_alone(conn: Connection, bodies: Bodies) -> None:
    number = held(conn, bodies)
    assert undoing.undo(conn, number, STAFF, NOW) == []
    assert deliveries.of_message(conn, number)[0]["state"] == DeliveryState.HELD
