"""Who may do what: the table by its rows, and every route for every kind of person, with their mail and others'."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from gateway.model import Act, Actor, Role, Tie
from gateway.policy.rights import MAY, can, needs_reason
from gateway.store import persons
from tests.store.making import BO, CY
from tests.webui.conftest import BOS, BOTH, DEES, LANDING, LENT, LENT_DEE, Browser, Office, listed, path_of, share
from tests.webui.reading import read
from webui.app import create_app
from webui.guard import rule_of

# ---- the table -----------------------------------------------------------------------------------------------------

COLUMNS = ("own", "approver", "chief", "stranger", "auditor", "local", "admin", "lists", "nobody")
ACTORS = {
    "own": Actor(1, "own", addresses=frozenset({BO})),
    "approver": Actor(2, "approver", frozenset({(Role.APPROVER, "example.com")})),
    "chief": Actor(3, "chief", frozenset({(Role.APPROVER, "")})),
    "stranger": Actor(4, "stranger", frozenset({(Role.APPROVER, "other.example")})),
    "auditor": Actor(5, "auditor", frozenset({(Role.AUDITOR, "")})),
    "local": Actor(6, "local", frozenset({(Role.ADMIN, "example.com")})),
    "admin": Actor(7, "admin", frozenset({(Role.ADMIN, "")})),
    "lists": Actor(8, "lists", frozenset({(Role.LISTS, "")})),
    "nobody": Actor(9, "nobody"),
}
MAIL_OF_BO = {
    Act.SEE: "own approver chief auditor local admin",
    Act.READ: "own approver chief",
    Act.READ_PENDING: "own approver chief",
    Act.DECIDE: "own approver chief",
    Act.TRUST: "own approver chief",
    Act.TRUST_FOR_ALL: "approver chief",
    Act.LEVEL: "own approver chief local admin",
    Act.EXPECT: "own approver chief",
    Act.LEND: "own",
}
THE_HOUSE = {
    Act.KNOWN: "approver chief stranger auditor admin",
    Act.PEOPLE: "admin",
    Act.AUDIT: "auditor admin",
    Act.HEALTH: "auditor admin",
    Act.SWITCH: "admin",
}


@pytest.mark.parametrize("act", MAIL_OF_BO)
def test_who_may_do_something_to_the_mail_of_an_account(act: Act) -> None:
    assert {name for name in COLUMNS if can(ACTORS[name], act, BO)} == set(MAIL_OF_BO[act].split())


@pytest.mark.parametrize("act", THE_HOUSE)
def test_who_may_do_something_to_the_house(act: Act) -> None:
    assert {name for name in COLUMNS if can(ACTORS[name], act)} == set(THE_HOUSE[act].split())


def test_every_act_is_in_the_tables() -> None:
    assert set(MAIL_OF_BO) | set(THE_HOUSE) == set(MAY) == set(Act)


def test_nobody_does_anything_to_mail_of_the_house_as_a_whole_but_who_has_a_role_for_all() -> None:
    for act in MAIL_OF_BO:
        found = {name for name in COLUMNS if can(ACTORS[name], act)}
        assert found <= {"chief", "auditor", "admin"}, act


@pytest.mark.parametrize(
    "account", ["bo@example.com.evil.example", "bo@sub.example.com", "bo@", "", "example.com@", "@"]
)
def test_a_role_for_a_domain_is_for_that_domain_only(account: str) -> None:
    assert not can(ACTORS["approver"], Act.SEE, account)
    assert not can(ACTORS["own"], Act.SEE, account)


def test_what_a_sender_still_has_may_be_for_its_recipient_alone() -> None:
    readers = {name for name in COLUMNS if can(ACTORS[name], Act.READ_PENDING, BO, narrow=True)}
    assert readers == {"own"}
    assert can(ACTORS["approver"], Act.READ, BO, narrow=True)
    assert can(ACTORS["approver"], Act.DECIDE, BO, narrow=True)


def test_whoever_reads_mail_of_others_says_why() -> None:
    assert not needs_reason(ACTORS["own"], BO)
    assert needs_reason(ACTORS["approver"], BO)


# ---- every route ---------------------------------------------------------------------------------------------------

IN = ("bo", "nobody", "approver", "stranger", "chief", "auditor", "lists", "local", "admin")
EVERYBODY = dict.fromkeys(IN, 200)


def only(*names: str, otherwise: int = 403, code: int = 200) -> dict[str, int]:
    return {name: code if name in names else otherwise for name in IN}


# What a route answers for mail of Bo, by who asks. Approvers have said why. 302 is where a decision leads.
SEE = only("bo", "approver", "chief", "auditor", "local", "admin", otherwise=404)
READ = SEE | dict.fromkeys(("auditor", "local", "admin"), 403)
READ_FRAME = SEE | dict.fromkeys(("auditor", "local", "admin"), 404)
DECIDE = {name: 302 if code == 200 else code for name, code in READ.items()}
PUBLIC = EVERYBODY
LEVEL = only("bo", "approver", "chief", "local", "admin", otherwise=404, code=302) | {"auditor": 403}
EXPECT = only("bo", "approver", "chief", otherwise=404, code=302) | dict.fromkeys(("auditor", "local", "admin"), 403)
LEND = only("bo", otherwise=404, code=302) | dict.fromkeys(("approver", "chief", "auditor", "local", "admin"), 403)
MOVED = dict.fromkeys(IN, 302)
NOBODYS = dict.fromkeys(IN, 404)  # whose they are is tested with them

MATRIX: dict[tuple[str, str], dict[str, int]] = {
    ("GET", "/static/<path:filename>"): PUBLIC,
    ("GET", "/sign-in"): MOVED,
    ("POST", "/sign-in"): dict.fromkeys(IN, 403),  # a wrong password
    ("GET", "/sign-in/code"): MOVED,
    ("POST", "/sign-in/code"): MOVED,
    ("GET", "/sign-in/with"): dict.fromkeys(IN, 404),  # no issuer is named
    ("GET", "/sign-in/back"): dict.fromkeys(IN, 404),
    ("POST", "/sign-in/passkey/begin"): PUBLIC,
    ("POST", "/sign-in/passkey"): dict.fromkeys(IN, 403),  # without a key
    ("POST", "/sign-out"): MOVED,
    ("GET", "/invitation/<secret>"): dict.fromkeys(IN, 404),
    ("POST", "/invitation/<secret>"): dict.fromkeys(IN, 404),
    ("GET", "/"): EVERYBODY,
    ("GET", "/healthz"): PUBLIC,
    ("GET", "/readyz"): dict.fromkeys(IN, 503),  # nothing runs beside the tests
    ("GET", "/favicon.ico"): MOVED,
    ("GET", "/held"): EVERYBODY,
    ("GET", "/waiting"): EVERYBODY,
    ("GET", "/find"): EVERYBODY,
    ("GET", "/statistics"): EVERYBODY,
    ("GET", "/statistics/<table>.csv"): EVERYBODY,  # of which mail is tested with them
    ("GET", "/mail/<number>"): SEE,
    ("POST", "/mail/<number>/because"): {name: 302 if code == 200 else code for name, code in SEE.items()},
    ("GET", "/mail/<number>/shown"): READ_FRAME,
    ("GET", "/mail/<number>/raw"): READ,
    ("GET", "/mail/<number>/source"): READ,
    ("GET", "/mail/<number>/headers"): READ,
    ("GET", "/mail/<number>/files"): READ,
    ("GET", "/mail/<number>/story"): SEE,
    ("GET", "/mail/<number>/why"): SEE,
    ("GET", "/mail/<number>/file/<int:place>"): READ,
    ("GET", "/mail/<number>/trust"): READ,
    ("POST", "/mail/<number>/decide"): DECIDE,
    ("POST", "/mail/<number>/undo"): DECIDE,
    ("POST", "/mail/<number>/ask"): DECIDE | dict.fromkeys(("bo", "approver", "chief"), 409),  # theirs to decide
    ("POST", "/held/selected"): MOVED,
    ("GET", "/mail/<number>/like"): READ,
    ("POST", "/mail/<number>/like"): DECIDE,
    ("GET", "/bulk/<int:number>"): NOBODYS,
    ("GET", "/bulk/<int:number>/look/<int:place>"): NOBODYS,
    ("POST", "/bulk/<int:number>/look/<int:place>"): NOBODYS,
    ("POST", "/bulk/<int:number>/begin"): NOBODYS,
    ("POST", "/bulk/<int:number>/confirm"): NOBODYS,
    ("POST", "/bulk/<int:number>/withdraw"): NOBODYS,
    ("POST", "/bulk/<int:number>/stop"): NOBODYS,
    ("POST", "/bulk/<int:number>/undo"): NOBODYS,
    ("GET", "/campaigns"): EVERYBODY,
    ("GET", "/campaigns/<key>"): SEE | {"stranger": 200},  # Dee has a mail of it too
    ("POST", "/campaigns/<key>/refuse"): DECIDE | {"stranger": 302},
    ("POST", "/campaigns/<key>/release"): DECIDE | {"stranger": 302},
    ("GET", "/review"): EVERYBODY,
    ("GET", "/review/<number>"): {name: 302 if code == 200 else code for name, code in SEE.items()},
    ("POST", "/review/<number>/say"): DECIDE,
    ("GET", "/events"): EVERYBODY,
    ("GET", "/news"): EVERYBODY,
    ("GET", "/protection"): EVERYBODY,
    ("GET", "/protection/preview"): {name: 200 if code == 302 else code for name, code in LEVEL.items()},
    ("POST", "/protection/level"): LEVEL,
    ("POST", "/protection/expect"): EXPECT,
    ("POST", "/protection/substitute"): LEND,
    ("POST", "/protection/substitute/end"): LEND,
    ("POST", "/protection/expect/<int:window>/close"): only("bo", "approver", "chief", otherwise=404, code=302),
    ("POST", "/protection/digest"): MOVED,
    ("POST", "/protection/devices"): MOVED,
    ("GET", "/d/<token>"): dict.fromkeys(IN, 403),
    ("POST", "/d/<token>"): dict.fromkeys(IN, 403),
    ("GET", "/security"): EVERYBODY,
    ("POST", "/security/factor"): MOVED,
    ("POST", "/security/factor/remove"): MOVED,
    ("POST", "/security/language"): MOVED,
    ("POST", "/security/password"): MOVED,
    ("POST", "/security/elsewhere"): MOVED,
    ("POST", "/security/links/begin"): dict.fromkeys(IN, 404),
    ("POST", "/security/links/<key>/remove"): dict.fromkeys(IN, 302),  # a wrong password
    ("POST", "/security/passkeys/begin"): EVERYBODY,
    ("POST", "/security/passkeys"): MOVED,
    ("POST", "/security/passkeys/<int:entry>/rename"): NOBODYS,
    ("POST", "/security/passkeys/<int:entry>/remove"): NOBODYS,
    ("POST", "/security/tokens"): MOVED,
    ("POST", "/security/tokens/<int:number>/revoke"): NOBODYS,
    ("GET", "/known"): EVERYBODY,
    ("GET", "/known/conflicts"): only("approver", "stranger", "chief", "auditor", "admin"),
    ("GET", "/known/add"): EVERYBODY,
    ("POST", "/known/add"): only("bo", "approver", "chief", code=302),
    ("GET", "/known/export"): EVERYBODY,
    ("GET", "/known/import"): EVERYBODY,
    ("POST", "/known/import"): dict.fromkeys(IN, 400),  # without a file
    ("GET", "/known/<int:entry>"): dict.fromkeys(IN, 404),
    ("POST", "/known/<int:entry>/change"): dict.fromkeys(IN, 404),
    ("POST", "/known/<int:entry>/withdraw"): dict.fromkeys(IN, 404),
    ("POST", "/known/<int:entry>/restore"): dict.fromkeys(IN, 404),
    ("GET", "/people"): only("admin"),
    ("POST", "/people/invite"): only("admin"),
    ("GET", "/people/<name>"): only("admin"),
    ("GET", "/people/file/export"): only("admin"),
    ("GET", "/people/file/import"): only("admin"),
    ("POST", "/people/file/import"): only("admin", code=400),  # without a file
    ("POST", "/people/<name>/invite"): only("admin"),
    ("POST", "/people/<name>/roles"): only("admin", code=302),
    ("POST", "/people/<name>/give"): only("admin", code=302),
    ("POST", "/people/<name>/factor"): only("admin", code=302),
    ("POST", "/people/<name>/sessions"): only("admin", code=302),
    ("POST", "/people/<name>/lock"): only("admin", code=302),
    ("POST", "/people/<name>/take"): only("admin", code=302),
    ("GET", "/audit"): only("auditor", "admin"),
    ("GET", "/health"): only("auditor", "admin"),
    ("GET", "/health/now"): only("auditor", "admin"),
    ("GET", "/health/settings"): only("auditor", "admin"),
    ("GET", "/health/watching"): only("auditor", "admin"),
    ("POST", "/health/alerts/<key>"): only("admin", otherwise=403, code=400),
    ("GET", "/health/switches"): only("auditor", "admin"),
    ("GET", "/health/switches/<name>"): only("admin", otherwise=403, code=404),
    ("POST", "/health/switches/<name>"): only("admin", otherwise=403, code=404),
}
PUBLIC_ROUTES = {
    ("GET", "/static/<path:filename>"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/code"),
    ("POST", "/sign-in/code"),
    ("GET", "/sign-in/with"),
    ("GET", "/sign-in/back"),
    ("POST", "/sign-in/passkey/begin"),
    ("POST", "/sign-in/passkey"),
    ("GET", "/invitation/<secret>"),
    ("POST", "/invitation/<secret>"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/favicon.ico"),
    ("GET", "/d/<token>"),
    ("POST", "/d/<token>"),
}
FORMS: dict[str, dict[str, Any]] = {
    "/mail/<number>/because": {"because": "Asked by the recipient"},
    "/mail/<number>/decide": {"verb": "refuse"},
    "/mail/<number>/like": {"verb": "refuse"},
    "/held/selected": {"verb": "refuse"},
    "/review/<number>/say": {"verb": "looked"},
    "/protection/level": {"level": "off"},
    "/known/add": {"party": "ann@elsewhere.example", "scope": BO},
    "/people/invite": {"name": "zoe"},
    "/people/<name>/give": {"address": "info@example.com"},
    "/protection/substitute": {"name": "cy", "until": "2026-03-10"},
    "/protection/substitute/end": {"name": "cy"},
    "/sign-in": {"name": "nobody", "password": "wrong"},
}


LISTED = "0000000000021"


def routes(app: Flask) -> set[tuple[str, str]]:
    """Those of the pages; those of the API have tests of their own."""
    return {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if not rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def called(browser: Browser, method: str, rule: str, number: str = BOS, account: str = BO) -> int:
    """A route with everything that it wants, about somebody's mail."""
    number = LISTED if rule.startswith("/review/") and number == BOS else number
    path = path_of(rule, number=number)
    path = path.replace("<path:filename>", "icon.svg")
    path += f"?account={account}" if rule == "/protection/preview" else ""
    form = dict(FORMS.get(rule, {}))
    if rule.startswith("/protection/"):
        form["account"] = account
    with browser.get(path) if method == "GET" else browser.post(path, **form) as said:
        return said.status_code


