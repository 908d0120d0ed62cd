"""greygate stats: the figures at a prompt."""

import csv
import io
import json
import random
from datetime import timedelta

from gateway import clock
from gateway.statistics import count_decisions, count_events
from tests.cli.conftest import Office
from tests.statistics.recount import made_up, write
from tests.store.making import BO

HOSTILE = "=1+1\x1b[31m.example"


def filled(office: Office, rows: int = 400) -> None:
    made = made_up(random.Random(1), rows, clock.now(), timedelta(days=70))
    for one in made[:40]:
        one["sender"] = f"x@{HOSTILE}"
    with office.begin() as conn:
        write(conn, made)
        for work in (count_decisions, count_events):
            while work(conn, clock.now()):
                pass


def test_it_tells_answers_waits_and_mistakes(office: Office) -> None:
    assert "Counting has not begun" in office.good("stats")
    filled(office)
    told = office.good("stats", "--since", "30d")
    for words in (
        "Accepted",
        "Asked to come back",
        "Waited at most",
        "Held, and released by a person",
        "compared with",
    ):
        assert words in told
    assert "Everything is counted" in told


def test_each_table_by_itself(office: Office) -> None:
    filled(office)
    for by, words in (
        ("reason", "the sender waited"),
        ("level", "greylist"),
        ("sender", "shop.example"),
        ("wait", "Up to"),
        ("time", "From"),
    ):
        assert words in office.good("stats", "--by", by)


def test_for_programs(office: Office) -> None:
    filled(office)
    told = json.loads(office.good("stats", "--json", "--since", "30d"))
    assert {"totals", "waits", "reasons", "senders"} <= set(told)
    accepted = next(one for one in told["totals"] if one["answer"] == "Accepted")
    assert accepted["count"] == sum(one["accept"] for one in told["time"]) > 20
    rows = list(csv.DictReader(io.StringIO(office.good("stats", "--csv", "--since", "30d"))))
    assert sum(int(one["accept"]) for one in rows) == accepted["count"]


def test_words_of_others_neither_act_in_a_file_nor_at_a_terminal(office: Office) -> None:
    filled(office)
    senders = {
        one["sender"]
        for one in csv.DictReader(io.StringIO(office.good("stats", "--csv", "--by", "sender", "--since", "90d")))
    }
    assert "'=1+1\ufffd[31m.example" in senders
    told = office.good("stats", "--by", "sender", "--since", "90d")
    assert "\x1b[31m" not in told
    assert "=1+1" in told


def test_for_one_address_or_domain(office: Office) -> None:
    filled(office)

    def accepted(*more: str) -> int:
        told = json.loads(office.good("stats", "--json", "--since", "30d", *more))
        return int(next(one["count"] for one in told["totals"] if one["answer"] == "Accepted"))

    mine = accepted("--for", BO)
    assert 0 < mine < accepted("--for", "Example.com") < accepted()


def test_what_cannot_be_told_is_said_in_a_line(office: Office) -> None:
    assert "Ask for one hour to 800 days" in office.bad("stats", "--since", "1s")
    assert "Give both days" in office.bad("stats", "--from", "yesterday")
    assert "The last day is before the first" in office.bad("stats", "--from", "2026-03-04", "--to", "2026-03-01")
    assert "is no address" in office.bad("stats", "--for", "a b@c")
    assert "not both" in office.bad("stats", "--csv", "--json")
