"""What every page refuses from other sites, what browsers may do with it, and what nobody learns from an error."""

import json
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from gateway.model import Level
from gateway.store import levels
from tests.store.making import BO
from tests.webui.conftest import BOS, BOTH, PASSWORD, Office, path_of
from tests.webui.test_rights import FORMS, MATRIX, PUBLIC_ROUTES
from webui import guard
from webui.app import MOST_POSTED, create_app

UNSAFE = sorted(rule for method, rule in MATRIX if method == "POST")
SIGNING_IN = {"/sign-in", "/sign-in/code", "/invitation/<secret>"}

# ---- forms of others -----------------------------------------------------------------------------------------------

FORGED: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "no token": ({}, {"csrf": ""}),
    "a foreign token": ({}, {"csrf": "fOEWHQUlC1lY0k2RwDqJ2vhKiYJbnN3w"}),
    "a foreign token in the header": ({"X-CSRF-Token": "fOEWHQUlC1lY0k2RwDqJ2vhKiYJbnN3w"}, {}),
    "a token that is no ASCII": ({}, {"csrf": "é" * 32}),
    "another site": ({"Sec-Fetch-Site": "cross-site"}, {}),
    "another host of the same site": ({"Sec-Fetch-Site": "same-site"}, {}),
    "a foreign origin": ({"Origin": "https://evil.example"}, {}),
    "an origin that begins alike": ({"Origin": "http://localhost.evil.example"}, {}),
    "an origin with our name as its user": ({"Origin": "http://localhost@evil.example"}, {}),
    "another port": ({"Origin": "http://localhost:8080"}, {}),
    "no origin at all": ({"Origin": "null"}, {}),
    "an origin that nobody can read": ({"Origin": "http://["}, {}),
}


def snapshot(office: Office) -> Any:
    with office.house.reading() as conn:
        chosen = levels.chosen(conn)
    return office.states(BOS), office.states(BOTH), chosen, office.record()


@pytest.mark.parametrize("forged", FORGED)
def test_no_other_site_makes_a_browser_do_anything(office: Office, forged: str) -> None:
    browser, user = office.as_("admin"), office.as_("bo")
    headers, form = FORGED[forged]
    before = snapshot(office)
    for rule in UNSAFE:
        path = path_of(rule, number=BOS)
        one = browser if rule.startswith("/people") else user
        said = one.post(path, headers, **(FORMS.get(rule, {}) | {"account": BO, "password": PASSWORD} | form))
        assert said.status_code in (400, 403), (rule, said.status_code)
        assert said.text.count("<h1") == 1
    assert snapshot(office) == before
    assert browser.is_in
    assert user.is_in


@pytest.mark.parametrize("forged", [name for name in FORGED if "token" not in name])
def test_no_other_site_signs_anybody_in(office: Office, forged: str) -> None:
    browser = office.browser()
    headers, form = FORGED[forged]
    for path in ("/sign-in", "/sign-in/code", "/invitation/x"):
        said = browser.post(path, headers, name="bo", password=PASSWORD, **form)
        assert said.status_code in (400, 403)
    assert not browser.is_in


def test_without_a_session_and_without_a_word_of_the_browser_nothing_is_taken(office: Office) -> None:
    said = office.browser().ask("POST", "/sign-in", data={"name": "bo", "password": PASSWORD})
    assert said.status_code == 400


def test_a_token_of_somebody_else_is_worth_nothing(office: Office) -> None:
    mine, theirs = office.as_("bo"), office.as_("cy")
    assert mine.token != theirs.token
    assert mine.post(f"/mail/{BOS}/decide", verb="refuse", csrf=theirs.token).status_code == 400
    assert office.states(BOS) == {BO: "held"}


