"""The figures in the API are those of `greygate stats`, of the mail that somebody may see."""

import json
import random
from datetime import timedelta
from typing import Any

import pytest

from gateway.statistics import Against, count_decisions, count_events, figures
from gateway.statistics.period import between, lasting
from gateway.statistics.plainly import plain
from gateway.statistics.tables import ALL, BY, SHAPES
from gateway.store.shelves import EVERYBODY, View
from gateway.store.tallies import SETTLED_AFTER
from tests.statistics.recount import made_up, write
from tests.store.making import BO
from tests.webui.api.conftest import kind_of, program
from tests.webui.conftest import Office

DAY = timedelta(days=1)


def counted(office: Office) -> None:
    with office.begin() as conn:
        rows = made_up(random.Random(4), 400, office.now, 70 * DAY)
        for one in rows[:30]:
            one["sender"] = "x@=1+1\x1b[31m.example"
        write(conn, rows)
    for after in range(3):
        done = 1
        while done:
            with office.begin() as conn:
                now = office.now + after * SETTLED_AFTER
                done = count_decisions(conn, now) + count_events(conn, now)


def same(told: Any, wanted: dict[str, Any]) -> None:
    """JSON writes moments with a Z and rounds nothing."""
    given = {name: one for name, one in told.items() if one is not None or name in wanted}
    assert set(given) == set(wanted)
    assert json.dumps(given).replace('Z"', '+00:00"') == json.dumps({name: wanted[name] for name in given})


def test_all_tables_with_the_names_of_the_command(either: Office) -> None:
    counted(either)
    said = program(either, "auditor").get("/statistics?since=30d").get_json()
    with either.house.reading() as conn:
        period = lasting(30 * DAY, either.now)
        found = figures(conn, EVERYBODY, period, either.now)
    same(said, plain(found, ALL, either.now))
    assert sum(one["accept"] for one in said["time"]) > 20
    assert list(said["time"][0]) == [one.name for one in SHAPES["time"].columns]


@pytest.mark.parametrize("by", list(BY))
def test_one_table_of_one_time_against_another(either: Office, by: str) -> None:
    counted(either)
    first, last = f"{either.now - 20 * DAY:%Y-%m-%d}", f"{either.now - 8 * DAY:%Y-%m-%d}"
    said = program(either, "auditor").get(f"/statistics?from={first}&to={last}&by={by}&against=week&for=example.com")
    with either.house.reading() as conn:
        view = View(domains=frozenset({"example.com"}))
        found = figures(conn, view, between(first, last, either.now), either.now, Against.WEEK)
    same(said.get_json(), plain(found, [BY[by]], either.now))


def test_everybody_is_told_of_what_they_may_see(either: Office) -> None:
    counted(either)

    def answers(name: str, more: str = "") -> int:
        said = program(either, name).get(f"/statistics?since=30d&by=time{more}").get_json()
        return sum(one["all"] for one in said["time"])

    assert 0 < answers("bo") < answers("approver") < answers("auditor")
    assert answers("bo") == answers("auditor", f"&for={BO}") == answers("approver", f"&for={BO}")
    for whose in ("cy@example.com", "example.com", "other.example", "nobody"):
        assert kind_of(program(either, "bo").get(f"/statistics?for={whose}")) == "not-found", whose


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("since=1s", "since"),
        ("since=801d", "since"),
        ("from=2026-02-30", "from"),
        ("from=2026-03-04&to=2026-03-01", "from"),
        ("from=9999-01-01", "from"),
        ("by=colour", "by"),
        ("against=all", "against"),
        ("kind=hold", "kind"),
    ],
)
def test_what_cannot_be_told_says_why(office: Office, query: str, named: str) -> None:
    said = program(office, "bo").get(f"/statistics?{query}")
    assert kind_of(said) == "invalid"
    assert [one["parameter"] for one in said.get_json()["errors"]] == [named]
