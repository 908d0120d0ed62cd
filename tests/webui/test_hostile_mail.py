"""Whoever looks at a mail is safe from it: nothing runs, nothing is loaded, nothing leads away, and it is over soon."""

import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.conftest import need
from tests.webui.browser import CHROMIUM, PATIENCE, browser
from tests.webui.hostile import mails
from webui import preview
from webui.cleaner import TAGS, found_in

MAILS = dict(mails())
HERE = "http://desk.test"


def test_there_are_two_hundred_of_them() -> None:
    assert len(MAILS) >= 200


class Tags(HTMLParser):
    """What is left of a mail as a browser sees it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("name", MAILS)
def test_nothing_is_left_that_could_do_something(name: str) -> None:
    began = time.monotonic()
    shown = preview.of([MAILS[name]])
    assert time.monotonic() - began < 60, "the process is killed in time"
    for tag, attributes in Tags(shown.html).found:
        assert tag in TAGS
        assert set(attributes) <= {"title", "colspan", "rowspan"}
    assert "seen" in shown.text or shown.problem


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    need(bool(CHROMIUM), "Chromium (apt-get install chromium)")
    with browser() as made:
        yield made


def test_in_a_browser_none_of_them_says_or_asks_for_anything(chromium: Any) -> None:
    """As the pages show them: the cleaned HTML on its own route, with its headers, in its frame."""
    page = chromium.new_page()
    page.set_default_timeout(PATIENCE)
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda told: said.append(told.text) if told.type == "error" else None)
    shown = {str(place): preview.of([data]) for place, data in enumerate(MAILS.values()) if b"<" * 999 not in data}
    frame = '<iframe sandbox="" referrerpolicy="no-referrer" src="/shown/%s"></iframe>'

    def answer(route: Any) -> None:
        place = route.request.url.rpartition("/")[2]
        if route.request.url.startswith(f"{HERE}/shown/"):
            route.fulfill(body=preview.framed(shown[place]), headers=preview.FRAME, content_type="text/html")
        elif route.request.url.startswith(f"{HERE}/page/"):
            route.fulfill(body=f"<!doctype html><title>Desk</title>{frame % place}", content_type="text/html")
        else:
            route.abort()

    page.route("**/*", answer)
    for place in shown:
        page.goto(f"{HERE}/page/{place}")
        inside = page.frames[1]
        assert inside.evaluate("document.readyState") in ("complete", "interactive")
    assert said == []
    assert {re.sub(r"\d+$", "", one) for one in asked} == {f"{HERE}/page/", f"{HERE}/shown/"}


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Subject", "<script>alert(1)</script>"),
        ("Subject", "=?utf-8?q?=E2=80=AEgnp.exe?="),
        ("Subject", "=?utf-8?b?PHNjcmlwdD4=?="),
        ("Subject", "=?nonsense?q?x?="),
        ("Subject", "\x1b[2J\x07bell"),
        ("From", '"<img src=x onerror=alert(1)>" <x@evil.test>'),
        ("X-" + "A" * 300, "x"),
    ],
)
def test_fields_are_shown_letter_by_letter(header: str, value: str) -> None:
    data = f"{header}: {value}\r\n\r\nseen\r\n".encode()
    for name, told in found_in(data)["fields"]:
        assert all(letter.isprintable() for letter in name + told)
        assert "\u202e" not in told


def test_what_is_attached_is_a_file_with_a_name_of_ours() -> None:
    data = (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n"
        b'Content-Disposition: attachment; filename="../../\xe2\x80\xaefdp.html"\r\n\r\n'
        b"<script>alert(1)</script>\r\n--x--\r\n"
    )
    (file,) = preview.of([data]).files
    assert preview.attachment(data, file.place) == (file.name, b"<script>alert(1)</script>")
    headers = preview.download(file.name)
    assert headers["Content-Disposition"].startswith('attachment; filename="')
    assert "/" not in headers["Content-Disposition"]
    assert "sandbox" in headers["Content-Security-Policy"]
