"""Mail that is ours: claimed by one courier at a time, ended in a state that is shown."""

import pytest
from sqlalchemy import Connection, Engine, select, update

from gateway.model import DeliveryState, ReasonCode
from gateway.policy.hold import DELIVERY_MOVES, lifetime
from gateway.store import deliveries
from gateway.store.deliveries import Owned
from sql.tables import delivery
from tests.store.making import (
    BO,
    CY,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    held,
    mail,
    recipient,
    row_of,
)  # fmt: skip
from tests.store.test_copies import at_once

LEASE = NOW + 15 * MINUTE
RELEASING, HELD = DeliveryState.RELEASING, DeliveryState.HELD
MANY = [f"r{number}@example.com" for number in range(10)]


def state(conn: Connection, number: int) -> DeliveryState:
    return DeliveryState(conn.execute(select(delivery.c.state).where(delivery.c.id == number)).scalar_one())


def row(conn: Connection, number: int) -> dict[str, object]:
    return dict(conn.execute(select(delivery).where(delivery.c.id == number)).mappings().one())


def test_what_is_releasing_is_due_at_once_and_what_is_held_is_not(conn: Connection) -> None:
    held(conn, row_of(conn, mail("0000000000001")), HELD)
    assert deliveries.next_due(conn) is None
    assert deliveries.claim_due(conn, "c", NOW, LEASE, 10) == []
    held(conn, row_of(conn, mail("0000000000002", text=b"two")), RELEASING)
    assert deliveries.next_due(conn) == NOW
    assert deliveries.claim_due(conn, "c", NOW - SECOND, LEASE, 10) == []
    (claimed,) = deliveries.claim_due(conn, "c", NOW, LEASE, 10)
    assert (claimed["message"], claimed["recipient_raw"], claimed["notify"]) == ("0000000000002", BO, "NEVER")
    assert deliveries.claimers(conn) == {"c"}


def test_two_couriers_never_get_the_same_row(engine: Engine) -> None:
    with engine.begin() as conn:
        held(conn, row_of(conn, mail(recipients=MANY)), RELEASING)

    def take(conn: Connection, who: int) -> list[int]:
        return [one["id"] for one in deliveries.claim_due(conn, f"c{who}", NOW, LEASE, 3)]

    taken = [number for got in at_once(engine, take, 8) for number in got]
    assert len(taken) == len(set(taken))
    with engine.begin() as conn:
        rest = [one["id"] for one in deliveries.claim_due(conn, "late", NOW, LEASE, 100)]
    assert sorted(taken + rest) == sorted(set(taken) | set(rest))
    assert len(taken + rest) == len(MANY)


def test_a_claim_ends_with_its_lease_or_with_its_process(conn: Connection) -> None:
    held(conn, row_of(conn, mail(recipients=(BO, CY))), RELEASING)
    (one,) = deliveries.claim_due(conn, "a", NOW, LEASE, 1)
    (two,) = deliveries.claim_due(conn, "b", NOW, LEASE, 5)
    assert one["id"] != two["id"]
    assert deliveries.free(conn, "a") == 1
    assert [row["id"] for row in deliveries.claim_due(conn, "c", NOW, LEASE, 5)] == [one["id"]]
    assert len(deliveries.claim_due(conn, "d", LEASE, LEASE + HOUR, 5)) == 2


def test_a_delivered_mail_is_never_due_again(conn: Connection) -> None:
    (number,) = held(conn, row_of(conn, mail()), RELEASING)
    deliveries.claim_due(conn, "a", NOW, LEASE, 1)
    deliveries.delivered(conn, number, "250 2.0.0 taken " + "x" * 600, NOW)
    assert deliveries.claim_due(conn, "b", NOW + 9 * DAY, LEASE, 5) == []
    assert deliveries.claimers(conn) == set()
    ended = row(conn, number)
    assert (ended["state"], ended["attempts"], ended["ended_at"]) == (DeliveryState.DELIVERED, 1, NOW)
    assert len(str(ended["last_reply"])) == 500


def test_what_failed_is_tried_later_and_counted(conn: Connection) -> None:
    (number,) = held(conn, row_of(conn, mail()), RELEASING)
    for attempt in range(1, 4):
        now = NOW + attempt * HOUR
        assert len(deliveries.claim_due(conn, "a", now, now + MINUTE, 5)) == 1
        deliveries.try_later(conn, number, "451 later", now + HOUR)
        assert row(conn, number)["attempts"] == attempt
        assert deliveries.claim_due(conn, "b", now + HOUR - SECOND, LEASE, 5) == []


@pytest.mark.parametrize("start", list(DeliveryState))
@pytest.mark.parametrize("target", [DeliveryState.RELEASING, DeliveryState.REFUSED])
def test_a_person_moves_mail_along_the_machine_only(
    conn: Connection, start: DeliveryState, target: DeliveryState
) -> None:
    (number,) = held(conn, row_of(conn, mail()), HELD)
    conn.execute(update(delivery).values(state=start, ended_at=NOW, attempts=7))
    allowed = target in DELIVERY_MOVES[start]
    assert deliveries.move(conn, number, target, "cy@cli", NOW + HOUR) is allowed
    assert state(conn, number) is (target if allowed else start)
    if allowed and target is RELEASING:
        assert row(conn, number)["due"] == row(conn, number)["created"] == NOW + HOUR
        assert (row(conn, number)["attempts"], row(conn, number)["ended_at"]) == (0, None)


