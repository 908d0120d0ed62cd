"""Health, settings, what watching told, and the switches: what they show, to whom, and what it takes to turn one."""

from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pyotp
import pytest

from gateway import marked, switching, tried
from gateway.compose.web import reads
from gateway.desk import Person
from gateway.i18n import speaking
from gateway.i18n.languages import PSEUDO
from gateway.model import (
    Action,
    Mode,
    Reason,
    ReasonCode,
    Switch,
    Verdict,
)
from gateway.policy import aloud
from gateway.policy.draft import Said
from gateway.replayed import Change
from gateway.settings import Settings
from gateway.settings.effective import parts
from gateway.settings.read import from_table, read
from gateway.store import changes, decisions
from gateway.store.decisions import Decision
from gateway.switching import TOLD
from gateway.tried import Tried
from gateway.vitals import Health, Reports, Watcher
from gateway.vitals.reports import SPANS
from tests.settings.test_effective import SECRETS
from tests.store.making import BO
from tests.webui.conftest import PASSWORD, Browser, Office
from tests.webui.reading import read as untagged
from tests.webui.said import unsaid
from webui.pages.health import worded

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TOTP = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
OLGA = Person("olga", "node1")
SWITCHES = list(Switch)


def turned(office: Office) -> set[Switch]:
    with office.house.reading() as conn:
        return set(changes.turned(conn, office.now))


def turn_on(office: Office, switch: Switch = Switch.BYPASS, life: timedelta = HOUR) -> None:
    with office.begin() as conn:
        switching.turn_on(conn, switch, life, OLGA, office.now)


def with_settings(office: Office, settings: Settings, file: Path | None = None) -> None:
    """The pages of a house with other settings."""

    def reading() -> Any:
        return reads(office.engine)

    health = Health(Watcher(settings, reading, most=3, patience=60.0), Reports(reading, within=60.0), file)
    office.house = replace(office.house, settings=settings, health=health)
    office.app.extensions["house"] = office.house


# ---- health --------------------------------------------------------------------------------------------------------

SECTIONS = (
    "Processes", "Connections", "Mail that is kept", "Mail servers behind", "Database", "Disk", "Certificate",
    "Name servers", "Classifier",
)  # fmt: skip


@pytest.mark.parametrize("path", ["/health", "/health/now"])
@pytest.mark.parametrize("name", ["admin", "auditor"])
def test_every_part_of_the_house_is_told(either: Office, name: str, path: str) -> None:
    page = either.as_(name).get(path).text
    assert [one for one in SECTIONS if f"<h2>{one}</h2>" not in page] == []
    assert ("<html" in page) == (path == "/health")


def test_what_is_amiss_is_told_first_with_what_to_do(office: Office) -> None:
    with_settings(office, office.house.settings)
    page = untagged(office.as_("admin").get("/health").text)
    assert "things need you" in page
    for words, do in (
        ("No SMTP worker runs on this machine", "greygate up"),
        ("The mail server at smtp://127.0.0.1:25 cannot be reached", "Its mail waits with the senders"),
        ("No name server answers: 127.0.0.1, port 9", "See whether it runs"),
    ):
        assert words in page
        assert do in page
    assert page.index("things need you") < page.index("No SMTP worker") < page.index("<h2>Processes")


def test_the_queue_is_counted_as_far_as_anybody_reads(office: Office) -> None:
    with_settings(office, office.house.settings)
    browser = office.as_("admin")
    assert "<dd>3+" in browser.get("/health").text, (
        "four deliveries are held, and nothing is counted further than three"
    )


def test_a_page_that_asks_by_itself_keeps_no_session_open(office: Office) -> None:
    browser = office.as_("admin")
    for _ in range(4):
        office.later(timedelta(minutes=10))
        answer = browser.get("/health/now")
    assert answer.status_code == 302
    assert not browser.is_in


