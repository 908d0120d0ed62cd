"""The life of copies and of held mail: the moves that exist, and what time does."""

from datetime import timedelta

import pytest

from gateway.model import CopyState, DeliveryState, ReasonCode
from gateway.policy.hold import (
    COPY_MOVES,
    DELIVERY_MOVES,
    OPEN_COPIES,
    REVIEWED_COPIES,
    Lifetime,
    delivery_sources,
    lifetime,
    sources,
    waits_for_a_person,
)
from tests.policy.stranger import DAY, MINUTE, NOW

COPY_ENDS = {CopyState.PASSED, CopyState.TAKEN_OVER, CopyState.RELEASED, CopyState.REFUSED}
DEFERRED = COPY_ENDS | {CopyState.SENDER_HELD, CopyState.PASSING, CopyState.ABANDONED}
DELIVERY_ENDS = {DeliveryState.DELIVERED, DeliveryState.REFUSED}


@pytest.mark.parametrize(("moves", "states"), [(COPY_MOVES, CopyState), (DELIVERY_MOVES, DeliveryState)])
def test_every_state_has_its_moves_and_none_to_itself(moves, states):
    assert set(moves) == set(states)
    assert all(state not in targets for state, targets in moves.items())


@pytest.mark.parametrize(("moves", "ends"), [(COPY_MOVES, COPY_ENDS), (DELIVERY_MOVES, DELIVERY_ENDS)])
def test_nothing_leaves_an_end(moves, ends):
    assert {state for state, targets in moves.items() if not targets} == ends


@pytest.mark.parametrize(
    ("moves", "first", "ends"),
    [(COPY_MOVES, CopyState.SENDER_HELD, COPY_ENDS), (DELIVERY_MOVES, DeliveryState.HELD, DELIVERY_ENDS)],
)
def test_every_state_is_reached_and_leads_to_an_end(moves, first, ends):
    whole = reached(moves, first)
    assert whole == (DEFERRED if moves is COPY_MOVES else set(moves))
    assert all(reached(moves, state) & ends for state in whole)


def reached(moves, start):
    found, todo = {start}, [start]
    while todo:
        new = moves[todo.pop()] - found
        found |= new
        todo += new
    return found


def test_what_was_delivered_is_never_anybodys_again_whatever_people_say_of_it():
    assert reached(COPY_MOVES, CopyState.LISTED) == REVIEWED_COPIES == set(CopyState) - DEFERRED
    assert not reached(COPY_MOVES, CopyState.SENDER_HELD) & REVIEWED_COPIES


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (CopyState.SENDER_HELD, {CopyState.PASSING, CopyState.ABANDONED}),
        (CopyState.PASSING, {CopyState.SENDER_HELD, CopyState.ABANDONED}),
        (CopyState.RELEASED, {CopyState.SENDER_HELD, CopyState.ABANDONED}),
        (CopyState.TAKEN_OVER, {CopyState.SENDER_HELD, CopyState.ABANDONED}),
        (CopyState.PASSED, {CopyState.SENDER_HELD, CopyState.PASSING, CopyState.ABANDONED}),
        (CopyState.REFUSED, {CopyState.SENDER_HELD, CopyState.PASSING, CopyState.ABANDONED}),
        (CopyState.ABANDONED, {CopyState.SENDER_HELD}),
    ],
)
def test_from_where_a_copy_may_come(target, expected):
    assert set(sources(target)) == expected


def test_nobody_releases_or_takes_over_what_is_being_passed():
    assert not COPY_MOVES[CopyState.PASSING] & {CopyState.RELEASED, CopyState.TAKEN_OVER, CopyState.ABANDONED}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (DeliveryState.HELD, set()),
        (DeliveryState.RELEASING, {DeliveryState.HELD, DeliveryState.UNDELIVERABLE, DeliveryState.EXPIRED}),
        (DeliveryState.DELIVERED, {DeliveryState.RELEASING}),
        (DeliveryState.UNDELIVERABLE, {DeliveryState.RELEASING}),
        (DeliveryState.REFUSED, {DeliveryState.HELD, DeliveryState.UNDELIVERABLE}),
        (DeliveryState.EXPIRED, {DeliveryState.HELD}),
    ],
)
def test_from_where_a_delivery_may_come(target, expected):
    assert set(delivery_sources(target)) == expected


def test_mail_that_is_on_its_way_can_no_longer_be_refused_or_expire():
    assert DELIVERY_MOVES[DeliveryState.RELEASING] == {DeliveryState.DELIVERED, DeliveryState.UNDELIVERABLE}


def test_open_copies_may_still_become_something():
    assert DEFERRED - COPY_ENDS == OPEN_COPIES


@pytest.mark.parametrize(
    ("release_after", "expected"),
    [
        (None, Lifetime(release_at=None, expires=NOW + 30 * DAY)),
        (3 * MINUTE, Lifetime(release_at=NOW + 3 * MINUTE, expires=None)),
        (timedelta(0), Lifetime(release_at=NOW, expires=None)),
    ],
)
def test_held_mail_releases_itself_or_expires_but_never_both(release_after, expected):
    assert lifetime(NOW, 30 * DAY, release_after) == expected


def test_only_what_releases_itself_waits_for_nobody():
    alone = {code for code in ReasonCode if not waits_for_a_person(code)}
    assert alone == {ReasonCode.GREYLIST_CARRIED, ReasonCode.GREYLIST_COMPANY}
