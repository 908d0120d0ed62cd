"""What time does: slices, ends that are shown, and no byte dropped that somebody needs."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection, Engine, insert, select, update

from gateway import clock
from gateway import sweep as sweep_module
from gateway.alive import Alive
from gateway.bodies import Bodies, FileBodies, NoRoom
from gateway.census import Census
from gateway.i18n import CHOICE
from gateway.model import CopyState, DeliveryState, Grade, ListKind, ListVerb, ReasonCode, Tie, TombstoneOutcome
from gateway.policy.hold import OPEN_COPIES, Keeping, lifetime
from gateway.store import copies, decisions, deliveries, lists, messages, persons, tombstones
from gateway.store.deliveries import Owned
from gateway.store.engine import Database, open_database
from gateway.store.lists import NewEntry
from gateway.store.messages import UNENDED
from gateway.store.tallies import SETTLED_AFTER
from gateway.sweep import SETTLE, SHOWN_FOR, Sweep
from sql.tables import copy, delivery, event, listed, message, sighting, standing, tally, tombstone
from sql.tables import decision as decision_table
from sql.tables import memory as memory_table
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
    fingerprint,
    held,
    identity,
    keep,
    mail,
    owned_mail,
    read,
    recipient,
    remember,
    row_of,
    saw,
)
from tests.store.test_records import decided

KEEP = Keeping(held=30 * DAY, window=4 * DAY, give_up=2 * DAY, tombstones=14 * DAY, events=90 * DAY)


@pytest.fixture
async def database(url: URL) -> AsyncIterator[Database]:
    made = open_database(url)
    yield made
    await made.close()


@pytest.fixture
def sweeper(database: Database, bodies: Bodies, tmp_path: Path) -> Sweep:
    return Sweep("node", tmp_path / "alive", database, bodies, KEEP, 100, "gate.example.com", "postmaster@example.com")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set the one clock."""
    return lambda when: monkeypatch.setattr(clock, "now", lambda: when)


async def all_counted(database: Database, at: Any, now: datetime) -> None:
    """What is not counted for the statistics is not forgotten."""
    for turn in range(3):
        at(now + turn * SETTLED_AFTER)
        await Census(database).count(asyncio.Event())


def states(conn: Connection, number: str) -> list[str]:
    return [str(state) for _, state in messages.states(conn, number)]


def stored(conn: Connection) -> dict[str, str]:
    return {row.id: row.stored for row in conn.execute(select(message.c.id, message.c.stored))}


# ---- bodies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [*CopyState, *DeliveryState])
def test_bytes_are_dropped_only_when_nobody_needs_them(
    engine: Engine, bodies: Bodies, state: Any, tmp_path: Path
) -> None:
    needed = state in {*OPEN_COPIES, *UNENDED, CopyState.LISTED}
    sweeping = Sweep("node", tmp_path, None, bodies, KEEP, 100, "gate", "postmaster@example.com")  # type: ignore[arg-type]
    with engine.begin() as conn:
        kept = keep(conn, bodies, mail(recipients=(BO, CY)))
        if isinstance(state, CopyState):
            copied(conn, kept)
            conn.execute(update(copy).where(copy.c.recipient == BO).values(state=state))
            conn.execute(update(copy).where(copy.c.recipient == CY).values(state=CopyState.PASSED))
        else:
            held(conn, kept)
            conn.execute(update(delivery).where(delivery.c.recipient == BO).values(state=state))
            conn.execute(update(delivery).where(delivery.c.recipient == CY).values(state=DeliveryState.DELIVERED))
        assert sweeping.finish(conn, NOW + SETTLE) == [], "its rows may still be on their way"
        finished = sweeping.finish(conn, NOW + SETTLE + SECOND)
        assert finished == ([] if needed else [kept.id])
    if isinstance(bodies, FileBodies):
        bodies.remove(finished)
    with engine.connect() as conn:
        assert stored(conn) == {kept.id: bodies.kind if needed else "none"}
        assert len(list(bodies.scan(conn))) == needed


def test_every_end_that_nobody_saw_keeps_its_bytes() -> None:
    """Gateway-owned mail ends for good only as delivered, or as refused by somebody."""
    assert set(DeliveryState) - set(UNENDED) == {DeliveryState.DELIVERED, DeliveryState.REFUSED}


