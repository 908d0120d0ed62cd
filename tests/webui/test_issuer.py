"""Signing in at an issuer: with a real provider, and with one that lies."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt

from gateway import people
from gateway.desk import Person
from gateway.model import Role, Tie
from gateway.signin.nouns import AGAIN
from gateway.store import links, persons
from tests.peers.issuer import Liar, consent, key, provider, running
from tests.store.making import BO, MINUTE, SECOND
from tests.webui.conftest import PASSWORD, Browser, Office
from tests.webui.doors import opened_by
from tests.webui.reading import read
from tests.webui.test_signin import code_at, with_factor

PEOPLE: tuple[dict[str, Any], ...] = (
    {"sub": "bo-1", "email": BO, "email_verified": True, "groups": ["staff", "gate-approvers"]},
    {"sub": "zoe-1", "email": "zoe@example.com", "email_verified": True, "groups": ["staff"]},
    {"sub": "far-1", "email": "far@elsewhere.example", "email_verified": True},
    {"sub": "unsure-1", "email": "bo@example.com", "email_verified": False},
    {"sub": "chief-1", "email": "boss@example.com", "email_verified": True},
)
NOT_PROVEN = "could not be verified"
UNKNOWN = "Nobody here goes with that account"


@pytest.fixture(scope="module")
def real() -> Iterator[str]:
    with provider(*PEOPLE) as address:
        yield address


@pytest.fixture
def liar() -> Iterator[Liar]:
    with running(Liar()) as made:
        yield made


def settled(office: Office, folder: Path, address: str, web: dict[str, Any] | None = None, **more: Any) -> Office:
    """By a clock that agrees with the issuer's."""
    office.now = datetime.fromtimestamp(int(time.time()), UTC)
    return opened_by(office, folder, web, oidc={"issuer": address, "client_id": "gate", "label": "Work", **more})


@pytest.fixture
def at_work(office: Office, tmp_path: Path, real: str, more: dict[str, Any]) -> Office:
    return settled(office, tmp_path, real, secret_file=secret(tmp_path), **more)


def secret(folder: Path, text: str = "a secret\n") -> str:
    file = folder / "oidc.secret"
    file.write_text(text)
    file.chmod(0o600)
    return str(file)


@pytest.fixture
def lied_to(office: Office, tmp_path: Path, liar: Liar, more: dict[str, Any]) -> Office:
    return settled(office, tmp_path, liar.address, **more)


@pytest.fixture
def more() -> dict[str, Any]:
    """What [oidc] says besides; tests override it."""
    return {}


def sent(browser: Browser, then: str = "") -> str:
    said = browser.get(f"/sign-in/with?{urlencode({'then': then})}")
    assert said.status_code == 302, said.text
    return str(said.location)


def back(browser: Browser, there: str) -> Any:
    parts = urlsplit(there)
    return browser.get(f"{parts.path}?{parts.query}")


def through(browser: Browser, sub: str, then: str = "") -> Any:
    """There, as somebody, and back."""
    return back(browser, consent(sent(browser, then), sub=sub))


def asked(there: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(there).query).items()}


def lied(browser: Browser, liar: Liar, **changed: Any) -> Any:
    """There and back with whatever the liar says; `changed` is laid over what the browser brings."""
    said = asked(sent(browser))
    liar.nonce = said["nonce"]
    told = {"code": "x", "state": said["state"]} | changed
    return browser.get(f"/sign-in/back?{urlencode({name: value for name, value in told.items() if value is not None})}")


def address_for(office: Office, name: str, address: str) -> None:
    with office.begin() as conn:
        persons.give_address(conn, office.number(name), address, Tie.OWN, "test", office.now)


# ---- with a real provider ------------------------------------------------------------------------------------------


def test_somebody_signs_in_with_the_account_of_their_work(at_work: Office) -> None:
    browser = at_work.browser()
    assert "Sign in with Work" in read(browser.get("/sign-in").text)
    there = sent(browser, "/held")
    told = asked(there)
    assert (told["response_type"], told["code_challenge_method"], told["redirect_uri"]) == (
        "code",
        "S256",
        "http://localhost/sign-in/back",
    )
    assert len({told["state"], told["nonce"], told["code_challenge"]}) == 3
    before = browser.secret
    said = back(browser, consent(there, sub="bo-1"))
    assert (said.status_code, said.location) == (302, "/held")
    assert browser.is_in
    assert browser.secret != before
    assert at_work.record("signed in")[-1]["detail"] == {"way": "oidc"}
    (row,) = at_work.record("connected")
    assert (row["about"], row["detail"]["subject"]) == ("bo", "bo-1")
    assert through(at_work.browser(), "bo-1").status_code == 302
    assert len(at_work.record("connected")) == 1


