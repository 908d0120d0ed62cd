"""Staff at the pages in a real browser, before a real gateway with real SMTP: the whole way of a mail."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import need
from tests.gate import Gate, until
from tests.sink import Sink
from tests.talk import deliver, message
from tests.webui.browser import CHROMIUM, PASSWORD, Desk, browser, desk, invitation, obstacles, web

Start = Callable[..., Gate]
BO = "bo@example.com"
STRICT = {"protection": {"overrides": {BO: "review-before"}}, "hold": {"reviewed": True}}
PAGES = ("/", "/held", "/waiting", "/find?q=bo@example.com", "/protection", "/audit", "/security")
OF_PEOPLE_AND_LISTS = (
    "/known", "/known/1", "/known/add", "/known/import", "/known/conflicts", f"/protection/preview?account={BO}",
    "/people", "/people/admin",
)  # fmt: skip
HEALTH = ("/health", "/health/settings", "/health/watching", "/health/switches", "/health/switches/bypass")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    need(bool(CHROMIUM), "Chromium (apt-get install chromium)")
    with browser() as made:
        yield made


def served(gate: Gate) -> Gate:
    """Its pages answer."""
    import urllib.request

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://{gate.settings['web']['listen']}/healthz", timeout=60) as answer:
                return answer.status == 200
        except OSError:
            return False

    until(answers)
    return gate


@pytest.fixture
def gate(request: pytest.FixtureRequest, start: Start, sink: Sink) -> Gate:
    """With an embedded database, or with the one that a test names."""
    mariadb = getattr(request, "param", "") == "mariadb"
    database = {"database": {"url": request.getfixturevalue("mariadb_server").fresh()}} if mariadb else {}
    return served(start({**STRICT, **web(undo="1s"), **database}))


both = pytest.mark.parametrize("gate", ["sqlite", "mariadb"], indirect=True)


@pytest.fixture
def admin(chromium: Any, gate: Gate) -> Iterator[Desk]:
    made = desk(chromium, gate)
    made.accept(invitation(gate))
    yield made
    assert made.said == []
    assert made.foreign == []
    made.page.context.close()


def held(gate: Gate, sender: str, mail: bytes | None = None) -> bytes:
    mail = mail or message(f"From {sender}", sender=sender)
    assert deliver(gate.port, sender, [BO], mail).code == 250
    return mail


def read(window: Desk) -> None:
    """Say once why one looks into the mail of others."""
    if window.page.locator("input[name=because]").count():
        window.page.fill("input[name=because]", "Asked by Bo")
        window.page.click("text=Read it")
        window.page.wait_for_selector("pre.mail, iframe.mail")


@both
def test_a_strangers_mail_is_released_by_one_key_and_delivered_once(gate: Gate, sink: Sink, admin: Desk) -> None:
    mail = held(gate, "ann@elsewhere.example")
    admin.go("/held")
    read(admin)
    assert "A few words." in admin.page.inner_text("pre.mail")
    admin.page.keyboard.press("r")
    admin.page.wait_for_selector("text=Released")
    until(lambda: len(sink.mails) == 1)
    assert sink.mails[0].data.endswith(mail), "byte for byte, below our trace"
    assert sink.mails[0].recipients == (f"TO:<{BO}>",)


@both
def test_what_is_let_in_while_its_sender_has_it_comes_once(gate: Gate, sink: Sink, admin: Desk) -> None:
    mail = message(sender="ann@elsewhere.example")
    assert deliver(gate.port, "ann@elsewhere.example", ["dee@example.com"], mail).code == 451
    until(gate.queue)
    admin.go("/waiting")
    for verb in ("Trust", "Block"):
        admin.page.click(f".more-verbs a:has-text('{verb}')")
        admin.page.wait_for_url("**/trust*")
        admin.page.go_back()
    admin.page.click("button:has-text('Let in now')")
    admin.page.wait_for_selector("text=Released")
    until(lambda: len(sink.mails) == 1)
    until(lambda: deliver(gate.port, "ann@elsewhere.example", ["dee@example.com"], mail).code == 250)
    assert len(sink.mails) == 1, "its sender's retry is swallowed"


def test_a_decision_that_was_a_slip_is_taken_back(start: Start, sink: Sink, chromium: Any) -> None:
    gate = served(start({**STRICT, **web(undo="5m")}))
    window = desk(chromium, gate)
    window.accept(invitation(gate))
    held(gate, "ann@elsewhere.example")
    window.go("/held")
    window.page.keyboard.press("r")
    window.page.wait_for_selector("text=Released")
    assert gate.queue()[0]["state"] == "releasing"
    window.page.keyboard.press("z")
    window.page.wait_for_selector("text=Taken back")
    assert gate.queue()[0]["state"] == "held"
    window.page.keyboard.press("e")
    window.page.wait_for_selector("text=Refused")
    window.page.keyboard.press("z")
    window.page.wait_for_selector("text=Taken back")
    assert gate.queue()[0]["state"] == "held"
    assert sink.mails == []
    assert window.said == []


@both
def test_twenty_decisions_by_keyboard_alone(gate: Gate, sink: Sink, admin: Desk) -> None:
    for number in range(20):
        held(gate, f"ann{number}@elsewhere{number}.example")
    admin.go("/held")
    for number in range(20):
        admin.page.keyboard.press("e" if number % 2 else "r")
        admin.page.wait_for_selector("text=Refused" if number % 2 else "text=Released")
    assert "Nothing waits for a decision" in admin.page.inner_text("main")
    until(lambda: len(sink.mails) == 10)


def test_many_are_picked_by_key_and_by_shift_and_decided_with_one_question(gate: Gate, sink: Sink, admin: Desk) -> None:
    for number in range(6):
        held(gate, f"ann{number}@elsewhere.example")
    admin.go("/held")
    admin.page.keyboard.press("x")
    assert admin.page.locator("#rows input:checked").count() == 1
    admin.page.locator("#rows input").nth(3).click(modifiers=["Shift"])
    admin.page.wait_for_selector("#selected button:has-text('Refuse 4')")
    admin.page.click("#selected button:has-text('Refuse 4')")
    admin.page.click("button:has-text('Refuse all 4')")
    admin.page.wait_for_selector("text=Refused 4 of 4.")
    assert sorted(row["state"] for row in gate.queue()) == ["held", "held"]
    admin.page.keyboard.press("z")
    admin.page.wait_for_selector("text=Taken back: 4 of 4.")
    admin.page.check("[data-all]")
    admin.page.click("#selected button:has-text('Release 6')")
    admin.page.click("button:has-text('Release all 6')")
    admin.page.wait_for_selector("text=Released 6 of 6.")
    until(lambda: len(sink.mails) == 6)


def test_what_is_large_is_carried_out_beside_the_pages(gate: Gate, sink: Sink, admin: Desk) -> None:
    for number in range(51):
        held(gate, f"ann{number}@elsewhere.example")
    admin.go("/held")
    admin.page.click("#rows .more a")
    until(lambda: admin.page.locator("#rows input").count() > 50)
    admin.page.check("[data-all]")
    admin.page.click("#selected button:has-text('Release 51')")
    admin.page.click("button:has-text('Release all 51')")
    admin.page.wait_for_selector("text=Released 51 of 51.")
    until(lambda: len(sink.mails) == 51)
    assert "Released 51 of 51." in gate.cli("bulk", "list")


@both
def test_who_chooses_another_level_has_it_from_the_next_mail_on(gate: Gate, chromium: Any) -> None:
    link = gate.cli("admin", "invite", "bo", "--address", BO).strip().splitlines()[-1]
    window = desk(chromium, gate)
    window.accept(link)
    window.go("/protection")
    window.page.check("input[name=level][value=greylist]")
    window.page.click("button:has-text('Choose')")
    window.page.wait_for_selector("text=counts from the next second")
    until(lambda: deliver(gate.port, "new@elsewhere.example", [BO], message()).code == 451)
    assert window.go("/people") == 403
    assert window.go("/audit") == 403


@both
def test_the_second_of_two_who_decide_is_told_who_was_first(gate: Gate, admin: Desk, chromium: Any) -> None:
    held(gate, "ann@elsewhere.example")
    other = desk(chromium, gate)
    other.accept(gate.cli("admin", "invite", "cleo", "--role", "approver:example.com").strip().splitlines()[-1])
    admin.go("/held")
    other.go("/held")
    admin.page.keyboard.press("e")
    admin.page.wait_for_selector("text=Refused")
    other.page.keyboard.press("r")
    other.page.wait_for_selector("text=by admin")


@both
def test_all_of_it_goes_without_javascript(gate: Gate, sink: Sink, chromium: Any) -> None:
    window = desk(chromium, gate, java_script_enabled=False)
    window.accept(invitation(gate))
    held(gate, "ann@elsewhere.example")
    held(gate, "cy@elsewhere.example")
    window.go("/held")
    window.page.click("text=From ann@elsewhere.example")
    window.page.click(".verbs button:has-text('Release')")
    assert "Released" in window.page.inner_text("main")
    window.go("/held")
    window.page.click("a:has-text('Release + trust')")
    window.page.click("button:has-text('Release and trust')")
    until(lambda: len(sink.mails) == 2)
    assert "cy@elsewhere.example" in gate.cli("known", "list")
    held(gate, "dee@elsewhere.example")
    window.go("/held")
    window.page.check("#rows input")
    window.page.click("#selected button:has-text('Refuse selected')")
    window.page.click("button:has-text('Refuse it')")
    assert "Refused 1 of 1." in window.page.inner_text("main")


def test_nothing_stands_in_anybodys_way(gate: Gate, admin: Desk, chromium: Any) -> None:
    held(gate, "ann@elsewhere.example")
    deliver(gate.port, "cy@elsewhere.example", ["dee@example.com"], message())
    until(lambda: len(gate.queue()) == 2)
    number = next(row["message"] for row in gate.queue() if row["recipient"] == BO)
    admin.go("/held")
    read(admin)
    tabs = (f"/mail/{number}/{tab}" for tab in ("why", "headers", "files", "story", "source", "trust"))
    found = obstacles(admin, (*PAGES, f"/mail/{number}", *tabs))
    stranger = desk(chromium, gate)
    stranger.go("/sign-in")
    found += stranger.violations()
    assert found == []


def test_nothing_stands_in_the_way_of_deciding_about_many(gate: Gate, admin: Desk) -> None:
    for number in range(2):
        held(gate, f"ann{number}@elsewhere.example")
    admin.go("/held")
    admin.page.check("[data-all]")
    found = admin.violations()
    admin.page.click("#selected button:has-text('Release 2')")
    asked, like = admin.page.url.removeprefix(admin.base), f"/mail/{gate.queue()[0]['message']}/like"
    for scheme, width in (("light", 1280), ("dark", 390), ("light", 320)):
        admin.page.emulate_media(color_scheme=scheme)
        admin.page.set_viewport_size({"width": width, "height": 800})
        for path in (like, asked):
            assert admin.go(path) == 200
            found += [f"{path} {scheme} {width}: {one}" for one in admin.violations()]
            assert admin.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert found == []


def test_health_stands_in_nobodys_way(start: Start, sink: Sink, chromium: Any) -> None:
    gate = served(start({"protection": {"mode": "observe"}, **web()}))
    window = desk(chromium, gate)
    window.accept(invitation(gate))
    deliver(gate.port, "ann@elsewhere.example", [BO], message())
    gate.cli("bypass", "1h")  # every page says so
    found = []
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 390), ("dark", 320)):
        window.page.emulate_media(color_scheme=scheme)
        window.page.set_viewport_size({"width": width, "height": 800})
        for path in HEALTH:
            assert window.go(path) == 200, path
            window.page.wait_for_selector("#report p:has-text('Made'), h1:not(:has-text('watching told'))")
            found += [f"{path} {scheme} {width}: {one}" for one in window.violations()]
            wide = window.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            found += [f"{path} {width}: {wide} px wider than the window"] if wide > 0 else []
    assert found == []
    assert (window.said, window.foreign) == ([], [])


def test_health_looks_again_by_itself_and_a_switch_takes_effect(gate: Gate, sink: Sink, admin: Desk) -> None:
    admin.go("/health")
    admin.page.keyboard.press("g")
    admin.page.keyboard.press("s")
    admin.page.wait_for_url("**/health")
    assert "Takes mail in" in admin.page.inner_text("main")
    with admin.page.expect_request("**/health/now", timeout=60_000):
        pass
    admin.page.click("text=Switches")
    admin.page.click("a[href='/health/switches/bypass']")
    admin.page.fill("input[name=password]", PASSWORD)
    admin.page.click("button:has-text('Turn it on')")
    admin.page.wait_for_selector("aside:has-text('Let everything in')")
    until(lambda: deliver(gate.port, "ann@elsewhere.example", ["dee@example.com"], message()).code == 250)


def test_nor_on_the_pages_about_people_and_lists(gate: Gate, admin: Desk) -> None:
    held(gate, "ann@elsewhere.example")
    gate.cli("known", "block", "elsewhere.example")
    gate.cli("known", "allow", "ann@elsewhere.example", "--for", BO)
    gate.cli("admin", "invite", "admin", "--address", BO)
    admin.go("/protection")
    admin.page.wait_for_selector("text=instead of waiting for a decision")  # loaded after the page
    assert obstacles(admin, OF_PEOPLE_AND_LISTS) == []
