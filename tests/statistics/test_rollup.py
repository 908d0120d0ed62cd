"""Counts are what a recount of the raw rows says: whatever the order, however often it is interrupted, by any number
of nodes."""

import random
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, insert, select

from gateway import privacy
from gateway.bodies import FileBodies
from gateway.model import Level, ReasonCode
from gateway.statistics import rollup
from gateway.statistics.rollup import SAID_EVERY, count_decisions, count_events
from gateway.store import decisions, tallies
from gateway.store.tallies import SETTLED_AFTER
from sql.tables import decision, event, tally, tally_sender
from tests.house.source import ROOT
from tests.statistics.recount import (
    RECIPIENTS,
    expected,
    hold,
    last_words,
    lend,
    made_up,
    row,
    senders_there,
    there,
    write,
)
from tests.store.making import BO, DAY, HOUR, MINUTE, NOW, SECOND

LATER = NOW + SETTLED_AFTER  # when what is there at NOW is settled, whatever the database


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollup, "SLICE", 40)


def all_of_it(engine: Engine, now: datetime = NOW) -> None:
    """Count all there is, once it is settled: a look that began before takes its time too."""
    for at in (now, now + SETTLED_AFTER, now + 2 * SETTLED_AFTER):
        for work in (count_decisions, count_events):
            done = 1
            while done:
                with engine.begin() as conn:
                    done = work(conn, at)


class Killed(Exception):
    pass


@pytest.mark.parametrize("seed", range(6))
def test_counts_are_what_a_recount_says(engine: Engine, seed: int) -> None:
    """Rows come in while it is counted, late ones too, and a third of all transactions are lost."""
    chance, now = random.Random(seed), NOW
    for _ in range(chance.randrange(5, 12)):
        with engine.begin() as conn:
            write(conn, made_up(chance, chance.randrange(1, 90), now))
        for _ in range(chance.randrange(4)):
            try:
                with engine.begin() as conn:
                    count_decisions(conn, now)
                    if chance.random() < 0.3:
                        raise Killed
            except Killed:
                pass
            now += chance.random() * 3 * MINUTE
    all_of_it(engine, now)
    with engine.connect() as conn:
        assert there(conn) == expected(conn)
        assert sum(senders_there(conn).values()) == sum(
            n for key, n in expected(conn).items() if key[0:2] == ("", "day") and key[3] != "waited"
        )


def test_a_slice_that_is_counted_again_counts_nothing(engine: Engine) -> None:
    with engine.begin() as conn:
        write(conn, made_up(random.Random(1), 100))
    all_of_it(engine)
    with engine.connect() as conn:
        before = there(conn)
    all_of_it(engine, NOW + DAY)
    with engine.connect() as conn:
        assert there(conn) == before == expected(conn)