def test_the_token_may_stand_in_a_header(office: Office) -> None:
    browser = office.as_("bo")
    headers = {"X-CSRF-Token": browser.token}
    assert browser.post(f"/mail/{BOS}/decide", headers, verb="refuse", csrf="").status_code == 302
    assert office.states(BOS) == {BO: "refused"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"])
def test_nothing_is_decided_by_following_a_link(office: Office, method: str) -> None:
    browser = office.as_("bo")
    for rule in UNSAFE:
        path = path_of(rule, number=BOS)
        said = browser.ask(method, f"{path}?verb=refuse&csrf={browser.token}", {"Origin": browser.origin})
        assert said.status_code in (200, 302, 403, 404, 405), rule
    assert office.states(BOS) == {BO: "held"}
    assert browser.is_in


def test_a_405_says_what_goes(office: Office) -> None:
    said = office.as_("bo").get(f"/mail/{BOS}/decide")
    assert said.status_code == 405
    assert set(said.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


# ---- headers -------------------------------------------------------------------------------------------------------

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'"
    "; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
)
USUAL = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
FRAMED = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; form-action 'none';"
    " base-uri 'none'; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
}
SAVED = {"Content-Security-Policy": "sandbox; default-src 'none'"}
SPECIAL: dict[str, dict[str, str]] = {
    "/mail/<number>/shown": FRAMED,
    "/mail/<number>/raw": SAVED,
    "/mail/<number>/file/<int:place>": SAVED,
    "/static/<path:filename>": {"Cache-Control": "public, no-cache"},
    "/events": {"X-Accel-Buffering": "no"},
}
OTHERS = {
    "Content-Type",
    "Content-Language",
    "Content-Length",
    "Content-Disposition",
    "Location",
    "Set-Cookie",
    "Allow",
    "Vary",
} | {
    "ETag",
    "Last-Modified",
    "Date",
    "Accept-Ranges",
    "Expires",
}


def guarding(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in OTHERS}


@pytest.mark.parametrize("name", [None, "bo", "admin"])
def test_every_answer_says_what_browsers_may_do_with_it(office: Office, name: str | None) -> None:
    browser = office.as_(name) if name else office.browser()
    for method, rule in sorted(MATRIX, key=lambda route: (route[1] == "/sign-out", route)):
        path = path_of(rule, number=BOS).replace("<path:filename>", "icon.svg")
        said = browser.get(path) if method == "GET" else browser.post(path, **FORMS.get(rule, {}), account=BO)
        special = SPECIAL.get(rule, {}) if said.status_code == 200 else {}
        assert (rule, guarding(said.headers)) == (rule, USUAL | special)
        said.close()


@pytest.mark.parametrize("path", ["/nothing", "/mail/nothing", "/sign-out"])
def test_so_do_errors(office: Office, path: str) -> None:
    said = office.as_("bo").get(path)
    assert said.status_code >= 400
    assert guarding(said.headers) == USUAL


def test_files_are_saved_and_never_shown(office: Office) -> None:
    said = office.as_("bo").get(f"/mail/{BOS}/file/1")
    assert said.headers["Content-Disposition"].startswith("attachment; ")
    assert said.mimetype == "application/octet-stream"
    assert office.as_("bo").get(f"/mail/{BOS}/raw").headers["Content-Disposition"].startswith("attachment; ")