async def test_held_mail_nobody_decides_about_is_shown_as_expired_and_its_recipient_is_told(
    sweeper: Sweep, engine: Engine, bodies: Bodies, at: Any
) -> None:
    with engine.begin() as conn:
        held(conn, keep(conn, bodies, owned_mail(mail(subject="Grüße \u202e://click"))))
    at(NOW + 30 * DAY - SECOND)
    await sweeper.clean()
    with engine.connect() as conn:
        assert states(conn, mail().id) == ["held"]
    at(NOW + 30 * DAY)
    await sweeper.clean()
    await sweeper.clean()
    with engine.connect() as conn:
        assert states(conn, mail().id) == ["expired"]
        assert [one["kind"] for one in decisions.timeline(conn, mail().id)] == ["expired"]
        (notice,) = [row for row in deliveries.queue(conn, [DeliveryState.RELEASING], 9)]
        assert (notice["recipient"], notice["reason"], notice["sender"]) == (BO, ReasonCode.NOTICE_EXPIRED, "")
        text = read(bodies, conn, notice["message"])
        assert mail().id.encode() in text
        assert b"://click" not in text
        assert text.count(b"\n") == text.count(b"\r\n")
        assert bodies.kept(conn, notice["message"]).owners[0].state is DeliveryState.RELEASING
        assert read(bodies, conn, mail().id) == TEXT, "a person may still release it"


@pytest.mark.parametrize(("tie", "said"), [(Tie.OWN, b"en-XA"), (Tie.DELEGATE, b"en")])
async def test_its_recipient_is_told_in_their_language_and_not_in_that_of_whoever_stands_in(
    sweeper: Sweep, engine: Engine, bodies: Bodies, at: Any, tie: Tie, said: bytes
) -> None:
    with engine.begin() as conn:
        held(conn, keep(conn, bodies, owned_mail(mail())))
        number = persons.add(conn, "bo", "test", NOW)
        persons.give_address(conn, number, BO, tie, "test", NOW)
        persons.wish(conn, number, CHOICE, "en-XA")
    at(NOW + 30 * DAY)
    await sweeper.clean()
    with engine.connect() as conn:
        (notice,) = [row for row in deliveries.queue(conn, [DeliveryState.RELEASING], 9)]
        assert b"Content-Language: " + said + b"\r\n" in read(bodies, conn, notice["message"])


async def test_a_notice_that_has_to_be_written_again_is_written_once(
    sweeper: Sweep, engine: Engine, bodies: Bodies
) -> None:
    with engine.begin() as conn:
        held(conn, keep(conn, bodies, owned_mail(mail())))
    for minutes in (0, 1):
        with engine.connect() as conn:
            assert sweeper.expire(conn, NOW + 30 * DAY + minutes * 60 * SECOND) == 1
            conn.rollback()
    with engine.begin() as conn:
        assert sweeper.expire(conn, NOW + 31 * DAY) == 1
    with engine.connect() as conn:
        rows = set(conn.execute(select(message.c.id)).scalars())
        assert {one.id for one in bodies.scan(conn)} == rows, "a file without a row would be a second notice one day"
        assert len(rows) == 2


async def test_what_was_shown_for_two_weeks_is_refused_on_record_and_then_its_bytes_go(
    sweeper: Sweep, engine: Engine, bodies: Bodies, at: Any
) -> None:
    with engine.begin() as conn:
        held(conn, keep(conn, bodies, owned_mail(mail())))
        conn.execute(update(delivery).values(state=DeliveryState.UNDELIVERABLE, ended_at=NOW, last_reply="550 no"))
    at(NOW + SHOWN_FOR)
    await sweeper.clean()
    with engine.connect() as conn:
        assert states(conn, mail().id) == ["undeliverable"]
        assert read(bodies, conn, mail().id) == TEXT
    at(NOW + SHOWN_FOR + SECOND)
    await sweeper.clean()
    with engine.connect() as conn:
        assert states(conn, mail().id) == ["refused"]
        assert stored(conn) == {mail().id: "none"}
        assert list(bodies.scan(conn)) == []
        (told,) = decisions.timeline(conn, mail().id)
        assert (told["kind"], told["who"], told["detail"]) == ("refused", "retention", {"was": "undeliverable"})


