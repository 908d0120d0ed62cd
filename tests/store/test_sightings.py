"""Sightings: one row per mail and recipient, found again by any rung that is strong enough."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import Connection, Engine, delete, select

from gateway.model import Rung, RungKind, Sighting
from gateway.store import sightings
from gateway.store.seen import MOST, find
from gateway.store.sightings import Passed
from sql.tables import sighting, sighting_rung
from tests.store.making import (
    ANN,
    BO,
    CY,
    DAY,
    MINUTE,
    NETWORK,
    NOW,
    SECOND,
    SPF,
    STRONG,
    WEAK,
    attempt,
    count,
    fingerprint,
    passed,
    question,
    saw,
    seen,
    sighted,
)
from tests.store.test_copies import at_once

ONE, TWO = fingerprint(b"one", "<1@x>"), fingerprint(b"two", "<2@x>")
ELSEWHERE = Rung(RungKind.NETWORK, "198.51.100.0/24")


def only(conn: Connection, rungs: frozenset[Rung] = WEAK, sender: str = ANN, to: str = BO) -> Sighting:
    (found,) = seen(conn, sender, (to,), rungs)[to]
    return found


def test_an_attempt_is_found_by_each_of_its_rungs(conn: Connection) -> None:
    saw(conn, ANN, BO, STRONG, ONE, 1234, NOW)
    for rung in STRONG:
        found = only(conn, frozenset({rung}))
        assert (found.first_seen, found.last_seen, found.tries, found.size) == (NOW, NOW, 1, 1234)
        assert found.body == ONE.body
    assert only(conn, STRONG).rungs == STRONG


def test_it_is_not_found_from_elsewhere_or_for_another_pair(conn: Connection) -> None:
    saw(conn, ANN, BO, WEAK, ONE, None, NOW)
    assert seen(conn, ANN, (BO,), {ELSEWHERE}) == {BO: ()}
    assert seen(conn, ANN, (CY,), WEAK) == {CY: ()}
    assert seen(conn, "eve@elsewhere.example", (BO,), WEAK) == {BO: ()}
    assert seen(conn, "", (BO,), WEAK) == {BO: ()}
    assert seen(conn, ANN, (BO,), ()) == {BO: ()}


def test_recipients_are_asked_about_together(conn: Connection) -> None:
    saw(conn, ANN, BO, WEAK, ONE, None, NOW)
    saw(conn, ANN, CY, WEAK, ONE, None, NOW + SECOND)
    found = seen(conn, ANN, (BO, CY, "dee@example.com"), WEAK)
    assert {to: len(rows) for to, rows in found.items()} == {BO: 1, CY: 1, "dee@example.com": 0}


def test_the_same_mail_again_is_one_more_try(conn: Connection) -> None:
    for minute in range(3):
        saw(conn, ANN, BO, WEAK, ONE, None if minute else 99, NOW + minute * MINUTE)
    found = only(conn)
    assert (found.tries, found.first_seen, found.last_seen, found.size) == (3, NOW, NOW + 2 * MINUTE, 99)


def test_a_late_note_of_an_early_try_does_not_turn_time_back(conn: Connection) -> None:
    saw(conn, ANN, BO, WEAK, ONE, None, NOW + MINUTE)
    saw(conn, ANN, BO, WEAK, ONE, None, NOW)
    assert only(conn).last_seen == NOW + MINUTE


def test_another_mail_from_the_bare_network_is_another_sighting(conn: Connection) -> None:
    saw(conn, ANN, BO, WEAK, ONE, None, NOW)
    saw(conn, ANN, BO, WEAK, TWO, None, NOW + MINUTE)
    assert [one.first_seen for one in seen(conn, ANN, (BO,), WEAK)[BO]] == [NOW + MINUTE, NOW]
    assert [one.body for one in seen(conn, ANN, (BO,), WEAK, ONE)[BO]] == [ONE.body], "only what could match"


def test_another_mail_from_an_authenticated_rung_began_its_wait_with_the_first(conn: Connection) -> None:
    saw(conn, ANN, BO, STRONG, ONE, None, NOW)
    saw(conn, ANN, BO, STRONG, TWO, None, NOW + MINUTE)
    found = seen(conn, ANN, (BO,), frozenset({SPF}))[BO]
    assert [(one.body, one.first_seen) for one in found] == [(TWO.body, NOW), (ONE.body, NOW)]


def test_an_spf_record_that_permits_very_many_is_no_more_than_the_network(conn: Connection) -> None:
    wide = frozenset({NETWORK, Rung(RungKind.SPF_WIDE, "elsewhere.example")})
    saw(conn, ANN, BO, wide, ONE, None, NOW)
    saw(conn, ANN, BO, wide, TWO, None, NOW)
    assert count(conn, sighting) == 2
    assert conn.execute(select(sighting.c.network_only)).scalars().all() == [True, True]


def test_the_wait_began_when_the_mail_was_deferred_at_rcpt(conn: Connection) -> None:
    saw(conn, ANN, BO, WEAK, None, 500, NOW)
    saw(conn, ANN, BO, WEAK, ONE, 500, NOW + MINUTE)
    with_data = next(one for one in seen(conn, ANN, (BO,), WEAK)[BO] if one.saw_data)
    assert (with_data.first_seen, with_data.last_seen) == (NOW, NOW + MINUTE)
    assert len(seen(conn, ANN, (BO,), WEAK, TWO)[BO]) == 1, "what was deferred unseen may be any mail"


def test_the_same_message_id_with_another_body_is_a_retry(conn: Connection) -> None:
    """A footer with the date of sending must not make a stranger wait for ever."""
    saw(conn, ANN, BO, WEAK, fingerprint(b"one", "<same@x>"), None, NOW)
    saw(conn, ANN, BO, WEAK, fingerprint(b"two", "<same@x>"), None, NOW + MINUTE)
    assert only(conn).tries == 2


def test_mails_without_message_id_are_not_all_the_same(conn: Connection) -> None:
    saw(conn, ANN, BO, WEAK, fingerprint(b"one", None), None, NOW)
    saw(conn, ANN, BO, WEAK, fingerprint(b"two", None), None, NOW)
    assert count(conn, sighting) == 2


@pytest.mark.parametrize("together", [1, 7, 1000])
def test_of_a_spray_few_are_found_by_the_envelope_and_each_by_its_content(conn: Connection, together: int) -> None:
    sprayed = [fingerprint(b"%d" % number, f"<{number}@x>") for number in range(sightings.SPRAY + 20)]
    tries = [attempt(content=one, now=NOW + number * SECOND) for number, one in enumerate(sprayed)]
    for start in range(0, len(tries), together):
        sightings.saw(conn, tries[start : start + together])
    assert count(conn, sighting) == len(sprayed)
    found = seen(conn)[BO]
    assert [one.body for one in found] == [one.body for one in sprayed[sightings.SPRAY - 1 :: -1]], "newest first"
    for one in (*sprayed, *(replace(one, message_id=None) for one in sprayed)):
        assert [each.body for each in seen(conn, content=one)[BO]] == [one.body]
    for one in sprayed:
        assert [each.message_id for each in seen(conn, content=replace(one, body="0"))[BO]] == [one.message_id]


def test_a_mail_of_a_spray_that_comes_again_is_one_more_try(conn: Connection) -> None:
    for _ in range(2):
        for number in range(sightings.SPRAY + 3):
            saw(conn, content=fingerprint(b"%d" % number, None))
    assert set(conn.execute(select(sighting.c.tries)).scalars()) == {2}


def test_a_flood_of_one_content_leaves_the_earliest(conn: Connection) -> None:
    """One mail from so many networks: what counts is since when it comes."""
    for number in range(MOST + 5):
        rungs = {Rung(RungKind.NETWORK, f"10.0.{number}.0/24")}
        saw(conn, rungs=rungs, content=ONE, now=NOW + (99 - number if number < 99 else number) * SECOND)
    (told,) = find(conn, [question(content=ONE)])
    assert (told[BO].sightings, told[BO].first_tried) == ((), NOW + SECOND)


def test_an_identity_as_long_as_dns_allows_fits(conn: Connection) -> None:
    long = Rung(RungKind.FCRDNS, "a" * 400)
    saw(conn, ANN, BO, frozenset({long}), ONE, None, NOW)
    (found,) = seen(conn, rungs={long})[BO]
    assert found.rungs == {long}, "found by its digest, whatever the column cuts"
    saw(conn, rungs={long}, content=ONE)
    assert count(conn, sighting) == 1
    assert seen(conn, rungs={Rung(RungKind.FCRDNS, "a" * 399 + "b")})[BO] == ()


def test_what_passed_is_marked_once(conn: Connection) -> None:
    saw(conn, ANN, BO, STRONG, ONE, None, NOW)
    saw(conn, ANN, CY, STRONG, ONE, None, NOW)
    passed(conn, ANN, BO, {SPF}, NOW + MINUTE)
    passed(conn, ANN, BO, {SPF}, NOW + 2 * MINUTE)
    assert only(conn, STRONG).passed_at == NOW + MINUTE
    assert only(conn, STRONG, to=CY).passed_at is None
    passed(conn, ANN, BO, (), NOW)


def test_old_sightings_are_forgotten_in_slices_with_their_rungs(conn: Connection) -> None:
    for number in range(5):
        sighted(conn, BO, STRONG, fingerprint(b"%d" % number), NOW, NOW + number * DAY)
    before = NOW + 3 * DAY
    assert sightings.forget_old(conn, before, 2) == 2
    assert sightings.forget_old(conn, before, 2) == 1
    assert sightings.forget_old(conn, before, 2) == 0
    assert (count(conn, sighting), count(conn, sighting_rung)) == (2, 6)


@pytest.mark.parametrize("cap", [0, 3, 10])
def test_above_the_cap_pending_weak_sightings_give_way_and_no_others(conn: Connection, cap: int) -> None:
    for number in range(6):
        sighted(conn, f"r{number}@example.com", WEAK, ONE, NOW, NOW)
    saw(conn, ANN, "strong@example.com", STRONG, ONE, None, NOW)
    saw(conn, ANN, "passed@example.com", WEAK, ONE, None, NOW)
    passed(conn, ANN, "passed@example.com", WEAK, NOW)
    gone = sightings.give_way(conn, cap, 500)
    assert gone == max(0, 6 - cap)
    left = set(conn.execute(select(sighting.c.recipient)).scalars())
    assert {"strong@example.com", "passed@example.com"} <= left
    assert len(left) == 2 + 6 - gone


def test_who_came_back_does_not_give_way(conn: Connection) -> None:
    for number in range(4):
        for _ in range(1 + number % 2):
            saw(conn, ANN, f"r{number}@example.com", WEAK, ONE, None, NOW)
    sightings.give_way(conn, 0, 500)
    assert sorted(conn.execute(select(sighting.c.recipient)).scalars()) == ["r1@example.com", "r3@example.com"]


def test_they_give_way_in_slices(conn: Connection) -> None:
    for number in range(6):
        sighted(conn, f"r{number}@example.com", WEAK, ONE, NOW, NOW)
    assert sightings.give_way(conn, 1, 2) == 2
    assert count(conn, sighting) == 4


def test_a_sighting_past_its_window_is_still_found_for_the_policy_to_judge(conn: Connection) -> None:
    saw(conn, ANN, BO, WEAK, ONE, None, NOW - timedelta(days=30))
    assert only(conn).first_seen == NOW - timedelta(days=30)


# ---- notes written together ----------------------------------------------------------------------------------------


def test_two_tries_of_one_mail_in_one_batch_are_one_sighting(conn: Connection) -> None:
    sightings.saw(conn, [attempt(content=ONE, size=9), attempt(content=ONE, now=NOW + MINUTE)])
    found = only(conn)
    assert (found.tries, found.first_seen, found.last_seen, found.size) == (2, NOW, NOW + MINUTE, 9)
    sightings.saw(conn, [attempt(content=ONE, now=NOW + (2 + n) * MINUTE) for n in range(3)])
    assert (only(conn).tries, only(conn).last_seen) == (5, NOW + 4 * MINUTE)


def test_a_batch_writes_what_its_tries_would_write_one_by_one(conn: Connection) -> None:
    tries = [
        attempt(to=to, rungs=rungs, content=content, now=NOW + number * SECOND)
        for number, (to, rungs, content) in enumerate(product((BO, CY, BO), (WEAK, STRONG), (None, ONE, TWO, ONE)))
    ]
    sightings.saw(conn, tries)
    together = as_written(conn)
    conn.execute(delete(sighting_rung))
    conn.execute(delete(sighting))
    for one in tries:
        sightings.saw(conn, [one])
    assert as_written(conn) == together


def as_written(conn: Connection) -> list[tuple[object, ...]]:
    columns = (sighting.c.recipient, sighting.c.body, sighting.c.first_seen, sighting.c.last_seen, sighting.c.tries)
    joined = select(*columns, sighting_rung.c.key).join_from(sighting, sighting_rung)
    return sorted(tuple(map(str, row)) for row in conn.execute(joined))


def test_the_first_tries_of_two_stages_in_one_batch_began_together(conn: Connection) -> None:
    sightings.saw(conn, [attempt(), attempt(content=ONE, now=NOW + MINUTE)])
    assert [one.first_seen for one in seen(conn)[BO]] == [NOW, NOW]


def test_a_try_after_the_window_begins_anew_also_within_a_batch(conn: Connection) -> None:
    late = NOW + 5 * DAY
    saw(conn, content=ONE)
    again = attempt(content=ONE, now=late, anew_before=late - 4 * DAY)
    sightings.saw(conn, [again, replace(again, now=late + MINUTE)])
    found = only(conn)
    assert (found.first_seen, found.last_seen, found.tries) == (late, late + MINUTE, 3)


def test_tries_that_two_workers_note_at_once_all_count(engine: Engine) -> None:
    with engine.begin() as conn:
        saw(conn, content=ONE)
    at_once(engine, lambda conn, who: saw(conn, content=ONE, now=NOW + who * SECOND), 8)
    with engine.connect() as conn:
        found = only(conn)
    assert (found.tries, found.first_seen, found.last_seen) == (9, NOW, NOW + 7 * SECOND)


def test_who_passed_is_told_apart_within_a_batch(conn: Connection) -> None:
    saw(conn, content=ONE)
    saw(conn, to=CY, content=ONE)
    sightings.passed(conn, [Passed(ANN, to, WEAK, moment) for to, moment in ((BO, NOW), (CY, NOW + MINUTE))])
    assert [only(conn, to=to).passed_at for to in (BO, CY)] == [NOW, NOW + MINUTE]
