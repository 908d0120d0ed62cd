"""Deciding about many: what was ticked, and all that is like a mail."""

import re
from datetime import timedelta

import pytest

from gateway.model import Action, ListVerb, Role
from gateway.store import bulks, persons
from tests.store.making import BO, CY, STRONG, held, keep, mail, owned_mail
from tests.store.test_impact import happened
from tests.webui.conftest import BOS, BOTH, DEE, DEES, LENT, SIGNED, Browser, Office
from tests.webui.reading import read
from tests.webui.test_decisions import entries, place_of
from webui.pages.bulk import work

RUNGS = STRONG | {SIGNED}


def ticked(browser: Browser, *numbers: str, verb: str = "release") -> str:
    """Where one comes to with what is ticked."""
    said = browser.post("/held/selected", verb=verb, mail=list(numbers))
    assert said.status_code == 302
    return str(said.location)


def alike(browser: Browser, number: str, verb: str = "release", kind: str = "domain") -> str:
    return str(browser.post(f"/mail/{number}/like", verb=verb, kind=kind).location)


def words(browser: Browser, path: str = "/held") -> str:
    page = read(browser.get(path).text.partition("<main")[2])
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def more(office: Office, many: int, to: str = BO, sender: str = "ann@elsewhere.example", first: int = 100) -> list[str]:
    """So many more that are held; their numbers."""
    made = []
    with office.begin() as conn:
        for place in range(first, first + many):
            text = f"From: <{sender}>\r\nSubject: Number {place}\r\n\r\nHello {place}\r\n".encode()
            one = owned_mail(mail(f"{place:013}", sender=sender, recipients=(to,), text=text, rungs=RUNGS))
            held(conn, keep(conn, office.house.bodies, one, text))
            made.append(f"{place:013}")
    return made


def clerk(office: Office, number: int) -> None:
    with office.app.app_context():
        work(number)


# ---- what was ticked -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("verb", "state"), [("release", "releasing"), ("refuse", "refused")])
def test_what_was_ticked_is_decided_after_one_question(either: Office, verb: str, state: str) -> None:
    browser = either.as_("approver")
    page = ticked(browser, BOS, BOTH, BOTH, verb=verb)
    assert "2 mails" in words(browser, page)
    assert "2 people" in words(browser, page)
    assert "1 sender" in words(browser, page)
    assert either.states(BOS) == {BO: "held"}
    assert browser.post(f"{page}/begin", trust="yes").location == "/held"
    assert either.states(BOS) == {BO: state}
    assert either.states(BOTH) == {BO: state, CY: state}
    assert f"{'Released' if verb == 'release' else 'Refused'} 2 of 2." in words(browser)


def test_nothing_ticked_is_nothing_decided(office: Office) -> None:
    browser = office.as_("bo")
    assert ticked(browser) == "/held"
    assert "Tick some mails first" in words(browser)
    assert browser.post("/held/selected", verb="delete", mail=[BOS]).status_code == 400


@pytest.mark.parametrize("verb", ["release", "refuse"])
def test_all_of_it_is_taken_back_at_once(either: Office, verb: str) -> None:
    browser = either.as_("bo")
    page = ticked(browser, BOS, BOTH, LENT, verb=verb)
    browser.post(f"{page}/begin")
    assert f'action="{page}/undo"' in browser.get("/held").text
    browser.post(f"{page}/undo")
    assert "Taken back: 3 of 3." in words(browser)
    assert either.states(BOS) == {BO: "held"}
    assert either.states(BOTH) == {BO: "held", CY: "held"}
    assert either.states(LENT) == {BO: "sender_held"}
    browser.post(f"{page}/undo")
    assert "nothing to take back" in words(browser)


def test_what_is_on_its_way_stays(office: Office) -> None:
    browser = office.as_("bo")
    page = ticked(browser, BOS, BOTH)
    browser.post(f"{page}/begin")
    office.later(timedelta(seconds=10))
    assert "Undo all of it" not in browser.get(page).text
    browser.post(f"{page}/undo")
    assert "2 could not be taken back any more" in words(browser)
    assert office.states(BOS) == {BO: "releasing"}


def test_who_was_faster_is_told(either: Office) -> None:
    bo = either.as_("bo")
    page = ticked(bo, BOS, BOTH)
    either.as_("approver").post(f"/mail/{BOS}/decide", verb="refuse")
    bo.post(f"{page}/begin")
    assert "Released 1 of 2. 1 of 2 had been decided by approver." in words(bo)
    assert either.states(BOS) == {BO: "refused"}
    bo.post(f"{page}/undo")
    assert either.states(BOS) == {BO: "refused"}, "what another decided is not taken back with it"


def test_it_is_begun_once(office: Office) -> None:
    browser = office.as_("bo")
    page = ticked(browser, BOS)
    browser.post(f"{page}/begin")
    browser.post(f"{page}/begin")
    assert "begun already" in words(browser, page)
    assert len(office.record("bulk begun")) == len(office.record("released")) == 1


