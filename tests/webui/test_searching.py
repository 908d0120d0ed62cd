"""Searches on the pages: they say when they did not look at everything, and go on from there."""

import re
from html import unescape

import pytest

from gateway.store import messages, shelves
from tests.store.making import ANN
from tests.webui.conftest import BOS, BOTH, Browser, Office, listed


@pytest.fixture(autouse=True)
def one_row_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "LOOKED_THROUGH", 1)


def further(text: str) -> str:
    """Where the page offers to go on; "" where it does not."""
    found = re.search(r'<a href="([^"]+)"[^>]*>Search further back</a>', text)
    return unescape(found[1]) if found else ""


def looks(who: Browser, path: str) -> list[str]:
    found = []
    while path:
        found.append(who.get(path).text)
        path = further(found[-1])
        assert len(found) < 9
    return found


@pytest.mark.parametrize("path", ["/held", "/waiting"])
def test_what_is_not_among_the_newest_is_offered_to_be_looked_for_further_back(office: Office, path: str) -> None:
    texts = looks(office.as_("chief"), f"{path}?q=nobody+wrote+this")
    assert len(texts) > 1
    assert "Nothing that fits is among the newest ones" in texts[0]


def test_going_on_finds_what_is_there(office: Office) -> None:
    texts = looks(office.as_("bo"), "/held?q=Hello")
    assert all(any(number in text for text in texts) for number in (BOS, BOTH))


def test_a_list_that_nothing_is_looked_for_in_offers_nothing(office: Office) -> None:
    assert further(office.as_("chief").get("/held").text) == ""


def test_a_sender_with_a_whole_address_is_found_faster_elsewhere(office: Office) -> None:
    text = office.as_("chief").get(f"/held?q=from:{ANN}x").text
    assert 'href="/find"' in text[text.index("Nothing that fits") :]


def test_what_is_found_is_opened_where_something_is_kept_of_it(office: Office) -> None:
    listed(office, "0000000000021")
    who = office.as_("bo")
    assert '<a href="/mail/0000000000021">Open the mail</a>' in who.get("/find?q=0000000000021").text
    with office.begin() as conn:
        messages.remove(conn, ["0000000000021"])
    text = who.get("/find?q=0000000000021").text
    assert "0000000000021" in text
    assert "Open the mail" not in text
