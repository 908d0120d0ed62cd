"""Who may sign in: names, roles, addresses, and secrets that count once."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from gateway.model import Actor, Role, Tie
from gateway.store import persons, sittings
from tests.store.making import BO, CY, DAY, HOUR, MINUTE, NOW, SECOND
from tests.store.test_copies import at_once

ADMIN, APPROVER = (Role.ADMIN, ""), (Role.APPROVER, "example.com")


@pytest.fixture
def olga(conn: Connection) -> int:
    return persons.add(conn, "olga", "root@cli", NOW)


def acts(conn: Connection, name: str = "olga", after: timedelta = timedelta(0)) -> Actor:
    row = persons.named(conn, name)
    assert row is not None
    return persons.actor(conn, row, NOW + after)


# ---- names ---------------------------------------------------------------------------------------------------------


def test_a_name_is_one_persons(conn: Connection, olga: int) -> None:
    with pytest.raises(IntegrityError), conn.begin_nested():
        persons.add(conn, "olga", "root@cli", NOW)
    assert persons.named(conn, "olga") == persons.numbered(conn, olga)
    assert persons.named(conn, "otto") is None
    assert persons.numbered(conn, olga + 1) is None


@pytest.mark.parametrize("other", ["Olga", "ölga", "olg\u0430"])
def test_a_name_that_looks_alike_is_another_one(conn: Connection, olga: int, other: str) -> None:
    assert persons.named(conn, other) is None
    assert persons.add(conn, other, "root@cli", NOW) != olga


def test_everybody_is_listed_by_name_and_a_page_at_a_time(conn: Connection) -> None:
    for name in ("dora", "alf", "cleo", "bert"):
        persons.add(conn, name, "root@cli", NOW)
    first = [row["name"] for row in persons.everybody(conn, 3)]
    assert first == ["alf", "bert", "cleo"]
    assert [row["name"] for row in persons.everybody(conn, 3, first[-1])] == ["dora"]


def test_somebody_is_there_once_somebody_has_a_password(conn: Connection, olga: int) -> None:
    assert not persons.is_anybody(conn)
    persons.change(conn, olga, password="x")
    assert persons.is_anybody(conn)


# ---- roles and addresses -------------------------------------------------------------------------------------------


def test_roles_are_those_that_were_given_last(conn: Connection, olga: int) -> None:
    persons.give_roles(conn, olga, {ADMIN, APPROVER})
    persons.give_roles(conn, olga, {APPROVER})
    assert acts(conn).roles == {APPROVER}
    persons.give_roles(conn, olga, ())
    assert acts(conn).roles == frozenset()


def test_roles_are_nobody_elses(conn: Connection, olga: int) -> None:
    persons.add(conn, "otto", "root@cli", NOW)
    persons.give_roles(conn, olga, {ADMIN})
    persons.give_address(conn, olga, BO, Tie.OWN, "root@cli", NOW)
    assert acts(conn, "otto") == Actor(olga + 1, "otto")


def test_an_address_is_theirs_until_it_is_taken(conn: Connection, olga: int) -> None:
    persons.give_address(conn, olga, BO, Tie.OWN, "root@cli", NOW)
    persons.give_address(conn, olga, CY, Tie.DELEGATE, "cy", NOW, NOW + HOUR)
    assert acts(conn).addresses == {BO, CY}
    assert acts(conn, after=HOUR - SECOND).addresses == {BO, CY}
    assert acts(conn, after=HOUR).addresses == {BO}
    assert persons.take_address(conn, olga, BO)
    assert not persons.take_address(conn, olga, BO)
    assert acts(conn).addresses == {CY}


def test_a_substitute_begins_on_a_day_and_is_known_as_one(conn: Connection, olga: int) -> None:
    persons.give_address(conn, olga, BO, Tie.OWN, "root@cli", NOW)
    persons.give_address(conn, olga, CY, Tie.DELEGATE, "cy", NOW, NOW + DAY, NOW + HOUR)
    assert acts(conn, after=HOUR - SECOND).addresses == {BO}
    assert acts(conn, after=HOUR) == Actor(olga, "olga", addresses=frozenset({BO, CY}), lent=frozenset({CY}))
    assert persons.tie_of(conn, olga, CY, NOW) is Tie.DELEGATE
    assert persons.tie_of(conn, olga, CY, NOW + DAY) is None
    assert [(row["name"], row["kind"]) for row in persons.holders(conn, [BO, CY], NOW)] == [
        ("olga", "own"), ("olga", "delegate"),
    ]  # fmt: skip
    assert persons.holders(conn, [CY], NOW + DAY) == []
    assert not persons.take_address(conn, olga, BO, Tie.DELEGATE)
    assert persons.forget_ended(conn, NOW + DAY - SECOND) == 0
    assert persons.forget_ended(conn, NOW + DAY) == 1
    assert [row["address"] for row in persons.addresses_of(conn, olga)] == [BO]


def test_an_address_that_is_given_again_is_given_anew(conn: Connection, olga: int) -> None:
    persons.give_address(conn, olga, CY, Tie.DELEGATE, "cy", NOW, NOW + HOUR)
    persons.give_address(conn, olga, CY, Tie.OWN, "root@cli", NOW + MINUTE)
    (row,) = persons.addresses_of(conn, olga)
    assert (row["kind"], row["until"], row["author"], row["created"]) == ("own", None, "root@cli", NOW + MINUTE)


# ---- what counts once ----------------------------------------------------------------------------------------------


def test_a_step_counts_once_and_none_before_it(conn: Connection, olga: int) -> None:
    assert persons.use_step(conn, olga, 100)
    assert not persons.use_step(conn, olga, 100)
    assert not persons.use_step(conn, olga, 99)
    assert persons.use_step(conn, olga, 101)


def test_a_recovery_code_counts_once(conn: Connection, olga: int) -> None:
    persons.change(conn, olga, recovery=["a", "b", "c"])
    assert persons.use_recovery(conn, olga, "b")
    assert not persons.use_recovery(conn, olga, "b")
    assert not persons.use_recovery(conn, olga, "")
    row = persons.numbered(conn, olga)
    assert row is not None
    assert row["recovery"] == ["a", "c"]


def test_of_many_at_once_one_has_the_code_and_one_the_invitation(engine: Engine) -> None:
    with engine.begin() as conn:
        olga = persons.add(conn, "olga", "root@cli", NOW)
        persons.change(conn, olga, recovery=["a", "b"])
        sittings.invite(conn, "secret", olga, "root@cli", NOW, NOW + DAY)
    assert sum(at_once(engine, lambda conn, number: persons.use_step(conn, olga, 100))) == 1
    assert sum(at_once(engine, lambda conn, number: persons.use_recovery(conn, olga, "a"))) == 1
    assert sum(at_once(engine, lambda conn, number: sittings.use_invitation(conn, "secret", NOW))) == 1


# ---- sessions, invitations, attempts -------------------------------------------------------------------------------


def sit(conn: Connection, secret: str, number: int | None, data: dict[str, str] | None = None) -> None:
    values = {"person_id": number, "data": data or {}, "created": NOW, "seen": NOW, "expires": NOW + HOUR}
    sittings.save(conn, secret, values | {"peer": "", "agent": ""})


def test_a_session_is_found_by_its_secret_until_its_end(conn: Connection, olga: int) -> None:
    sit(conn, "one", olga, {"a": "b"})
    found = sittings.load(conn, "one", NOW)
    assert found is not None
    assert (found["person_id"], found["data"]) == (olga, {"a": "b"})
    assert sittings.load(conn, "One", NOW) is None
    assert sittings.load(conn, "", NOW) is None
    assert sittings.load(conn, "one", NOW + HOUR) is None


def test_what_was_ended_is_not_kept(conn: Connection, olga: int) -> None:
    sit(conn, "one", olga)
    sittings.keep(conn, "one", {"data": {"a": "c"}})
    assert sittings.load(conn, "one", NOW)["data"] == {"a": "c"}  # type: ignore[index]
    sittings.end(conn, "one")
    sittings.keep(conn, "one", {"data": {"a": "d"}})
    assert sittings.load(conn, "one", NOW) is None


def test_all_of_one_person_end_but_one(conn: Connection, olga: int) -> None:
    otto = persons.add(conn, "otto", "root@cli", NOW)
    for secret, number in (("one", olga), ("two", olga), ("three", otto), ("four", None)):
        sit(conn, secret, number)
    assert sittings.end_all(conn, olga, "two") == 1
    assert [one for one in ("one", "two", "three", "four") if sittings.load(conn, one, NOW)] == ["two", "three", "four"]


def test_links_are_withdrawn_and_what_was_used_stays_so(conn: Connection, olga: int) -> None:
    sittings.invite(conn, "one", olga, "root@cli", NOW, NOW + DAY)
    assert sittings.use_invitation(conn, "one", NOW)
    sittings.invite(conn, "two", olga, "root@cli", NOW, NOW + DAY)
    assert sittings.invited(conn, "one", NOW) is None
    assert sittings.invited(conn, "two", NOW) == olga
    assert sittings.uninvite(conn, olga) == 1
    assert sittings.invited(conn, "two", NOW) is None
    assert not sittings.use_invitation(conn, "two", NOW)


def test_failures_are_counted_in_a_row(conn: Connection) -> None:
    for number in range(3):
        sittings.failed(conn, "name", "olga", NOW + number * MINUTE)
    assert sittings.failures(conn, "name", "olga", NOW + 3 * MINUTE) == (3, NOW + 2 * MINUTE)
    assert sittings.failures(conn, "network", "olga", NOW) == (0, None)
    late = NOW + 2 * MINUTE + HOUR + SECOND
    assert sittings.failures(conn, "name", "olga", late) == (0, None)
    sittings.failed(conn, "name", "olga", late)
    assert sittings.failures(conn, "name", "olga", late) == (1, late)
    sittings.succeeded(conn, "name", "olga")
    assert sittings.failures(conn, "name", "olga", late) == (0, None)
