"""Copies of deferred mail: whoever moves one first has moved it, and only along the machine."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, Engine, select, update

from gateway.bodies import Kept
from gateway.model import CopyState, Rung
from gateway.policy.hold import COPY_MOVES
from gateway.store import copies, messages
from gateway.store.copies import KeptCopy
from gateway.store.rows import rungs_from_json
from sql.tables import copy, message
from tests.store.making import (  # fmt: skip
    ANN,
    BO,
    CY,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    STRONG,
    TEXT,
    WEAK,
    copied,
    count,
    defer,
    found_copies,
    identity,
    mail,
    recipient,
    row_of,
)

T = TypeVar("T")
LEASE = NOW + 15 * MINUTE


def at_once(engine: Engine, work: Callable[[Connection, int], T], threads: int = 12) -> list[T]:
    """The same work in as many transactions, all begun before the first one goes on."""
    gate = threading.Barrier(threads)

    def run(number: int) -> T:
        gate.wait(60)
        with engine.begin() as conn:
            return work(conn, number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


@pytest.fixture
def kept(conn: Connection) -> Kept:
    return row_of(conn, mail())


def state(conn: Connection, number: int) -> CopyState:
    return CopyState(conn.execute(select(copy.c.state).where(copy.c.id == number)).scalar_one())


def in_state(conn: Connection, number: int, wanted: CopyState) -> None:
    conn.execute(update(copy).where(copy.c.id == number).values(state=wanted))


def test_tries_of_one_mail_are_one_copy(conn: Connection, kept: Kept) -> None:
    for minute in (1, 0, 2):
        defer(conn, kept, NOW + minute * MINUTE)
    (row,) = copies.of_message(conn, kept.id)
    assert (row["tries"], row["first_seen"], row["last_seen"]) == (3, NOW, NOW + 2 * MINUTE)
    assert (row["recipient_raw"], row["notify"], row["orcpt"]) == (BO, "NEVER", f"rfc822;{BO}")


def test_a_copy_is_found_by_its_very_bytes_and_by_nothing_less(conn: Connection, kept: Kept) -> None:
    """Who claims a copy ends it: a mail that merely looks alike must not end another mail's."""
    copied(conn, kept)
    same = kept.fingerprint
    (found,) = found_copies(conn, ANN, (BO, CY), same)[BO]
    assert (found.message, found.state, found.mail) == (kept.id, CopyState.SENDER_HELD, identity(kept))
    for part in ({"whole": "0" * 64}, {"whole": "0" * 64, "message_id": None}):
        assert found_copies(conn, ANN, (BO, CY), replace(same, **part)) == {BO: (), CY: ()}
    assert found_copies(conn, "eve@elsewhere.example", (BO,), same) == {BO: ()}
    assert found_copies(conn, ANN, (CY,), same) == {CY: ()}


def kept_copy(number: str, text: bytes, rungs: frozenset[Rung] = WEAK, **more: Any) -> KeptCopy:
    kept = mail(number, text=text, rungs=rungs)
    recipients = kept.envelope.recipients
    values = {"described": kept, "sender": ANN, "recipients": recipients, "content": kept.fingerprint, **more}
    return KeptCopy(number=number, rungs=rungs, now=NOW, **values)


def test_mail_that_is_kept_twice_at_once_is_one_row(conn: Connection) -> None:
    copies.keep(conn, [kept_copy("1", b"a"), kept_copy("2", b"a", STRONG), kept_copy("3", b"b")])
    copies.keep(conn, [kept_copy("4", b"b", STRONG)])
    assert {row.id: len(row.rungs) for row in conn.execute(select(message.c.id, message.c.rungs))} == {"1": 3, "3": 3}
    assert {row.message: row.tries for row in conn.execute(select(copy.c.message, copy.c.tries))} == {"1": 2, "3": 2}


def test_the_same_bytes_from_another_sender_are_another_mail(conn: Connection) -> None:
    copies.keep(conn, [kept_copy("1", b"a"), kept_copy("2", b"a", sender="eve@elsewhere.example")])
    assert set(conn.execute(select(message.c.id)).scalars()) == {"1", "2"}


def test_a_mail_whose_row_is_there_gets_a_copy_for_each_of_its_recipients(conn: Connection, kept: Kept) -> None:
    both = (recipient(), recipient(CY))
    for _ in range(2):
        copies.keep(conn, [kept_copy(kept.id, TEXT, STRONG, described=None, recipients=both)])
    assert {row["recipient"]: row["tries"] for row in copies.of_message(conn, kept.id)} == {BO: 2, CY: 2}
    row = messages.load(conn, kept.id)
    assert row is not None
    assert rungs_from_json(row["rungs"]) == STRONG, "a retry may come from any of them"


@pytest.mark.parametrize("start", list(CopyState))
@pytest.mark.parametrize("target", list(CopyState))
def test_a_copy_moves_along_the_machine_only(conn: Connection, kept: Kept, start: CopyState, target: CopyState) -> None:
    (number,) = copied(conn, kept)
    in_state(conn, number, start)
    allowed = target in COPY_MOVES[start]
    assert copies.move(conn, number, target, now=NOW) is allowed
    assert state(conn, number) is (target if allowed else start)


@pytest.mark.parametrize("target", list(CopyState))
def test_a_person_decides_about_nothing_that_is_being_passed(conn: Connection, kept: Kept, target: CopyState) -> None:
    (number,) = copied(conn, kept)
    copies.claim(conn, number, "w", NOW, LEASE)
    assert not copies.move(conn, number, target, who="cy@cli", now=NOW)
    assert state(conn, number) is CopyState.PASSING


