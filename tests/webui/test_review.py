"""The list for review on the pages: what people say of mail that came in, and that it can be taken back."""

import re
from typing import Any

import pytest

from gateway.policy.standing import Outcome, Party
from gateway.store import standings
from tests.store.making import BO, CY, MINUTE
from tests.webui.conftest import BOS, DEE, Browser, Office, listed

FIRST, SECOND, DEES = "0000000000031", "0000000000032", "0000000000033"


def page(browser: Browser, number: str = "") -> str:
    return re.sub(r"\s+", " ", browser.get(f"/review?mail={number}").text.partition("<main")[2])


def say(browser: Browser, number: str, verb: str, **form: Any) -> int:
    return browser.post(f"/review/{number}/say", verb=verb, **form).status_code


def unwanted(office: Office) -> float:
    with office.house.reading() as conn:
        return standings.history(conn, Party.SERVER, "elsewhere.example", office.now).get(Outcome.REFUSED, 0.0)


def numbers(shown: str) -> list[str]:
    return re.findall(r'data-mail="(\w+)"', shown)


@pytest.mark.parametrize(
    ("name", "sees"),
    [("bo", {FIRST}), ("approver", {FIRST}), ("stranger", {DEES}), ("chief", {FIRST, DEES}), ("auditor", {FIRST, DEES}),
     ("cy", set()), ("nobody", set())],
)  # fmt: skip
def test_everybody_sees_what_is_theirs(either: Office, name: str, sees: set[str]) -> None:
    listed(either, FIRST)
    listed(either, DEES, DEE)
    assert set(numbers(page(either.as_(name)))) == sees


def test_today_leads_to_it_with_a_number(office: Office) -> None:
    browser = office.as_("bo")
    assert "/review" not in browser.get("/").text.partition("<main")[2]
    listed(office, FIRST)
    listed(office, DEES, DEE)
    assert re.search(r'href="/review"><b>1</b> mail that came in is listed', browser.get("/").text)


def test_an_approver_says_why_before_it_is_shown(office: Office) -> None:
    listed(office, FIRST)
    browser = office.as_("approver")
    assert "A few words" not in page(browser, FIRST)
    said = browser.post(f"/mail/{FIRST}/because", because="Asked by the recipient", **{"from": "/review"})
    assert said.location == f"/review?mail={FIRST}"
    shown = page(browser, FIRST)
    assert "A few words" in shown
    assert "Let in because" in shown
    assert [row["about"] for row in office.record("read")] == [FIRST]


def test_spam_counts_against_its_sender_is_on_record_and_is_taken_back(either: Office) -> None:
    listed(either, FIRST)
    listed(either, SECOND)
    browser = either.as_("bo")
    assert say(browser, FIRST, "spam") == 302
    assert either.states(FIRST) == {BO: "called_spam"}
    assert unwanted(either) == pytest.approx(1)
    shown = page(browser)
    assert numbers(shown) == [SECOND]
    assert f"/mail/{FIRST}/undo" in shown
    assert [(row["who"], row["about"]) for row in either.record("called spam")] == [("bo", FIRST)]
    either.later(MINUTE)
    said = browser.post(f"/mail/{FIRST}/undo", **{"from": "/review"})
    assert said.location == f"/review?mail={FIRST}"
    assert either.states(FIRST) == {BO: "listed"}
    assert unwanted(either) == pytest.approx(0, abs=0.01)
    assert set(numbers(page(browser))) == {FIRST, SECOND}


def test_what_others_said_is_not_ones_own_to_take_back(office: Office) -> None:
    listed(office, FIRST)
    say(office.as_("approver"), FIRST, "ham")
    assert office.states(FIRST) == {BO: "called_ham"}
    office.as_("bo").post(f"/mail/{FIRST}/undo")
    assert office.states(FIRST) == {BO: "called_ham"}


def test_whoever_looked_says_nothing(office: Office) -> None:
    listed(office, FIRST)
    browser = office.as_("bo")
    assert say(browser, FIRST, "looked") == 302
    assert office.states(FIRST) == {BO: "looked_at"}
    assert "Nothing is listed for a look" in page(browser)
    assert say(browser, FIRST, "looked") == 302
    assert "off the list" in page(browser)
    assert len(office.record("looked at")) == 1


def test_only_for_those_for_whom_one_decides(office: Office) -> None:
    """One mail, one reply, for two people: what one says of it leaves it on the list of the other."""
    for to in (BO, CY):
        listed(office, FIRST, to, copied=False)
    assert say(office.as_("bo"), FIRST, "looked") == 302
    assert numbers(page(office.as_("bo"))) == []
    assert numbers(page(office.as_("cy"))) == [FIRST]


@pytest.mark.parametrize("verb", ["spam", "ham", "looked"])
def test_what_was_delivered_before_its_campaign_was_refused_has_no_copy(office: Office, verb: str) -> None:
    listed(office, FIRST, copied=False)
    browser = office.as_("bo")
    assert "Nothing of it is kept here" in page(browser, FIRST)
    assert say(browser, FIRST, verb) == 302
    assert numbers(page(browser)) == []
    assert [row["who"] for row in office.record("called spam", "called ham", "looked at")] == ["bo"]


def test_a_word_that_there_is_not_changes_nothing(office: Office) -> None:
    listed(office, FIRST)
    assert say(office.as_("bo"), FIRST, "delete") == 400
    assert say(office.as_("auditor"), FIRST, "spam") == 403
    assert say(office.as_("cy"), FIRST, "spam") == 404
    assert say(office.as_("bo"), BOS, "spam") == 404, "it is held, not delivered"
    assert office.states(FIRST) == {BO: "listed"}


def test_it_comes_page_by_page(either: Office) -> None:
    wanted = [listed(either, f"{number:013}", copied=False) for number in range(200, 270)]
    browser = either.as_("bo")
    seen: list[str] = []
    path = "/review"
    while path:
        shown = browser.get(path).text
        seen += numbers(shown)
        found = re.search(r'class="more"><a href="([^"]+)"', shown)
        path = found[1].replace("&amp;", "&") if found else ""
    assert seen == wanted[::-1]
