"""What somebody may try with a token of their own: nothing of others moves, and nobody learns of the inside."""

import json
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from gateway.model import Scope
from gateway.store import lists
from tests.store.making import BO
from tests.webui.api.conftest import Program, kind_of, program, seed, token_for
from tests.webui.conftest import BOS, DEES, Office
from webui.api import problems
from webui.api.asked import MOST
from webui.guard import POLICY

NEW = {"verb": "allow", "party": "shop.example", "scope": BO}
DECIDE = f"/mails/{BOS}/decisions"


# ---- bodies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [{"id": 1}, {"author": "admin"}, {"by": "admin"}, {"created": "2020-01-01T00:00:00Z"}, {"message": BOS},
     {"__proto__": {}}],
)  # fmt: skip
def test_nobody_says_more_than_they_are_asked(office: Office, more: Any) -> None:
    said = program(office, "bo").post("/known", NEW | more)
    assert kind_of(said) == "invalid"
    assert said.get_json()["errors"][0]["pointer"] == f"#/{next(iter(more))}"
    with office.begin() as conn:
        assert lists.entries(conn) == ()


@pytest.mark.parametrize("body", [{"state": "released"}, {"decided_by": "admin"}, {"due": None}, {"person": "admin"}])
def test_a_decision_is_nothing_else(office: Office, body: Any) -> None:
    assert kind_of(program(office, "bo").post(DECIDE, {"verb": "release", **body})) == "invalid"
    assert office.states(BOS) == {BO: "held"}


@pytest.mark.parametrize("body", [{"password": "x"}, {"totp": None}, {"name": "admin"}, {"disabled": False}, {"id": 1}])
def test_a_person_is_changed_in_what_is_named_only(office: Office, body: Any) -> None:
    assert kind_of(program(office, "admin").send("PATCH", "/people/cy", body)) == "invalid"


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (b"", "malformed"),
        (b"{", "malformed"),
        (b'{"verb": "release"', "malformed"),
        (b'{"verb": "release", "verb": "refuse"}', "malformed"),
        (b"[" * 30_000, "malformed"),
        (b'{"verb": ' * 5_000 + b"1" + b"}" * 5_000, "malformed"),
        (b'{"verb": "release", "recipients": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", "malformed"),
        (b'{"verb": NaN}', "invalid"),
        (b'{"verb": 1e999}', "invalid"),
        (b'{"verb": "\\ud800"}', "malformed"),
        (b'{"verb": "\xff"}', "malformed"),
        (b"\xff\xfe{\x00}\x00", "malformed"),
        (b"null", "invalid"),
        (b"[]", "invalid"),
        (b'"release"', "invalid"),
        (b'"{\\"verb\\": \\"release\\"}"', "invalid"),
        (b'{"verb": ["release"]}', "invalid"),
        (b'{"verb": "release", "choice": ' + b"9" * 4000 + b"}", "invalid"),
        (b'{"verb": "release", "choice": 1e400}', "invalid"),
        (b'{"verb": "release", "choice": -1}', "invalid"),
        (b'{"verb": "release", "choice": true}', "invalid"),
        (b'{"verb": "release", "choice": "1"}', "invalid"),
        (b'{"verb": "release", "recipients": [' + b'"a@b.example",' * 200 + b'"c@d.example"]}', "invalid"),
        (b'{"verb": "release"} {"verb": "refuse"}', "malformed"),
    ],
)  # fmt: skip
def test_a_body_that_is_not_one_is_said_and_does_nothing(office: Office, octets: bytes, kind: str) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "a"}
    said = program(office, "bo").ask("POST", DECIDE, headers, data=octets)
    assert kind_of(said) in (kind, "invalid" if kind == "malformed" and b"9" in octets else kind)
    assert office.states(BOS) == {BO: "held"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json-patch+json"},
        {"Content-Type": ""},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
def test_what_is_no_json_is_not_taken_for_it(office: Office, headers: dict[str, str]) -> None:
    said = program(office, "bo").ask("POST", DECIDE, headers, data=json.dumps({"verb": "release"}))
    assert kind_of(said) == "wrong-type"
    assert office.states(BOS) == {BO: "held"}


def test_a_body_has_64_kibibytes_at_most(office: Office) -> None:
    one, just = program(office, "bo"), json.dumps({"verb": "refuse"}).ljust(MOST)
    kind = {"Content-Type": "application/json"}
    assert kind_of(one.ask("POST", DECIDE, kind, data=just + " ")) == "too-large"
    assert office.states(BOS) == {BO: "held"}
    assert one.ask("POST", DECIDE, kind, data=just).status_code == 200


def test_a_body_where_none_belongs_is_refused(office: Office) -> None:
    one = program(office, "bo")
    assert kind_of(one.ask("GET", "/held", json={"limit": 1})) == "malformed"
    assert kind_of(one.ask("DELETE", "/known/1", json={})) == "malformed"


# ---- parameters ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=201", "limit=-1", "limit=1.0", "limit=1e2", "limit= 1", "limit=٣", "limit=" + "9" * 400,
        "limit=",
        "limit=1&limit=2", "offset=1", "state=gone", "after=", "after=x", "after=%00", "after=W10", "q=%00",
        "after=" + "A" * 501,
        "after=WyJrbm93biIsIjEiXQ", "q=" + "x" * 201, "sender=x", "account=" + BO,
    ],
)  # fmt: skip
def test_a_parameter_that_is_none_is_said(office: Office, query: str) -> None:
    said = program(office, "bo").get(f"/held?{query}")
    assert kind_of(said) == "invalid", said.text
    assert said.get_json()["errors"][0]["parameter"] == query.partition("=")[0]