def test_every_route_is_in_the_matrix_and_none_that_is_gone(office: Office) -> None:
    assert routes(office.app) == set(MATRIX)


def test_every_page_says_who_may_see_it(office: Office) -> None:
    assert [name for name in office.app.view_functions if rule_of(office.app, name) is None] == []


@pytest.mark.parametrize("name", IN)
def test_every_route_for_everybody(office: Office, name: str) -> None:
    browser = office.as_(name)
    browser.post(f"/mail/{BOS}/because", because="Asked by the recipient")
    listed(office, LISTED)
    assert share(office, BOTH, BOS, DEES) == LANDING
    last = (
        "/sign-out", "/mail/<number>/decide", "/mail/<number>/undo", "/people/<name>/lock", "/people/<name>/take",
        "/security/elsewhere", "/campaigns/<key>/refuse", "/campaigns/<key>/release",
    )  # fmt: skip
    in_order = sorted(
        MATRIX, key=lambda route: (route[1] in last, last[::-1].index(route[1]) if route[1] in last else 0)
    )
    found = {route: called(browser, *route) for route in in_order}
    assert found == {route: MATRIX[route][name] for route in in_order}


@pytest.mark.parametrize("name", ["bo", "approver", "local"])
def test_no_route_tells_of_the_mail_of_others_or_changes_it(office: Office, name: str) -> None:
    """What would be answered for mail that does not exist."""
    browser = office.as_(name)
    before = office.states(DEES), office.states(LENT_DEE)
    for method, rule in MATRIX:
        if "<number>" in rule:
            for number in (DEES, LENT_DEE, "0000000000099"):
                assert called(browser, method, rule, number) == 404, (method, rule, number)
    for rule in ("/protection/level", "/protection/expect"):
        assert called(browser, "POST", rule, account="dee@other.example") == 404
    assert (office.states(DEES), office.states(LENT_DEE)) == before


