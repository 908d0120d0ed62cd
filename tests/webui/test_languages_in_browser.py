"""Every page in a language that is read from right to left, and in the pseudo-locale: nothing stands in English alone,
nothing is cut off, and nothing is in anybody's way."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from gateway.i18n.languages import PSEUDO
from tests.conftest import need
from tests.store.making import BO
from tests.webui.browser import CHROMIUM, Desk, browser
from tests.webui.conftest import BOS, BOTH, DEES, PASSWORD, Office, listed, path_of, share
from tests.webui.statistics_made import a_month
from tests.webui.test_rights import MATRIX

# Words that stand on a page as they are: text that nobody says, and attributes without a sentence in them. What is for
# machines, what others wrote and units are not words of ours.
PLAIN = r"""() => {
  const ours = /\b(Greygate|CSV|UTC|API|DKIM|SPF|DMARC|TLS)\b|\d ?[KMGT]iB\b|[\w.@-]+\.(example|test|com)\b/g;
  const words = /[A-Za-z]{2,}/;
  const kept = "code, kbd, samp, pre, bdi, textarea, script, style, svg, [translate=no]";
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.data.replace(ours, ""), parent = walk.currentNode.parentElement;
    if (words.test(text) && !parent.closest(kept)) found.push(`<${parent.tagName.toLowerCase()}> ${text.trim()}`);
  }
  for (const one of document.querySelectorAll("[title], [aria-label], [placeholder], [alt]"))
    for (const name of ["title", "aria-label", "placeholder", "alt"]) {
      const text = one.getAttribute(name) ?? "";
      if (words.test(text.replace(ours, "")) && !text.includes("⟦") && !one.closest(kept))
        found.push(`${name}=${text}`);
    }
  const title = document.title.replace(ours, ""), named = document.querySelector("h1 bdi")?.textContent ?? "⟦";
  if (words.test(title) && !title.includes("⟦") && !title.startsWith(named)) found.push(`title ${title}`);
  return found;
}"""

# Sentences of ours of which a part cannot be seen. What others wrote may be cut: there is more of it elsewhere.
CUT = """() => [...document.querySelectorAll("body *")]
  .filter(one => [...one.childNodes].some(node => node.nodeType === 3 && /[⟦⟧]/.test(node.data)))
  .filter(one => !one.closest(".sr, option, select") && one.getClientRects().length)
  .filter(one => {
    const box = one.getBoundingClientRect(), hides = node => getComputedStyle(node).overflowX !== "visible";
    if (hides(one) && one.scrollWidth > one.clientWidth + 1) return true;
    for (let up = one.parentElement; up && up !== document.body; up = up.parentElement) {
      const edge = up.getBoundingClientRect(), style = getComputedStyle(up);
      if (["hidden", "clip"].includes(style.overflowX) && (box.left < edge.left - 1 || box.right > edge.right + 1))
        return true;
    }
    return false;
  }).map(one => `<${one.tagName.toLowerCase()} class="${one.className}"> ${one.textContent.trim().slice(0, 80)}`)"""

NO_PAGES = (
    ".csv",
    "/raw",
    "/shown",
    "/events",
    "/news",
    "/healthz",
    "/export",
    "/file/1",
    "/report",
    "/preview",
    "/health/now",
)
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
DIRECTION = "() => getComputedStyle(document.body).direction"


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    need(bool(CHROMIUM), "Chromium (apt-get install chromium)")
    with browser() as made:
        yield made


@contextmanager
def serving(office: Office) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, office.app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def served(office: Office) -> Iterator[str]:
    """With something on every page but the one of statistics, whose made-up decisions have no mail."""
    share(office, BOTH, BOS, DEES)
    listed(office, "0000000000021")
    added = office.as_("chief").post("/known/add", party="cy@elsewhere.example", verb="block", scope="")
    assert added.location == "/known/1"
    with serving(office) as address:
        yield address


def pages_of(who: str) -> list[str]:
    """Every page that somebody sees, with mail of Bo."""
    rules = [rule for (method, rule), codes in MATRIX.items() if method == "GET" and codes.get(who) == 200]
    paths = [path_of(rule, number=BOS, account=BO) for rule in rules if not rule.startswith(("/static", "/api/"))]
    more = [f"/find?q={BO}", "/find?q=nothing-of-it", "/held?q=nothing-of-it", "/statistics?since=7d"] + [
        "/known/1"
    ] * (who != "bo")
    return [one for one in paths if not one.endswith(NO_PAGES)] + more


@pytest.fixture
def after_a_month(office: Office) -> Iterator[str]:
    a_month(office)
    with serving(office) as address:
        yield address


def at_the_desk(chromium: Any, served: str, who: str, locale: str) -> Desk:
    made = chromium.new_context(locale=locale, viewport={"width": 1280, "height": 800})
    window = Desk(served, made.new_page())
    window.go("/sign-in")
    window.page.fill("input[name=name]", who)
    window.page.fill("input[name=password]", PASSWORD)
    window.page.click("button[type=submit]")
    window.page.wait_for_selector("header nav")
    return window


def on_every_page(window: Desk, paths: Iterable[str], look: Callable[[], list[str]]) -> list[str]:
    found = []
    for path in paths:
        answer = window.page.goto(window.base + path)
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8"), path
        if window.page.locator("input[name=because]").count():
            window.page.fill("input[name=because]", "Asked by Bo")
            window.page.click("form.because button")
            window.page.goto(window.base + path)
        found += [f"{path}: {one}" for one in look()]
    return found


def foreign_to(window: Desk) -> list[str]:
    """What the page as it is now says in English alone, and what of it cannot be seen."""
    window.page.set_viewport_size({"width": 1280, "height": 800})
    found = [f"in English alone: {one}" for one in window.page.evaluate(PLAIN)]
    for width in (1280, 390):
        window.page.set_viewport_size({"width": width, "height": 800})
        found += [f"cut off at {width}: {one}" for one in window.page.evaluate(CUT)]
        if (wide := window.page.evaluate(TOO_WIDE)) > 0:
            found.append(f"{wide} px wider than {width}")
    return found


def in_the_way(window: Desk, direction: str) -> list[str]:
    found = []
    for width in (1280, 390):
        window.page.set_viewport_size({"width": width, "height": 800})
        found += [f"{width}: {one}" for one in window.violations()]
        if (wide := window.page.evaluate(TOO_WIDE)) > 0:
            found.append(f"{wide} px wider than {width}")
    assert window.page.evaluate(DIRECTION) == direction
    return found


@pytest.mark.parametrize("who", ["chief", "admin", "bo"])
def test_nothing_stands_in_english_alone_and_nothing_is_cut_off(chromium: Any, served: str, who: str) -> None:
    window = at_the_desk(chromium, served, who, PSEUDO.code)
    assert on_every_page(window, pages_of(who), lambda: foreign_to(window)) == []
    assert (window.said, window.foreign) == ([], [])


def test_nor_in_the_plots(chromium: Any, after_a_month: str) -> None:
    window = at_the_desk(chromium, after_a_month, "chief", PSEUDO.code)
    assert on_every_page(window, ["/statistics?since=30d"], lambda: foreign_to(window)) == []


@pytest.mark.parametrize(("locale", "direction"), [("ar", "rtl"), (PSEUDO.code, "ltr")])
def test_in_no_language_anything_stands_in_anybodys_way(
    chromium: Any, served: str, locale: str, direction: str
) -> None:
    for who in ("chief", "admin"):
        window = at_the_desk(chromium, served, who, locale)
        assert on_every_page(window, pages_of(who), lambda: in_the_way(window, direction)) == []  # noqa: B023


def test_the_check_sees_what_is_plain_and_what_is_cut_off(chromium: Any) -> None:
    page = chromium.new_page()
    page.set_content(
        "<title>⟦x⟧</title><p>⟦öûŕš⟧ <bdi>ann</bdi> <code>smtp</code> Greygate</p><p>plain words</p>"
        '<a title="Go there">⟦ĝö⟧</a><a title="Bo ⟦ĝö⟧">⟦ĝö⟧</a>'
        '<p style="width: 5em; overflow: hidden; white-space: nowrap">⟦ļöñĝéŕ ţĥåñ ţĥîš ƀöẋ⟧</p>'
    )
    assert page.evaluate(PLAIN) == ["<p> plain words", "title=Go there"]
    assert [one.split()[-1] for one in page.evaluate(CUT)] == ["ƀöẋ⟧"]