def test_whoever_looks_keeps_it_open(office: Office) -> None:
    browser = office.as_("admin")
    for _ in range(4):
        office.later(timedelta(minutes=10))
        assert browser.get("/health").status_code == 200


# ---- settings ------------------------------------------------------------------------------------------------------


def test_every_section_and_the_order_of_the_rules_is_there(office: Office) -> None:
    page = office.as_("auditor").get("/health/settings?all=yes").text
    for part in parts(office.house.settings):
        assert f"<code>{part.place}</code>" in page
        assert [key.name for key in part.keys if f"<code>{key.name}</code>" not in page] == []
    places = [unescape(page).index(one) for one in aloud.WHEN_NAMED]
    assert places == sorted(places)
    assert all(one in unescape(page) for one in aloud.WHEN_THERE)


def test_what_differs_is_marked_and_the_rest_is_not_in_the_way(office: Office) -> None:
    page = office.as_("auditor").get("/health/settings").text
    assert "<ins>&#34;1MiB&#34;</ins>" in page
    assert "<del>&#34;512MiB&#34;</del>" in page
    assert "<code>reserve</code>" in page
    assert "<code>memory_act</code>" not in page


def test_no_secret_is_on_any_page(office: Office, tmp_path: Path) -> None:
    table: dict[str, Any] = {"domains": {"local": ["example.com"]}, "backend": {"url": "smtp://127.0.0.1:25"}}
    for (section, key), (value, _) in SECRETS.items():
        table.setdefault(section, {})[key] = value
    with_settings(office, from_table(table, tmp_path))
    browser = office.as_("admin")
    for path in ("/health", "/health/settings", "/health/settings?all=yes", "/health/watching", "/health/switches"):
        page = browser.get(path)
        assert page.status_code == 200, path
        assert [one for _, secrets in SECRETS.values() for one in secrets if one in page.text] == []


MINE = '[domains]\nlocal = ["example.com"]\n[backend]\nurl = "smtp://127.0.0.1:25"\n[greylist]\nwait = "2m"\n'


