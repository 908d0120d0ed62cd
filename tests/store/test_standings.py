"""Counters of how parties fared: added to by every node, faded when read."""

import pytest
from sqlalchemy import Connection

from gateway.policy.standing import HALF_LIFE, Outcome, Party, standing
from gateway.store import standings
from gateway.store.standings import Happened
from sql.tables import standing as table
from tests.store.making import ANN, DAY, HOUR, NOW, count

DOMAIN = "elsewhere.example"


def happened(conn: Connection, *outcomes: Outcome, node: str = "one", at=NOW, value: str = ANN) -> None:  # type: ignore[no-untyped-def]
    standings.note(conn, [Happened(Party.ADDRESS, value, outcome, at, node) for outcome in outcomes])


def test_nodes_add_to_their_own_counters_and_all_of_them_count(conn: Connection) -> None:
    happened(conn, Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.RELEASED)
    happened(conn, Outcome.ACCEPTED, node="two")
    assert count(conn, table) == 3
    assert standings.history(conn, Party.ADDRESS, ANN, NOW) == {
        Outcome.ACCEPTED: pytest.approx(3),
        Outcome.RELEASED: pytest.approx(1),
    }
    assert standings.history(conn, Party.DOMAIN, ANN, NOW) == {}


def test_what_is_read_later_has_faded(conn: Connection) -> None:
    happened(conn, Outcome.RELEASED)
    later = NOW + HALF_LIFE[Outcome.RELEASED]
    assert standings.history(conn, Party.ADDRESS, ANN, later)[Outcome.RELEASED] == pytest.approx(0.5)
    happened(conn, Outcome.RELEASED, at=later)
    found = standings.history(conn, Party.ADDRESS, ANN, later)
    assert found[Outcome.RELEASED] == pytest.approx(1.5)
    assert standing(found).has_credit


def test_a_name_is_found_with_its_combinations_and_forgotten_with_them(conn: Connection) -> None:
    happened(conn, Outcome.ACCEPTED)
    standings.note(conn, [Happened(Party.COMBINATION, f"{ANN} by {DOMAIN}", Outcome.ACCEPTED, NOW, "one")])
    happened(conn, Outcome.ACCEPTED, value=f"x{ANN}")
    assert standings.named(conn, ANN, 10) == [(Party.ADDRESS, ANN), (Party.COMBINATION, f"{ANN} by {DOMAIN}")]
    assert standings.named(conn, "%", 10) == []
    assert standings.forget(conn, ANN) == 2
    assert count(conn, table) == 1


def test_what_is_old_is_swept_in_slices(conn: Connection) -> None:
    for number in range(3):
        happened(conn, Outcome.ACCEPTED, value=f"s{number}@x.example")
    happened(conn, Outcome.ACCEPTED, at=NOW + DAY)
    assert [standings.forget_old(conn, NOW + HOUR, 2) for _ in range(3)] == [2, 1, 0]
    assert count(conn, table) == 1