def test_only_tls_promises_tls(office: Office) -> None:
    assert "Strict-Transport-Security" not in office.browser().get("/sign-in").headers
    said = office.browser(secure=True).get("/sign-in")
    assert said.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_the_cookie_holds_a_secret_and_nothing_else(office: Office) -> None:
    plain, secure = office.browser(), office.browser(secure=True)
    set_here = plain.sign_in("bo").headers["Set-Cookie"]
    assert set_here.startswith("greygate=")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} == set(set_here.split("; ")[1:])
    set_there = secure.sign_in("bo").headers["Set-Cookie"]
    assert set_there.startswith("__Host-greygate=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} == set(set_there.split("; ")[1:])
    assert len(secure.secret) == 43
    with office.house.reading() as conn:
        rows = str(conn.exec_driver_sql("SELECT * FROM web_session").all())
    assert plain.secret not in rows
    assert secure.secret not in rows


def test_a_cookie_of_plain_http_is_nothing_over_tls(office: Office) -> None:
    browser = office.as_("bo")
    said = office.browser(secure=True).get("/security", {"Cookie": f"greygate={browser.secret}"})
    assert said.status_code == 302


def test_no_row_is_kept_for_whoever_only_looks(office: Office) -> None:
    browser = office.browser()
    assert "Set-Cookie" not in browser.get("/sign-in").headers
    assert "Set-Cookie" not in browser.get("/healthz").headers
    with office.house.reading() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM web_session").scalar() == 0


# ---- parts of pages ------------------------------------------------------------------------------------------------

HTMX = {"HX-Request": "true"}


def test_a_part_of_a_page_is_no_place_to_sign_in(office: Office) -> None:
    browser = office.browser()
    for route in MATRIX:
        method, rule = route
        path = path_of(rule, number=BOS).replace("<path:filename>", "icon.svg")
        said = browser.get(path, HTMX) if method == "GET" else browser.post(path, HTMX)
        wanted = None if route in PUBLIC_ROUTES else "/sign-in"
        assert (rule, said.headers.get("HX-Redirect")) == (rule, wanted)
        assert wanted is None or (said.status_code, said.text) == (401, "")


def test_a_decision_without_a_session_leads_to_the_page_to_sign_in(office: Office) -> None:
    browser = office.as_("bo")
    token, browser.secret = browser.token, "over"
    said = browser.post(f"/mail/{BOS}/decide", HTMX | {"X-CSRF-Token": token}, verb="refuse")
    assert (said.status_code, said.headers["HX-Redirect"]) == (401, "/sign-in")
    assert office.states(BOS) == {BO: "held"}


def test_an_error_within_a_page_is_a_few_words(office: Office) -> None:
    said = office.as_("bo").get("/mail/nothing", HTMX)
    assert said.status_code == 404
    assert "<html" not in said.text


# ---- where one wanted to go ----------------------------------------------------------------------------------------

ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/\n/evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt://localhost/%0aalert(1)",
    "data:text/html,x",
    "http:evil.example",
    "http:///evil.example",
    "//[",
    "/\x00/evil.example",
    "evil.example",
    "@evil.example",
    "//localhost@evil.example",
    "/x\r\nSet-Cookie: a=b",
]


@pytest.mark.parametrize("then", ELSEWHERE)
def test_whoever_signs_in_stays_here(office: Office, then: str) -> None:
    browser = office.browser()
    assert browser.ask("GET", "/sign-in", query_string={"then": then}).status_code == 200
    said = browser.sign_in("bo", then=then)
    assert (said.status_code, said.location) == (302, "/")


@pytest.mark.parametrize("then", ["/held?q=from:ann", f"/mail/{BOS}", "/find?q=a%40b", "/held?q=//x"])
def test_and_gets_where_they_wanted(office: Office, then: str) -> None:
    asked = office.browser().get(then)
    assert asked.location.startswith("/sign-in?then=")
    browser = office.browser()
    page = browser.get(asked.location).text
    assert f'name="then" value="{then}"' in page
    assert browser.sign_in("bo", then=then).location == then


def test_a_path_that_looks_like_another_site_leads_home(office: Office) -> None:
    said = office.browser().ask("GET", "//evil.example/held")
    assert "evil" not in (said.location or "") or said.location.startswith("/sign-in?then=")


# ---- odd requests --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "localhost:99", "localhost.evil.example", "a b", "", "[", "x/y", "é"])
def test_the_name_that_a_browser_calls_us_is_in_no_answer(office: Office, host: str) -> None:
    browser = office.browser()
    said = browser.client.get("/held", environ_overrides={"HTTP_HOST": host, "REMOTE_ADDR": "127.0.0.1"})
    assert said.status_code in (302, 400)
    assert (said.location or "/").startswith("/")
    assert host == "" or host not in said.text