def test_what_the_file_says_by_now_and_what_is_wrong_in_it(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "greygate.toml"
    file.write_text(MINE)
    with_settings(office, read(file), file)
    browser = office.as_("admin")
    page = browser.get("/health/settings").text
    assert str(file) in page
    assert "says otherwise" not in page
    file.write_text(MINE.replace("2m", "7m"))
    page = browser.get("/health/settings").text
    assert "says otherwise" in page
    assert "7m" in page
    file.write_text(MINE.replace("2m", "soon"))
    assert "is not a duration" in browser.get("/health/settings").text


# ---- what watching told --------------------------------------------------------------------------------------------


def let_in(office: Office, sender: str, shadow: Said | None = None) -> None:
    reason = Reason(ReasonCode.OBSERVE_LET_IN, {"would": "defer", "because": "greylist.new"})
    with office.begin() as conn:
        one = Decision(
            "x",
            office.now - HOUR,
            "rcpt",
            "192.0.2.1",
            sender,
            BO,
            Verdict(Action.ACCEPT, (reason,)),
            {},
            shadow=shadow,
        )
        decisions.add(conn, [one])


def test_what_observing_let_in_is_told(either: Office) -> None:
    with_settings(either, either.house.settings)
    browser = either.as_("auditor")
    assert "Nothing was let in only because Greygate watches" in browser.get("/health/watching?since=1d").text
    for sender in ("ann@elsewhere.example", "ann@elsewhere.example", "<b>@evil.example"):
        let_in(either, sender)
    page = browser.get("/health/watching").text
    assert "<b>3</b> of 3 accepted mails" in page
    assert "ann@elsewhere.example" in page
    assert "<b>@evil" not in page
    assert "192.0.2.0/24" in page


@pytest.mark.parametrize("since", ["", "8d", "<b>", "7d "])
def test_there_are_three_spans(office: Office, since: str) -> None:
    browser = office.as_("auditor")
    assert browser.get(f"/health/watching?since={since}").status_code == 404
    assert all(browser.get(f"/health/watching?since={one}").status_code == 200 for one in SPANS)


def test_a_report_that_takes_long_is_asked_for_again_without_a_script_too(office: Office) -> None:
    with_settings(office, office.house.settings)
    assert office.house.health is not None
    office.house.health.reports.within = 0.0
    page = office.as_("auditor").get("/health/watching").text
    assert "The report is being made" in page
    assert 'href="/health/watching?since=7d">Look again' in page


def test_what_was_tried_last_is_told_to_others_as_well(office: Office) -> None:
    with_settings(office, office.house.settings)
    browser, storage = office.as_("auditor"), office.house.settings.storage.path
    assert "Tried last" not in browser.get("/health/watching").text
    storage.mkdir(parents=True, exist_ok=True)
    (storage / tried.FILE).write_text("{}")
    assert browser.get("/health/watching").status_code == 200, "what cannot be read is not there"
    change = Change(
        office.now, "x", "data", "<b>@evil.example", BO, Said("defer", "greylist.new"), Said("accept", "level.off")
    )
    counts = {"defer \u2192 accept": 1}
    told = Tried(
        office.now, "root@cli", "/etc/<i>draft.toml", office.now - DAY, office.now, 2910, 14, 3, counts, (change,)
    )
    tried.keep(storage, told)
    assert tried.kept(storage) == told
    assert (storage / tried.FILE).stat().st_mode & 0o077 == 0
    page = browser.get("/health/watching").text
    assert "<b>1</b> of 2910 decisions would be others; 14 more would be the same for another reason; 3 could" in page
    assert "&lt;i&gt;draft.toml" in page
    assert "<b>@evil" not in page
    tried.keep(storage, replace(told, counts={}, changes=(), other_reason=0, not_replayed=0))
    assert "all 2910 decisions would be the same." in browser.get("/health/watching").text


# ---- the switches --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_is_turned_by_whoever_says_their_password_and_is_on_record(either: Office, switch: Switch) -> None:
    browser = either.as_("admin")
    page = unescape(browser.get(f"/health/switches/{switch}").text)
    assert TOLD[switch].does in page
    assert TOLD[switch].stays in page
    assert turned(either) == set()
    assert browser.post(f"/health/switches/{switch}", life="1h", password=PASSWORD).location == "/health/switches"
    with either.house.reading() as conn:
        one = changes.turned(conn, either.now)[switch]
    assert (one.until - either.now, one.who) == (HOUR, "admin")
    assert TOLD[switch].meanwhile in browser.get("/").text
    assert browser.post(f"/health/switches/{switch}", life="off", password=PASSWORD).status_code == 302
    assert turned(either) == set()
    told = [(row["who"], row["act"], row["about"]) for row in either.record("switched on", "switched off")]
    assert told == [("admin", "switched on", str(switch)), ("admin", "switched off", str(switch))]


@pytest.mark.parametrize("form", [{}, {"password": ""}, {"password": "wrong"}, {"password": "123456"}])
def test_nobody_turns_one_at_an_open_session(office: Office, form: dict[str, str]) -> None:
    said = office.as_("admin").post("/health/switches/bypass", life="1d", **form)
    assert said.status_code == 403
    assert "Nothing was changed" in said.text
    assert turned(office) == set()
    assert office.record("switched on") == []


@pytest.mark.parametrize("life", ["", "2h", "-1", "36500d", "OFF"])
def test_it_is_on_for_a_time_that_is_offered(office: Office, life: str) -> None:
    assert office.as_("admin").post("/health/switches/bypass", life=life, password=PASSWORD).status_code == 400
    assert turned(office) == set()


def test_a_code_of_the_telephone_will_do_once(office: Office) -> None:
    browser = office.as_("admin")
    office.change("admin", totp=TOTP, totp_step=0)
    code = pyotp.TOTP(TOTP).at(office.now)
    assert browser.post("/health/switches/bypass", life="1h", password=code).status_code == 302
    assert browser.post("/health/switches/bypass", life="off", password=code).status_code == 403
    assert turned(office) == {Switch.BYPASS}


def test_whoever_guesses_waits_as_at_the_door(office: Office) -> None:
    browser = office.as_("admin")
    office.change("admin", totp=TOTP, totp_step=0)
    for number in range(8):
        browser.post("/health/switches/bypass", life="1h", password=f"guess {number}")
        browser.post("/health/switches/bypass", life="1h", password=f"{number:06}")
    right = pyotp.TOTP(TOTP).at(office.now)
    for said in (PASSWORD, right):
        assert browser.post("/health/switches/bypass", life="1h", password=said).status_code == 403
    assert turned(office) == set()


@pytest.mark.parametrize("name", ["auditor", "local", "chief", "bo"])
def test_nobody_but_an_admin_of_the_house_turns_one(office: Office, name: str) -> None:
    browser = office.as_(name)
    assert browser.get("/health/switches/bypass").status_code == 403
    assert browser.post("/health/switches/bypass", life="1h", password=PASSWORD).status_code == 403
    assert turned(office) == set()


def test_an_auditor_sees_how_they_stand_and_is_offered_nothing(office: Office) -> None:
    turn_on(office)
    page = office.as_("auditor").get("/health/switches").text
    assert "olga turned it on" in untagged(page)
    assert "/health/switches/bypass" not in page


# ---- the banner ----------------------------------------------------------------------------------------------------

EVERYWHERE = ("/", "/held", "/waiting", "/find", "/protection", "/security", "/mail/0000000000099")


def test_every_page_says_that_a_switch_is_on_until_it_ends(office: Office) -> None:
    turn_on(office)
    turn_on(office, Switch.FREEZE_RELEASES, 2 * HOUR)
    people: dict[str, Browser] = {name: office.as_(name) for name in ("bo", "admin")}
    for path in EVERYWHERE:
        for name, browser in people.items():
            page = browser.get(path).text
            assert page.count(TOLD[Switch.BYPASS].meanwhile) == 1, path
            assert ("End it" in page) == (name == "admin"), path
    assert TOLD[Switch.BYPASS].meanwhile not in office.browser().get("/sign-in").text
    office.later(HOUR)
    page = people["bo"].get("/").text
    assert TOLD[Switch.BYPASS].meanwhile not in page
    assert TOLD[Switch.FREEZE_RELEASES].meanwhile in page


def test_what_somebody_said_of_the_mode_is_told(office: Office) -> None:
    with office.begin() as conn:
        changes.set_mode(conn, Mode.OBSERVE, "olga", office.now)
    browser = office.as_("admin")
    assert "only watching" in browser.get("/health").text
    assert "olga said" in untagged(browser.get("/health/settings").text)
    assert "Greygate only watches" in browser.get("/health/watching").text


@pytest.mark.parametrize(
    "path",
    [
        "/health",
        "/health/settings",
        "/health/settings?all=yes",
        "/health/watching",
        "/health/switches",
        "/health/switches/bypass",
    ],
)
def test_nothing_is_said_in_english_alone(office: Office, path: str) -> None:
    browser = office.as_("admin")
    asked = {"Accept-Language": "en-XA"}
    browser.post("/health/switches/freeze-releases", asked, life="1h", password=PASSWORD)
    page = browser.get(path, asked).text
    assert '<html lang="en-XA"' in page
    assert unsaid(page, "main") == []


def test_what_is_amiss_is_said_with_names_kept_apart() -> None:
    said = marked.Said("The mail server at %(url)s cannot be reached.", {"url": "<smtp>"})
    with speaking(PSEUDO):
        assert str(worded(said)).startswith("⟦")
        assert '<bdi translate="no">&lt;smtp&gt;</bdi>' in worded(said)