def test_nobody_decides_for_others_by_ticking_their_mail(office: Office) -> None:
    bo = office.as_("bo")
    page = ticked(bo, BOTH, DEES, BOS)
    assert "2 mails" in words(bo, page)
    bo.post(f"{page}/begin")
    assert office.states(BOTH) == {BO: "releasing", CY: "held"}
    assert office.states(DEES) == {DEE: "held"}
    assert ticked(bo, DEES) == "/held"
    assert ticked(office.as_("auditor"), BOS) == "/held"


def test_a_decision_is_nobody_elses(office: Office) -> None:
    page = ticked(office.as_("bo"), BOS)
    number = page.rpartition("/")[2]
    for name in ("cy", "approver", "chief", "admin"):
        browser = office.as_(name)
        assert browser.get(page).status_code == 404
        for act in ("begin", "confirm", "withdraw", "stop", "undo", "look/1"):
            assert browser.post(f"/bulk/{number}/{act}").status_code == 404
    assert office.states(BOS) == {BO: "held"}


def test_whoever_decides_no_more_has_nothing_carried_out(office: Office) -> None:
    bo = office.as_("bo")
    page = ticked(bo, BOS)
    with office.begin() as conn:
        persons.take_address(conn, office.number("bo"), BO)
    assert "Hello" not in words(bo, page)
    bo.post(f"{page}/begin")
    assert office.states(BOS) == {BO: "held"}


# ---- what is like a mail -------------------------------------------------------------------------------------------


def test_a_mail_tells_how_many_are_like_it_and_all_are_decided_at_once(either: Office) -> None:
    numbers = more(either, 3)
    more(either, 2, to=DEE, first=200)
    browser = either.as_("approver")
    assert "5 wait from elsewhere.example" in words(browser, f"/mail/{BOS}")
    assert "5 mails wait from elsewhere.example" in words(browser, f"/mail/{BOS}/like")
    page = alike(browser, BOS, "refuse")
    assert "Refuse 5 mails from elsewhere.example?" in words(browser, page)
    browser.post(f"{page}/begin")
    assert {tuple(either.states(number).values()) for number in numbers} == {("refused",)}
    assert either.states(DEES) == {DEE: "held"}
    (row,) = either.record("bulk begun")
    assert (row["detail"]["mails"], row["detail"]["alike"]) == (5, "from elsewhere.example")


def test_a_freemailer_makes_nobody_alike(office: Office) -> None:
    numbers = more(office, 3, sender="ann@gmail.com")
    assert "wait from" not in words(office.as_("bo"), f"/mail/{numbers[0]}")
    assert alike(office.as_("bo"), numbers[0]) == f"/mail/{numbers[0]}"


def test_of_a_large_group_some_are_looked_at_first(office: Office) -> None:
    more(office, 21)
    browser = office.as_("bo")
    page = alike(browser, BOS)
    browser.post(f"{page}/begin")
    assert "Look at the samples first" in words(browser, page)
    assert office.states(BOS) == {BO: "held"}
    number = int(page.rpartition("/")[2])
    with office.house.reading() as conn:
        samples = bulks.samples(conn, number)
    assert len(samples) == 5
    for one in samples[:-1]:
        assert "Hello" in words(browser, f"{page}/look/{one['place']}")
        following = browser.post(f"{page}/look/{one['place']}", verdict="fits").location
    assert following == f"{page}/look/{samples[-1]['place']}"
    assert browser.post(following, verdict="leave").location == page
    browser.post(f"{page}/begin")
    assert office.states(samples[-1]["message"])[BO] == "held"
    assert office.states(samples[0]["message"])[BO] == "releasing"
    (row,) = office.record("bulk begun")
    assert sorted(row["detail"]["sampled"]) == sorted(one["message"] for one in samples[:-1])
    assert row["detail"]["mails"] == 22
    assert {one["about"] for one in office.record("read")} == {one["message"] for one in samples[:-1]}


def test_only_a_sample_is_looked_at(office: Office) -> None:
    browser = office.as_("bo")
    page = ticked(browser, BOS)
    assert browser.get(f"{page}/look/1").status_code == 404
    assert browser.post(f"{page}/look/1", verdict="fits").status_code == 404


# ---- large ones ----------------------------------------------------------------------------------------------------


def test_what_is_large_is_left_to_the_clerk_and_told_meanwhile(either: Office) -> None:
    numbers = more(either, 60)
    browser = either.as_("bo")
    page = ticked(browser, *numbers, verb="refuse")
    assert browser.post(f"{page}/begin").location == page
    number = int(page.rpartition("/")[2])
    clerk(either, number)
    assert either.states(numbers[0]) == {BO: "held"}, "it can be taken back whole before it begins"
    assert "It begins in" in words(browser, page)
    either.later(timedelta(seconds=10))
    assert "0 of 60" in words(browser, page)
    assert "0 of 60" in words(browser, "/")
    part = browser.get(page, {"HX-Request": "true"}).text
    assert 'hx-trigger="every 1s"' in part
    assert "<html" not in part
    clerk(either, number)
    assert {tuple(either.states(one).values()) for one in numbers} == {("refused",)}
    assert "Refused 60 of 60." in words(browser, page)
    assert "hx-trigger" not in browser.get(page, {"HX-Request": "true"}).text
    browser.post(f"{page}/undo")
    clerk(either, number)
    assert {tuple(either.states(one).values()) for one in numbers} == {("held",)}
    assert "Taken back: 60 of 60." in words(browser, page)


