"""A campaign of many senders before a real gateway: one decision on the page, and what its senders hear then."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import pytest

from tests.conftest import need
from tests.gate import Gate, until
from tests.sink import Sink
from tests.talk import Answer, deliver, message
from tests.webui.browser import CHROMIUM, browser, desk, invitation, obstacles, web
from tests.webui.test_desk_in_browser import served

BO, CY = "bo@example.com", "cy@example.com"
SENDERS = 11
SETTINGS = {
    "protection": {"overrides": {CY: "watch"}},
    "hold": {"reviewed": True},
    "campaigns": {"learn_until": 0},
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    need(bool(CHROMIUM), "Chromium (apt-get install chromium)")
    with browser() as made:
        yield made


@cache
def letter(number: int) -> tuple[str, bytes]:
    """The mail of the stranger of that number, the same at each try, and who sends it."""
    sender = f"sales@bot{number}.example"
    text = message(
        f"Offer {number}", sender=sender, body=f"Only today {number}: https://xn--pple-43d.test/{number}\r\n"
    )
    return sender, text


def send(gate: Gate, number: int, to: str = BO) -> Answer:
    """From a network of its own."""
    sender, text = letter(number)
    return deliver(gate.port, sender, [to], text, f"127.1.{number}.1")


def everybody(gate: Gate) -> list[int]:
    with ThreadPoolExecutor(SENDERS) as pool:
        return [answer.code for answer in pool.map(lambda number: send(gate, number), range(1, SENDERS + 1))]


def states(gate: Gate) -> list[str]:
    return [row["state"] for row in gate.queue() if row["recipient"] == BO]


@pytest.mark.parametrize("database", ["sqlite", "mariadb"])
def test_a_campaign_is_refused_by_one_decision_and_comes_back_by_one_undo(
    database: str, start: Callable[..., Gate], sink: Sink, chromium: Any, request: pytest.FixtureRequest
) -> None:
    where = {"database": {"url": request.getfixturevalue("mariadb_server").fresh()}} if database == "mariadb" else {}
    gate = served(start({**SETTINGS, **web(), **where}))
    window = desk(chromium, gate)
    window.accept(invitation(gate))
    assert everybody(gate) == [451] * SENDERS
    until(lambda: len(states(gate)) == SENDERS)
    assert send(gate, 99, CY).code == 250, "whoever only watches has it at once, and it is listed"
    sink.wait_for(1)
    until(lambda: gate.cli("queue", "list", "--review").count(CY))
    until(lambda: [one["sources"] for one in json.loads(gate.cli("queue", "campaigns", "--json"))] == [SENDERS + 1])

    window.page.keyboard.press("g")
    window.page.keyboard.press("c")
    window.page.wait_for_selector("text=12 senders that have nothing to do with each other")
    assert window.page.locator("main a[href*='pple']").count() == 0
    window.page.click("main a:has-text('Look')")
    window.page.click(f"button:has-text('Refuse all {SENDERS} mails')")
    window.page.wait_for_selector(f"text=Refused {SENDERS} mails")
    assert everybody(gate) == [550] * SENDERS
    assert gate.cli("queue", "campaigns").count("Refused by admin") == 1

    here = window.page.url.removeprefix(window.base)
    window.go("/review")
    listed = window.page.url.removeprefix(window.base)
    assert "Offer 99" in window.page.inner_text("main")
    found = obstacles(window, ("/", "/campaigns", here, listed))

    window.go(here)
    window.page.click("button:has-text('Take that back')")
    window.page.wait_for_selector("text=Taken back")
    assert states(gate) == ["sender_held"] * SENDERS
    assert window.page.locator(f"button:has-text('Refuse all {SENDERS} mails')").count() == 1

    window.page.keyboard.press("g")
    window.page.keyboard.press("r")
    window.page.wait_for_selector("text=Offer 99")
    window.page.keyboard.press("l")
    window.page.wait_for_selector("text=Nothing is listed for a look")
    assert (found, window.said, window.foreign) == ([], [], [])