def test_whoever_is_unknown_is_told_so_and_nobody_is_made(at_work: Office) -> None:
    for sub in ("zoe-1", "far-1", "unsure-1"):
        browser = at_work.browser()
        said = through(browser, sub)
        assert (sub, said.status_code, UNKNOWN in said.text) == (sub, 403, True)
        assert not browser.is_in
    assert at_work.record("made known", "connected") == []
    assert len(at_work.record("sign-in refused")) == 3


@pytest.mark.parametrize("more", [{"create": True}])
def test_where_the_settings_say_so_whoever_has_an_address_of_ours_is_made_known(at_work: Office) -> None:
    browser = at_work.browser()
    assert through(browser, "zoe-1").status_code == 302
    assert browser.is_in
    assert through(at_work.browser(), "far-1").status_code == 403
    assert through(at_work.browser(), "unsure-1").status_code == 403
    with at_work.house.reading() as conn:
        row = persons.named(conn, "zoe@example.com")
        assert row is not None
        assert [one["address"] for one in persons.addresses_of(conn, row["id"])] == ["zoe@example.com"]
        assert persons.roles_of(conn, row["id"]) == frozenset()
    assert [one["about"] for one in at_work.record("made known")] == ["zoe@example.com"]


@pytest.mark.parametrize("more", [{"verified": "issuer"}])
def test_an_issuer_may_vouch_for_all_its_addresses(at_work: Office) -> None:
    assert through(at_work.browser(), "unsure-1").status_code == 302


@pytest.mark.parametrize("more", [{"groups": ["Staff"], "roles": {"gate-approvers": "approver:example.com, auditor"}}])
def test_groups_let_in_and_are_roles_as_long_as_somebody_is_in_them(at_work: Office, real: str, tmp_path: Path) -> None:
    assert "none of the groups" in through(at_work.browser(), "far-1").text
    assert through(at_work.browser(), "bo-1").status_code == 302
    with at_work.begin() as conn:
        assert persons.roles_of(conn, at_work.number("bo")) == {(Role.APPROVER, "example.com"), (Role.AUDITOR, "")}
        persons.give_roles(
            conn, at_work.number("bo"), {(Role.LISTS, ""), (Role.AUDITOR, ""), (Role.APPROVER, "example.com")}
        )
    settled(at_work, tmp_path, real, secret_file=secret(tmp_path), roles={"nobody": "admin"})
    assert through(at_work.browser(), "bo-1").status_code == 302
    with at_work.house.reading() as conn:
        assert persons.roles_of(conn, at_work.number("bo")) == {(Role.LISTS, "")}  # what was given by hand stays


def test_whoever_has_a_second_factor_here_is_asked_for_it(at_work: Office) -> None:
    with_factor(at_work)
    browser = at_work.browser()
    assert through(browser, "bo-1", "/held").location == "/sign-in/code"
    assert not browser.is_in
    assert browser.post("/sign-in/code", code=code_at(at_work)).location == "/held"


@pytest.mark.parametrize("more", [{"second_factor": "provider", "web": {"second_factor": "required"}}])
def test_or_the_issuer_sees_to_it(at_work: Office) -> None:
    with_factor(at_work)
    browser = at_work.browser()
    assert through(browser, "bo-1").location == "/"
    with at_work.begin() as conn:
        persons.give_roles(conn, at_work.number("bo"), {(Role.APPROVER, "")})
    assert browser.get("/held").status_code == 200
    owes = at_work.browser()
    owes.sign_in("chief")
    assert owes.get("/held").location == "/security"


def test_whoever_says_no_there_is_not_in(at_work: Office) -> None:
    browser = at_work.browser()
    said = back(browser, consent(sent(browser), action="deny"))
    assert said.status_code == 403
    assert not browser.is_in


