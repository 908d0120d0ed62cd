"""A decision point: answers for many at once are the answers one by one, by statements and by MariaDB's routine."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import URL, Connection, Engine, event, text
from structlog.testing import capture_logs

from gateway.model import Grade, Rung, RungKind, TombstoneOutcome
from gateway.store import lookup, memory, routine, seen, sightings, tombstones
from gateway.store.answer import Answer
from gateway.store.engine import Database, StoreUnavailable, open_database
from gateway.store.lookup import MOST_AT_ONCE, Lookup
from gateway.store.memory import EVERYBODY
from gateway.store.question import Question
from tests.store import scenarios
from tests.store.making import (
    ANN,
    BO,
    CY,
    DAY,
    HOUR,
    MINUTE,
    NETWORK,
    NOW,
    SECOND,
    SPF,
    STRONG,
    WEAK,
    attempt,
    copied,
    fingerprint,
    identity,
    mail,
    passed,
    question,
    remember,
    row_of,
    saw,
)

Ask = Callable[[Connection, Sequence[Question]], list[Answer]]
ONE = fingerprint(b"one", "<1@x>")


@pytest.fixture(params=["sqlite-statements", "mariadb-statements", "mariadb-routine"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(way: str, request: pytest.FixtureRequest) -> URL:
    """The database that goes with the way of asking (see conftest)."""
    from tests.store import conftest

    if way.startswith("mariadb"):
        return conftest.emptied(request.getfixturevalue("shared_mariadb"))
    return conftest.copied_sqlite(request.getfixturevalue("empty_sqlite"), request.getfixturevalue("tmp_path"))


@pytest.fixture
def ask(way: str) -> Ask:
    return partial(lookup.answers, by_routine=way.endswith("routine"))


@pytest.mark.parametrize("seed", range(12))
def test_company_changes_nobodys_answer(conn: Connection, ask: Ask, seed: int) -> None:
    chance = random.Random(seed)
    scenarios.history(conn, chance, 80)
    asked = scenarios.questions(chance, 40)
    together = ask(conn, asked)
    assert together == [ask(conn, [one])[0] for one in asked]
    assert scenarios.told_something(together)


@pytest.mark.parametrize("way", ["mariadb-routine"], indirect=True)
@pytest.mark.parametrize("seed", range(100, 125))
def test_the_routine_says_what_the_statements_say(conn: Connection, seed: int) -> None:
    chance = random.Random(seed)
    scenarios.history(conn, chance, 80)
    asked = scenarios.questions(chance, 12)
    for one, by_routine, by_statements in zip(
        asked, lookup.answers(conn, asked, by_routine=True), lookup.answers(conn, asked), strict=True
    ):
        assert routine.takes(one)
        for name in Answer.__slots__:
            assert getattr(by_routine, name) == getattr(by_statements, name), name


def test_nobody_is_asked_about(conn: Connection, ask: Ask) -> None:
    saw(conn)
    assert ask(conn, []) == []
    assert ask(conn, [question(recipients=())]) == [Answer()]
    assert ask(conn, [question(rungs=())])[0].seen[BO].sightings == ()


def test_what_is_known_to_everybody_is_known_to_each(conn: Connection, ask: Ask) -> None:
    saw(conn)
    remember(conn, WEAK, ANN, EVERYBODY, Grade.KNOWN, "wrote", NOW, NOW + DAY)
    remember(conn, WEAK, ANN, BO, Grade.REMEMBERED, "waited", NOW, NOW + DAY)
    asked = [question(recipients=(BO, CY)), question(recipients=(CY,)), question("eve@elsewhere.example")]
    told = ask(conn, [*asked, question(rungs=(Rung(RungKind.NETWORK, "198.51.100.0/24"),)), question(now=NOW + DAY)])
    assert [list(one.grades.values()) for one in told] == [
        [Grade.KNOWN, Grade.KNOWN],
        [Grade.KNOWN],
        [Grade.STRANGER],
        [Grade.STRANGER],
        [Grade.STRANGER],
    ]


def test_at_rcpt_a_stranger_is_told_from_who_is_known(conn: Connection, ask: Ask) -> None:
    saw(conn, content=ONE)
    saw(conn, to=CY)
    remember(conn, WEAK, ANN, CY, Grade.REMEMBERED, "waited", NOW, NOW + DAY)
    stranger, known, both, later = ask(
        conn,
        [
            question(),
            question(recipients=(CY,)),
            question(recipients=(BO, CY)),
            question(recipients=(CY,), now=NOW + DAY),
        ],
    )
    assert (stranger.grades, len(stranger.seen[BO].sightings)) == ({BO: Grade.STRANGER}, 1)
    assert (known.grades, known.seen) == ({CY: Grade.REMEMBERED}, {}), "who is known is not looked up further"
    assert both.grades == {BO: Grade.STRANGER, CY: Grade.REMEMBERED}
    assert {to: len(told.sightings) for to, told in both.seen.items()} == {BO: 1, CY: 1}
    assert later.grades == {CY: Grade.STRANGER}, "memory ends to the moment"


def test_who_is_remembered_for_everybody_is_no_stranger_to_anybody(conn: Connection, ask: Ask) -> None:
    """Also where nothing else is on record: the short cut for strangers must not miss it."""
    signed = frozenset({Rung(RungKind.DKIM, "elsewhere.example")})
    remember(conn, signed, "@elsewhere.example", memory.EVERYBODY, Grade.REMEMBERED, "two", NOW, NOW + DAY)
    assert ask(conn, [question(rungs=signed)])[0].grades == {BO: Grade.REMEMBERED}
    remember(conn, WEAK, "al@x.example", memory.EVERYBODY, Grade.KNOWN, "wrote", NOW, NOW + DAY)
    assert ask(conn, [question("al@x.example", (CY,))])[0].grades == {CY: Grade.KNOWN}
    assert ask(conn, [question("bo@x.example", (CY,))])[0].grades == {CY: Grade.STRANGER}


def test_after_the_dot_all_of_the_mails_story_is_told(conn: Connection, ask: Ask) -> None:
    kept = row_of(conn, mail(rungs=STRONG))
    copied(conn, kept)
    saw(conn, rungs=STRONG, content=kept.fingerprint, size=77)
    number = tombstones.make(conn, identity(kept), TombstoneOutcome.DELIVERED, NOW, NOW + DAY, released=True)
    tombstones.consume(conn, [number], NOW + HOUR)
    (told,) = ask(conn, [question(recipients=(BO, CY), rungs=STRONG, content=kept.fingerprint)])
    assert (told.grades, told.kept) == ({}, kept.id)
    (sighting,) = told.seen[BO].sightings
    assert (sighting.rungs, sighting.size, told.seen[BO].first_tried) == (STRONG, 77, NOW)
    (copy,), (stone,) = told.copies[BO], told.tombstones[BO]
    assert (copy.message, copy.mail) == (kept.id, identity(kept))
    assert (stone.id, stone.mail, stone.released, stone.consumed_at) == (number, identity(kept), True, NOW + HOUR)
    assert (told.seen[CY], told.copies[CY], told.tombstones[CY]) == (seen.Seen(), (), ())


def test_only_what_may_be_this_very_mail_is_told_of_what_was_settled(conn: Connection, ask: Ask) -> None:
    """A sender who was released has a tombstone for each mail: they say nothing about the next one."""
    for number in range(3):
        kept = mail(content=fingerprint(b"%d" % number, f"<old{number}@x>"))
        tombstones.make(conn, identity(kept), TombstoneOutcome.DELIVERED, NOW, NOW + DAY)
    number = tombstones.make(conn, identity(mail(content=ONE)), TombstoneOutcome.DELIVERED, NOW, NOW + DAY)
    other_id, other_body = fingerprint(b"one", "<other@x>"), fingerprint(b"other", "<1@x>")
    for content in (ONE, other_id, other_body, replace(other_id, body="0" * 64, whole=ONE.whole)):
        (told,) = ask(conn, [question(content=content)])
        assert [stone.id for stone in told.tombstones[BO]] == [number]
    (new,) = ask(conn, [question(content=fingerprint(b"new", "<new@x>"))])
    (no_id,) = ask(conn, [question(content=fingerprint(b"new", None))])
    assert new.tombstones[BO] == no_id.tombstones[BO] == ()


def test_the_newest_bytes_are_the_ones_that_are_kept(conn: Connection, ask: Ask) -> None:
    for number, age in (("b", 2), ("a", 2), ("old", 5)):
        row_of(conn, mail(number, received_at=NOW - age * HOUR))
    row_of(conn, mail("gone"), "none")
    asked = question(content=mail().fingerprint)
    assert ask(conn, [asked, replace(asked, sender="eve@x.example")])[0].kept == "b"
    assert ask(conn, [replace(asked, sender="eve@x.example")])[0].kept is None


def test_the_flood_of_one_hides_nobody_elses_answer(conn: Connection, ask: Ask) -> None:
    flood = [
        attempt("flood@x.example", BO, {Rung(RungKind.NETWORK, f"10.{n // 200}.{n % 200}.0/24")}, ONE, None, NOW)
        for n in range(3 * seen.MOST)
    ]
    sightings.saw(conn, flood)
    for _ in range(3 * tombstones.MOST):
        tombstones.make(
            conn, identity(mail(sender="flood@x.example", content=ONE)), TombstoneOutcome.REFUSED, NOW, NOW + DAY
        )
    saw(conn, content=ONE, now=NOW + DAY)
    elsewhere = {Rung(RungKind.NETWORK, "198.51.100.0/24")}
    asked = [
        question("flood@x.example", rungs=elsewhere, content=ONE),
        question(rungs=elsewhere, content=ONE),
        question(content=ONE),
    ]
    early = tombstones.make(conn, identity(mail(content=ONE)), TombstoneOutcome.DELIVERED, NOW, NOW + DAY)
    for _ in range(3 * tombstones.MOST):
        tombstones.make(
            conn, identity(mail(sender="flood@x.example", content=ONE)), TombstoneOutcome.REFUSED, NOW, NOW + DAY
        )
    flooded, from_elsewhere, mine = ask(conn, asked)
    assert flooded.seen[BO].first_tried == NOW
    assert len(flooded.tombstones[BO]) == tombstones.MOST
    assert from_elsewhere.seen[BO] == seen.Seen((), NOW + DAY)
    assert [one.last_seen for one in mine.seen[BO].sightings] == [NOW + DAY]
    assert [stone.id for stone in mine.tombstones[BO]] == [early]
    assert [flooded, from_elsewhere, mine] == [ask(conn, [one])[0] for one in asked]


def test_who_passed_does_not_try_any_more(conn: Connection, ask: Ask) -> None:
    saw(conn, content=ONE)
    assert ask(conn, [question(content=ONE)])[0].seen[BO].first_tried == NOW
    passed(conn, ANN, BO, WEAK, NOW + MINUTE)
    (told,) = ask(conn, [question(content=ONE)])
    assert told.seen[BO].first_tried is None
    assert [one.passed_at for one in told.seen[BO].sightings] == [NOW + MINUTE]


# ---- for many sessions ---------------------------------------------------------------------------------------------


@pytest.fixture
async def database(url: URL) -> AsyncIterator[Database]:
    made = open_database(url)
    yield made
    await made.close()


@pytest.fixture
def sees(database: Database, way: str) -> Lookup:
    made = Lookup(database)
    made.has_routine = way.endswith("routine")
    return made


async def test_sessions_at_once_get_each_its_own_answer_in_few_visits(
    sees: Lookup, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = [f"s{number}@x.example" for number in range(3 * MOST_AT_ONCE)]
    with engine.begin() as conn:
        sightings.saw(conn, [attempt(who, now=NOW + n * SECOND) for n, who in enumerate(everybody)])
    visits: list[int] = []
    look_up = sees.look_up

    def counted(conn: Connection, asked: Sequence[Question]) -> list[Answer]:
        visits.append(len(asked))
        return look_up(conn, asked)

    monkeypatch.setattr(sees, "look_up", counted)
    told = await asyncio.gather(*(sees.ask(question(who)) for who in everybody))
    assert [one.seen[BO].sightings[0].first_seen for one in told] == [NOW + n * SECOND for n in range(len(everybody))]
    assert visits == [MOST_AT_ONCE] * 3
    assert (await sees.ask(question(everybody[1]))).seen[BO].sightings[0].first_seen == NOW + SECOND


async def test_one_odd_question_spoils_nobodys_answer(sees: Lookup, engine: Engine) -> None:
    with engine.begin() as conn:
        saw(conn)
    odd = question(rungs={Rung(RungKind.NETWORK, None)})  # type: ignore[arg-type]
    good = [question() for _ in range(3)]
    told = await asyncio.gather(*map(sees.ask, [*good, odd, *good]), return_exceptions=True)
    assert isinstance(told[3], TypeError | AttributeError)
    for one in (*told[:3], *told[4:]):
        assert isinstance(one, Answer)
        assert len(one.seen[BO].sightings) == 1


async def test_who_gives_up_asking_stops_nobody(sees: Lookup) -> None:
    given_up, other = asyncio.create_task(sees.ask(question())), asyncio.create_task(sees.ask(question()))
    await asyncio.sleep(0)
    given_up.cancel()
    assert (await other).grades == {BO: Grade.STRANGER}
    assert (await sees.ask(question())).grades == {BO: Grade.STRANGER}


async def test_bytes_that_are_no_unicode_are_found_as_well(sees: Lookup, engine: Engine, way: str) -> None:
    """Their texts cannot be stored, so nobody has written such; but asking must neither fail nor mix them up."""
    with engine.begin() as conn:
        saw(conn, "\ufffd@x.example")
    odd = [
        question("\udcff@x.example"),
        question("\ufffd@x.example"),
        question("x" * 3000),
        question(rungs={Rung(RungKind.FCRDNS, "\udcff")}),
    ]
    assert [routine.takes(one) for one in odd] == [False, True, False, False]
    assert not routine.takes(question(content=replace(ONE, message_id="\udcff")))
    told = await asyncio.gather(*map(sees.ask, odd))
    assert [len(one.seen[BO].sightings) for one in told] == [0, 1, 0, 0]


async def test_a_store_that_is_away_is_told_to_all_and_asked_again(tmp_path) -> None:  # type: ignore[no-untyped-def]
    database = open_database(f"sqlite:///{tmp_path}/no/such/folder/gate.db")
    sees = Lookup(database)
    for _ in range(2):
        told = await asyncio.gather(*(sees.ask(question()) for _ in range(5)), return_exceptions=True)
        assert [type(one) for one in told] == [StoreUnavailable] * 5
    await database.close()


# ---- where the routine is not --------------------------------------------------------------------------------------


@pytest.fixture
def without_routine(engine: Engine, way: str) -> Iterator[None]:
    from sql import routine as installed

    with engine.begin() as conn:
        conn.execute(text("DROP PROCEDURE greygate_at_rcpt"))
    yield
    with engine.begin() as conn:
        assert installed.install(conn) == ["greygate_at_rcpt"]


@pytest.mark.parametrize("way", ["mariadb-routine"], indirect=True)
@pytest.mark.parametrize("looked", [None, True])
@pytest.mark.usefixtures("without_routine")
async def test_without_the_routine_statements_answer_and_it_is_said_once(
    database: Database, engine: Engine, looked: bool | None
) -> None:
    with engine.begin() as conn:
        saw(conn)
    sees = Lookup(database)
    sees.has_routine = looked  # True: it was there when the worker looked, and was dropped since
    with capture_logs() as logs:
        for _ in range(3):
            assert len((await sees.ask(question())).seen[BO].sightings) == 1
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == [
        "the database lacks the routine of this version: lookups take more round trips"
    ]


@pytest.mark.parametrize("way", ["mariadb-routine"], indirect=True)
async def test_a_decision_point_is_one_round_trip(url: URL, engine: Engine) -> None:
    database = open_database(url)
    sees = Lookup(database)
    for one in (question(), question(content=ONE)):
        await sees.ask(one)
    said: list[str] = []
    event.listen(
        database.runner.reading.sync_engine, "before_cursor_execute", lambda c, cur, sql, *rest: said.append(sql)
    )
    for name, asked in (("rcpt", [question(), question(rungs={NETWORK, SPF})]), ("data", [question(content=ONE)])):
        said.clear()
        before = asked_of(engine)
        await asyncio.gather(*map(sees.ask, asked))
        assert said == [f"CALL greygate_at_{name}(%s)"]
        assert asked_of(engine) - before == 3, "the end of the first look at the count, the call, and the second look"
    await database.close()


def asked_of(engine: Engine) -> int:
    with engine.connect() as conn:
        row = conn.execute(text("SHOW GLOBAL STATUS LIKE 'Questions'")).one()
    return int(row[1])


@pytest.mark.parametrize("way", ["mariadb-routine"], indirect=True)
@pytest.mark.parametrize("asked", [question(), question(content=ONE)], ids=["rcpt", "data"])
def test_the_routines_read_what_they_need_and_not_the_tables(engine: Engine, asked: Question) -> None:
    """Every join has its index, however the planner feels about it."""
    with engine.begin() as conn:
        for number in range(20):
            crowd = [attempt(f"s{number}-{n}@x.example", content=ONE, rungs=STRONG) for n in range(50)]
            sightings.saw(conn, crowd)
            for one in crowd:
                remember(conn, STRONG, one.sender, BO, Grade.REMEMBERED, "waited", NOW, NOW + DAY)
        for number in range(300):
            kept = row_of(conn, mail(f"m{number}", content=replace(ONE, whole=f"{number:064}")))
            copied(conn, kept)
            tombstones.make(
                conn, identity(mail(sender=f"s{number}@x.example")), TombstoneOutcome.REFUSED, NOW, NOW + DAY
            )
        saw(conn, content=ONE)
    with engine.connect() as conn:
        lookup.answers(conn, [asked], by_routine=True)
        before = rows_read(conn)
        (told,) = lookup.answers(conn, [asked], by_routine=True)
        assert len(told.seen[BO].sightings) == 1
        assert rows_read(conn) - before < 200


def rows_read(conn: Connection) -> int:
    return sum(int(count) for _, count in conn.execute(text("SHOW SESSION STATUS LIKE 'Handler_read%'")))
