"""Who is remembered, who is known, and how it ends."""

from itertools import permutations

import pytest
from sqlalchemy import Connection, select

from gateway.model import Grade, Rung, RungKind
from gateway.store import memory
from sql.tables import memory as table
from tests.store.making import ANN, BO, CY, DAY, NETWORK, NOW, SECOND, STRONG, WEAK, count, grades, remember

LATER = NOW + 36 * DAY
OTHER = frozenset({Rung(RungKind.NETWORK, "198.51.100.0/24")})


def waited(conn: Connection, sender: str = ANN, to: str = BO, rungs: frozenset[Rung] = WEAK) -> None:
    remember(conn, rungs, sender, to, Grade.REMEMBERED, "waited", NOW, LATER)


def released(conn: Connection, sender: str = ANN, to: str = BO, rungs: frozenset[Rung] = WEAK) -> None:
    remember(conn, rungs, sender, to, Grade.KNOWN, "released", NOW, NOW + 400 * DAY, "cy@cli", "a friend")


def grade(conn: Connection, rungs: frozenset[Rung] = WEAK, to: str = BO, now=NOW, sender: str = ANN) -> Grade:  # type: ignore[no-untyped-def]
    return grades(conn, sender, (to,), rungs, now=now)[to]


def test_everybody_is_a_stranger_first(conn: Connection) -> None:
    assert grades(conn, ANN, (BO, CY)) == {BO: Grade.STRANGER, CY: Grade.STRANGER}
    assert grades(conn, rungs=()) == {BO: Grade.STRANGER}
    assert grades(conn, recipients=()) == {}


def test_patience_is_remembered_for_that_recipient_and_that_identity_only(conn: Connection) -> None:
    waited(conn)
    assert grade(conn) is Grade.REMEMBERED
    assert grade(conn, to=CY) is Grade.STRANGER
    assert grade(conn, OTHER) is Grade.STRANGER
    assert grade(conn, sender="eve@elsewhere.example") is Grade.STRANGER


SIGNED = frozenset({Rung(RungKind.DKIM, "elsewhere.example")})


def for_all(conn: Connection, rungs: frozenset[Rung], sender: str = ANN) -> None:
    remember(conn, rungs, sender, memory.EVERYBODY, Grade.REMEMBERED, "two", NOW, LATER)


def test_who_is_remembered_for_everybody_is_so_for_each(conn: Connection) -> None:
    for_all(conn, SIGNED)
    assert grades(conn, ANN, (BO, CY), SIGNED) == {BO: Grade.REMEMBERED, CY: Grade.REMEMBERED}
    released(conn, to=CY, rungs=SIGNED)
    assert grades(conn, ANN, (BO, CY), SIGNED) == {BO: Grade.REMEMBERED, CY: Grade.KNOWN}
    assert grade(conn, SIGNED, sender="al@elsewhere.example") is Grade.STRANGER
    assert grade(conn, WEAK) is Grade.STRANGER
    assert grade(conn, SIGNED, now=LATER) is Grade.STRANGER


def test_a_whole_domain_is_remembered_by_its_signature_and_nothing_weaker(conn: Connection) -> None:
    for_all(conn, SIGNED | WEAK, "@elsewhere.example")
    for sender in (ANN, "al@elsewhere.example"):
        assert grade(conn, SIGNED, sender=sender) is Grade.REMEMBERED
        assert grade(conn, WEAK, sender=sender) is Grade.STRANGER
    for sender in ("al@sub.elsewhere.example", "al@other.example", ""):
        assert grade(conn, SIGNED, sender=sender) is Grade.STRANGER


@pytest.mark.parametrize("party", [ANN, "elsewhere.example"])
def test_who_is_forgotten_is_so_for_everybody(conn: Connection, party: str) -> None:
    for_all(conn, SIGNED)
    for_all(conn, SIGNED, "@elsewhere.example")
    assert memory.forget(conn, party) == 2
    assert grade(conn, SIGNED) is Grade.STRANGER


