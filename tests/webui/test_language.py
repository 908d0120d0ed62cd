"""In which language somebody reads the pages."""

import pytest

from tests.webui.conftest import Office


def language_of(page: str) -> str:
    return page.partition('<html lang="')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("asked", "found", "direction"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de", "ltr"),
        ("ar", "ar", "rtl"),
        ("nl", "en", "ltr"),
        ("de;q=0, fr;q=0.1", "fr", "ltr"),
        ("en-XA", "en-XA", "ltr"),
    ],
)
def test_before_somebody_signs_in_the_browser_says_it(office: Office, asked: str, found: str, direction: str) -> None:
    answer = office.browser().get("/sign-in", headers={"Accept-Language": asked})
    assert language_of(answer.text) == found == answer.headers["Content-Language"]
    assert f'dir="{direction}"' in answer.text
    assert "Accept-Language" in answer.headers["Vary"]


def test_who_chose_a_language_gets_it_from_every_browser(either: Office) -> None:
    bo = either.as_("bo")
    assert language_of(bo.get("/").text) == "en"
    assert bo.post("/security/language", language="de").status_code == 302
    assert language_of(bo.get("/", headers={"Accept-Language": "fr"}).text) == "de"
    assert language_of(either.as_("bo").get("/").text) == "de"
    assert language_of(either.as_("cy").get("/").text) == "en", "it is nobody else's"
    assert bo.post("/security/language", language="").status_code == 302
    assert language_of(bo.get("/", headers={"Accept-Language": "fr"}).text) == "fr"


def test_only_what_there_is_can_be_chosen(office: Office) -> None:
    bo = office.as_("bo")
    for wrong in ("xx", "en-XA", "../de"):
        assert bo.post("/security/language", language=wrong).status_code == 400
    assert language_of(bo.get("/").text) == "en"


def test_programs_are_answered_in_english(office: Office) -> None:
    answer = office.browser().get("/api/v1/mails", headers={"Accept-Language": "de"})
    assert "Content-Language" not in answer.headers


def test_a_page_that_is_not_there_says_so_in_the_language_of_the_browser(office: Office) -> None:
    answer = office.browser().get("/nowhere", headers={"Accept-Language": "fr"})
    assert answer.status_code == 404
    assert language_of(answer.text) == "fr"
