"""The page Statistics in a real browser: its plots draw under our policy, and stand in nobody's way."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.conftest import need
from tests.gate import until
from tests.webui.browser import CHROMIUM, Desk, browser, obstacles
from tests.webui.conftest import PASSWORD, Office
from tests.webui.statistics_made import a_month

COLOURS = """canvas => {
  const told = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const found = new Set();
  for (let at = 0; at < told.length; at += 4)
    if (told[at + 3] === 255) found.add(`${told[at]},${told[at + 1]},${told[at + 2]}`);
  return [...found];
}"""  # the colours that are drawn

FITS = """[...document.querySelectorAll('.plot')].every(one =>
  Math.abs(one.querySelector('.uplot').clientWidth - one.querySelector('.canvas').clientWidth) <= 1)"""


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    need(bool(CHROMIUM), "Chromium (apt-get install chromium)")
    with browser() as made:
        yield made


@pytest.fixture
def served(office: Office) -> Iterator[str]:
    """Its address. No gate is needed: the page reads what is counted."""
    a_month(office)
    server = make_server("127.0.0.1", 0, office.app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


def signed_in(chromium: Any, served: str, name: str = "chief", **context: Any) -> Desk:
    made = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **context})
    window = Desk(served, made.new_page())
    window.go("/sign-in")
    window.page.fill("input[name=name]", name)
    window.page.fill("input[name=password]", PASSWORD)
    window.page.click("button[type=submit]")
    window.page.wait_for_selector("nav[aria-label=Pages]")
    return window


def drawn(window: Desk) -> list[set[str]]:
    """The colours on each plot, once there are any."""
    until(lambda: window.page.locator(".plot canvas").count() == 2)
    return [set(one) for one in window.page.locator(".plot canvas").evaluate_all(f"all => all.map({COLOURS})")]


def test_plots_draw_without_a_complaint_and_in_the_colours_of_the_scheme(chromium: Any, served: str) -> None:
    window = signed_in(chromium, served)
    window.page.emulate_media(color_scheme="light")
    assert window.go("/statistics?since=30d") == 200
    light = drawn(window)
    assert {"23,105,58", "163,34,34"} <= light[0], "accepted, refused"
    assert "47,74,102" in light[1]
    window.page.emulate_media(color_scheme="dark")
    until(lambda: not any("29,37,48" in one for one in drawn(window)))  # ink on a light ground
    assert {"111,209,149", "255,157,148"} <= drawn(window)[0]
    assert (window.said, window.foreign) == ([], [])


def test_no_part_of_it_stands_in_anybodys_way(chromium: Any, served: str) -> None:
    window = signed_in(chromium, served)
    assert obstacles(window, ("/statistics?since=30d", "/statistics?since=24h&against=week")) == []
    for one in window.page.query_selector_all("main details:not([open]) summary"):
        one.click()
    window.page.set_viewport_size({"width": 390, "height": 844})
    assert window.violations() == []
    assert window.said == []


def test_the_plots_fit_a_window_that_changes(chromium: Any, served: str) -> None:
    window = signed_in(chromium, served)
    window.go("/statistics?since=30d")
    drawn(window)
    for width in (390, 1280):
        window.page.set_viewport_size({"width": width, "height": 800})
        until(lambda: window.page.evaluate(FITS))
        assert window.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_without_a_script_there_are_the_tables(chromium: Any, served: str) -> None:
    window = signed_in(chromium, served, java_script_enabled=False)
    window.go("/statistics?since=30d")
    assert not window.page.is_visible(".plot")
    window.page.click("summary:has-text('The same as a table')")
    assert window.page.is_visible("table[data-table=time] >> text=2026-03-04")
    window.page.select_option("select[name=since]", "7d")
    window.page.click("button:has-text('Show')")
    assert "since=7d" in window.page.url


def test_it_is_reached_by_keys_and_gives_a_file(chromium: Any, served: str) -> None:
    window = signed_in(chromium, served)
    window.go("/find")  # whose scripts are there when it has loaded
    window.page.click("h1")
    window.page.keyboard.press("g")
    window.page.keyboard.press("n")
    window.page.wait_for_url("**/statistics")
    drawn(window)
    with window.page.expect_download() as there:
        window.page.click("text=Who sent most as CSV")
    assert there.value.suggested_filename.startswith("statistics-senders-")