def test_nobody_gets_anywhere_without_signing_in_but_where_everybody_may(office: Office) -> None:
    before = office.states(BOS)
    for method, rule in set(MATRIX) - PUBLIC_ROUTES:
        browser = office.browser()
        path = path_of(rule, number=BOS)
        said = browser.get(path) if method == "GET" else browser.post(path, **FORMS.get(rule, {}), account=BO)
        assert (rule, said.status_code, said.location.partition("?")[0]) == (rule, 302, "/sign-in")
    assert office.states(BOS) == before
    assert office.record() == []


def test_only_what_is_named_here_is_public(office: Office) -> None:
    marked = {
        (method, rule.rule)
        for rule in office.app.url_map.iter_rules()
        if not rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if (found := rule_of(office.app, rule.endpoint)) is not None and found.public
    }
    assert marked == PUBLIC_ROUTES


@pytest.mark.parametrize("name", [None, "admin"])
def test_a_page_that_says_nothing_about_who_may_see_it_is_for_nobody(office: Office, name: str | None) -> None:
    office.app = create_app(office.house)
    office.app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    browser = office.as_(name) if name else office.browser()
    said = browser.get("/forgotten")
    assert said.status_code == 404
    assert "secret" not in said.text


@pytest.mark.parametrize("path", ["/nothing", f"/mail/{BOS}/nothing", "/mail/", "/static/../app.py", "/static/nothing"])
def test_what_is_not_there_is_not_there_for_anybody(office: Office, path: str) -> None:
    assert office.browser().get(path).status_code == 404
    assert office.as_("admin").get(path).status_code == 404