@pytest.mark.parametrize("ended", [CopyState.PASSED, CopyState.RELEASED, CopyState.REFUSED, CopyState.TAKEN_OVER])
def test_a_story_that_is_over_does_not_begin_again(conn: Connection, kept: Kept, ended: CopyState) -> None:
    (number,) = copied(conn, kept)
    in_state(conn, number, ended)
    assert not copies.claim(conn, number, "w", NOW, LEASE)
    defer(conn, kept, NOW + HOUR)
    copies.abandon(conn, NOW + DAY)
    copies.end_window(conn, NOW + DAY, 10)
    copies.end_leases(conn, NOW + DAY)
    copies.free(conn, "w")
    assert state(conn, number) is ended


def test_a_sender_that_comes_back_has_not_abandoned_its_mail(conn: Connection, kept: Kept) -> None:
    (number,) = copied(conn, kept)
    in_state(conn, number, CopyState.ABANDONED)
    defer(conn, kept, NOW + HOUR)
    assert state(conn, number) is CopyState.SENDER_HELD


def test_of_many_who_claim_a_copy_exactly_one_wins(engine: Engine) -> None:
    with engine.begin() as conn:
        (number,) = copied(conn, row_of(conn, mail()))
    won = at_once(engine, lambda conn, who: copies.claim(conn, number, f"node:{who}", NOW, LEASE))
    assert won.count(True) == 1
    with engine.connect() as conn:
        assert copies.claimers(conn) == {f"node:{won.index(True)}"}


def test_of_release_refusal_and_retry_exactly_one_wins(engine: Engine) -> None:
    with engine.begin() as conn:
        (number,) = copied(conn, row_of(conn, mail()))

    def decide(conn: Connection, who: int) -> bool:
        if who % 3 == 0:
            return copies.claim(conn, number, "w", NOW, LEASE)
        target = CopyState.RELEASED if who % 3 == 1 else CopyState.TAKEN_OVER
        return copies.move(conn, number, target, now=NOW)

    assert at_once(engine, decide).count(True) == 1


def test_a_claim_holds_until_its_lease_ends(conn: Connection, kept: Kept) -> None:
    (number,) = copied(conn, kept)
    assert copies.claim(conn, number, "a", NOW, LEASE)
    assert not copies.claim(conn, number, "b", LEASE - SECOND, LEASE + HOUR)
    assert copies.end_leases(conn, LEASE - SECOND) == 0
    assert copies.claim(conn, number, "b", LEASE, LEASE + HOUR)
    assert copies.claimers(conn) == {"b"}


def test_a_lease_that_ended_gives_the_copy_back_to_its_sender(conn: Connection, kept: Kept) -> None:
    (number,) = copied(conn, kept)
    copies.claim(conn, number, "a", NOW, LEASE)
    assert copies.end_leases(conn, LEASE) == 1
    assert state(conn, number) is CopyState.SENDER_HELD


def test_the_death_of_a_claimer_frees_its_copies_and_no_others(conn: Connection) -> None:
    numbers = copied(conn, row_of(conn, mail(recipients=(BO, CY))))
    for number, who in zip(numbers, "ab", strict=True):
        copies.claim(conn, number, who, NOW, LEASE)
    assert copies.free(conn, "a") == 1
    assert [state(conn, number) for number in numbers] == [CopyState.SENDER_HELD, CopyState.PASSING]
    assert copies.claimers(conn) == {"b"}


def test_a_decision_says_who_and_when_and_a_long_note_is_cut(conn: Connection, kept: Kept) -> None:
    (number,) = copied(conn, kept)
    assert copies.move(conn, number, CopyState.REFUSED, note="n" * 500, who="cy@cli", now=NOW)
    (row,) = copies.of_message(conn, kept.id)
    assert (row["decided_by"], row["decided_at"], len(row["note"])) == ("cy@cli", NOW, 200)


def test_silence_abandons_what_its_sender_holds_and_nothing_that_is_passing(conn: Connection) -> None:
    numbers = copied(conn, row_of(conn, mail(recipients=(BO, CY))))
    copies.claim(conn, numbers[0], "a", NOW, LEASE)
    assert copies.abandon(conn, NOW) == 0, "not before the silence"
    assert copies.abandon(conn, NOW + SECOND) == 1
    assert [state(conn, number) for number in numbers] == [CopyState.PASSING, CopyState.ABANDONED]


def test_the_end_of_the_window_forgets_in_slices_and_leaves_what_is_passing(conn: Connection) -> None:
    everybody = [f"r{number}@example.com" for number in range(5)]
    numbers = copied(conn, row_of(conn, mail(recipients=everybody)))
    copies.claim(conn, numbers[0], "a", NOW, LEASE)
    in_state(conn, numbers[1], CopyState.ABANDONED)
    assert copies.end_window(conn, NOW, 10) == 0
    assert [copies.end_window(conn, NOW + SECOND, 3) for _ in range(3)] == [3, 1, 0]
    assert count(conn, copy) == 1


def test_what_waits_is_shown_newest_first_with_its_mail(conn: Connection) -> None:
    for index, name in enumerate(("First", "Second")):
        kept = row_of(conn, mail(f"000000000000{index}", subject=name, text=name.encode()))
        copied(conn, kept, NOW + index * MINUTE)
    assert [row["subject"] for row in copies.waiting(conn, 10)] == ["Second", "First"]
    assert [row["subject"] for row in copies.waiting(conn, 1)] == ["Second"]
    assert copies.waiting(conn, 10, CopyState.ABANDONED) == []