@pytest.mark.parametrize(
    "headers",
    [{"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-Proto": "https"}, {"X-Forwarded-Host": "evil.example"}],
)
def test_nobody_is_believed_who_they_are_where_there_is_no_proxy(office: Office, headers: dict[str, str]) -> None:
    browser = office.browser(peer="192.0.2.7")
    said = browser.post("/sign-in", headers, name="bo", password=PASSWORD)
    assert said.status_code == 403
    assert "plain HTTP" in said.text
    assert "Strict-Transport-Security" not in said.headers


@pytest.mark.parametrize("web", [{"proxies": ["127.0.0.0/8"]}])
def test_the_last_proxy_is_believed_and_none_before_it(office: Office) -> None:
    headers = {
        "X-Forwarded-For": "127.0.0.1, 192.0.2.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "gate.example",
    }
    browser = office.browser(host="gate.example")
    said = browser.post("/sign-in", headers | {"Origin": "https://gate.example"}, name="bo", password=PASSWORD)
    assert said.status_code == 302
    assert said.headers["Set-Cookie"].startswith("__Host-")
    assert office.record("signed in")[0]["peer"] == "192.0.2.7"


@pytest.mark.parametrize("web", [{"proxies": ["127.0.0.0/8"]}])
def test_whoever_comes_past_the_proxy_is_who_they_are(office: Office) -> None:
    headers = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"}
    said = office.browser(peer="192.0.2.7").post("/sign-in", headers, name="bo", password=PASSWORD)
    assert said.status_code == 403
    assert "plain HTTP" in said.text


@pytest.mark.parametrize("path", ["/sign-in", f"/mail/{BOS}/decide", "/protection/level", "/people/invite"])
@pytest.mark.parametrize("name", [None, "admin"])
def test_nobody_posts_more_than_a_form(office: Office, path: str, name: str | None) -> None:
    browser = office.as_(name) if name else office.browser()
    said = browser.post(path, verb="x" * MOST_POSTED)
    assert said.status_code in (413, 302) if name is None and path != "/sign-in" else said.status_code == 413
    assert "Traceback" not in said.text


def test_nor_without_telling_how_much(office: Office) -> None:
    said = office.as_("bo").client.post(
        f"/mail/{BOS}/decide",
        input_stream=BytesIO(b"verb=" + b"x" * (MOST_POSTED + 1)),
        content_type="application/x-www-form-urlencoded",
        environ_overrides={"wsgi.input_terminated": True, "HTTP_ORIGIN": "http://localhost"},
    )
    assert said.status_code == 413


ODD = [
    "/held?after=2026-01-01T00:00:00%2B00:00~99999999999999999999999",
    "/held?after=0001-01-01T00:00:00%2B14:00~1",
    "/held?after=9999-12-31T23:59:59-14:00~1",
    "/held?after=2026-01-01~1",
    "/held?after=%00~%00",
    "/waiting?after=0001-01-01T00:00:00%2B14:00~1",
    "/waiting?after=2026-01-01T00:00:00%2B00:00~-9999999999999999999999999",
    "/held?q=" + "x" * 3000,
    "/held?q=%25_%5C%27%22%3B--",
    "/held?q=%00",
    "/held?q=%F0%9F%90%99",
    "/held?q=%FF",
    "/held?mail=%F0%9F%90%99",
    "/held?mail=%00",
    "/find?q=%F0%9F%90%99",
    "/find?q=%40",
    "/find?q=%00%40example.com",
    "/find?q=b%C3%BC%40example.com",
    "/find?q=" + "a" * 600 + "%40example.com",
    "/audit?after=2026-01-01T00:00:00%2B00:00~99999999999999999999999~node1",
    "/audit?after=0001-01-01T00:00:00%2B14:00~1~node1",
    "/audit?who=%F0%9F%90%99&about=%00",
]


