"""What people do with kept mail: once, for whom they mean, and whoever is second is told who was first."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, delete, select, update

from gateway import desk
from gateway.bodies import Bodies, FileBodies, Kept, NoRoom
from gateway.desk import Done, NoSuchMail, Person, Terms
from gateway.desk.owned import IN_FLIGHT
from gateway.model import CopyState, DeliveryState, Grade, ReasonCode, TombstoneOutcome
from gateway.store import changes, copies, decisions, deliveries, memory
from sql.tables import body, delivery, message
from tests.store.making import (  # fmt: skip
    ANN,
    BO,
    CY,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    STRONG,
    TEXT,
    copied,
    grades,
    held,
    identity,
    keep,
    mail,
    owned_mail,
    read,
    stones,
)
from tests.store.test_copies import at_once

CLAIRE, DAVE = Person("claire@cli", "node1"), Person("dave@cli", "node2")
TERMS = Terms(400 * DAY, 14 * DAY)
BOTH = (BO, CY)


def release(
    conn: Connection,
    bodies: Bodies,
    wanted: Sequence[str] = (),
    who: Person = CLAIRE,
    *,
    trust: bool = True,
    now: datetime = NOW,
) -> list[Done]:
    return desk.release(conn, bodies, mail().id, wanted, who, TERMS, now, trust=trust)


def refuse(conn: Connection, wanted: Sequence[str] = (), who: Person = CLAIRE) -> list[Done]:
    return desk.refuse(conn, mail().id, wanted, who, TERMS, NOW)


def lose_bytes(conn: Connection, bodies: Bodies) -> None:
    bodies.drop(conn, [mail().id])


def states(conn: Connection) -> dict[str, str]:
    """What the courier and the retry will find: deliveries where there are some, else copies."""
    found = {row["recipient"]: row["state"] for row in copies.of_message(conn, mail().id)}
    return found | {row["recipient"]: row["state"] for row in deliveries.of_message(conn, mail().id)}


@pytest.fixture
def ours(conn: Connection, bodies: Bodies) -> Kept:
    kept = keep(conn, bodies, owned_mail(mail(recipients=BOTH, rungs=STRONG)))
    held(conn, kept)
    return kept


@pytest.fixture
def senders(conn: Connection, bodies: Bodies) -> Kept:
    kept = keep(conn, bodies, mail(recipients=BOTH, rungs=STRONG))
    copied(conn, kept)
    return kept


def test_an_unknown_mail_is_told(conn: Connection, bodies: Bodies) -> None:
    with pytest.raises(NoSuchMail):
        release(conn, bodies)
    with pytest.raises(NoSuchMail):
        refuse(conn)


# ---- mail that is ours ---------------------------------------------------------------------------------------------


def test_released_mail_is_due_at_once(conn: Connection, bodies: Bodies, ours: Kept) -> None:
    assert [(one.recipient, one.happened) for one in release(conn, bodies, now=NOW + DAY)] == [(BO, True), (CY, True)]
    due = deliveries.claim_due(conn, "c", NOW + DAY, NOW + 2 * DAY, 9)
    assert [row["recipient"] for row in due] == [BO, CY]
    assert {row["decided_by"] for row in due} == {"claire@cli"}
    assert read(bodies, conn, ours.id) == TEXT


def test_one_of_several_recipients_is_decided_alone(conn: Connection, bodies: Bodies, ours: Kept) -> None:
    assert [one.recipient for one in release(conn, bodies, [CY])] == [CY]
    assert states(conn) == {BO: "held", CY: "releasing"}
    assert [one.recipient for one in refuse(conn, [BO])] == [BO]
    assert states(conn) == {BO: "refused", CY: "releasing"}
    assert release(conn, bodies, ["nobody@example.com"]) == []


def test_the_second_is_told_who_was_first(conn: Connection, bodies: Bodies, ours: Kept) -> None:
    release(conn, bodies, [BO])
    (told,) = release(conn, bodies, [BO], DAVE)
    assert (told.happened, told.words) == (False, "nothing to decide: it is releasing by claire@cli")
    refuse(conn, [CY], DAVE)
    (told,) = release(conn, bodies, [CY])
    assert (told.happened, told.words) == (False, "nothing to decide: it is refused by dave@cli")


def test_of_two_at_once_one_decides_and_the_other_is_told_who(engine: Engine, bodies: Bodies) -> None:
    with engine.begin() as conn:
        kept = keep(conn, bodies, owned_mail(mail()))
        held(conn, kept)
    people = [Person(f"p{number}@cli", "node") for number in range(6)]

    def decide(conn: Connection, who: int) -> Done:
        done = release(conn, bodies, who=people[who]) if who % 2 else refuse(conn, who=people[who])
        return done[0]

    done = at_once(engine, decide, len(people))
    (first,) = (who for who, one in zip(people, done, strict=True) if one.happened)
    assert all(one.words.endswith(f"by {first.name}") for one in done if not one.happened), done


@pytest.mark.parametrize("state", [DeliveryState.EXPIRED, DeliveryState.UNDELIVERABLE])
def test_what_ended_badly_can_still_be_released(
    conn: Connection, bodies: Bodies, ours: Kept, state: DeliveryState
) -> None:
    conn.execute(update(delivery).values(state=state, ended_at=NOW, attempts=9, created=NOW - 9 * DAY))
    assert all(one.happened for one in release(conn, bodies))
    (row, _) = deliveries.of_message(conn, ours.id)
    assert (row["attempts"], row["created"], row["ended_at"]) == (0, NOW, None), "with a courier's whole patience"


def test_held_mail_without_bytes_is_not_promised(conn: Connection, bodies: Bodies, ours: Kept) -> None:
    lose_bytes(conn, bodies)
    told = release(conn, bodies)
    assert [(one.happened, "bytes are gone" in one.words) for one in told] == [(False, True)] * 2
    assert states(conn) == {BO: "held", CY: "held"}
    assert memory.size(conn) == 0
    assert all(one.happened for one in refuse(conn)), "refusing needs no bytes"


# ---- copies of mail that its sender has ----------------------------------------------------------------------------


def test_a_released_copy_is_ours_and_its_retry_will_be_recognised(
    conn: Connection, bodies: Bodies, senders: Kept
) -> None:
    assert [one.happened for one in release(conn, bodies, [BO])] == [True]
    assert states(conn) == {BO: "releasing", CY: "sender_held"}
    (due,) = deliveries.claim_due(conn, "c", NOW, NOW + HOUR, 9)
    assert (due["recipient_raw"], due["notify"], due["reason"]) == (BO, "NEVER", ReasonCode.PARTY_KNOWN)
    found = stones(conn, ANN, BOTH, NOW)
    (stone,) = found[BO]
    assert (stone.outcome, stone.released, stone.mail) == (TombstoneOutcome.PENDING, True, identity(senders))
    assert stone.expires >= NOW + 5 * DAY + TERMS.tombstones, "it outlives the courier's attempts"
    assert found[CY] == ()
    owners = {one.recipient.address.key: one.state for one in bodies.kept(conn, senders.id).owners}
    assert owners[BO] is DeliveryState.RELEASING
    assert owners[CY] is None
    assert read(bodies, conn, senders.id) == TEXT


def test_a_refused_copy_answers_its_retry_and_is_not_delivered(conn: Connection, bodies: Bodies, senders: Kept) -> None:
    (told,) = refuse(conn, [BO])
    assert (told.happened, "550" in told.words) == (True, True)
    (stone,) = stones(conn, ANN, BOTH, NOW)[BO]
    assert (stone.outcome, stone.expires) == (TombstoneOutcome.REFUSED, NOW + TERMS.tombstones)
    assert deliveries.of_message(conn, senders.id) == []
    assert states(conn) == {BO: "refused", CY: "sender_held"}


def test_a_copy_is_decided_once(conn: Connection, bodies: Bodies, senders: Kept) -> None:
    refuse(conn, [BO])
    (told,) = release(conn, bodies, [BO], DAVE)
    assert (told.happened, told.words) == (False, "nothing to decide: it is refused by claire@cli")
    release(conn, bodies, [CY])
    (told,) = refuse(conn, [CY], DAVE)
    assert (told.happened, told.words) == (False, "nothing to decide: it is releasing by claire@cli") or told.happened
    assert len(deliveries.of_message(conn, senders.id)) == 1


def test_an_abandoned_copy_can_still_be_released(conn: Connection, bodies: Bodies, senders: Kept) -> None:
    copies.abandon(conn, NOW + DAY)
    assert all(one.happened for one in release(conn, bodies))


def test_while_its_sender_delivers_it_nobody_decides(conn: Connection, bodies: Bodies, senders: Kept) -> None:
    number = copies.of_message(conn, senders.id)[0]["id"]
    copies.claim(conn, number, "w", NOW, NOW + MINUTE)
    for told in (release(conn, bodies, [BO]), refuse(conn, [BO])):
        assert [(one.happened, one.words) for one in told] == [(False, IN_FLIGHT)]
    assert stones(conn, ANN, BOTH, NOW)[BO] == ()
    assert memory.size(conn) == 0


def test_a_copy_that_passed_is_over(conn: Connection, bodies: Bodies, senders: Kept) -> None:
    number = copies.of_message(conn, senders.id)[0]["id"]
    copies.claim(conn, number, "w", NOW, NOW + MINUTE)
    copies.move(conn, number, CopyState.PASSED, now=NOW)
    (told,) = release(conn, bodies, [BO])
    assert (told.happened, told.words) == (False, "nothing to decide: it is passed")


def test_a_copy_without_bytes_stays_its_senders(conn: Connection, bodies: Bodies, senders: Kept) -> None:
    lose_bytes(conn, bodies)
    assert [one.happened for one in release(conn, bodies)] == [False, False]
    assert states(conn) == {BO: "sender_held", CY: "sender_held"}
    assert stones(conn, ANN, BOTH, NOW)[BO] == ()


def test_a_copy_that_cannot_be_made_safe_stays_its_senders(
    conn: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = FileBodies(tmp_path / "bodies")
    copied(conn, keep(conn, files, mail()))

    def full(*args: object, **more: object) -> None:
        raise NoRoom("a body could not be written: No space left on device")

    monkeypatch.setattr(files, "write", full)
    (told,) = release(conn, files)
    assert (told.happened, "No space left" in told.words) == (False, True)
    assert states(conn) == {BO: "sender_held"}


def test_a_release_and_a_retry_at_once_never_both_happen(engine: Engine, bodies: Bodies) -> None:
    with engine.begin() as conn:
        (number,) = copied(conn, keep(conn, bodies, mail()))

    def race(conn: Connection, who: int) -> bool:
        if who % 2:
            return copies.claim(conn, number, f"w{who}", NOW, NOW + HOUR)
        return release(conn, bodies)[0].happened

    assert at_once(engine, race, 8).count(True) == 1


# ---- what is learned, and who hears of it --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ours", "senders"])
@pytest.mark.parametrize("trust", [True, False])
def test_only_a_release_with_trust_makes_the_sender_known(
    conn: Connection, bodies: Bodies, request: pytest.FixtureRequest, kind: str, trust: bool
) -> None:
    request.getfixturevalue(kind)
    release(conn, bodies, [BO], trust=trust)
    known = Grade.KNOWN if trust else Grade.STRANGER
    assert grades(conn, ANN, BOTH, STRONG) == {BO: known, CY: Grade.STRANGER}
    for row in memory.listing(conn, None, NOW, 9):
        assert (row["author"], row["expires"], row["earned"]) == ("claire@cli", NOW + TERMS.memory, "released")
        assert mail().id in row["comment"]


def test_a_refusal_makes_nobody_known(conn: Connection, bodies: Bodies, ours: Kept) -> None:
    refuse(conn)
    assert memory.size(conn) == 0


def test_a_bounce_address_is_known_without_its_number(conn: Connection, bodies: Bodies) -> None:
    sender = "bounce-12345-bo=example.com@lists.example"
    held(conn, keep(conn, bodies, mail(sender=sender)))
    release(conn, bodies)
    (row,) = memory.listing(conn, None, NOW, 9)
    assert "12345" not in row["sender"]


def test_the_null_sender_is_known_as_itself(conn: Connection, bodies: Bodies) -> None:
    held(conn, keep(conn, bodies, mail(sender="")))
    release(conn, bodies)
    assert grades(conn, "")[BO] is Grade.KNOWN


def test_every_worker_hears_of_it(conn: Connection, bodies: Bodies, ours: Kept) -> None:
    release(conn, bodies, [BO])
    refuse(conn, [CY], DAVE)
    assert changes.counts(conn) == {"node1": 1, "node2": 1}


def test_what_happened_is_on_record_and_what_did_not_is_not(conn: Connection, bodies: Bodies, ours: Kept) -> None:
    release(conn, bodies, [BO])
    release(conn, bodies, [BO], DAVE)
    refuse(conn, [CY], DAVE)
    story = [(event["kind"], event["recipient"], event["who"]) for event in decisions.timeline(conn, ours.id)]
    assert story == [("released", BO, "claire@cli"), ("refused", CY, "dave@cli")]


def test_the_row_of_a_mail_outlives_its_bytes_for_the_record(conn: Connection, bodies: Bodies, ours: Kept) -> None:
    conn.execute(delete(body))
    assert conn.execute(select(message.c.id)).scalar_one() == ours.id