def test_what_was_stopped_stays_as_it_is(office: Office) -> None:
    numbers = more(office, 60)
    browser = office.as_("bo")
    page = ticked(browser, *numbers)
    browser.post(f"{page}/begin")
    browser.post(f"{page}/stop")
    office.later(timedelta(seconds=10))
    clerk(office, int(page.rpartition("/")[2]))
    assert {tuple(office.states(one).values()) for one in numbers} == {("held",)}
    assert "Released 0 of 60. Stopped: 60 were left as they are." in words(browser, page)
    assert len(office.record("bulk stopped")) == 1


def test_nothing_goes_on_for_whoever_may_not_sign_in(office: Office) -> None:
    numbers = more(office, 60)
    page = ticked(office.as_("bo"), *numbers)
    office.as_("bo").post(f"{page}/begin")
    office.change("bo", disabled_at=office.now)
    office.later(timedelta(seconds=10))
    clerk(office, int(page.rpartition("/")[2]))
    assert {tuple(office.states(one).values()) for one in numbers} == {("held",)}
    assert len(office.record("bulk stopped")) == 1


# ---- a second person -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("web", [{"four_eyes": "both", "four_eyes_over": 1}])
def test_a_second_approver_confirms_what_the_settings_name(office: Office) -> None:
    with office.begin() as conn:
        persons.give_roles(conn, office.number("lists"), [(Role.APPROVER, "example.com")])
    author, second = office.as_("approver"), office.as_("lists")
    page = ticked(author, BOS, BOTH, verb="refuse")
    assert "Another approver has to confirm it" in words(author, page)
    assert author.post(f"{page}/begin").location == page
    assert "waits for another approver" in words(author, "/")
    assert office.states(BOS) == {BO: "held"}
    author.post(f"{page}/confirm")
    assert "not yours to confirm" in words(author, "/")
    assert office.as_("stranger").post(f"{page}/confirm").status_code == 404
    assert office.as_("bo").post(f"{page}/confirm").status_code == 404
    assert "wants to refuse 2 mails" in words(second, "/")
    assert "approver proposed this" in words(second, page)
    second.post(f"{page}/confirm")
    assert office.states(BOS) == {BO: "refused"}
    assert {row["who"] for row in office.record("refused")} == {"approver"}
    assert [row["who"] for row in office.record("bulk proposed", "bulk confirmed")] == ["approver", "lists"]


@pytest.mark.parametrize("web", [{"four_eyes": "both", "four_eyes_over": 1}])
def test_a_proposal_is_withdrawn_by_its_author(office: Office) -> None:
    author = office.as_("approver")
    page = ticked(author, BOS, BOTH)
    author.post(f"{page}/begin")
    assert office.as_("chief").post(f"{page}/withdraw").status_code == 404
    author.post(f"{page}/withdraw")
    assert "Nothing was decided" in words(author, page)
    office.as_("chief").post(f"{page}/confirm")
    assert office.states(BOS) == {BO: "held"}
    assert len(office.record("bulk withdrawn")) == 1


@pytest.mark.parametrize("web", [{"four_eyes": "everybody"}])
def test_nobody_is_let_in_for_everybody_by_one_person_where_two_are_wanted(office: Office) -> None:
    with office.begin() as conn:
        persons.give_roles(conn, office.number("lists"), [(Role.APPROVER, "")])
    choice = str(place_of(office, BOS, ListVerb.BLOCK, None))
    said = office.as_("chief").post(f"/mail/{BOS}/decide", verb="block", choice=choice)
    assert said.location.startswith("/bulk/")
    assert entries(office) == []
    assert office.states(BOS) == {BO: "held"}
    assert office.as_("approver").post(f"{said.location}/confirm").status_code == 404, "of one domain only"
    second = office.as_("lists")
    assert "to keep out its sender for everybody" in words(second, "/")
    second.post(f"{said.location}/confirm")
    assert office.states(BOS) == {BO: "refused"}
    assert [(one.scope, one.author) for one in entries(office)] == [(None, "chief")]


@pytest.mark.parametrize("web", [{"four_eyes": "everybody"}])
def test_what_is_for_one_account_needs_no_second_person(office: Office) -> None:
    assert office.as_("bo").post(f"/mail/{BOS}/decide", verb="block").location.startswith("/held")
    assert office.states(BOS) == {BO: "refused"}


# ---- before an entry is made ---------------------------------------------------------------------------------------


def test_beside_each_choice_stands_what_it_would_have_changed(office: Office) -> None:
    assert "nothing to compare it with in the last 30 days" in words(office.as_("bo"), f"/mail/{BOS}/trust")
    with office.begin() as conn:
        happened(conn, 3, action=Action.ACCEPT)
        happened(conn, 4, sender="eve@odd.example", action=Action.ACCEPT)
    assert "would have changed 3 of 7 decisions of the last 30 days" in words(
        office.as_("bo"), f"/mail/{BOS}/trust?verb=block"
    )