@pytest.mark.parametrize("made", [
    ["held"], ["held", "2026-03-04T12:30:15+00:00"], ["held", "now", "1"], ["held", "2026-03-04T12:30:15", 1],
    ["held", "9999-12-31T23:59:59-23:59", 1], ["held", "2026-03-04T12:30:15+00:00", 2**63], ["known", 1], {"held": 1},
    ["held", "2026-03-04T12:30:15+00:00", 1, 2], [[["held"]]], ["held", None, None], "held",
])  # fmt: skip
def test_a_place_that_somebody_made_up_is_none(office: Office, made: Any) -> None:
    from base64 import urlsafe_b64encode

    cursor = urlsafe_b64encode(json.dumps(made, separators=(",", ":")).encode()).decode().rstrip("=")
    assert kind_of(program(office, "bo").get(f"/held?after={cursor}")) == "invalid"


@pytest.mark.parametrize("query", ["' OR 1=1 --", "%", "_", "\\", "\U0001f600", "<script>", "x" * 200, "‮"])
def test_what_is_looked_for_is_only_looked_for(either: Office, query: str) -> None:
    seed(either)
    one = program(either, "bo")
    for path in ("/held", "/waiting", "/known", "/accounts", "/find"):
        said = one.ask("GET", path, query_string={"q": query})
        assert said.status_code == 200
        assert said.get_json()["items"] == []


@pytest.mark.parametrize(
    "number", ["0", "..", "%2e%2e", "x" * 21, "0000000000012'", "0000000000012%00", "٣", "-1", "%F0%9F%98%80"]
)
def test_an_id_that_is_none_is_nothing(either: Office, number: str) -> None:
    one = program(either, "bo")
    for rest in ("", "/text", "/raw", "/reasons", "/story", "/choices"):
        assert one.get(f"/mails/{number}{rest}").status_code in (404, 308)
    assert one.post(f"/mails/{number}/undo", {}).status_code in (404, 308)


