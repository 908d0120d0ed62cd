"""Where a signature was seen."""

from datetime import timedelta

from sqlalchemy import Connection

from gateway.store import signatures
from gateway.store.signatures import Use
from tests.store.making import NOW

HOUR = timedelta(hours=1)


def test_the_networks_of_a_signature(conn: Connection) -> None:
    signatures.used(conn, [Use("b1", "192.0.2.0/24", NOW), Use("b1", "198.51.100.0/24", NOW), Use("b2", "x", NOW)])
    signatures.used(conn, [Use("b1", "192.0.2.0/24", NOW)])
    assert signatures.networks(conn, ["b1", "b2", "b3"]) == {
        "b1": {"192.0.2.0/24", "198.51.100.0/24"},
        "b2": {"x"},
        "b3": set(),
    }


def test_no_more_is_told_than_is_needed(conn: Connection) -> None:
    signatures.used(conn, [Use("b1", f"198.51.{number}.0/24", NOW) for number in range(9)])
    assert len(signatures.networks(conn, ["b1"])["b1"]) == signatures.MOST


def test_old_uses_are_forgotten(conn: Connection) -> None:
    signatures.used(conn, [Use("b1", "a", NOW - HOUR), Use("b1", "b", NOW), Use("b2", "a", NOW - HOUR)])
    assert signatures.forget_old(conn, NOW, 10) == 2
    assert signatures.networks(conn, ["b1", "b2"]) == {"b1": {"b"}, "b2": set()}