def test_what_nobody_means_to_ask_breaks_nothing(either: Office) -> None:
    admin, approver = either.as_("admin"), either.as_("approver")
    for path in ODD:
        assert (path, admin.get(path).status_code) == (path, 200)
        assert (path, approver.get(path).status_code) == (path, 403 if path.startswith("/audit") else 200)


def test_a_mail_that_nobody_has_is_not_there(either: Office) -> None:
    browser = either.as_("admin")
    for number in ("%F0%9F%90%99", "%C3%A9", "%00", "x" * 1000, "%27%20OR%201=1"):
        for path in ("", "/raw", "/source", "/headers", "/files", "/shown", "/trust", "/file/0"):
            assert (number, path, browser.get(f"/mail/{number}{path}").status_code) == (number, path, 404)
        assert browser.post(f"/mail/{number}/decide", verb="release").status_code == 404
    assert browser.get(f"/mail/{BOS}/file/99999999999999999999").status_code in (403, 404)


# ---- our own faults ------------------------------------------------------------------------------------------------

SECRET = "hunter2 of the database"  # what no page may show


@pytest.mark.parametrize("error", [ValueError(SECRET), KeyError(SECRET), OSError(SECRET), AssertionError(SECRET)])
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_our_fault_is_a_number_and_nothing_of_the_inside(
    office: Office, monkeypatch: pytest.MonkeyPatch, error: Exception, headers: dict[str, str]
) -> None:
    def fails() -> str:
        raise error

    fails.rule = guard.Rule()  # type: ignore[attr-defined]
    monkeypatch.setitem(office.app.view_functions, "held.show", fails)
    said = office.as_("bo").get("/held", headers)
    assert said.status_code == 500
    assert "It is in the log under" in said.text
    for word in (SECRET, "Traceback", type(error).__name__, "webui", ".py"):
        assert word not in said.text
    assert guarding(said.headers) == USUAL


def test_an_error_of_the_database_shows_no_statement(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> str:
        raise OperationalError("SELECT password FROM person", {"name": SECRET}, Exception(SECRET))

    fails.rule = guard.Rule()  # type: ignore[attr-defined]
    monkeypatch.setitem(office.app.view_functions, "held.show", fails)
    said = office.as_("bo").get("/held")
    assert said.status_code == 503
    assert "SELECT" not in said.text
    assert SECRET not in said.text


def away(office: Office) -> Office:
    """The same pages, and a database that is gone."""
    there = office.house
    gone = create_engine("sqlite:////nowhere/at/all/gate.db")
    house = replace(there, engine=gone)
    return Office(create_app(house), house)


@pytest.mark.parametrize("path", ["/", "/held", f"/mail/{BOS}", "/sign-in", "/healthz", "/static/icon.svg"])
def test_without_a_database_people_are_told_so(office: Office, path: str) -> None:
    gone = away(office).browser()
    gone.secret = "whoever"
    said = gone.get(path)
    assert said.status_code in ((503,) if path not in ("/healthz", "/static/icon.svg") else (200, 503))
    assert "nowhere" not in said.text
    assert "sqlite" not in said.text.lower()
    if said.status_code == 503:
        assert "database" in said.text
        assert guarding(said.headers) == USUAL


def test_so_is_whoever_wants_to_sign_in(office: Office) -> None:
    said = (
        away(office)
        .browser()
        .ask("POST", "/sign-in", {"Origin": "http://localhost"}, data={"name": "bo", "password": PASSWORD})
    )
    assert said.status_code == 503


def test_a_level_that_somebody_chose_was_chosen(office: Office) -> None:
    """The tests above see that nothing is changed: this one that something would be."""
    browser = office.as_("bo")
    browser.post("/protection/level", account=BO, level="off")
    with office.house.reading() as conn:
        assert levels.chosen(conn) == {BO: Level.OFF}
    assert json.dumps(office.record("level chosen")[0]["detail"]) == '{"level": "off"}'
