"""What open pages are told: that something of theirs changed, never what, and nothing of others."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway.model import DeliveryState, ReasonCode, Role
from gateway.store import deliveries, news, persons
from gateway.store.deliveries import Owned
from tests.store.making import BO, CY, copied, held, keep, mail, owned_mail, recipient
from tests.webui.conftest import BOS, BOTH, DEE, DEES, LENT, LETTER, Browser, Office
from webui import watch
from webui.watch import LENT as HAS_IT
from webui.watch import LOOKS, MAIL, MOVED, Stream

NEW = "0000000000021"


@pytest.fixture(autouse=True)
def nobody_looks(request: pytest.FixtureRequest) -> None:
    """The tests look by themselves: no thread begins."""
    for name in ("office", "either"):
        if name in request.fixturenames:
            office = request.getfixturevalue(name)
            office.house.watch.thread = Thread()
            office.later(timedelta(hours=1))


def listen(browser: Browser, tab: str = "a") -> TestResponse:
    return browser.get(f"/events?tab={tab}")


def stream_of(office: Office, name: str) -> Stream:
    (found,) = [one for one in office.house.watch.streams if one.actor.name == name]
    return found


def look(office: Office, *, with_rights: bool = False) -> None:
    office.house.watch.look(office.house.reading, with_rights=with_rights)


def told(office: Office) -> dict[str, set[str]]:
    """By person, what their pages were told since this was asked last."""
    found = {one.actor.name: set(one.told) for one in office.house.watch.streams}
    for one in office.house.watch.streams:
        one.told.clear()
    return {name: words for name, words in found.items() if words}


def hold(office: Office, number: str, to: str) -> None:
    with office.begin() as conn:
        kept = owned_mail(mail(number, recipients=(to,), text=LETTER, received_at=office.now))
        held(conn, keep(conn, office.house.bodies, kept, LETTER), now=office.now)


@pytest.fixture
def pages(office: Office) -> Iterator[dict[str, Browser]]:
    """Everybody has one open, and knows all that is."""
    made = {name: office.as_(name) for name in ("bo", "cy", "nobody", "approver", "stranger", "chief", "auditor")}
    answers = [listen(browser) for browser in made.values()]
    look(office)
    told(office)
    yield made
    for one in answers:
        one.close()
    assert office.house.watch.streams == []


def test_mail_that_comes_is_news_for_whoever_sees_it(office: Office, pages: dict[str, Browser]) -> None:
    hold(office, NEW, DEE)
    look(office)
    assert told(office) == {name: {MAIL} for name in ("stranger", "chief", "auditor")}
    look(office)
    assert told(office) == {}, "once"


def test_so_is_a_decision_and_taking_it_back(office: Office, pages: dict[str, Browser]) -> None:
    for path, form in ((f"/mail/{BOS}/decide", {"verb": "refuse"}), (f"/mail/{BOS}/undo", {})):
        assert pages["bo"].post(path, **form).status_code == 302
        look(office)
        found = told(office)
        assert {name for name, words in found.items() if MAIL in words} == {"bo", "approver", "chief", "auditor"}
        office.later(timedelta(minutes=1))


def test_what_its_sender_has_is_told_to_those_who_want_to_hear_of_it(office: Office, pages: dict[str, Browser]) -> None:
    with office.begin() as conn:
        copied(conn, keep(conn, office.house.bodies, mail(NEW, recipients=(CY,), text=LETTER), LETTER), office.now)
    look(office)
    assert told(office) == {name: {HAS_IT} for name in ("cy", "approver", "chief", "auditor")}


def test_a_row_that_shows_late_is_news_all_the_same(office: Office, pages: dict[str, Browser]) -> None:
    """Its transaction took long, or the clock of its node is behind."""
    office.later(timedelta(seconds=8))
    look(office)
    office.now -= timedelta(seconds=5)
    hold(office, NEW, BO)
    office.later(timedelta(seconds=6))
    look(office)
    assert "bo" in told(office)


def test_more_than_anybody_can_tell_one_by_one_is_told_to_all(
    office: Office, pages: dict[str, Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "MOST", 1)
    hold(office, NEW, DEE)
    look(office)
    assert set(told(office)) == set(pages)


def test_a_page_reads_words_and_nothing_of_anybodys_mail(office: Office) -> None:
    said = listen(office.as_("bo"))
    assert said.mimetype == "text/event-stream"
    hold(office, NEW, BO)
    look(office)
    assert next(iter(said.response)) == b"event: mail\ndata: news\n\n"  # type: ignore[call-overload]
    said.close()


def test_it_is_seen_that_a_page_is_gone(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "BEAT", 0.01)
    said = listen(office.as_("bo"))
    words = iter(said.response)
    assert [next(words), next(words)] == [b"event: mail\ndata: news\n\n", b": still here\n\n"]  # type: ignore[call-overload]
    said.close()
    assert list(words) == []  # type: ignore[arg-type]


# ---- who hears nothing more ----------------------------------------------------------------------------------------


def is_heard(office: Office, name: str) -> bool:
    return any(one.actor.name == name for one in office.house.watch.streams)


def test_whoever_signs_out_hears_nothing_more(office: Office, pages: dict[str, Browser]) -> None:
    pages["bo"].post("/sign-out")
    hold(office, NEW, BO)
    look(office)
    assert not is_heard(office, "bo")
    assert is_heard(office, "cy")


def test_so_does_who_is_locked_out_or_was_away_for_long(office: Office, pages: dict[str, Browser]) -> None:
    office.as_("admin").post("/people/cy/lock")
    office.later(timedelta(minutes=31))
    look(office)
    assert {one.actor.name for one in office.house.watch.streams} == {"bo", "nobody"}, "who decides for others is idle"


def test_rights_that_change_change_what_is_heard(office: Office, pages: dict[str, Browser]) -> None:
    with office.begin() as conn:
        persons.give_roles(conn, office.number("stranger"), {(Role.APPROVER, "example.com")})
        persons.take_address(conn, office.number("bo"), BO)
    look(office, with_rights=True)
    hold(office, NEW, BO)
    look(office)
    assert set(told(office)) == {"stranger", "approver", "chief", "auditor"}


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(office: Office) -> None:
    browser = office.as_("chief")
    for _ in range(3):
        office.later(timedelta(minutes=9))
        assert browser.get(f"/news?mail={BOS}").status_code == 200
        listen(browser).close()
    office.later(timedelta(minutes=9))
    assert not browser.is_in


def test_what_somebody_did_meanwhile_is_kept(office: Office) -> None:
    """A page that notes something by itself does not write over what its session holds by now."""
    browser = office.as_("bo")
    assert browser.get(f"/mail/{BOS}").status_code == 200
    office.later(timedelta(seconds=90))
    with office.app.test_request_context(f"/news?mail={BOS}", headers={"Cookie": f"greygate={browser.secret}"}):
        office.app.preprocess_request()
        answer = office.app.dispatch_request()
        browser.post(f"/mail/{BOS}/decide", verb="refuse")
        office.app.process_response(office.app.make_response(answer))
    assert "Undo" in browser.get("/held").text


# ---- how many ------------------------------------------------------------------------------------------------------


def test_the_same_tab_takes_the_place_of_its_page_before(office: Office) -> None:
    browser = office.as_("bo")
    first, _ = listen(browser), listen(browser)
    assert len(office.house.watch.streams) == 1
    assert list(first.response)[1:] == [f"event: {MOVED}\ndata: news\n\n".encode()]  # type: ignore[arg-type]


def test_one_person_has_so_many_streams_and_no_more(office: Office) -> None:
    bo, cy = office.as_("bo"), office.as_("cy")
    codes = [listen(bo, str(tab)).status_code for tab in range(watch.MOST_PER_PERSON + 1)]
    assert codes == [200] * watch.MOST_PER_PERSON + [204]
    assert listen(cy).status_code == 200


@pytest.mark.parametrize("web", [{"streams": 1}, {"streams": 0}])
def test_so_has_one_process(office: Office, web: dict[str, Any]) -> None:
    codes = [listen(office.as_(name)).status_code for name in ("bo", "cy")]
    assert codes == [200 if web["streams"] else 204, 204]


def test_nobody_begins_to_listen_where_the_process_is_leaving(office: Office) -> None:
    browser = office.as_("bo")
    listen(browser)
    office.house.watch.is_leaving = lambda: True
    assert not office.house.watch.goes_on()
    assert office.house.watch.streams == []
    assert listen(browser).status_code == 204


# ---- what a page asks ----------------------------------------------------------------------------------------------


def test_it_learns_how_many_are_above_its_list(either: Office) -> None:
    browser = either.as_("bo")
    top = browser.get("/held").text.partition('data-top="')[2].partition('"')[0]
    hold(either, NEW, BO)
    hold(either, "0000000000022", DEE)
    for asked, count in (("", 1), ("subject:hello", 1), ("nothing of that kind", 0)):
        said = browser.client.get("/news", query_string={"top": top, "q": asked})
        assert said.json is not None
        assert said.json["new"] == count, asked
        assert said.json["came"] == ("1 new. Show it" if count else ""), asked


def test_it_learns_what_became_of_its_rows(either: Office) -> None:
    assert either.as_("approver").post(f"/mail/{BOS}/decide", verb="refuse").status_code == 302
    said = either.as_("bo").get(f"/news?rows={BOS},{BOTH},{LENT},{DEES},0000000000099,x")
    assert said.json is not None
    assert said.json["rows"] == {
        BOS: {
            "open": False,
            "held": False,
            "words": "Refused by approver",
            "over": "Refused by approver: nothing is to be decided.",
        },
        BOTH: {"open": True, "held": True, "words": "Waits for a decision", "over": ""},
        LENT: {"open": True, "held": False, "words": "Its sender has it", "over": ""},
    }
    mine = either.as_("approver").get(f"/news?rows={BOS}")
    assert mine.json is not None
    assert mine.json["rows"][BOS]["words"] == "Refused by you"


def test_what_other_recipients_decided_is_nobodys_business(office: Office) -> None:
    office.as_("cy").post(f"/mail/{BOTH}/decide", verb="refuse")
    said = office.as_("bo").get(f"/news?rows={BOTH}").json
    assert said is not None
    assert said["rows"][BOTH]["open"]
    assert "cy" not in str(said)


@pytest.mark.parametrize("query", ["top=x", "top=~", "top=2026-01-01T00:00:00~1", "rows=" + "x," * 500, "mail=%00", ""])
def test_whatever_is_asked_is_answered(office: Office, query: str) -> None:
    said = office.as_("bo").get(f"/news?{query}")
    assert (said.status_code, said.json) == (200, {"new": 0, "came": "", "rows": {}, "looks": {}})


# ---- who else looks ------------------------------------------------------------------------------------------------


def looks(browser: Browser, number: str = BOS) -> str:
    said = browser.get(f"/news?rows={number}").json
    assert said is not None
    return str(said["looks"].get(number, ""))


def test_whoever_has_a_mail_open_is_shown_to_those_who_decide_about_it(either: Office) -> None:
    approver, bo, chief = either.as_("approver"), either.as_("bo"), either.as_("chief")
    for browser in (approver, chief):
        browser.get(f"/held?mail={BOS}")
    assert looks(bo) == "approver and chief are looking at this"
    assert looks(approver) == "chief is looking at this"
    assert "approver is looking at this" in chief.get(f"/mail/{BOS}").text
    assert looks(either.as_("auditor")) == "", "who decides nothing is in nobody's way"
    chief.get(f"/mail/{BOTH}")
    assert looks(bo) == "approver is looking at this"
    approver.post("/sign-out")
    assert looks(bo) == ""


def test_pages_hear_that_somebody_comes_and_goes(office: Office, pages: dict[str, Browser]) -> None:
    pages["approver"].get(f"/mail/{BOS}")
    look(office)
    assert told(office) == {name: {LOOKS} for name in ("bo", "chief")}
    office.later(timedelta(minutes=2))
    look(office)
    assert told(office) == {name: {LOOKS} for name in ("bo", "chief")}


def test_it_is_good_for_two_minutes_or_as_long_as_the_page_is_open(office: Office) -> None:
    approver, bo = office.as_("approver"), office.as_("bo")
    approver.get(f"/mail/{BOS}")
    for _ in range(4):
        office.later(timedelta(seconds=61))
        approver.get(f"/news?mail={BOS}")
    assert looks(bo) == "approver is looking at this"
    office.later(timedelta(minutes=2))
    assert looks(bo) == ""


def test_who_else_got_it_is_not_told_by_that(office: Office) -> None:
    """Cy may be a blind copy."""
    office.as_("cy").get(f"/mail/{BOTH}")
    bo = office.as_("bo")
    assert looks(bo, BOTH) == ""
    assert "looking" not in bo.get(f"/mail/{BOTH}").text


def test_an_older_page_does_not_say_which_mail_somebody_has_open(office: Office) -> None:
    approver, bo = office.as_("approver"), office.as_("bo")
    approver.get(f"/mail/{BOS}")
    approver.get(f"/mail/{BOTH}")
    office.later(timedelta(seconds=61))
    approver.get(f"/news?mail={BOS}")
    assert (looks(bo), looks(bo, BOTH)) == ("", "approver is looking at this")


def test_nobody_looks_at_what_is_decided(office: Office) -> None:
    office.as_("bo").post(f"/mail/{BOS}/decide", verb="refuse")
    with office.begin() as conn:
        deliveries.own(conn, DEES, Owned(recipient(DEE), DeliveryState.DELIVERED, ReasonCode.PARTY_KNOWN), office.now)
    for name, number in (("approver", DEES), ("stranger", DEES)):
        office.as_(name).get(f"/mail/{number}")
    assert looks(office.as_("chief"), DEES) == ""