# ---- who sees what on them -----------------------------------------------------------------------------------------

SEEN = {
    "bo": {BOTH, BOS},
    "cy": {BOTH},
    "nobody": set(),
    "approver": {BOTH, BOS},
    "stranger": {DEES},
    "chief": {BOTH, BOS, DEES},
    "auditor": {BOTH, BOS, DEES},
    "lists": set(),
    "local": {BOTH, BOS},
    "admin": {BOTH, BOS, DEES},
}


@pytest.mark.parametrize("name", SEEN)
def test_the_list_holds_what_they_may_see(either: Office, name: str) -> None:
    page = either.as_(name).get("/held").text
    assert {number for number in (BOTH, BOS, DEES) if number in page} == SEEN[name]
    waiting = either.as_(name).get("/waiting").text
    assert (LENT in waiting, LENT_DEE in waiting) == (
        name in ("bo", "approver", "chief", "auditor", "local", "admin"),
        name in ("stranger", "chief", "auditor", "admin"),
    )


@pytest.mark.parametrize("name", ["auditor", "admin", "local", "approver"])
def test_what_is_in_mail_of_others_is_not_shown_without_more_ado(office: Office, name: str) -> None:
    browser = office.as_(name)
    for path in (f"/mail/{BOS}", f"/held?mail={BOS}"):
        page = browser.get(path).text
        assert "A few words" not in page
        assert "a.csv" not in page
    assert office.record("read") == []