def test_what_the_issuer_says_no_with_is_not_shown(lied_to: Office, liar: Liar) -> None:
    said = lied(lied_to.browser(), liar, error="access_denied", error_description="<b>Call 555</b>")
    assert (said.status_code, "Work did not let you in" in said.text, "555" in said.text) == (403, True, False)
    assert liar.posted == []


def test_an_answer_is_good_once_and_in_one_browser(at_work: Office) -> None:
    browser, thief = at_work.browser(), at_work.browser()
    there = consent(sent(browser), sub="bo-1")
    said = back(thief, there)
    assert (said.status_code, AGAIN in said.text) == (400, True)
    sent(thief)
    assert back(thief, there).status_code == 403  # another's state
    assert back(browser, there).status_code == 302
    fresh = at_work.browser()
    state = asked(sent(fresh))["state"]
    again = asked(there)["code"]
    assert NOT_PROVEN in fresh.get(f"/sign-in/back?{urlencode({'code': again, 'state': state})}").text
    assert back(browser, there).status_code == 302  # is in already, and is told so
    assert not thief.is_in
    assert not fresh.is_in


def test_an_answer_is_good_for_ten_minutes(at_work: Office) -> None:
    browser = at_work.browser()
    there = consent(sent(browser), sub="bo-1")
    at_work.later(10 * MINUTE + SECOND)
    assert AGAIN in back(browser, there).text


def test_whoever_is_locked_out_here_is_out_whatever_the_issuer_says(at_work: Office) -> None:
    assert through(at_work.browser(), "bo-1").status_code == 302
    with at_work.begin() as conn:
        people.lock_out(conn, "bo", Person("admin", "node1"), at_work.now)
    browser = at_work.browser()
    assert "locked out" in through(browser, "bo-1").text
    assert not browser.is_in


def test_an_admin_with_a_password_is_bound_by_nobody_else(at_work: Office) -> None:
    """Whoever runs the issuer runs Greygate only where its admin says so."""
    address_for(at_work, "admin", "boss@example.com")
    browser = at_work.browser()
    assert "connects such an account" in through(browser, "chief-1").text
    assert not browser.is_in
    inside = at_work.as_("admin")
    page = inside.post("/security/links/begin")
    there = page.text.partition("url=")[2].partition('"')[0].replace("&amp;", "&")
    assert back(inside, consent(there, sub="chief-1")).location == "/security"
    assert through(browser, "chief-1").status_code == 302
    assert browser.is_in


def test_an_account_is_connected_and_disconnected_by_whoever_is_in(at_work: Office) -> None:
    inside, other = at_work.as_("cy"), at_work.as_("nobody")
    for one in (inside, other):
        page = one.post("/security/links/begin")
        there = page.text.partition("url=")[2].partition('"')[0].replace("&amp;", "&")
        back(one, consent(there, sub="far-1"))
    assert "connected with somebody else" in other.get("/security").text
    assert through(at_work.browser(), "far-1").status_code == 302
    with at_work.house.reading() as conn:
        (link,) = links.of_person(conn, at_work.number("cy"))
        assert links.of_person(conn, at_work.number("nobody")) == []
    path = f"/security/links/{link['key'].hex()}/remove"
    assert other.post(path, password=PASSWORD).status_code == 404
    inside.post(path, password="wrong")
    assert through(at_work.browser(), "far-1").status_code == 302
    inside.post(path, password=PASSWORD)
    assert through(at_work.browser(), "far-1").status_code == 403
    assert [one["who"] for one in at_work.record("disconnected")] == ["cy"]


def test_what_was_begun_to_sign_in_connects_nobody(at_work: Office) -> None:
    """Else another site could connect its owner's account with whoever is signed in here."""
    browser = at_work.browser()
    there = consent(sent(browser), sub="far-1")
    browser.sign_in("cy")
    back(browser, there)
    with at_work.house.reading() as conn:
        assert links.of_person(conn, at_work.number("cy")) == []
    assert at_work.as_("cy").ask("POST", "/security/links/begin").status_code == 400


