"""Two people at the same desk in real browsers: each sees what the other does, and nothing moves under the cursor."""

import http.client
import threading
from typing import Any

from tests.gate import Gate, until
from tests.webui.browser import Desk, desk, invitation, web
from tests.webui.test_desk_in_browser import admin, chromium, gate, held, served

__all__ = ["admin", "chromium", "gate"]

ASKED = "performance.getEntriesByType('resource').some(one => one.name.includes('/news'))"


def colleague(gate: Gate, chromium: Any, name: str = "cleo", **context: Any) -> Desk:
    made = desk(chromium, gate, **context)
    made.accept(gate.cli("admin", "invite", name, "--role", "approver:example.com").strip().splitlines()[-1])
    return made


def test_two_see_what_the_other_does_without_loading_anything(gate: Gate, admin: Desk, chromium: Any) -> None:
    for name in ("ann", "cy"):
        held(gate, f"{name}@elsewhere.example")
    cleo = colleague(gate, chromium)
    admin.go("/held")
    cleo.go("/held")
    admin.page.wait_for_selector("text=cleo is looking at this")
    held(gate, "dan@elsewhere.example")
    link = admin.page.wait_for_selector(".came a")
    assert link.inner_text() == "1 new. Show it"
    first = admin.page.inner_text("#rows a.row >> nth=0")
    assert "cy@elsewhere" in first, "nothing moved"
    cleo.page.keyboard.press("e")
    cleo.page.wait_for_selector("text=Refused")
    admin.page.wait_for_selector(".row.over:has-text('Refused by cleo')")
    admin.page.wait_for_selector(".looks:has-text('Refused by cleo: nothing is to be decided.')")
    assert admin.page.is_disabled(".verbs button:has-text('Release')")
    assert admin.page.locator(".verbs a[href]").count() == 0
    assert admin.violations() == []
    cleo.page.keyboard.press("z")
    cleo.page.wait_for_selector("text=Taken back")
    admin.page.wait_for_selector(".verbs button:has-text('Release'):not([disabled])")
    assert admin.page.locator(".verbs a[href]").count() == 2
    admin.page.click(".came a")
    admin.page.wait_for_selector("#rows a.row:has-text('dan@elsewhere')")
    assert (cleo.said, cleo.foreign) == ([], [])


def test_whoever_gets_no_stream_asks_by_turns(start: Any, chromium: Any) -> None:
    gate = served(start({"protection": {"level": "review-before"}, "hold": {"reviewed": True}, **web(streams=0)}))
    window = desk(chromium, gate)
    window.accept(invitation(gate))
    window.go("/held")
    until(lambda: window.page.evaluate(ASKED))
    held(gate, "ann@elsewhere.example")
    window.page.wait_for_selector(".came a", timeout=60_000)
    assert window.said == []


def test_pages_that_listen_take_nothing_from_those_that_ask(start: Any, chromium: Any) -> None:
    """As many streams as there may be, and more that want to be: every page is answered, and so is whoever stops it."""
    gate = served(start({**web(threads=4, streams=12)}))
    host, _, port = gate.settings["web"]["listen"].partition(":")
    people = []
    for name in ("one", "two", "three"):
        window = desk(chromium, gate)
        window.accept(gate.cli("admin", "invite", name, "--role", "approver:example.com").strip().splitlines()[-1])
        people.append("; ".join(f"{one['name']}={one['value']}" for one in window.page.context.cookies()))
        window.page.context.close()
    codes, open_ones = [], []
    for person in people:
        for tab in range(7):
            line = http.client.HTTPConnection(host, int(port), timeout=60)
            line.request("GET", f"/events?tab={tab}", headers={"Cookie": person})
            open_ones.append(line)
            codes.append(line.getresponse().status)
    assert codes == [200] * 6 + [204] + [200] * 6 + [204] + [204] * 7
    answered: list[int] = []

    def ask() -> None:
        line = http.client.HTTPConnection(host, int(port), timeout=60)
        line.request("GET", "/held", headers={"Cookie": people[0]})
        answered.append(line.getresponse().status)

    asking = [threading.Thread(target=ask) for _ in range(8)]
    for one in asking:
        one.start()
    for one in asking:
        one.join(60)
    assert answered == [200] * 8
    for line in open_ones:
        line.close()
    until(lambda: again(host, int(port), people[0]) == 200)


def again(host: str, port: int, person: str) -> int:
    line = http.client.HTTPConnection(host, port, timeout=60)
    line.request("GET", "/events?tab=other", headers={"Cookie": person})
    found = line.getresponse().status
    line.close()
    return found


def test_everybody_may_have_other_keys_or_none(gate: Gate, admin: Desk) -> None:
    for name in ("ann", "cy"):
        held(gate, f"{name}@elsewhere.example")
    page = admin.page
    admin.go("/security")
    page.fill("input[data-usual=e]", "r")
    page.click("text=Keep them")
    page.wait_for_selector("text=“r” is there twice")
    page.fill("input[data-usual=r]", "a")
    page.click("text=Keep them")
    page.wait_for_selector("text=Kept for this browser")
    assert admin.violations() == []
    admin.go("/held")
    assert page.inner_text(".verbs button:has-text('Release') kbd") == "a"
    page.keyboard.press("e")  # is nothing any more
    page.keyboard.press("r")
    page.wait_for_selector("text=Refused")
    admin.go("/security")
    page.check("input[name=off]")
    page.click("text=Keep them")
    page.wait_for_selector("text=Keys are off")
    admin.go("/held")
    assert not page.is_visible(".verbs kbd >> nth=0")
    page.keyboard.press("r")
    page.keyboard.press("a")
    page.keyboard.press("?")
    assert not page.is_visible("dialog#keys")
    admin.go("/security")
    page.click("text=As they were")
    page.wait_for_selector("text=Kept for this browser")
    admin.go("/held")
    page.keyboard.press("?")
    page.wait_for_selector("dialog#keys[open]")
    assert admin.violations() == []
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog#keys", state="hidden")
    page.keyboard.press("o")
    page.wait_for_url("**/mail/*")
    page.keyboard.press("h")
    page.wait_for_url("**/headers")
    page.keyboard.press("u")
    page.wait_for_url("**/held?mail=*")
    page.keyboard.press("e")
    page.wait_for_selector("text=Refused")
    assert "Nothing waits for a decision" in page.inner_text("main")