async def test_a_full_disk_stops_notices_and_nothing_else(
    sweeper: Sweep, engine: Engine, bodies: Bodies, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine.begin() as conn:
        held(conn, keep(conn, bodies, owned_mail(mail())))
        done = keep(conn, bodies, mail("0000000000002", text=b"done"), b"done")
        conn.execute(update(copy).where(copy.c.id.in_(copied(conn, done))).values(state=CopyState.PASSED))

    def full(*args: object, **more: object) -> None:
        raise NoRoom("a body could not be written: No space left on device")

    at(NOW + 31 * DAY)
    with monkeypatch.context() as patched:
        patched.setattr(type(bodies), "write", full)
        await sweeper.clean()
    with engine.connect() as conn:
        assert states(conn, mail().id) == ["held"], "not expired before its recipient can be told"
        assert stored(conn)["0000000000002"] == "none", "what makes room went on"
    await sweeper.clean()
    with engine.connect() as conn:
        assert states(conn, mail().id) == ["expired"]


# ---- copies --------------------------------------------------------------------------------------------------------


async def test_a_copy_is_abandoned_after_silence_and_forgotten_after_the_window(
    sweeper: Sweep, engine: Engine, bodies: Bodies, at: Any
) -> None:
    with engine.begin() as conn:
        copied(conn, keep(conn, bodies, mail()))
    for when, shown in ((2 * DAY, ["sender_held"]), (2 * DAY + SECOND, ["abandoned"]), (4 * DAY, ["abandoned"])):
        at(NOW + when)
        await sweeper.clean()
        with engine.connect() as conn:
            assert states(conn, mail().id) == shown
            assert read(bodies, conn, mail().id) == TEXT
    at(NOW + 4 * DAY + SECOND)
    await sweeper.clean()
    with engine.connect() as conn:
        assert states(conn, mail().id) == []
        assert list(bodies.scan(conn)) == []
        charged = {(one.kind, one.value, one.outcome) for one in conn.execute(select(standing))}
        network = "192.0.2.0/24"
        assert charged == {
            ("server", network, "abandoned"),
            ("combination", f"{ANN} by {network}", "abandoned"),
        }, "once, and no name that it did not prove"


async def test_a_claim_ends_with_its_lease_or_its_process(
    sweeper: Sweep, engine: Engine, bodies: Bodies, at: Any
) -> None:
    lives = Alive(sweeper.alive, "node")
    dead = "node:0000000000000"
    elsewhere = "other:0000000000000"
    with engine.begin() as conn:
        numbers = copied(conn, keep(conn, bodies, mail(recipients=[f"r{n}@example.com" for n in range(4)])))
        for number, by in zip(numbers, (lives.token, dead, elsewhere, elsewhere), strict=True):
            copies.claim(conn, number, by, NOW, NOW + (MINUTE if number == numbers[3] else HOUR))
        held(conn, row_of(conn, mail("0000000000002", text=b"2")), DeliveryState.RELEASING)
        deliveries.claim_due(conn, dead, NOW, NOW + HOUR, 9)
    at(NOW + MINUTE)
    await sweeper.release()
    with engine.begin() as conn:
        assert states(conn, mail().id) == ["passing", "sender_held", "passing", "sender_held"]
        assert len(deliveries.claim_due(conn, "c", NOW + MINUTE, NOW + HOUR, 9)) == 1
    lives.end()
    await sweeper.release()
    with engine.connect() as conn:
        assert states(conn, mail().id) == ["sender_held", "sender_held", "passing", "sender_held"]


async def test_held_mail_releases_itself_when_its_wait_is_over(
    sweeper: Sweep, engine: Engine, bodies: Bodies, at: Any
) -> None:
    with engine.begin() as conn:
        kept = keep(conn, bodies, mail())
        life = lifetime(NOW, 30 * DAY, MINUTE)
        deliveries.own(conn, kept.id, Owned(recipient(), DeliveryState.HELD, ReasonCode.GREYLIST_CARRIED, life), NOW)
    for when, shown in ((MINUTE - SECOND, "held"), (MINUTE, "releasing")):
        at(NOW + when)
        await sweeper.release()
        with engine.connect() as conn:
            assert states(conn, kept.id) == [shown]


# ---- memory and history --------------------------------------------------------------------------------------------


async def test_each_kind_goes_at_its_own_time(sweeper: Sweep, engine: Engine, at: Any) -> None:
    with engine.begin() as conn:
        saw(conn, ANN, BO, STRONG, fingerprint(), 1, NOW)
        remember(conn, WEAK, ANN, BO, Grade.REMEMBERED, "waited", NOW, NOW + 36 * DAY)
        lists.add(conn, NewEntry(ListVerb.BLOCK, ListKind.DOMAIN, "x.example", expires=NOW + 10 * DAY), NOW)
        tombstones.make(conn, identity(mail()), TombstoneOutcome.DELIVERED, NOW, NOW + 14 * DAY)
        decisions.add(conn, [decided()])
        decisions.happened(conn, "taken", NOW, message="m")
        row_of(conn, mail(), "none")
    await all_counted(sweeper.database, at, NOW)
    ends = {4: (sighting,), 14: (tombstone,), 36: (memory_table,), 90: (decision_table, event, message), 100: (listed,)}
    for days, tables in ends.items():
        for moment, left in ((NOW + days * DAY, 1), (NOW + days * DAY + SECOND, 0)):
            at(moment)
            await sweeper.clean()
            with engine.connect() as conn:
                assert [count(conn, table) for table in tables] == [left] * len(tables), f"day {days}"


async def test_a_row_with_bytes_or_a_live_delivery_outlives_the_history(
    sweeper: Sweep, engine: Engine, bodies: Bodies, at: Any
) -> None:
    with engine.begin() as conn:
        held(conn, keep(conn, bodies, owned_mail(mail())), DeliveryState.RELEASING)
    at(NOW + 999 * DAY)
    await sweeper.clean()
    with engine.connect() as conn:
        assert states(conn, mail().id) == ["releasing"]


async def test_many_rows_go_in_slices_and_all_of_them(
    sweeper: Sweep, engine: Engine, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "SLICE", 10)
    transactions: list[int] = []
    write = sweeper.database.write

    async def counted(work):  # type: ignore[no-untyped-def]
        done = await write(work)
        transactions.append(done if isinstance(done, int) else len(done))
        return done

    with engine.begin() as conn:
        conn.execute(insert(event), [{"at": NOW, "kind": "x", "who": "", "detail": {}} for _ in range(35)])
    await all_counted(sweeper.database, at, NOW)
    monkeypatch.setattr(sweeper.database, "write", counted)
    at(NOW + 91 * DAY)
    await sweeper.clean()
    assert max(transactions) == 10
    with engine.connect() as conn:
        assert count(conn, event) == 0


@pytest.mark.parametrize("bodies", ["files"], indirect=True)
def test_unfinished_files_go_after_an_hour(sweeper: Sweep, bodies: FileBodies, at: Any) -> None:
    stray = bodies.folder / "01" / ".0000000000101.77.tmp"
    stray.parent.mkdir()
    stray.write_bytes(b"half")
    os.utime(stray, (NOW.timestamp(), NOW.timestamp()))
    at(NOW + HOUR)
    sweeper.remove_strays()
    assert stray.exists()
    at(NOW + HOUR + SECOND)
    sweeper.remove_strays()
    assert not stray.exists()


async def test_the_sweep_stops_when_told_and_survives_a_database_that_is_gone(
    tmp_path: Path, bodies: Bodies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "EVERY", 0.05)
    database = open_database(f"sqlite:///{tmp_path}/no/such/gate.db")
    sweeping = Sweep("node", tmp_path, database, bodies, KEEP, 100, "gate", "postmaster@example.com")
    stop = asyncio.Event()
    working = asyncio.create_task(sweeping.work(stop))
    await asyncio.sleep(0.3)
    assert not working.done()
    stop.set()
    await asyncio.wait_for(working, 60)
    await database.close()


# ---- statistics ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bodies", ["files"], indirect=True)
async def test_records_are_counted_before_they_are_forgotten(
    sweeper: Sweep, database: Database, engine: Engine, at: Any
) -> None:
    with engine.begin() as conn:
        decisions.add(conn, [decided(f"r{n}", NOW) for n in range(5)])
        decisions.happened(conn, "viewed", NOW, message="m1")
    long_after = NOW + KEEP.events + HOUR
    at(long_after)
    await sweeper.clean()
    with engine.connect() as conn:
        assert (count(conn, decision_table), count(conn, event)) == (5, 1)
    await all_counted(database, at, long_after)
    at(long_after)
    await sweeper.clean()
    with engine.connect() as conn:
        assert (count(conn, decision_table), count(conn, event)) == (0, 0)
        counted = select(tally.c.count).where(tally.c.scope == "", tally.c.grain == "day", tally.c.kind == "defer")
        assert list(conn.execute(counted).scalars()) == [5]
    at(NOW + KEEP.statistics + 2 * DAY)
    await sweeper.clean()
    with engine.connect() as conn:
        assert count(conn, tally) == 0