def test_of_release_and_refusal_at_once_exactly_one_happens(engine: Engine) -> None:
    with engine.begin() as conn:
        (number,) = held(conn, row_of(conn, mail()), HELD)

    def decide(conn: Connection, who: int) -> bool:
        return deliveries.move(conn, number, RELEASING if who % 2 else DeliveryState.REFUSED, f"p{who}", NOW)

    assert at_once(engine, decide).count(True) == 1


def test_held_mail_releases_itself_after_its_wait_and_not_before(conn: Connection) -> None:
    kept = row_of(conn, mail())
    life = lifetime(NOW, 30 * DAY, MINUTE)
    deliveries.own(conn, kept.id, Owned(recipient(), HELD, ReasonCode.GREYLIST_CARRIED, life), NOW)
    (number,) = (one["id"] for one in deliveries.of_message(conn, kept.id))
    assert deliveries.release_by_themselves(conn, NOW + MINUTE - SECOND) == 0
    assert deliveries.expire(conn, NOW + 99 * DAY, 10) == [], "what releases itself does not expire"
    assert deliveries.release_by_themselves(conn, NOW + MINUTE) == 1
    assert deliveries.release_by_themselves(conn, NOW + MINUTE) == 0
    assert len(deliveries.claim_due(conn, "a", NOW + MINUTE, LEASE, 5)) == 1
    assert state(conn, number) is RELEASING


def test_held_mail_expires_once_in_slices_and_can_still_be_released(conn: Connection) -> None:
    numbers = held(conn, row_of(conn, mail(recipients=MANY[:3])), HELD)
    end = NOW + 30 * DAY
    assert deliveries.expire(conn, end - SECOND, 2) == []
    assert [len(deliveries.expire(conn, end, 2)) for _ in range(3)] == [2, 1, 0]
    assert {state(conn, number) for number in numbers} == {DeliveryState.EXPIRED}
    assert deliveries.move(conn, numbers[0], RELEASING, "cy@cli", end)


def test_two_sweeps_do_not_expire_the_same_mail_twice(engine: Engine) -> None:
    with engine.begin() as conn:
        held(conn, row_of(conn, mail(recipients=MANY)), HELD)
    ended = at_once(engine, lambda conn, _: [one["id"] for one in deliveries.expire(conn, NOW + 31 * DAY, 100)], 4)
    told = [number for some in ended for number in some]
    assert len(told) == len(set(told)) == len(MANY)


@pytest.mark.parametrize("ended", [DeliveryState.EXPIRED, DeliveryState.UNDELIVERABLE])
def test_what_was_shown_for_long_enough_is_refused_by_name(conn: Connection, ended: DeliveryState) -> None:
    (number,) = held(conn, row_of(conn, mail()), HELD)
    conn.execute(update(delivery).values(state=ended, ended_at=NOW))
    assert deliveries.drop_ended(conn, NOW, 10, NOW) == []
    assert [one["state"] for one in deliveries.drop_ended(conn, NOW + SECOND, 10, NOW)] == [ended], "as it was shown"
    assert (state(conn, number), row(conn, number)["decided_by"]) == (DeliveryState.REFUSED, "retention")


@pytest.mark.parametrize("live", [HELD, RELEASING, DeliveryState.DELIVERED])
def test_retention_refuses_nothing_else(conn: Connection, live: DeliveryState) -> None:
    (number,) = held(conn, row_of(conn, mail()), HELD)
    conn.execute(update(delivery).values(state=live, ended_at=NOW))
    assert deliveries.drop_ended(conn, NOW + 99 * DAY, 10, NOW) == []
    assert state(conn, number) is live


def test_a_backends_refusal_of_one_recipient_is_shown_from_the_start(conn: Connection) -> None:
    kept = row_of(conn, mail())
    refused = Owned(recipient(), DeliveryState.UNDELIVERABLE, ReasonCode.BACKEND_REFUSED, last_reply="550 5.1.1 who?")
    deliveries.own(conn, kept.id, refused, NOW)
    (shown,) = deliveries.queue(conn, (DeliveryState.UNDELIVERABLE,), 10)
    assert (shown["last_reply"], shown["ended_at"], shown["subject"]) == ("550 5.1.1 who?", NOW, "Hello")


def test_the_queue_is_newest_first_and_bounded(conn: Connection) -> None:
    for index, name in enumerate(("First", "Second")):
        held(conn, row_of(conn, mail(f"000000000000{index}", subject=name, text=name.encode())), now=NOW + index * DAY)
    assert [one["subject"] for one in deliveries.queue(conn, (HELD,), 10)] == ["Second", "First"]
    assert [one["subject"] for one in deliveries.queue(conn, (HELD,), 1)] == ["Second"]