def test_the_best_of_all_rungs_counts(conn: Connection) -> None:
    signed = Rung(RungKind.DKIM, "elsewhere.example")
    waited(conn)
    released(conn, rungs=frozenset({signed}))
    assert grade(conn, WEAK | {signed}) is Grade.KNOWN
    assert grade(conn, WEAK) is Grade.REMEMBERED


def test_a_host_name_and_an_spf_record_earn_nothing(conn: Connection) -> None:
    released(conn, rungs=STRONG)
    assert grade(conn, STRONG - {NETWORK}) is Grade.STRANGER
    assert grade(conn, frozenset({NETWORK})) is Grade.KNOWN


def test_memory_ends_to_the_moment(conn: Connection) -> None:
    waited(conn)
    assert grade(conn, now=LATER - SECOND) is Grade.REMEMBERED
    assert grade(conn, now=LATER) is Grade.STRANGER


@pytest.mark.parametrize("order", list(permutations(("waited", "released", "waited"))))
def test_silence_never_lowers_what_an_act_of_ours_earned(conn: Connection, order: tuple[str, ...]) -> None:
    for name in order:
        {"waited": waited, "released": released}[name](conn)
    row = conn.execute(select(table)).mappings().one()
    assert (row["grade"], row["expires"], row["author"], row["earned"]) == (
        Grade.KNOWN, NOW + 400 * DAY, "cy@cli", "released",
    )  # fmt: skip


def test_the_null_sender_is_a_sender_of_its_own(conn: Connection) -> None:
    waited(conn, sender="")
    assert grade(conn, sender="") is Grade.REMEMBERED
    assert grade(conn) is Grade.STRANGER


@pytest.mark.parametrize(
    ("party", "left"),
    [
        (ANN, {"al@elsewhere.example", "x@sub.elsewhere.example", "x@notelsewhere.example"}),
        ("elsewhere.example", {"x@sub.elsewhere.example", "x@notelsewhere.example"}),
        ("192.0.2.0/24", set()),
        ("nobody@elsewhere.example", None),
        ("%", None),
        ("_lsewhere.example", None),
    ],
)
def test_a_party_is_forgotten_and_nobody_else(conn: Connection, party: str, left: set[str] | None) -> None:
    everybody = {ANN, "al@elsewhere.example", "x@sub.elsewhere.example", "x@notelsewhere.example"}
    for sender in everybody:
        waited(conn, sender)
    left = everybody if left is None else left
    assert memory.forget(conn, party) == len(everybody) - len(left)
    assert set(conn.execute(select(table.c.sender)).scalars()) == left


def test_what_expired_is_swept_in_slices(conn: Connection) -> None:
    for number in range(3):
        waited(conn, f"s{number}@elsewhere.example")
    released(conn)
    assert memory.forget_old(conn, LATER, 2) == 0, "not before its time"
    assert [memory.forget_old(conn, LATER + SECOND, 2) for _ in range(3)] == [2, 1, 0]
    assert memory.size(conn) == count(conn, table) == 1


def test_the_listing_shows_what_holds_newest_first_and_takes_no_wildcards(conn: Connection) -> None:
    waited(conn)
    remember(conn, {NETWORK}, "al@other.example", CY, Grade.KNOWN, "released", NOW + SECOND, LATER, "cy@cli")
    assert [row["sender"] for row in memory.listing(conn, None, NOW, 10)] == ["al@other.example", ANN]
    assert [row["sender"] for row in memory.listing(conn, None, NOW, 1)] == ["al@other.example"]
    assert [row["sender"] for row in memory.listing(conn, "other.ex", NOW, 10)] == ["al@other.example"]
    assert len(memory.listing(conn, "192.0.2", NOW, 10)) == 2
    assert memory.listing(conn, "%", NOW, 10) == []
    assert memory.listing(conn, None, LATER + SECOND, 10) == []


def test_the_listing_takes_capitals_for_small_letters(conn: Connection) -> None:
    waited(conn)
    assert len(memory.listing(conn, "ANN@Else", NOW, 10)) == 1