@pytest.mark.parametrize("then", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_where_somebody_goes_is_a_page_of_ours(at_work: Office, then: str) -> None:
    assert through(at_work.browser(), "bo-1", then).location == "/"


@pytest.mark.parametrize("more", [{"logout": True}])
def test_whoever_signs_out_here_may_sign_out_there(at_work: Office) -> None:
    browser = at_work.browser()
    through(browser, "bo-1")
    browser.get("/held")
    page = browser.post("/sign-out")
    assert page.status_code == 200
    there = page.text.partition("url=")[2].partition('"')[0].replace("&amp;", "&")
    assert there.startswith(at_work.house.settings.oidc.issuer)
    assert asked(there)["post_logout_redirect_uri"] == "http://localhost/sign-in"
    assert asked(there)["id_token_hint"].count(".") == 2
    assert not browser.is_in
    local = at_work.as_("cy")
    assert local.post("/sign-out").status_code == 302


def test_with_no_issuer_there_is_no_such_way(office: Office) -> None:
    assert office.browser().get("/sign-in/with").status_code == 404
    assert "Sign in with" not in office.browser().get("/sign-in").text.replace("Sign in with a passkey", "")


# ---- with one that lies --------------------------------------------------------------------------------------------


def test_the_liar_is_believed_while_it_does_not_lie(lied_to: Office, liar: Liar) -> None:
    browser = lied_to.browser()
    assert lied(browser, liar).status_code == 302
    assert browser.is_in
    (form,) = liar.posted
    assert len(form["code_verifier"]) >= 43


CLAIMS: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "another issuer": {"iss": "https://evil.example"},
    "our issuer with a slash": {"iss": "https://evil.example/"},
    "for another": {"aud": "somebody-else"},
    "for us and another, and nobody says whose": {"aud": ["gate", "somebody-else"], "azp": "somebody-else"},
    "expired": {"exp": int(time.time()) - 600},
    "never expires": {"exp": None},
    "nobody": {"sub": None},
    "a subject that is none": {"sub": 5},
    "too long a subject": {"sub": "x" * 256},
    "of tomorrow": {"iat": int(time.time()) + 86400},
}


@pytest.mark.parametrize("said", CLAIMS)
def test_a_token_that_is_not_for_this_proves_nothing(lied_to: Office, liar: Liar, said: str) -> None:
    liar.claims, browser = CLAIMS[said], lied_to.browser()
    answer = lied(browser, liar)
    assert (answer.status_code, NOT_PROVEN in answer.text) == (403, True)
    assert not browser.is_in
    assert [one["detail"]["way"] for one in lied_to.record("sign-in failed")] == ["oidc"]


def test_a_token_signed_by_somebody_else_proves_nothing(lied_to: Office, liar: Liar) -> None:
    liar.signs_with = key()
    assert NOT_PROVEN in lied(lied_to.browser(), liar).text


def by_password(header: dict[str, Any], claims: dict[str, Any], password: bytes) -> str:
    parts = [urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in (header, claims)]
    signed = hmac.new(password, b".".join(parts), "sha256").digest()
    return b".".join([*parts, urlsafe_b64encode(signed).rstrip(b"=")]).decode()


@pytest.mark.parametrize("algorithm", ["HS256", "none", "RS384"])
def test_only_what_the_issuer_announces_is_a_signature(lied_to: Office, liar: Liar, algorithm: str) -> None:
    """Neither with its public key as a password, nor without any."""
    browser = lied_to.browser()
    said = asked(sent(browser))
    now = int(time.time())
    claims = {"iss": liar.address, "aud": "gate", "sub": "bo-1", "iat": now, "exp": now + 300, "nonce": said["nonce"]}
    header: dict[str, Any] = {"alg": algorithm, "kid": "one"}
    if algorithm == "none":
        liar.raw = "eyJhbGciOiJub25lIn0." + jwt.encode({"alg": "RS256"}, claims, liar.keys[0]).split(".")[1] + "."
    elif algorithm == "HS256":
        liar.raw = by_password(header, claims, liar.keys[0].as_pem(private=False))
    else:
        liar.raw = jwt.encode(header, claims, liar.keys[0], algorithms=[algorithm])
    answer = browser.get(f"/sign-in/back?{urlencode({'code': 'x', 'state': said['state']})}")
    assert (answer.status_code, NOT_PROVEN in answer.text) == (403, True)
    assert not browser.is_in


