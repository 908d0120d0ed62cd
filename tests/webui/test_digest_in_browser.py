"""From a held mail to its release out of a digest, on a telephone; and what programs that follow links achieve."""

import email
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest

from tests.conftest import need
from tests.gate import Gate, until
from tests.sink import Sink
from tests.talk import deliver, message
from tests.webui.browser import CHROMIUM, browser, desk, obstacles, web
from tests.webui.test_desk_in_browser import served

BO = "bo@example.com"
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
LINK = re.compile(r"(Release|Refuse):\s+(http://\S+/d/\S+)")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    need(bool(CHROMIUM), "Chromium (apt-get install chromium)")
    with browser() as made:
        yield made


def with_digests(start: Callable[..., Gate], **more: Any) -> Gate:
    """Bo sees all strangers' mail first, and gets a digest right after the start."""
    pages = web()
    pages["web"]["url"] = f"http://{pages['web']['listen']}"
    due = f"{datetime.now(UTC):%H:%M}"
    settings = {
        "protection": {"overrides": {BO: "review-before"}},
        "digest": {"send": "everybody", "times": [due], "zone": "UTC"},
        **pages,
        **more,
    }
    return served(start(settings))


def digest_at(sink: Sink) -> EmailMessage:
    """The digest that came to the mail server."""
    until(lambda: digests_at(sink))
    return digests_at(sink)[0]


def digests_at(sink: Sink) -> list[EmailMessage]:
    read = [email.message_from_bytes(one.data, policy=default) for one in sink.mails]
    return [one for one in read if one["List-Id"]]  # type: ignore[misc]


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


@pytest.mark.parametrize("database", ["sqlite", "mariadb"])
def test_two_taps_and_a_code_on_a_telephone(
    database: str, start: Callable[..., Gate], sink: Sink, chromium: Any, request: pytest.FixtureRequest
) -> None:
    where = {"database": {"url": request.getfixturevalue("mariadb_server").fresh()}} if database == "mariadb" else {}
    gate = with_digests(start, **where)
    assert deliver(gate.port, "ann@elsewhere.example", [BO], message("The offer")).code == 250
    until(lambda: [row for row in gate.queue() if row["state"] == "held"])
    gate.cli("admin", "invite", "bo", "--address", BO)
    mail = digest_at(sink)
    told = text_of(mail)
    (code,) = re.findall(r"Code: +(\d+)", told)
    links = dict(LINK.findall(told))

    window = desk(chromium, gate, **PHONE)
    html = mail.get_body(("html",))
    assert html is not None
    window.page.set_content(str(html.get_content()))
    window.page.tap("a:has-text('Release')")  # one
    window.page.wait_for_selector("text=Release this mail?")
    assert window.page.evaluate("document.documentElement.scrollWidth") <= 390
    window.page.fill("input[name=code]", code)
    window.page.tap("button:has-text('Release it')")  # two
    window.page.wait_for_selector("text=Released by you")
    until(lambda: "The offer" in sink.subjects())
    assert window.said == []
    path = links["Refuse"].removeprefix(window.base)
    assert obstacles(window, [path]) == []


def test_programs_that_follow_links_release_nothing(start: Callable[..., Gate], sink: Sink, chromium: Any) -> None:
    """As scanners of mail do: HEAD and GET, a browser that runs scripts and stays for a while, and that presses the
    button, and a form sent by no browser."""
    gate = with_digests(start)
    for number in range(4):
        assert deliver(gate.port, f"ann{number}@elsewhere.example", [BO], message(f"Offer {number}")).code == 250
    until(lambda: len([row for row in gate.queue() if row["state"] == "held"]) == 4)
    gate.cli("admin", "invite", "bo", "--address", BO)
    links = [link for _, link in LINK.findall(text_of(digest_at(sink)))]
    assert len(links) == 8
    for link in links:
        window = desk(chromium, gate)
        answers = [window.page.request.head(link), window.page.request.get(link), window.page.request.post(link)]
        assert [one.status for one in answers] == [200, 200, 400]
        assert window.page.goto(link).status == 200
        window.page.wait_for_load_state("networkidle")
        window.page.click("main button")
        window.page.evaluate("for (const form of document.forms) form.submit()")
        window.page.wait_for_selector("text=That was not the code")
        assert not window.foreign
        window.page.context.close()
    assert [row["state"] for row in gate.queue() if row["recipient"] == BO and row["state"] != "delivered"] == [
        "held"
    ] * 4
