"""Decisions about many: nothing twice, whoever dies; what waits too long is dropped; the clerk carries the rest out."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, select

from gateway import bulk, clock
from gateway.bodies import Bodies, FileBodies
from gateway.bulk import Asker, FourEyes, Means
from gateway.clerk import Clerk
from gateway.desk import Person, Terms
from gateway.model import BulkState, Role, Tie
from gateway.store import audit, bulks, deliveries, groups, persons
from gateway.store.shelves import View
from sql.tables import audit as audit_table
from tests.store.making import BO, CY, DAY, NOW, SECOND, STRONG, held, keep, mail, owned_mail

TERMS = Terms(400 * DAY, 8 * DAY)
STAFF = Asker(Person("staff", "node"))
WAIT = 10 * SECOND


def means(bodies: Bodies) -> Means:
    return Means(bodies, TERMS, "node", WAIT)


def fill(conn: Connection, bodies: Bodies, many: int, to: str = BO, first: int = 1) -> list[str]:
    """So many held mails; their numbers."""
    made = []
    for place in range(first, first + many):
        text = f"Subject: {place}\r\n\r\nHello {place}\r\n".encode()
        one = owned_mail(mail(f"{place:013}", recipients=(to,), text=text, rungs=STRONG))
        held(conn, keep(conn, bodies, one, text))
        made.append(one.id)
    return made


def begun(conn: Connection, numbers: list[str], verb: str = "refuse", at: datetime = NOW) -> int:
    made = bulk.prepare(conn, numbers, verb, STAFF, at)
    assert made is not None
    bulk.begin(conn, made, STAFF, at, wait=WAIT, trust=True, rules=FourEyes())
    return made


def states(conn: Connection, numbers: list[str]) -> list[str]:
    return [str(deliveries.of_message(conn, one)[0]["state"]) for one in numbers]


def acts(conn: Connection, act: str) -> list[str]:
    return sorted(conn.execute(select(audit_table.c.about).where(audit_table.c.act == act)).scalars())


@pytest.fixture
def files(tmp_path: object) -> Bodies:
    return FileBodies(tmp_path / "bodies")  # type: ignore[operator]


def test_whoever_is_killed_in_the_middle_decides_nothing_twice(engine: Engine, files: Bodies) -> None:
    """A transaction that never ended is as if the process had died in it."""
    with engine.begin() as conn:
        numbers = fill(conn, files, 25)
        made = begun(conn, numbers)
    turns, going = 0, True
    while going:
        if turns % 2 == 0:
            with engine.connect() as conn, conn.begin() as transaction:
                bulk.turn(conn, made, means(files), NOW)
                transaction.rollback()
        with engine.begin() as conn:
            going = bulk.turn(conn, made, means(files), NOW)
        turns += 1
        assert turns < 100
    with engine.begin() as conn:
        assert states(conn, numbers) == ["refused"] * 25
        assert acts(conn, "refused") == sorted(numbers)
        assert bulks.load(conn, made)["state"] == BulkState.DONE  # type: ignore[index]
        assert bulk.turn(conn, made, means(files), NOW) is False
        assert len(acts(conn, "refused")) == 25
        assert audit.verify(conn)[1] == []


def test_a_large_one_begins_later_so_that_it_can_be_taken_back_whole(conn: Connection, files: Bodies) -> None:
    made = begun(conn, fill(conn, files, 51), "release")
    assert bulk.turn(conn, made, means(files), NOW + WAIT - SECOND) is False
    assert bulks.tally(conn, made) == {}
    bulk.turn(conn, made, means(files), NOW + WAIT)
    assert sum(bulks.tally(conn, made).values()) == means(files).at_once(conn)


def test_what_is_alike_is_found_for_those_whom_somebody_decides_for(conn: Connection, files: Bodies) -> None:
    fill(conn, files, 3)
    fill(conn, files, 2, to=CY, first=10)
    all_of_it = View(domains=frozenset({"example.com"}))
    assert len(groups.of_domain(conn, all_of_it, "elsewhere.example", 10)) == 5
    assert len(groups.of_domain(conn, all_of_it, "elsewhere.example", 4)) == 4
    assert len(groups.of_domain(conn, View(frozenset({CY})), "elsewhere.example", 10)) == 2
    assert groups.of_domain(conn, all_of_it, "example", 10) == []
    assert groups.of_domain(conn, View(), "elsewhere.example", 10) == []


def test_time_ends_what_nobody_went_on_with(conn: Connection, files: Bodies) -> None:
    numbers = fill(conn, files, 2)
    asked = bulk.prepare(conn, numbers, "refuse", STAFF, NOW)
    proposed = bulk.prepare(conn, numbers, "refuse", STAFF, NOW)
    assert asked is not None
    assert proposed is not None
    bulk.begin(conn, proposed, STAFF, NOW, wait=WAIT, trust=True, rules=FourEyes(over=1))
    assert bulk.drop_out_of_time(conn, "node", NOW + 11 * 3600 * SECOND, 10) == 0
    assert bulk.drop_out_of_time(conn, "node", NOW + 3 * DAY, 10) == 2
    assert bulks.load(conn, asked) is None
    assert bulks.load(conn, proposed)["state"] == BulkState.EXPIRED  # type: ignore[index]
    assert acts(conn, "bulk expired") == [f"bulk {proposed}"]
    assert bulks.forget_old(conn, NOW + DAY, 10) == 1


def test_a_second_person_is_another_approver_of_all_of_it(conn: Connection, files: Bodies) -> None:
    numbers = fill(conn, files, 2) + fill(conn, files, 1, to="dee@other.example", first=20)
    made = bulk.prepare(conn, numbers, "refuse", STAFF, NOW)
    assert made is not None
    bulk.begin(conn, made, STAFF, NOW, wait=WAIT, trust=True, rules=FourEyes(over=2))
    row = bulks.load(conn, made)
    assert row is not None
    assert row["state"] == BulkState.PROPOSED
    chief = Asker(Person("chief", "node"), 7, View(domains=frozenset({""})))
    local = Asker(Person("local", "node"), 8, View(domains=frozenset({"example.com"})))
    owner = Asker(Person("owner", "node"), 9, View(frozenset({BO, "dee@other.example"})))
    assert not bulk.may_confirm(conn, row, STAFF, NOW)
    assert not bulk.may_confirm(conn, row, local, NOW)
    assert not bulk.may_confirm(conn, row, owner, NOW), "an address is no approver"
    assert bulk.may_confirm(conn, row, chief, NOW)
    with pytest.raises(bulk.NotNow):
        bulk.confirm(conn, made, local, NOW, wait=WAIT)
    assert bulk.turn(conn, made, means(files), NOW) is False
    bulk.confirm(conn, made, chief, NOW, wait=WAIT)
    while bulk.turn(conn, made, means(files), NOW):
        pass
    assert states(conn, numbers) == ["refused"] * 3
    assert acts(conn, "bulk confirmed") == [f"bulk {made}"]


def test_the_clerk_carries_out_what_is_large_and_stops_when_told(engine: Engine, files: Bodies) -> None:
    with engine.begin() as conn:
        person = persons.add(conn, "bo", "test", NOW)
        persons.give_address(conn, person, BO, Tie.OWN, "test", NOW)
        persons.give_roles(conn, person, [(Role.LISTS, "")])
        numbers = fill(conn, files, 60)
        others = fill(conn, files, 1, to=CY, first=100)
        bo = Asker(Person("bo", "node"), person, View(frozenset({BO})))
        made = bulk.prepare(conn, numbers + others, "release", bo, NOW)
        assert made is not None
        bulk.begin(conn, made, bo, NOW, wait=WAIT, trust=True, rules=FourEyes())

    async def work() -> None:
        stop = asyncio.Event()
        going = asyncio.create_task(Clerk(engine, means(files)).work(stop))
        for _ in range(1200):
            with engine.connect() as conn:
                if bulks.load(conn, made)["state"] == BulkState.DONE:  # type: ignore[index]
                    break
            await asyncio.sleep(0.05)
        stop.set()
        await going

    with clock.told_by(lambda: NOW + timedelta(minutes=1)):
        asyncio.run(work())
    with engine.begin() as conn:
        assert states(conn, numbers) == ["releasing"] * 60
        assert states(conn, others) == ["held"]
        assert deliveries.of_message(conn, numbers[0])[0]["due"] == NOW + timedelta(minutes=1)
