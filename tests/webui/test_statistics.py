"""Statistics: each sees the figures of the mail that they may see, as plots, tables and files."""

import csv
import io
import re
from datetime import timedelta

import pytest

from gateway.model import ReasonCode
from gateway.statistics.tables import ALL
from tests.store.making import BO, DAY
from tests.webui.conftest import DEE, Browser, Office, listed
from tests.webui.said import unsaid
from tests.webui.statistics_made import HOSTILE, a_month

ADDRESSES = {"bo": {BO}, "cy": {"cy@example.com"}}


def file(browser: Browser, table: str = "totals", **query: str) -> list[dict[str, str]]:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    said = browser.get(f"/statistics/{table}.csv?{asked}")
    assert said.status_code == 200, said.text
    assert said.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in said.headers["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(said.text)))


def sums(browser: Browser, **query: str) -> dict[str, int]:
    return {row["answer"]: int(row["count"]) for row in file(browser, **query)}


def together(*found: dict[str, int]) -> dict[str, int]:
    return {name: sum(one[name] for one in found) for name in found[0]}


def test_each_sees_the_figures_of_their_own_mail(either: Office) -> None:
    """Bo and Cy are all of example.com; Dee and a shared address are all of other.example."""
    a_month(either)
    for since in ("24h", "7d", "30d"):
        bo, cy, approver, stranger, chief, auditor, local, admin = (
            sums(either.as_(name), since=since)
            for name in ("bo", "cy", "approver", "stranger", "chief", "auditor", "local", "admin")
        )
        assert chief == auditor == admin
        assert approver == local == sums(either.as_("chief"), since=since, whose="example.com")
        for answer in ("Accepted", "Asked to come back", "Held", "Accepted after a wait"):
            assert bo[answer] + cy[answer] == approver[answer]
            assert approver[answer] + stranger[answer] == chief[answer]
        assert sum(chief.values()) > sum(approver.values()) + sum(stranger.values()), "who was denied relay is nobody's"
        assert sums(either.as_("chief"), since=since, whose=BO) == bo
    assert sums(either.as_("chief"), since="30d")["Accepted"] > 50


@pytest.mark.parametrize("name", ["nobody", "lists"])
def test_who_has_no_mail_sees_none(office: Office, name: str) -> None:
    a_month(office, 200)
    browser = office.as_(name)
    assert set(sums(browser).values()) == {0}
    assert "No address is yours yet" in browser.get("/statistics").text
    assert file(browser, "senders") == []


@pytest.mark.parametrize(
    ("name", "whose", "code"),
    [
        ("bo", BO, 200), ("bo", "cy@example.com", 404), ("bo", "example.com", 404), ("bo", DEE, 404),
        ("approver", "example.com", 200), ("approver", BO, 200), ("approver", "other.example", 404),
        ("approver", DEE, 404), ("admin", DEE, 200), ("nobody", BO, 404), ("nobody", "", 200), ("local", DEE, 404),
    ],
)  # fmt: skip
def test_nobody_sees_the_figures_of_others(office: Office, name: str, whose: str, code: int) -> None:
    browser = office.as_(name)
    assert browser.get(f"/statistics?whose={whose}").status_code == code
    for table in ALL:
        assert browser.get(f"/statistics/{table}.csv?whose={whose}").status_code == code


def test_all_tables_are_on_the_page_without_a_script(office: Office) -> None:
    a_month(office)
    text = office.as_("chief").get("/statistics?since=90d").text
    for name in set(ALL) - {"totals", "errors"}:  # these are told in words
        assert f'data-table="{name}"' in text, name
    for name in set(ALL) - {"totals"}:
        assert f"/statistics/{name}.csv?since=90d" in text, name
    assert re.search(r"Held mail that a person released.{1,80}\d+% \(\d+ of \d+; likely", text, re.DOTALL)
    assert 'style="' not in text
    assert "<script>" not in text


def test_what_others_wrote_is_shown_letter_by_letter(office: Office) -> None:
    a_month(office)
    text = office.as_("chief").get("/statistics?since=90d").text
    assert "\u202e" not in text
    assert "<b>" + HOSTILE[-3:] not in text
    assert "gpj.exe&lt;b&gt;" in text


def test_a_file_opens_as_it_was_written_and_nothing_in_it_is_a_formula(office: Office) -> None:
    a_month(office)
    rows = file(office.as_("chief"), "senders", since="90d")
    hostile = [row["sender"] for row in rows if "calc" in row["sender"]]
    assert hostile == ["'" + HOSTILE.replace("\u202e", "\ufffd")]
    for table in ALL:
        for row in file(office.as_("chief"), table, since="90d"):
            assert not [cell for cell in row.values() if cell[:1] in ("=", "+", "-", "@", "\t", "\r")], table


def test_it_is_compared_with_the_time_before_or_the_same_weekdays(office: Office) -> None:
    a_month(office)
    chief = office.as_("chief")
    assert all(row["before"] for row in file(chief, since="30d"))
    assert all(row["before"] == "" for row in file(chief, since="30d", against="nothing"))
    week = file(chief, since="24h", against="week")
    then = f"{office.now - 7 * DAY:%Y-%m-%d}"
    assert then in chief.get("/statistics?since=24h&against=week").text
    assert sum(int(row["before"]) for row in week) > 0


def test_a_time_that_is_not_on_record_is_compared_with_nothing(office: Office) -> None:
    a_month(office)
    chief = office.as_("chief")
    said = chief.get("/statistics?since=90d")
    assert "is not on record as a whole" in said.text
    assert all(row["before"] == "" for row in file(chief, since="90d"))


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("since=own", "Give both days"),
        ("since=own&from=2026-03-09", "The last day is before the first"),
        ("since=own&from=2026-03-02&to=2026-03-01", "The last day is before the first"),
        ("since=own&from=2026-13-40&to=2026-03-01", "Give both days"),
        ("since=own&from=2030-01-01&to=2030-01-02", "The first day is still to come"),
        ("since=own&from=1999-01-01&to=2026-03-01", "more than 800 days"),
        ("since=fortnight", "There is no “fortnight”"),
    ],
)
def test_what_cannot_be_told_about_is_said(office: Office, query: str, problem: str) -> None:
    said = office.as_("chief").get(f"/statistics?{query}")
    assert (said.status_code, problem in said.text) == (400, True)
    assert "Answers over time" in said.text, "the usual is shown below"
    assert office.as_("chief").get(f"/statistics/time.csv?{query}").status_code == 400