@pytest.mark.parametrize("kills", [4])
def test_killed_in_the_middle_it_counts_nothing_twice(engine: Engine, kills: int) -> None:
    with engine.begin() as conn:
        write(conn, made_up(random.Random(2), 400))
        count_decisions(conn, NOW)  # looked: settled a little later
    command = [sys.executable, "-m", "tests.statistics.counting", engine.url.render_as_string(hide_password=False)]
    for turn in range(kills):
        run = {"cwd": ROOT, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen([*command, LATER.isoformat(), "20"], **run) as child:
            for committed in range(turn + 1):
                assert child.stdout.readline()
                if committed < turn:
                    child.stdin.write("go on\n")
                    child.stdin.flush()
            child.kill()  # in its transaction
    with engine.connect() as conn:
        reached = tallies.progress(conn)["decision"]
        assert not reached.is_done, "nothing was in the middle of anything"
        assert there(conn), "nothing was counted before it was killed"
    all_of_it(engine)
    with engine.connect() as conn:
        assert there(conn) == expected(conn)


def test_two_nodes_at_once_count_everything_once(engine: Engine) -> None:
    with engine.begin() as conn:
        write(conn, made_up(random.Random(3), 600))
        count_decisions(conn, NOW)
    together, won = threading.Barrier(2), [0, 0]

    def node(place: int) -> None:
        together.wait()
        for _ in range(40):
            with engine.begin() as conn:
                won[place] += count_decisions(conn, LATER)

    threads = [threading.Thread(target=node, args=(place,)) for place in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    all_of_it(engine)
    with engine.connect() as conn:
        assert there(conn) == expected(conn)


@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
def test_a_row_that_is_committed_below_others_is_not_passed_over(engine: Engine) -> None:
    """Numbers are given before the commit: the one that began first may end last."""
    chance = random.Random(4)
    with engine.connect() as slow, slow.begin():
        write(slow, [row(chance, NOW - MINUTE)])
        with engine.begin() as conn:
            write(conn, [row(chance, NOW)])
        with engine.begin() as conn:
            assert count_decisions(conn, NOW) == 0
        with engine.begin() as conn:
            assert count_decisions(conn, LATER - SECOND) == 0, "it may still be on its way"
    with engine.connect() as conn:
        numbers = list(conn.execute(select(decision.c.id).order_by(decision.c.at)).scalars())
        assert numbers == sorted(numbers), "the slow one has the lower number"
    with engine.begin() as conn:
        assert count_decisions(conn, LATER) == 2
    with engine.connect() as conn:
        assert there(conn) == expected(conn)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_where_one_writes_at_a_time_it_is_counted_at_once(engine: Engine) -> None:
    with engine.begin() as conn:
        write(conn, made_up(random.Random(5), 3))
        assert count_decisions(conn, NOW) == 3


def test_where_nothing_happens_nothing_is_written(engine: Engine) -> None:
    all_of_it(engine)
    for after, written in ((SECOND, 0), (2 * SETTLED_AFTER + SAID_EVERY, 1)):
        with engine.begin() as conn:
            before = tallies.progress(conn)["decision"].counted_at
            count_decisions(conn, LATER + after)
            assert (tallies.progress(conn)["decision"].counted_at > before) == bool(written)


def test_how_much_of_it_is_done_is_told(engine: Engine) -> None:
    with engine.begin() as conn:
        write(conn, made_up(random.Random(6), 100))
        decisions_there = list(conn.execute(select(decision.c.id).order_by(decision.c.id)).scalars())
        conn.execute(delete(decision).where(decision.c.id.in_(decisions_there[:20])))  # forgotten long ago
        count_decisions(conn, NOW)
        count_decisions(conn, LATER)
        found = tallies.progress(conn)["decision"]
    assert 0.4 <= found.share <= 1.0
    assert found.began == decisions_there[19]


def test_what_a_record_says_is_counted_even_where_it_cannot_be_read(engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(insert(decision), [row(random.Random(7), NOW) | {"action": "defer", "code": "greylist.new",
                                                                      "recipient": BO, "facts": {}}])  # fmt: skip
        if conn.dialect.name == "sqlite":  # MariaDB keeps nothing that is no JSON
            conn.exec_driver_sql('UPDATE decision SET facts = \'{"v": 2, "fac\'')
    all_of_it(engine)
    with engine.connect() as conn:
        assert there(conn)[BO, "hour", NOW.replace(minute=0, second=0, microsecond=0), "defer", "greylist.new", ""] == 1


# ---- what became of held mail --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_the_last_word_about_held_mail_counts(engine: Engine, seed: int) -> None:
    chance, now = random.Random(seed), NOW
    reasons = (ReasonCode.CONTENT_SUSPICIOUS, ReasonCode.LEVEL_REVIEW_BEFORE)
    numbers = [f"m{place:012}" for place in range(12)]
    whom = {number: chance.choice(RECIPIENTS) for number in numbers}
    with engine.begin() as conn:
        for place, number in enumerate(numbers):
            if place % 4 == 3:
                lend(conn, number, whom[number], now)
            else:
                hold(conn, number, whom[number], chance.choice(reasons), chance.choice(list(Level)), now)
    for _ in range(60):
        now += chance.random() * 5 * HOUR
        number, kind = chance.choice(numbers), chance.choice(("released", "refused", "expired", "undone", "viewed"))
        who = "retention" if kind == "refused" and chance.random() < 0.3 else "cy"
        with engine.begin() as conn:
            decisions.happened(conn, kind, now, message=number, recipient=whom[number], who=who)
            if chance.random() < 0.3:
                count_events(conn, now)
    all_of_it(engine, now)
    with engine.connect() as conn:
        found: dict[tuple[str, str, str], int] = {}
        for (scope, grain, _, kind, what, _), count in there(conn, "released", "refused", "expired").items():
            assert count > 0
            if grain == "hour":
                found[kind, what, scope] = found.get((kind, what, scope), 0) + count
        assert found == dict(last_words(conn))
        assert {key[5] for key in there(conn, "released", "refused", "expired")} <= set(map(str, Level))
        assert senders_there(conn)["shop.example", "released"] == sum(
            n for (kind, _, scope), n in found.items() if kind == "released" and scope == ""
        )


# ---- who sent most -------------------------------------------------------------------------------------------------


def test_of_a_flood_of_names_the_largest_stay_and_no_mail_is_lost(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollup, "NAMED", 5)
    chance = random.Random(8)
    rows = [row(chance, NOW) | {"sender": f"x@flood{n}.example", "recipient": BO, "action": "defer",
                                "code": "greylist.new"} for n in range(300)]  # fmt: skip
    rows += [row(chance, NOW) | {"sender": "ann@often.example", "recipient": BO, "action": "accept",
                                 "code": "party.known"} for n in range(100)]  # fmt: skip
    chance.shuffle(rows)
    with engine.begin() as conn:
        write(conn, rows)
    all_of_it(engine)
    with engine.connect() as conn:
        found = senders_there(conn)
        assert len({name for name, _ in found}) <= 2 * 5 + 1
        assert sum(found.values()) == 400
        assert found["often.example", "accept"] == 100
        assert found["*", "defer"] >= 280


# ---- what is forgotten ---------------------------------------------------------------------------------------------


def test_what_is_not_counted_is_not_forgotten(engine: Engine) -> None:
    """Roll up first: a decision whose time is over waits until it is counted."""
    with engine.begin() as conn:
        write(conn, made_up(random.Random(9), 30, over=HOUR))
        decisions.happened(conn, "viewed", NOW, message="m1")
        assert decisions.forget_old(conn, NOW + DAY, 100, tallies.counted(conn)) == 0
        should = expected(conn)
    all_of_it(engine)
    with engine.begin() as conn:
        assert decisions.forget_old(conn, NOW + DAY, 100, tallies.counted(conn)) == 31
        assert there(conn) == should
    all_of_it(engine, NOW + DAY)
    with engine.connect() as conn:
        assert there(conn) == should


def test_hours_and_accounts_are_forgotten_before_days(engine: Engine) -> None:
    with engine.begin() as conn:
        write(conn, made_up(random.Random(10), 50, NOW, HOUR) + made_up(random.Random(11), 50, NOW - 9 * DAY, HOUR))
    all_of_it(engine)
    with engine.begin() as conn:
        gone = 1
        while gone:
            gone = tallies.forget_old(conn, NOW - 5 * DAY, NOW - 20 * DAY, 7)
        old = [one for one in there(conn) if one[2] < NOW - 5 * DAY]
        assert {one[1] for one in old} == {"day"}
        assert not [one for one in old if "@" in one[0]]
        personal = conn.execute(select(tally_sender.c.at).where(tally_sender.c.personal)).scalars()
        assert min(personal) > NOW - 5 * DAY
        assert len([one for one in there(conn) if one[2] >= NOW - 5 * DAY and one[1] == "hour"]) > 20
    with engine.begin() as conn:
        while tallies.forget_old(conn, NOW - 5 * DAY, NOW - 5 * DAY, 1000):
            pass
        assert min(conn.execute(select(tally.c.at)).scalars()) > NOW - 5 * DAY


def test_events_of_other_kinds_are_gone_through_in_strides(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "STRIDE", 10)
    with engine.begin() as conn:
        hold(conn, "m1", BO, ReasonCode.CONTENT_SUSPICIOUS, Level.GREYLIST, NOW)
        for _ in range(35):
            decisions.happened(conn, "viewed", NOW, message="m1")
        decisions.happened(conn, "expired", NOW, message="m1", recipient=BO, who="sweep")
    all_of_it(engine)
    with engine.connect() as conn:
        assert sum(there(conn, "expired").values()) == 5
        assert tallies.progress(conn)["event"].upto == max(conn.execute(select(event.c.id)).scalars())


def test_an_address_that_is_erased_takes_its_counts_with_it(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as conn:
        write(conn, made_up(random.Random(12), 100))
    all_of_it(engine)
    with engine.begin() as conn:
        before = there(conn)
        assert any(one[0] == BO for one in before)
        privacy.erase(conn, FileBodies(tmp_path), BO, NOW)
        assert there(conn) == {key: count for key, count in before.items() if key[0] != BO}
        assert not senders_there(conn, BO)
        assert senders_there(conn, "example.com")
