"""What is learnt of identities: who shares them, and which of the others everybody remembers."""

from itertools import permutations

import pytest
from sqlalchemy import Connection, select

from gateway.model import Grade, Rung, RungKind
from gateway.policy.shared import MOST_DOMAINS
from gateway.store import changes, identities, memory
from gateway.store.identities import Use, Waited
from sql.tables import identity_use, waited_once
from tests.store.making import ANN, BO, CY, DAY, HOUR, NOW, count, grades, remember

POOL = Rung(RungKind.FCRDNS, "pool.example")
SIGNED = Rung(RungKind.DKIM, "elsewhere.example")
LATER = NOW + 36 * DAY


def use(conn: Connection, number: int, rung: Rung = POOL, at=NOW) -> None:  # type: ignore[no-untyped-def]
    identities.used(conn, [Use(rung, f"d{number}.example", at, "node")])


def test_more_than_twenty_domains_make_an_identity_shared_and_workers_are_told(conn: Connection) -> None:
    for number in range(MOST_DOMAINS):
        use(conn, number)
        use(conn, number)
    assert not identities.known(conn).has(POOL)
    assert changes.counts(conn) == {}
    use(conn, MOST_DOMAINS)
    assert identities.known(conn).has(POOL)
    assert not identities.known(conn).has(Rung(RungKind.SPF, POOL.value))
    assert changes.counts(conn) == {"node": 1}
    for number in range(100, 120):
        use(conn, number)
    assert count(conn, identity_use) == MOST_DOMAINS + 1, "more would tell nothing more"
    assert changes.counts(conn) == {"node": 1}


@pytest.mark.parametrize("order", list(permutations((NOW, NOW + HOUR, NOW - HOUR))))
def test_uses_converge_whatever_their_order(conn: Connection, order) -> None:  # type: ignore[no-untyped-def]
    for at in order:
        use(conn, 1, at=at)
    row = conn.execute(select(identity_use)).mappings().one()
    assert (row["first_seen"], row["last_seen"]) == (NOW - HOUR, NOW + HOUR)


def test_people_have_the_last_word(conn: Connection) -> None:
    for number in range(MOST_DOMAINS + 1):
        use(conn, number)
    identities.say(conn, POOL.value, False, NOW + HOUR, "cy@cli", "our own")
    assert not identities.known(conn).has(POOL)
    identities.say(conn, POOL.value, True, NOW + HOUR, "cy@cli")
    assert identities.known(conn).has(POOL)
    assert {row["author"] for row in identities.listing(conn, 10)} == {"", "cy@cli"}
    assert identities.domains(conn, POOL.value) == MOST_DOMAINS + 1


def wait(conn: Connection, to: str = BO, sender: str = ANN, rung: Rung = SIGNED) -> None:
    identities.waited(conn, [Waited(rung, sender, to, NOW, LATER)])


def anybodys(conn: Connection, sender: str = "new@elsewhere.example", rung: Rung = SIGNED) -> Grade:
    to = "third@example.com"
    return grades(conn, sender, (to,), {rung}, now=NOW)[to]


def test_the_second_recipient_makes_it_everybodys_and_the_first_again_does_not(conn: Connection) -> None:
    wait(conn)
    wait(conn, BO, "al@elsewhere.example")
    assert anybodys(conn) is Grade.STRANGER
    wait(conn, CY, "al@elsewhere.example")
    assert anybodys(conn) is Grade.REMEMBERED
    assert anybodys(conn, "new@other.example") is Grade.STRANGER
    assert anybodys(conn, rung=Rung(RungKind.DKIM, "other.example")) is Grade.STRANGER
    row = next(row for row in memory.listing(conn, None, NOW, 10) if row["recipient"] == memory.EVERYBODY)
    assert (row["earned"], row["sender"]) == ("two waited", "@elsewhere.example")


def test_what_becomes_shared_is_everybodys_no_more(conn: Connection) -> None:
    wait(conn)
    wait(conn, CY)
    remember(conn, {SIGNED}, ANN, BO, Grade.REMEMBERED, "waited", NOW, LATER)
    for number in range(MOST_DOMAINS + 1):
        use(conn, number, SIGNED)
    assert anybodys(conn) is Grade.STRANGER
    assert grades(conn, ANN, (BO,), {SIGNED}, now=NOW) == {BO: Grade.REMEMBERED}, "the exact address keeps its own"


def test_what_is_old_is_swept_in_slices(conn: Connection) -> None:
    for number in range(3):
        use(conn, number)
    use(conn, 9, at=NOW + DAY)
    wait(conn)
    assert [identities.forget_old(conn, NOW + HOUR, NOW, 2) for _ in range(3)] == [2, 1, 0]
    assert count(conn, identity_use) == count(conn, waited_once) == 1
    assert identities.forget_old(conn, NOW, LATER + HOUR, 2) == 1
