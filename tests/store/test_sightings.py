"""Sightings: one row per mail and recipient, found again by any rung that is strong enough."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from gateway.model import Rung, RungKind, Sighting
from gateway.store import sightings
from sql.tables import sighting, sighting_rung
from tests.store.making import (
    ANN,
    BO,
    CY,
    DAY,
    MINUTE,
    NAME,
    NETWORK,
    NOW,
    SECOND,
    SPF,
    STRONG,
    WEAK,
    count,
    fingerprint,
)

ONE, TWO = fingerprint(b"one", "<1@x>"), fingerprint(b"two", "<2@x>")
ELSEWHERE = Rung(RungKind.NETWORK, "198.51.100.0/24")


def only(conn: Connection, rungs: frozenset[Rung] = WEAK, sender: str = ANN, to: str = BO) -> Sighting:
    (found,) = sightings.find(conn, sender, (to,), rungs)[to]
    return found


def test_an_attempt_is_found_by_each_of_its_rungs(conn: Connection) -> None:
    sightings.saw(conn, ANN, BO, STRONG, ONE, 1234, NOW)
    for rung in STRONG:
        found = only(conn, frozenset({rung}))
        assert (found.first_seen, found.last_seen, found.tries, found.size) == (NOW, NOW, 1, 1234)
        assert found.body == ONE.body
    assert only(conn, STRONG).rungs == STRONG


def test_it_is_not_found_from_elsewhere_or_for_another_pair(conn: Connection) -> None:
    sightings.saw(conn, ANN, BO, WEAK, ONE, None, NOW)
    assert sightings.find(conn, ANN, (BO,), {ELSEWHERE}) == {BO: ()}
    assert sightings.find(conn, ANN, (CY,), WEAK) == {CY: ()}
    assert sightings.find(conn, "eve@elsewhere.example", (BO,), WEAK) == {BO: ()}
    assert sightings.find(conn, "", (BO,), WEAK) == {BO: ()}
    assert sightings.find(conn, ANN, (BO,), ()) == {BO: ()}


def test_recipients_are_asked_about_together(conn: Connection) -> None:
    sightings.saw(conn, ANN, BO, WEAK, ONE, None, NOW)
    sightings.saw(conn, ANN, CY, WEAK, ONE, None, NOW + SECOND)
    found = sightings.find(conn, ANN, (BO, CY, "dee@example.com"), WEAK)
    assert {to: len(rows) for to, rows in found.items()} == {BO: 1, CY: 1, "dee@example.com": 0}


def test_the_same_mail_again_is_one_more_try(conn: Connection) -> None:
    for minute in range(3):
        sightings.saw(conn, ANN, BO, WEAK, ONE, None if minute else 99, NOW + minute * MINUTE)
    found = only(conn)
    assert (found.tries, found.first_seen, found.last_seen, found.size) == (3, NOW, NOW + 2 * MINUTE, 99)


def test_a_late_note_of_an_early_try_does_not_turn_time_back(conn: Connection) -> None:
    sightings.saw(conn, ANN, BO, WEAK, ONE, None, NOW + MINUTE)
    sightings.saw(conn, ANN, BO, WEAK, ONE, None, NOW)
    assert only(conn).last_seen == NOW + MINUTE


def test_another_mail_from_the_bare_network_is_another_sighting(conn: Connection) -> None:
    sightings.saw(conn, ANN, BO, WEAK, ONE, None, NOW)
    sightings.saw(conn, ANN, BO, WEAK, TWO, None, NOW + MINUTE)
    assert [one.first_seen for one in sightings.find(conn, ANN, (BO,), WEAK)[BO]] == [NOW + MINUTE, NOW]
    assert [one.body for one in sightings.find(conn, ANN, (BO,), WEAK, ONE)[BO]] == [ONE.body], "only what could match"


def test_another_mail_from_an_authenticated_rung_is_a_retry(conn: Connection) -> None:
    sightings.saw(conn, ANN, BO, STRONG, ONE, None, NOW)
    sightings.saw(conn, ANN, BO, STRONG, TWO, None, NOW + MINUTE)
    assert only(conn, frozenset({SPF})).tries == 2


def test_a_host_name_alone_is_no_more_than_the_network(conn: Connection) -> None:
    named = frozenset({NETWORK, NAME})
    sightings.saw(conn, ANN, BO, named, ONE, None, NOW)
    sightings.saw(conn, ANN, BO, named, TWO, None, NOW)
    assert count(conn, sighting) == 2


def test_the_wait_began_when_the_mail_was_deferred_at_rcpt(conn: Connection) -> None:
    sightings.saw(conn, ANN, BO, WEAK, None, 500, NOW)
    sightings.saw(conn, ANN, BO, WEAK, ONE, 500, NOW + MINUTE)
    with_data = next(one for one in sightings.find(conn, ANN, (BO,), WEAK)[BO] if one.saw_data)
    assert (with_data.first_seen, with_data.last_seen) == (NOW, NOW + MINUTE)
    assert len(sightings.find(conn, ANN, (BO,), WEAK, TWO)[BO]) == 1, "what was deferred unseen may be any mail"


def test_the_same_message_id_with_another_body_is_a_retry(conn: Connection) -> None:
    """A footer with the date of sending must not make a stranger wait for ever."""
    sightings.saw(conn, ANN, BO, WEAK, fingerprint(b"one", "<same@x>"), None, NOW)
    sightings.saw(conn, ANN, BO, WEAK, fingerprint(b"two", "<same@x>"), None, NOW + MINUTE)
    assert only(conn).tries == 2


def test_mails_without_message_id_are_not_all_the_same(conn: Connection) -> None:
    sightings.saw(conn, ANN, BO, WEAK, fingerprint(b"one", None), None, NOW)
    sightings.saw(conn, ANN, BO, WEAK, fingerprint(b"two", None), None, NOW)
    assert count(conn, sighting) == 2


def test_a_spray_does_not_flood_the_answer_and_the_newest_are_told(conn: Connection) -> None:
    for number in range(sightings.MOST + 20):
        sightings.add(conn, ANN, BO, WEAK, fingerprint(b"%d" % number, None), None, NOW, NOW + number * SECOND)
    found = sightings.find(conn, ANN, (BO,), WEAK)[BO]
    assert len(found) == sightings.MOST
    assert found[0].last_seen == NOW + (sightings.MOST + 19) * SECOND


def test_an_identity_as_long_as_dns_allows_fits(conn: Connection) -> None:
    long = Rung(RungKind.FCRDNS, "a" * 400)
    sightings.saw(conn, ANN, BO, frozenset({long}), ONE, None, NOW)
    assert len(only(conn, frozenset({long})).rungs) == 1, "found by its digest, whatever the column cuts"


def test_what_passed_is_marked_once(conn: Connection) -> None:
    sightings.saw(conn, ANN, BO, STRONG, ONE, None, NOW)
    sightings.saw(conn, ANN, CY, STRONG, ONE, None, NOW)
    sightings.passed(conn, ANN, BO, {SPF}, NOW + MINUTE)
    sightings.passed(conn, ANN, BO, {SPF}, NOW + 2 * MINUTE)
    assert only(conn, STRONG).passed_at == NOW + MINUTE
    assert only(conn, STRONG, to=CY).passed_at is None
    sightings.passed(conn, ANN, BO, (), NOW)


def test_old_sightings_are_forgotten_in_slices_with_their_rungs(conn: Connection) -> None:
    for number in range(5):
        sightings.add(conn, ANN, BO, STRONG, fingerprint(b"%d" % number), None, NOW, NOW + number * DAY)
    before = NOW + 3 * DAY
    assert sightings.forget_old(conn, before, 2) == 2
    assert sightings.forget_old(conn, before, 2) == 1
    assert sightings.forget_old(conn, before, 2) == 0
    assert (count(conn, sighting), count(conn, sighting_rung)) == (2, 6)


@pytest.mark.parametrize("cap", [0, 3, 10])
def test_above_the_cap_pending_weak_sightings_give_way_and_no_others(conn: Connection, cap: int) -> None:
    for number in range(6):
        sightings.add(conn, ANN, f"r{number}@example.com", WEAK, ONE, None, NOW, NOW)
    sightings.saw(conn, ANN, "strong@example.com", STRONG, ONE, None, NOW)
    sightings.saw(conn, ANN, "passed@example.com", WEAK, ONE, None, NOW)
    sightings.passed(conn, ANN, "passed@example.com", WEAK, NOW)
    gone = sightings.give_way(conn, cap, 500)
    assert gone == max(0, 6 - cap)
    left = set(conn.execute(select(sighting.c.recipient)).scalars())
    assert {"strong@example.com", "passed@example.com"} <= left
    assert len(left) == 2 + 6 - gone


def test_who_came_back_does_not_give_way(conn: Connection) -> None:
    for number in range(4):
        for _ in range(1 + number % 2):
            sightings.saw(conn, ANN, f"r{number}@example.com", WEAK, ONE, None, NOW)
    sightings.give_way(conn, 0, 500)
    assert sorted(conn.execute(select(sighting.c.recipient)).scalars()) == ["r1@example.com", "r3@example.com"]


def test_they_give_way_in_slices(conn: Connection) -> None:
    for number in range(6):
        sightings.add(conn, ANN, f"r{number}@example.com", WEAK, ONE, None, NOW, NOW)
    assert sightings.give_way(conn, 1, 2) == 2
    assert count(conn, sighting) == 4


def test_a_sighting_past_its_window_is_still_found_for_the_policy_to_judge(conn: Connection) -> None:
    sightings.saw(conn, ANN, BO, WEAK, ONE, None, NOW - timedelta(days=30))
    assert only(conn).first_seen == NOW - timedelta(days=30)