def test_an_approver_says_why_once_and_it_is_on_record_with_each_mail(office: Office) -> None:
    browser = office.as_("approver")
    assert browser.post(f"/mail/{BOS}/because", because="no").status_code == 302
    assert browser.get(f"/mail/{BOS}/raw").status_code == 403
    assert browser.post(f"/mail/{BOS}/because", because="Asked by the recipient").status_code == 302
    assert "A few words" in browser.get(f"/mail/{BOS}/source").text
    assert b"A few words" in browser.get(f"/mail/{BOTH}/raw").data
    browser.get(f"/mail/{BOTH}/raw")
    read = [(row["who"], row["about"], row["detail"]["because"]) for row in office.record("read")]
    assert sorted(read) == [("approver", number, "Asked by the recipient") for number in (BOTH, BOS)]


def test_whoever_reads_their_own_mail_says_nothing_and_it_is_on_record(office: Office) -> None:
    assert b"A few words" in office.as_("bo").get(f"/mail/{BOS}/raw").data
    (row,) = office.record("read")
    assert (row["who"], row["about"], row["detail"]) == ("bo", BOS, {"because": "", "recipients": [BO]})


@pytest.mark.parametrize("web", [{"sender_held": "recipient"}])
def test_an_approver_does_not_read_what_its_sender_has_where_the_settings_say_so(office: Office) -> None:
    browser = office.as_("approver")
    browser.post(f"/mail/{BOS}/because", because="Asked by the recipient")
    assert browser.get(f"/mail/{BOS}/raw").status_code == 200
    assert browser.get(f"/mail/{LENT}").status_code == 200
    assert browser.get(f"/mail/{LENT}/raw").status_code == 403
    assert office.as_("bo").get(f"/mail/{LENT}/raw").status_code == 200