@pytest.mark.parametrize("said", [["none"], ["HS256"], ["none", "HS512"], []])
def test_an_issuer_that_announces_no_real_signature_lets_nobody_in(
    lied_to: Office, liar: Liar, said: list[str]
) -> None:
    liar.metadata = {"id_token_signing_alg_values_supported": said}
    assert NOT_PROVEN in lied(lied_to.browser(), liar).text


@pytest.mark.parametrize("raw", ["", "x", "a.b.c", "." * 9, "é.é.é"])
def test_what_is_no_token_proves_nothing(lied_to: Office, liar: Liar, raw: str) -> None:
    liar.raw = raw
    assert NOT_PROVEN in lied(lied_to.browser(), liar).text


def test_an_issuer_may_change_its_keys(lied_to: Office, liar: Liar) -> None:
    assert lied(lied_to.browser(), liar).status_code == 302
    liar.keys = [key("two")]
    assert NOT_PROVEN in lied(lied_to.browser(), liar).text  # it was asked for its keys just now
    lied_to.later(31 * SECOND)
    assert lied(lied_to.browser(), liar).status_code == 302
    assert liar.asked.count("/jwks") == 2


def test_who_forges_keys_makes_us_ask_rarely(lied_to: Office, liar: Liar) -> None:
    lied(lied_to.browser(), liar)
    liar.signs_with, liar.header = key("other"), {"kid": "other"}
    for _ in range(10):
        lied(lied_to.browser(), liar)
    assert liar.asked.count("/jwks") == 1


def test_an_answer_of_another_issuer_is_not_ours(lied_to: Office, liar: Liar) -> None:
    """RFC 9207: a code of another issuer must not be shown to ours, nor ours to it."""
    assert NOT_PROVEN in lied(lied_to.browser(), liar, iss="https://evil.example").text
    assert liar.posted == []
    liar.metadata = {"authorization_response_iss_parameter_supported": True}
    lied_to.later(timedelta(hours=2))
    assert NOT_PROVEN in lied(lied_to.browser(), liar).text
    assert liar.posted == []
    lied_to.now = datetime.fromtimestamp(int(time.time()), UTC)
    assert lied(lied_to.browser(), liar, iss=liar.address).status_code == 302


@pytest.mark.parametrize("state", ["", "x", None, "é"])
def test_an_answer_without_our_state_is_not_ours(lied_to: Office, liar: Liar, state: str | None) -> None:
    browser = lied_to.browser()
    assert AGAIN in lied(browser, liar, state=state).text
    assert liar.posted == []


def test_an_answer_that_proved_nothing_is_not_tried_again(lied_to: Office, liar: Liar) -> None:
    browser = lied_to.browser()
    said = asked(sent(browser))
    path = f"/sign-in/back?{urlencode({'code': 'x', 'state': said['state']})}"
    liar.nonce = "another"
    assert NOT_PROVEN in browser.get(path).text
    liar.nonce = said["nonce"]
    assert AGAIN in browser.get(path).text
    assert not browser.is_in


def test_a_changed_address_takes_over_nobody(lied_to: Office, liar: Liar) -> None:
    assert lied(lied_to.browser(), liar).status_code == 302
    liar.claims = {"email": "cy@example.com"}
    browser = lied_to.browser()
    assert lied(browser, liar).status_code == 302
    assert browser.held["person"] == lied_to.number("bo")
    liar.claims = {"email": BO, "sub": "bo-2"}  # and whoever gets the old address over there is not Bo
    other = lied_to.browser()
    assert "has that address already" in lied(other, liar).text
    assert not other.is_in


def test_an_address_of_two_is_nobodys(lied_to: Office, liar: Liar) -> None:
    for name in ("nobody", "cy"):
        address_for(lied_to, name, "info@example.com")
    liar.claims = {"email": "info@example.com"}
    assert UNKNOWN in lied(lied_to.browser(), liar).text


@pytest.mark.parametrize("more", [{"acr": ["mfa", "urn:strong"]}])
def test_a_second_factor_there_may_be_asked_for(lied_to: Office, liar: Liar) -> None:
    browser = lied_to.browser()
    assert asked(sent(browser))["acr_values"] == "mfa urn:strong"
    assert "second factor" in lied(browser, liar).text
    for claims in ({"acr": "urn:weak"}, {"amr": ["pwd"]}):
        liar.claims = claims
        assert "second factor" in lied(lied_to.browser(), liar).text
    for claims in ({"acr": "urn:strong"}, {"amr": ["pwd", "mfa"]}):
        liar.claims = claims
        assert lied(lied_to.browser(), liar).status_code == 302


