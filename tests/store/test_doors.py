"""Passkeys, who somebody is elsewhere, and what the directory says, on both databases."""

from typing import Any

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from gateway.store import directories, links, passkeys, persons
from tests.store.making import BO, CY, HOUR, MINUTE, NOW, SECOND
from tests.store.test_copies import at_once


@pytest.fixture
def olga(conn: Connection) -> int:
    return persons.add(conn, "olga", "root@cli", NOW)


def key(credential: bytes = b"\x00\xff", uses: int = 0) -> dict[str, Any]:
    told = {"public_key": b"\xff\x00", "uses": uses, "name": "Läptop", "site": "localhost", "synced": False}
    return told | {"credential": credential}


def test_a_passkey_is_one_persons(conn: Connection, olga: int) -> None:
    passkeys.add(conn, olga, key(), NOW)
    other = persons.add(conn, "otto", "root@cli", NOW)
    with pytest.raises(IntegrityError), conn.begin_nested():
        passkeys.add(conn, other, key(), NOW)
    found = passkeys.found(conn, b"\x00\xff")
    assert found is not None
    assert (found["person_id"], found["credential"], found["name"]) == (olga, b"\x00\xff", "Läptop")
    assert passkeys.found(conn, b"\x00\xfe") is None
    assert passkeys.remove(conn, other, found["id"]) is None
    assert not passkeys.rename(conn, other, found["id"], "Mine")
    assert passkeys.remove(conn, olga, found["id"]) == "Läptop"
    assert passkeys.count(conn, olga) == 0


@pytest.mark.parametrize(
    ("before", "now", "is_good"),
    [(0, 0, True), (0, 1, True), (5, 6, True), (5, 5, False), (5, 4, False), (5, 0, False)],
)
def test_a_count_grows_or_there_is_none(conn: Connection, olga: int, before: int, now: int, is_good: bool) -> None:
    passkeys.add(conn, olga, key(uses=before), NOW)
    (row,) = passkeys.of_person(conn, olga)
    assert passkeys.use(conn, row["id"], now, NOW + SECOND) is is_good
    (after,) = passkeys.of_person(conn, olga)
    assert after["uses"] == (now if is_good else before)
    assert (after["used_at"] is not None) is is_good


def test_of_two_with_one_count_one_comes_in(engine: Engine) -> None:
    with engine.begin() as conn:
        number = persons.add(conn, "olga", "root@cli", NOW)
        passkeys.add(conn, number, key(uses=5), NOW)
        (row,) = passkeys.of_person(conn, number)
    done = at_once(engine, lambda conn, _: passkeys.use(conn, row["id"], 6, NOW), 4)
    assert sorted(done) == [False, False, False, True]


def test_a_link_is_one_persons_and_exact(conn: Connection, olga: int) -> None:
    links.add(conn, olga, "https://login.example.com", "Olga", BO, NOW, made=False)
    with pytest.raises(IntegrityError), conn.begin_nested():
        links.add(conn, olga, "https://login.example.com", "Olga", CY, NOW, made=False)
    for issuer, subject in (
        ("https://login.example.com", "olga"),
        ("https://login.example.com/", "Olga"),
        ("https://login.example.comO", "lga"),
    ):
        assert links.found(conn, issuer, subject) is None
    links.change(conn, "https://login.example.com", "Olga", roles=["admin"], left_at=NOW)
    (row,) = links.of_person(conn, olga)
    assert (row["roles"], row["left_at"], row["addresses"]) == (["admin"], NOW, [])
    assert links.of_issuer(conn, "https://login.example.com") == [row]
    assert links.remove(conn, olga + 1, row["key"]) is None
    assert links.remove(conn, olga, row["key"]) == row


def test_one_node_reads_the_directory_at_a_time(conn: Connection) -> None:
    assert directories.last(conn, "directory") is None
    assert directories.begin(conn, "directory", NOW, NOW - HOUR)
    assert not directories.begin(conn, "directory", NOW + MINUTE, NOW + MINUTE - HOUR)
    assert directories.begin(conn, "directory", NOW + HOUR, NOW)
    directories.end(conn, "directory", NOW + HOUR, "x" * 600)
    last = directories.last(conn, "directory")
    assert last is not None
    assert (last["ended"], len(last["problem"])) == (None, 500)
    directories.end(conn, "directory", NOW + HOUR)
    last = directories.last(conn, "directory")
    assert last is not None
    assert (last["ended"], last["problem"]) == (NOW + HOUR, "")


def test_the_stamp_grows_when_the_recipients_change(conn: Connection) -> None:
    directories.begin(conn, "directory", NOW, NOW - HOUR)
    many = [f"p{number}@example.com" for number in range(1200)]
    directories.replace(conn, "directory", many, [])
    directories.replace(conn, "directory", [], [])
    directories.replace(conn, "directory", [BO], many[:600])
    last = directories.last(conn, "directory")
    assert last is not None
    assert last["stamp"] == 2
    assert directories.recipients(conn) == {BO, *many[600:]}
    assert directories.how_many(conn) == 601
