"""Campaigns on the pages: who sees what of them, and one decision for all of their mails."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import update

from gateway import together
from sql.tables import campaign_sighting
from tests.store.making import BO, CY, HOUR, MINUTE, STRONG, held, keep, mail, owned_mail
from tests.webui.conftest import BOS, BOTH, DEE, DEES, LENT, SIGNED, Browser, Office, share
from tests.webui.reading import read


def page(browser: Browser, key: str = "") -> str:
    said = browser.get(f"/campaigns/{key}" if key else "/campaigns")
    return (
        re.sub(r"\s+", " ", read(said.text).partition("<main")[2]) if said.status_code == 200 else str(said.status_code)
    )


def more(office: Office, many: int, to: str = BO, first: int = 100) -> list[str]:
    """So many mails that are held, each with a text of its own."""
    numbers = [f"{first + number:013}" for number in range(many)]
    with office.begin() as conn:
        for number in numbers:
            text = b"Subject: Hello\r\n\r\nA few words " + number.encode()
            one = owned_mail(mail(number, recipients=(to,), text=text, rungs=STRONG | {SIGNED}, received_at=office.now))
            held(conn, keep(conn, office.house.bodies, one, text), now=office.now)
    return numbers


# ---- who sees what -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "open_", "whom"),
    [
        ("bo", "3 mails", BO),
        ("cy", "1 mail", CY),
        ("approver", "3 mails", f"{BO}, {CY}"),
        ("stranger", "1 mail", DEE),
        ("chief", "4 mails", f"{BO}, {CY}, {DEE}"),
        ("auditor", "4 mails", f"{BO}, {CY}, {DEE}"),
        ("local", "3 mails", f"{BO}, {CY}"),
    ],
)
def test_everybody_sees_what_of_it_is_theirs(either: Office, name: str, open_: str, whom: str) -> None:
    key = share(either, BOTH, BOS, DEES, LENT)
    browser = either.as_(name)
    for shown in (page(browser), page(browser, key)):
        assert "landing.test" in shown
        assert re.search(rf"{open_}( open)?, for {re.escape(whom)}[ .<]", shown), shown
        assert "Suspicious" in shown
        for other in {BO, CY, DEE} - set(whom.split(", ")):
            assert other not in shown


def test_whoever_has_none_of_its_mails_does_not_know_of_it(office: Office) -> None:
    key = share(office, BOS, LENT)
    for name in ("nobody", "cy", "stranger", "lists"):
        browser = office.as_(name)
        assert "landing.test" not in page(browser)
        assert page(browser, key) == "404"
        assert browser.post(f"/campaigns/{key}/refuse").status_code == 404


@pytest.mark.parametrize("name", ["auditor", "admin", "local"])
def test_whoever_only_sees_it_decides_nothing(office: Office, name: str) -> None:
    key = share(office, BOS, LENT)
    browser = office.as_(name)
    assert '<button class="bad"' not in page(browser, key)
    for verb in ("refuse", "release"):
        assert browser.post(f"/campaigns/{key}/{verb}").status_code == 403
    assert office.states(BOS) == {BO: "held"}


@pytest.mark.parametrize("key", ["0", "zz", "00" * 16, "%2e%2e"])
def test_what_is_no_campaign_is_not_there(office: Office, key: str) -> None:
    assert page(office.as_("chief"), key) == "404"


def test_what_one_sender_sends_is_no_campaign(office: Office) -> None:
    key = share(office, BOS, LENT)
    with office.begin() as conn:
        conn.execute(update(campaign_sighting).values(domain="one.test"))
    browser = office.as_("chief")
    assert "landing.test" not in page(browser)
    assert page(browser, key) == "404"


def test_a_place_is_no_link_and_its_letters_are_told(office: Office) -> None:
    key = share(office, BOS, LENT, link="xn--pple-43d.test")
    for shown in (page(office.as_("bo")), page(office.as_("bo"), key)):
        assert "xn--pple-43d.test" in shown
        assert "reads \u0430pple.test" in shown
        assert not re.search(r'href="[^"]*(xn--|pple)', shown)


# ---- one decision --------------------------------------------------------------------------------------------------


def test_one_decision_refuses_all_that_one_may_decide_about_and_one_undo_brings_them_back(either: Office) -> None:
    key = share(either, BOTH, BOS, DEES, LENT)
    browser = either.as_("approver")
    assert "Refuse all 3 mails" in page(browser, key)
    assert browser.post(f"/campaigns/{key}/refuse").status_code == 302
    assert either.states(BOTH) == {BO: "refused", CY: "refused"}
    assert (either.states(BOS), either.states(LENT)) == ({BO: "refused"}, {BO: "refused"})
    assert either.states(DEES) == {DEE: "held"}, "of another domain"
    shown = page(browser, key)
    assert "Refused 3 mails." in shown
    assert "Refused by approver" in shown
    assert "Confirmed" in shown
    (undo,) = set(re.findall(r"/mail/(\w+)/undo", shown))
    assert browser.post(f"/mail/{undo}/undo", **{"from": f"/campaigns/{key}"}).location == f"/campaigns/{key}"
    assert either.states(BOTH) == {BO: "held", CY: "held"}
    assert (either.states(BOS), either.states(LENT)) == ({BO: "held"}, {BO: "sender_held"})
    assert "Suspicious" in page(browser, key)


def test_the_refusal_of_others_is_not_ones_own_to_know(office: Office) -> None:
    key = share(office, BOS, DEES)
    office.as_("stranger").post(f"/campaigns/{key}/refuse")
    shown = page(office.as_("bo"), key)
    assert "Refused" in shown
    assert "stranger" not in shown
    assert office.states(BOS) == {BO: "held"}


def test_what_is_wanted_is_released_and_taken_back_as_one(either: Office) -> None:
    key = share(either, BOS, DEES, LENT)
    browser = either.as_("chief")
    assert browser.post(f"/campaigns/{key}/release").status_code == 302
    assert (either.states(BOS), either.states(DEES)) == ({BO: "releasing"}, {DEE: "releasing"})
    shown = page(browser, key)
    assert "counts against nobody" in shown
    (undo,) = set(re.findall(r"/mail/(\w+)/undo", shown))
    assert browser.post(f"/mail/{undo}/undo").status_code == 302
    assert (either.states(BOS), either.states(DEES)) == ({BO: "held"}, {DEE: "held"})
    assert either.states(LENT) == {BO: "sender_held"}
    assert "Suspicious" in page(browser, key)


def test_of_very_many_a_part_is_decided_about_and_it_is_said_how_many_are_left(office: Office) -> None:
    numbers = more(office, together.AT_ONCE + 3)
    key = share(office, *numbers)
    browser = office.as_("bo")
    assert f"Refuse the first {together.AT_ONCE} of {len(numbers)} mails" in page(browser, key)
    browser.post(f"/campaigns/{key}/refuse")
    assert f"Refused {together.AT_ONCE} mails" in (shown := page(browser, key))
    assert "3 mails are left" in shown
    office.later(MINUTE)
    browser.post(f"/campaigns/{key}/refuse")
    shown = page(browser, key)
    assert shown.count("You refused ") == 2
    for undo in set(re.findall(r"/mail/(\w+)/undo", shown)):
        browser.post(f"/mail/{undo}/undo")
    assert {tuple(office.states(number).values()) for number in numbers} == {("held",)}


def test_an_hour_later_nothing_is_taken_back(office: Office) -> None:
    key = share(office, BOS, LENT)
    office.as_("bo").post(f"/campaigns/{key}/refuse")
    office.later(HOUR + MINUTE)
    assert "Take that back" not in page(office.as_("bo"), key)


def test_it_is_on_record_who_decided_about_each(office: Office) -> None:
    key = share(office, BOS, LENT)
    office.as_("approver").post(f"/campaigns/{key}/refuse")
    assert [(row["who"], row["about"]) for row in office.record("refused")] == [("approver", BOS), ("approver", LENT)]


# ---- many ----------------------------------------------------------------------------------------------------------


def test_its_mails_come_page_by_page(office: Office) -> None:
    numbers = more(office, 70)
    key = share(office, *numbers)
    browser = office.as_("bo")
    seen: list[str] = []
    path = f"/campaigns/{key}"
    while path:
        shown = browser.get(path, {"HX-Request": "true"}).text
        seen += re.findall(r"/mail/(\w+)", shown)
        found = re.search(r'hx-get="([^"]+)"', shown)
        path = found[1].replace("&amp;", "&") if found else ""
    assert seen == numbers[::-1]


def test_every_campaign_is_on_one_page_once(either: Office) -> None:
    links = [f"landing{number}.test" for number in range(40)]
    numbers = more(either, 2)
    for link in links:
        either.later(timedelta(seconds=1))
        share(either, *numbers, link=link)
    browser = either.as_("bo")
    seen: list[str] = []
    path = "/campaigns"
    while path:
        shown = browser.get(path, {"HX-Request": "true"}).text
        seen += re.findall(r'<code class="place">([^<]+)', shown)
        found = re.search(r'hx-get="([^"]+)"', shown)
        path = found[1].replace("&amp;", "&") if found else ""
    assert seen == links[::-1]


@pytest.mark.parametrize("web", [{"four_eyes": "bulk", "four_eyes_over": 2}])
def test_about_more_than_the_settings_leave_to_one_a_second_person_is_asked(office: Office) -> None:
    key = share(office, BOTH, BOS, LENT)
    said = office.as_("bo").post(f"/campaigns/{key}/refuse")
    assert said.location.startswith("/bulk/")
    assert office.states(BOS) == {BO: "held"}
    assert "Another approver has to confirm it" in office.as_("bo").get(said.location).text


@pytest.mark.parametrize("web", [{"four_eyes": "bulk", "four_eyes_over": 3}])
def test_about_no_more_than_that_nobody_is_asked(office: Office) -> None:
    key = share(office, BOTH, BOS, LENT)
    assert office.as_("bo").post(f"/campaigns/{key}/refuse").location == f"/campaigns/{key}"
    assert office.states(BOS) == {BO: "refused"}
