"""Passkeys: made, used without a password and after one, and what is refused; in Chromium with a key of its own."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select

from gateway import people
from gateway.desk import Person
from gateway.store import passkeys as stored
from sql.tables import web_session
from tests.conftest import need
from tests.gate import Gate, free_port
from tests.store.making import MINUTE, SECOND
from tests.webui.browser import CHROMIUM, browser, desk, invitation
from tests.webui.conftest import PASSWORD, Browser, Office
from tests.webui.softkey import SoftKey
from tests.webui.test_signin import code_at, with_factor
from webui.pages.passkeys import COPIED, NOT_KNOWN, OLD

AGAIN = "That took too long"


def begun(browser: Browser, path: str, **form: Any) -> dict[str, Any]:
    said = browser.post(path, **form)
    assert said.status_code == 200, said.text
    found: dict[str, Any] = json.loads(said.text)
    return found


def with_key(office: Office, name: str = "bo", key: SoftKey | None = None, called: str = "Laptop") -> SoftKey:
    """Somebody with a passkey."""
    made, browser = key or SoftKey(), office.as_(name)
    options = begun(browser, "/security/passkeys/begin", password=PASSWORD)
    said = browser.post("/security/passkeys", credential=made.made(options), name=called)
    assert said.status_code in (200, 302)
    return made


def use(browser: Browser, key: SoftKey, *, step: str = "", then: str = "", **changed: Any) -> Any:
    options = begun(browser, "/sign-in/passkey/begin", step=step)
    return browser.post("/sign-in/passkey", credential=key.used(options, **changed), step=step, then=then)


def keys_of(office: Office, name: str) -> list[dict[str, Any]]:
    with office.house.reading() as conn:
        return stored.of_person(conn, office.number(name))


# ---- made ----------------------------------------------------------------------------------------------------------


def test_a_passkey_lets_somebody_in_without_a_password(either: Office) -> None:
    key, browser = with_key(either), either.browser()
    before = browser.secret
    said = use(browser, key, then="/held")
    assert (said.status_code, said.location) == (302, "/held")
    assert browser.is_in
    assert browser.secret != before
    (row,) = either.record("passkey added")
    assert (row["who"], row["detail"]["key"]) == ("bo", "Laptop")
    assert either.record("signed in")[-1]["detail"] == {"way": "passkey", "factor": "passkey"}
    (kept,) = keys_of(either, "bo")
    assert (kept["uses"], kept["site"], kept["used_at"]) == (key.uses, "localhost", either.now)


def test_the_first_factor_brings_recovery_codes_and_the_next_does_not(office: Office) -> None:
    browser = office.as_("bo")
    options = begun(browser, "/security/passkeys/begin")
    page = browser.post("/security/passkeys", credential=SoftKey().made(options), name="One")
    assert page.text.count("<li><code>") == 10
    code = page.text.partition("<li><code>")[2].partition("<")[0]
    options = begun(browser, "/security/passkeys/begin", password=PASSWORD)
    assert browser.post("/security/passkeys", credential=SoftKey().made(options), name="Two").status_code == 302
    assert [one["name"] for one in keys_of(office, "bo")] == ["One", "Two"]
    other = office.browser()
    assert other.sign_in("bo").location == "/sign-in/code"
    assert other.post("/sign-in/code", code=code).status_code == 302
    assert other.is_in
    again = office.browser()
    again.sign_in("bo")
    assert again.post("/sign-in/code", code=code).status_code == 403


def test_after_a_password_a_passkey_is_the_second_step(office: Office) -> None:
    key, browser = with_key(office), office.browser()
    assert browser.sign_in("bo", then="/held").location == "/sign-in/code"
    assert not browser.is_in
    assert "Use a passkey" in browser.get("/sign-in/code").text
    said = use(browser, key, step="second")
    assert (said.status_code, said.location) == (302, "/held")
    assert office.record("signed in")[-1]["detail"] == {"way": "password", "factor": "passkey"}


def test_a_code_does_as_well_where_somebody_has_both(office: Office) -> None:
    with_key(office)
    with_factor(office)
    browser = office.browser()
    browser.sign_in("bo")
    assert browser.post("/sign-in/code", code=code_at(office)).status_code == 302
    assert browser.is_in


@pytest.mark.parametrize("web", [{"second_factor": "required"}])
def test_a_passkey_pays_what_somebody_owes(office: Office) -> None:
    browser = office.as_("bo")
    chief = office.browser()
    chief.sign_in("chief")
    assert chief.get("/held").location == "/security"
    chief.get("/security")
    options = begun(chief, "/security/passkeys/begin")
    assert chief.post("/security/passkeys", credential=SoftKey().made(options), name="x").status_code == 200
    assert chief.get("/held").status_code == 200
    assert browser.get("/held").status_code == 200


def test_a_passkey_is_renamed_and_removed_with_the_password(office: Office) -> None:
    key, browser, other = with_key(office), office.browser(), office.as_("cy")
    use(browser, key)
    (row,) = keys_of(office, "bo")
    assert other.post(f"/security/passkeys/{row['id']}/rename", name="Mine").status_code == 404
    assert other.post(f"/security/passkeys/{row['id']}/remove", password=PASSWORD).status_code == 404
    browser.get("/security")
    browser.post(f"/security/passkeys/{row['id']}/rename", name="  Key\u202e ring " + "x" * 90)
    assert keys_of(office, "bo")[0]["name"] == ("Key ring " + "x" * 90)[:60]
    browser.post(f"/security/passkeys/{row['id']}/remove", password="wrong")
    assert len(keys_of(office, "bo")) == 1
    browser.post(f"/security/passkeys/{row['id']}/remove", password=PASSWORD)
    assert keys_of(office, "bo") == []
    assert use(office.browser(), key).status_code == 403
    assert office.browser().sign_in("bo").location == "/"
    assert [one["act"] for one in office.record("passkey renamed", "passkey removed")] == [
        "passkey renamed",
        "passkey removed",
    ]


def test_an_open_session_is_no_place_to_add_a_passkey(office: Office) -> None:
    """Whoever finds a desk alone would come back tomorrow."""
    browser = office.as_("bo")
    office.later(11 * MINUTE)
    assert browser.post("/security/passkeys/begin").status_code == 403
    assert browser.post("/security/passkeys/begin", password="wrong").status_code == 403
    assert browser.post("/security/passkeys", credential=SoftKey().said(), name="x").status_code == 302
    assert keys_of(office, "bo") == []
    assert browser.post("/security/passkeys/begin", password=PASSWORD).status_code == 200


def test_there_are_so_many_and_no_more(office: Office) -> None:
    browser = office.as_("bo")
    for number in range(10):
        options = begun(browser, "/security/passkeys/begin", password=PASSWORD)
        browser.post("/security/passkeys", credential=SoftKey().made(options), name=f"Key {number}")
    said = browser.post("/security/passkeys/begin", password=PASSWORD)
    assert (said.status_code, "Remove one" in said.text) == (409, True)
    assert len(keys_of(office, "bo")) == 10


# ---- what is refused -----------------------------------------------------------------------------------------------

OTHER = ec.generate_private_key(ec.SECP256R1())
FORGED: dict[str, dict[str, Any]] = {
    "another site's page": {"origin": "https://evil.example"},
    "another port": {"origin": "http://localhost:8080"},
    "a key of another site": {"rp": "evil.example"},
    "the challenge of somebody else": {"challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    "the making of a key": {"type": "webauthn.create"},
    "another secret": {"secret": OTHER},
    "the handle of somebody else": {"handle": (99).to_bytes(8, "big")},
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_answer_lets_nobody_in_and_counts_as_a_guess(office: Office, forged: str) -> None:
    key, browser = with_key(office), office.browser()
    said = use(browser, key, **FORGED[forged])
    assert (said.status_code, NOT_KNOWN in said.text) == (403, True)
    assert not browser.is_in
    assert len(office.record("passkey failed")) == 1


@pytest.mark.parametrize("forged", [name for name in FORGED if "secret" not in name and "handle" not in name])
def test_no_key_is_made_with_a_forged_answer(office: Office, forged: str) -> None:
    browser = office.as_("bo")
    options = begun(browser, "/security/passkeys/begin")
    changed = FORGED[forged] | ({"type": "webauthn.get"} if "making" in forged else {})
    browser.post("/security/passkeys", credential=SoftKey().made(options, **changed), name="x")
    assert keys_of(office, "bo") == []


def test_a_key_that_does_not_ask_who_holds_it_is_none(office: Office) -> None:
    browser = office.as_("bo")
    options = begun(browser, "/security/passkeys/begin")
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    browser.post("/security/passkeys", credential=SoftKey(verifies=False).made(options), name="x")
    assert keys_of(office, "bo") == []
    key = with_key(office)
    key.verifies = False
    assert use(office.browser(), key).status_code == 403


def test_an_answer_is_good_once_and_for_five_minutes(office: Office) -> None:
    key, browser = with_key(office), office.browser()
    options = begun(browser, "/sign-in/passkey/begin")
    said = key.used(options)
    office.later(5 * MINUTE + SECOND)
    late = browser.post("/sign-in/passkey", credential=said)
    assert (late.status_code, AGAIN in late.text) == (400, True)
    assert AGAIN in OLD
    options = begun(browser, "/sign-in/passkey/begin")
    said = key.used(options)
    thief = office.browser()
    assert thief.post("/sign-in/passkey", credential=said).status_code == 400  # asked of another browser
    assert browser.post("/sign-in/passkey", credential=said).status_code == 302
    other = office.browser()
    begun(other, "/sign-in/passkey/begin")
    assert other.post("/sign-in/passkey", credential=said).status_code == 403
    assert other.post("/sign-in/passkey", credential=said).status_code == 400
    assert not other.is_in


def test_a_challenge_to_make_a_key_is_none_to_use_one(office: Office) -> None:
    key, browser = with_key(office), office.as_("cy")
    options = begun(browser, "/security/passkeys/begin")
    said = key.used(options | {"rpId": "localhost"})
    assert browser.post("/sign-in/passkey", credential=said).status_code == 400


def test_a_copied_key_is_noticed_refused_and_told(office: Office) -> None:
    key = with_key(office)
    copy = SoftKey(uses=key.uses, secret=key.secret, id=key.id, handle=key.handle)
    for _ in range(3):
        assert use(office.browser(), key).status_code == 302
    thief = office.browser()
    said = use(thief, copy)
    assert (said.status_code, COPIED in said.text) == (403, True)
    assert not thief.is_in
    (row,) = office.record("passkey doubted")
    assert row["detail"]["before"] > row["detail"]["uses"]
    owner = office.browser()
    assert use(owner, key).status_code == 302
    assert "somebody may have copied it" in owner.get("/security").text


def test_a_key_that_does_not_count_is_used_again_and_again(office: Office) -> None:
    key = with_key(office, key=SoftKey(uses=0))
    for _ in range(3):
        assert use(office.browser(), key).status_code == 302


def test_a_forged_count_locks_nobody_out(office: Office) -> None:
    """A count that is not signed by the key says nothing."""
    key = with_key(office)
    forger = SoftKey(uses=10**6, secret=OTHER, id=key.id, handle=key.handle)
    assert use(office.browser(), forger).status_code == 403
    assert use(office.browser(), key).status_code == 302


def test_the_passkey_of_somebody_locked_out_lets_nobody_in(office: Office) -> None:
    key = with_key(office)
    office.change("bo", disabled_at=office.now)
    said, unknown = use(office.browser(), key), use(office.browser(), SoftKey())
    assert said.status_code == unknown.status_code == 403
    assert said.text == unknown.text
    with office.begin() as conn:
        people.lock_out(conn, "bo", Person("admin", "node1"), office.now)
    assert keys_of(office, "bo") == []


def test_between_the_password_and_the_passkey_somebody_may_be_locked_out(office: Office) -> None:
    key, browser = with_key(office), office.browser()
    browser.sign_in("bo")
    options = begun(browser, "/sign-in/passkey/begin", step="second")
    office.change("bo", disabled_at=office.now)
    assert browser.post("/sign-in/passkey", credential=key.used(options), step="second").status_code == 403
    assert not browser.is_in


def test_a_passkey_of_another_is_no_second_factor(office: Office) -> None:
    theirs, browser = with_key(office, "cy"), office.browser()
    with_key(office, "bo")
    browser.sign_in("bo")
    assert use(browser, theirs, step="second").status_code == 403
    assert not browser.is_in


def test_guesses_at_passkeys_and_at_the_password_are_counted_together(office: Office) -> None:
    key = with_key(office)
    for _ in range(3):
        use(office.browser(), key, secret=OTHER)
    for _ in range(2):
        office.browser().sign_in("bo", "wrong")
    assert office.browser().sign_in("bo").status_code == 429
    assert use(office.browser(), key).status_code == 429
    office.later(3 * SECOND)
    assert use(office.browser(), key).status_code == 302


@pytest.mark.parametrize(
    "said", ["", "{", "[]", "null", '{"rawId": 5}', '{"rawId": "!"}', "x" * 20000, '{"rawId": "AAAA", "response": 7}']
)
def test_nonsense_is_told_calmly(office: Office, said: str) -> None:
    key, browser = with_key(office), office.browser()
    begun(browser, "/sign-in/passkey/begin")
    assert browser.post("/sign-in/passkey", credential=said).status_code == 403
    begun(browser, "/sign-in/passkey/begin")
    odd = json.dumps({"id": "x", "rawId": json.loads(key.said())["rawId"], "type": "public-key", "response": []})
    assert browser.post("/sign-in/passkey", credential=odd).status_code == 403
    inside = office.as_("cy")
    begun(inside, "/security/passkeys/begin")
    assert inside.post("/security/passkeys", credential=said, name="x").status_code == 302
    assert keys_of(office, "cy") == []


def test_what_is_asked_tells_nobody_who_is_there(office: Office) -> None:
    with_key(office)
    browser = office.browser()
    assert begun(browser, "/sign-in/passkey/begin").get("allowCredentials", []) == []
    assert begun(browser, "/sign-in/passkey/begin", step="second").get("allowCredentials", []) == []
    browser.sign_in("bo")
    assert len(begun(browser, "/sign-in/passkey/begin", step="second")["allowCredentials"]) == 1


def test_a_page_of_another_site_begins_nothing(office: Office) -> None:
    browser = office.browser()
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert browser.post("/sign-in/passkey/begin", headers).status_code == 403
        assert browser.post("/sign-in/passkey", headers, credential="{}").status_code == 403


def test_where_somebody_goes_is_a_page_of_ours(office: Office) -> None:
    key = with_key(office)
    for there in ("https://evil.example", "//evil.example", "/\\evil.example"):
        assert use(office.browser(), key, then=there).location == "/"


# ---- where they are good -------------------------------------------------------------------------------------------

ASKED = [
    ({}, {}, 200),  # this machine
    ({}, {"host": "gate.example.com", "secure": True}, 404),  # nobody said that this is its name
    ({"url": "https://gate.example.com"}, {"host": "gate.example.com", "secure": True}, 200),
    ({"url": "https://192.0.2.1"}, {"host": "192.0.2.1", "secure": True}, 404),  # keys are for names
    ({"url": "http://gate.example.com"}, {"host": "gate.example.com"}, 404),
    ({"passkeys": False}, {}, 404),
]


@pytest.mark.parametrize(("web", "where", "code"), ASKED)
def test_they_are_offered_where_they_work(office: Office, where: dict[str, Any], code: int) -> None:
    browser = office.browser(**where)
    assert browser.post("/sign-in/passkey/begin").status_code == code
    assert ("passkeys.js" in browser.get("/sign-in").text) is (code == 200)


@pytest.mark.parametrize("web", [{"url": "https://gate.example.com"}])
def test_they_are_for_the_name_in_the_settings_whatever_the_browser_says(office: Office) -> None:
    browser = office.browser(host="gate.example.com.evil.example", secure=True)
    assert begun(browser, "/sign-in/passkey/begin")["rpId"] == "gate.example.com"


def test_over_plain_http_from_elsewhere_nobody_begins(office: Office) -> None:
    assert office.browser(peer="192.0.2.9").post("/sign-in/passkey/begin").status_code == 403


def test_what_only_looked_at_the_page_is_forgotten_soon(office: Office) -> None:
    begun(office.browser(), "/sign-in/passkey/begin")
    with office.house.reading() as conn:
        (expires,) = conn.execute(select(web_session.c.expires)).scalars()
    assert expires - office.now <= timedelta(minutes=30)


# ---- in Chromium ---------------------------------------------------------------------------------------------------

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_a_browser_makes_a_passkey_signs_in_with_it_and_takes_the_second_step(tmp_path: Path) -> None:
    need(bool(CHROMIUM), "Chromium (apt-get install chromium)")
    address = f"127.0.0.1:{free_port()}"
    port = address.rpartition(":")[2]
    settings = {"web": {"enabled": True, "listen": address, "url": f"http://localhost:{port}"}}
    gate = Gate(tmp_path, "smtp://127.0.0.1:9", settings).start()
    try:
        with browser() as chromium:
            there = desk(chromium, gate)
            there.base = f"http://localhost:{port}"
            device = there.page.context.new_cdp_session(there.page)
            device.send("WebAuthn.enable", {"enableUI": False})
            number = device.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})["authenticatorId"]
            there.accept(invitation(gate))
            there.page.fill("[data-passkey=make] input[name=name]", "Laptop")
            there.page.click("[data-passkey=make] button")
            there.page.wait_for_selector("ul.codes")
            (kept,) = device.send("WebAuthn.getCredentials", {"authenticatorId": number})["credentials"]
            assert (kept["rpId"], kept["isResidentCredential"]) == ("localhost", True)
            there.go("/security")
            assert "Laptop" in there.page.inner_text("#passkeys")
            # The field of the name offers it by itself, and this device says yes without being asked.
            there.page.click("text=Sign out >> nth=0")
            there.page.wait_for_url(f"{there.base}/")
            there.page.add_init_script("PublicKeyCredential.isConditionalMediationAvailable = async () => false")
            there.page.click("text=Sign out >> nth=0")
            there.page.click("text=Sign in with a passkey")
            there.page.wait_for_url(f"{there.base}/")
            there.page.click("text=Sign out >> nth=0")
            there.page.wait_for_url("**/sign-in")
            there.sign_in("admin")
            there.page.wait_for_url("**/sign-in/code")
            there.page.click("text=Use a passkey")
            there.page.wait_for_url(f"{there.base}/")
            assert there.said == []
            assert there.foreign == []
    finally:
        gate.stop()