def test_own_days_are_whole_and_both_are_in_it(office: Office) -> None:
    a_month(office)
    rows = file(office.as_("chief"), "time", since="own", **{"from": "2026-02-01", "to": "2026-02-20"})
    assert [row["from"][:10] for row in rows] == [f"2026-02-{day:02}" for day in range(1, 21)]
    rows = file(office.as_("chief"), "time", since="own", **{"from": "2026-02-01", "to": "2026-02-02"})
    assert len(rows) == 48


def test_until_everything_is_counted_it_says_so(office: Office) -> None:
    chief = office.as_("chief")
    assert "Counting has not begun" in chief.get("/statistics").text
    a_month(office, 20)
    assert "Everything is counted" in chief.get("/statistics").text


def test_what_the_audit_found_is_told_with_what_it_is_worth(office: Office) -> None:
    a_month(office, 20)
    listed(office, "0000000000021")
    chief = office.as_("chief")
    chief.post("/mail/0000000000021/because", because="Asked by the recipient")
    assert "nobody has looked at any of the 1" in chief.get("/statistics").text
    chief.post("/review/0000000000021/say", verb="spam")
    office.later(timedelta(hours=1))
    rows = {row["figure"]: row for row in file(office.as_("chief"), "errors")}
    assert (
        rows["Let in, and called spam by a person"]["part"],
        rows["Let in, and called spam by a person"]["whole"],
    ) == ("1", "1")
    assert file(office.as_("stranger"), "errors")[1]["whole"] == "0", "it was for Bo"


def test_reasons_are_told_in_words(office: Office) -> None:
    a_month(office)
    rows = {row["reason"]: row for row in file(office.as_("chief"), "reasons", since="90d")}
    assert rows[ReasonCode.GREYLIST_NEW]["because"] == "this sender never wrote to this recipient from there"
    assert "this sender never wrote to this recipient from there" in office.as_("chief").get("/statistics").text


@pytest.mark.parametrize("query", ["since=30d", "since=24h&against=nothing", "since=own&from=2026-02-30"])
def test_nothing_is_said_in_english_alone(office: Office, query: str) -> None:
    a_month(office)
    page = office.as_("admin").get(f"/statistics?{query}", headers={"Accept-Language": "en-XA"}).text
    assert unsaid(re.sub("<option(?! value).*?</option>", "", page), "main") == []


def test_a_file_is_for_programs_in_every_language(office: Office) -> None:
    a_month(office)
    asked = {"Accept-Language": "en-XA"}
    for table in ALL:
        one, other = (office.as_("chief").get(f"/statistics/{table}.csv", given).text for given in (asked, {}))
        assert one == other