@pytest.mark.parametrize("number", [0, 2**31, 2**63 - 1, 2**63, 10**30, 10**400])
def test_a_number_that_is_none_is_nothing(either: Office, number: int) -> None:
    one = program(either, "bo")
    for method, path, body in (
        ("GET", "known", None), ("PATCH", "known", {"comment": ""}), ("DELETE", "known", None),
        ("DELETE", "expecting", None),
    ):  # fmt: skip
        assert kind_of(one.send(method, f"/{path}/{number}", body)) == "not-found"


# ---- headers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"X-HTTP-Method-Override": "DELETE"},
        {"X-Original-URL": "/api/v1/people"},
        {"X-Forwarded-For": "10.0.0.1"},
        {"X-Forwarded-Proto": "https", "Forwarded": "proto=https;for=127.0.0.1"},
        {"X-Remote-User": "admin", "Remote-User": "admin"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Cookie": "greygate=x; __Host-greygate=y"},
    ],
)
def test_no_header_makes_somebody_else_of_whoever_calls(office: Office, headers: dict[str, str]) -> None:
    one = Program(office, token_for(office, "bo"), peer="127.0.0.1")
    assert one.ask("GET", "/me", headers).get_json()["name"] == "bo"
    assert kind_of(one.ask("GET", "/people", headers)) == "not-yours"
    one.peer = "192.0.2.9"
    assert kind_of(one.ask("GET", "/me", headers)) == "not-encrypted"


def test_a_users_token_at_an_admins_call(office: Office) -> None:
    one = program(office, "bo", Scope.PEOPLE, Scope.HEALTH)
    for path in ("/people", "/people/bo", "/health", "/switches"):
        assert kind_of(one.get(path)) == "not-yours"
    body = {"roles": ["admin"]}
    assert kind_of(one.send("PATCH", "/people/bo", body)) == "not-yours"
    assert office.record("roles changed") == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "PROPFIND"])
def test_what_is_not_done_there_says_what_is(office: Office, method: str) -> None:
    said = program(office, "bo").ask(method, "/held")
    assert kind_of(said) == "wrong-method"
    assert said.headers["Allow"] == "GET, HEAD"


# ---- what is told --------------------------------------------------------------------------------------------------


def test_our_own_fault_is_told_without_its_words(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.store.shelves.look", lambda *a, **k: {}["the secret"])
    said = program(office, "bo").get("/held")
    assert kind_of(said) == "broken"
    assert "secret" not in said.text
    assert "KeyError" not in said.text


def test_without_a_database_it_says_so_and_no_more(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    one = program(office, "bo")
    broken = create_engine("sqlite:////nowhere/at/all.db")
    monkeypatch.setattr(type(office.house), "engine", broken, raising=False)
    monkeypatch.setattr(type(office.house), "reading", lambda self: broken.connect())
    said = one.get("/held")
    assert kind_of(said) == "unavailable"
    assert "nowhere" not in said.text
    assert OperationalError.__name__ not in said.text


@pytest.mark.parametrize("path", ["/held", "/nothing", "/mails/x", "/docs", "/openapi.json"])
def test_every_answer_has_the_headers_of_the_house(office: Office, path: str) -> None:
    said = program(office, "bo").get(path)
    assert said.headers["Content-Security-Policy"] == POLICY
    assert said.headers["X-Content-Type-Options"] == "nosniff"
    assert said.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in said.headers


def test_every_problem_is_explained_where_its_type_leads(office: Office) -> None:
    page = Program(office, None).get("/docs").text
    for name in problems.KINDS:
        assert f'id="{name}"' in page
    assert "<script" not in page
    assert "style=" not in page


def test_what_another_cannot_see_takes_no_other_words(office: Office) -> None:
    """There, and not there, are told with the same bytes."""
    one = program(office, "bo")
    assert one.get(f"/mails/{DEES}").data == one.get("/mails/0000000000099").data
    assert one.post(f"/mails/{DEES}/decisions", {"verb": "refuse"}).data == one.get("/mails/nothing").data