def test_what_an_issuer_tells_only_who_asks_is_asked_for(lied_to: Office, liar: Liar) -> None:
    liar.metadata, liar.claims = {"userinfo_endpoint": f"{liar.address}/userinfo"}, {"email": None, "sub": "somebody"}
    assert lied(lied_to.browser(), liar).status_code == 302
    liar.claims = {"email": None, "sub": "somebody else"}
    assert UNKNOWN in lied(lied_to.browser(), liar).text


# ---- one that does not answer --------------------------------------------------------------------------------------

SILENT: dict[str, tuple[int, dict[str, str], bytes]] = {
    "an error": (500, {}, b"{}"),
    "nothing there": (404, {}, b"{}"),
    "somewhere else": (302, {"Location": "http://127.0.0.1:9/x"}, b""),
    "no JSON": (200, {}, b"<html>"),
    "too much": (200, {}, b'"' + b"x" * 300_000 + b'"'),
    "too much, packed": (200, {"Content-Encoding": "nonsense"}, b"\xff"),
    "a list": (200, {}, b"[]"),
}


@pytest.mark.parametrize("said", SILENT)
def test_an_issuer_that_does_not_answer_is_told_as_that(lied_to: Office, liar: Liar, said: str) -> None:
    liar.answers["/.well-known/openid-configuration"] = SILENT[said]
    browser = lied_to.browser()
    answer = browser.get("/sign-in/with")
    assert (answer.status_code, "does not answer" in answer.text) == (503, True)
    assert "people with a password of this house" in answer.text
    assert browser.sign_in("cy").status_code == 302


@pytest.mark.parametrize("path", ["/token", "/jwks"])
@pytest.mark.parametrize("said", ["an error", "somewhere else", "no JSON", "too much"])
def test_nor_is_anybody_let_in_half_way(lied_to: Office, liar: Liar, path: str, said: str) -> None:
    liar.answers[path] = SILENT[said]
    browser = lied_to.browser()
    assert lied(browser, liar).status_code == 503
    assert not browser.is_in


def test_an_issuer_that_calls_itself_otherwise_is_another(lied_to: Office, liar: Liar) -> None:
    liar.metadata = {"issuer": liar.address + "/"}
    assert lied_to.browser().get("/sign-in/with").status_code == 503


@pytest.mark.parametrize("end", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_nothing_is_asked_in_the_clear(lied_to: Office, liar: Liar, end: str) -> None:
    liar.metadata = {end: "http://login.evil.example/x"}
    browser = lied_to.browser()
    said = browser.get("/sign-in/with")
    if said.status_code == 302:
        liar.nonce = asked(said.location)["nonce"]
        said = browser.get(f"/sign-in/back?{urlencode({'code': 'x', 'state': asked(said.location)['state']})}")
    assert said.status_code == 503
    assert not browser.is_in


def test_the_secret_is_read_from_its_file(lied_to: Office, liar: Liar, tmp_path: Path) -> None:
    file = secret(tmp_path, "s:e%c ret\n")
    settled(lied_to, tmp_path, liar.address, secret_file=file)
    assert lied(lied_to.browser(), liar).status_code == 302
    assert liar.posted[-1]["authorization"] == "Basic Z2F0ZTpzJTNBZSUyNWMrcmV0"
    liar.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    lied_to.later(timedelta(hours=2))
    lied(lied_to.browser(), liar)
    assert liar.posted[-1]["client_secret"] == "s:e%c ret"
    Path(file).unlink()
    assert lied(lied_to.browser(), liar).status_code == 503


def test_answers_that_prove_nothing_count_as_guesses(lied_to: Office, liar: Liar) -> None:
    liar.claims = {"nonce": "another"}
    found = [lied(lied_to.browser(), liar).status_code for _ in range(25)]
    assert found[:20] == [403] * 20
    assert 429 in found
    assert lied_to.browser().sign_in("cy").status_code == 429