def test_other_recipients_of_a_mail_are_nobodys_business(office: Office) -> None:
    """Neither that they are there, nor what they decided: they may be blind copies."""
    assert office.as_("cy").post(f"/mail/{BOTH}/decide", verb="refuse").status_code == 302
    browser = office.as_("bo")
    for path in (
        f"/mail/{BOTH}",
        f"/mail/{BOTH}/story",
        f"/mail/{BOTH}/why",
        f"/held?mail={BOTH}",
        "/",
        f"/find?q={BOTH}",
        "/find?q=cy@example.com",
    ):
        page = read(browser.get(path).text)
        for own in ("Nothing is on record about “cy@example.com”", "Asked for “cy@example.com”"):
            page = page.replace(own, "")
        assert CY not in page.replace('value="cy@', ""), path
        assert "by cy" not in page, path


def test_a_substitute_sees_it_until_the_end_of_the_day(office: Office) -> None:
    number, until = office.number("nobody"), office.now + timedelta(minutes=30)
    with office.begin() as conn:
        persons.give_address(conn, number, BO, Tie.DELEGATE, "bo", office.now, until)
    browser = office.as_("nobody")
    assert browser.get(f"/mail/{BOS}/raw").status_code == 200
    office.later(timedelta(minutes=29, seconds=59))
    assert browser.get(f"/mail/{BOS}").status_code == 200
    office.later(timedelta(seconds=1))
    assert browser.get(f"/mail/{BOS}").status_code == 404


# ---- whose mail somebody sees ----------------------------------------------------------------------------------------


def test_whoever_has_an_address_no_more_sees_its_mail_no_more(office: Office) -> None:
    bo = office.as_("bo")
    assert bo.get(f"/mail/{BOS}").status_code == 200
    assert office.as_("admin").post("/people/bo/take", address=BO).status_code == 302
    assert bo.get(f"/mail/{BOS}").status_code == 404
    assert [row["detail"] for row in office.record("address taken")] == [{"address": BO}]
    assert office.as_("admin").post("/people/nobody-at-all/take", address=BO).status_code == 404
