"""Who may call what: every route of the API for every kind of person, and with every kind of token."""

from typing import Any

import pytest

from gateway.model import Scope
from tests.store.making import BO
from tests.webui.api.conftest import ALL, Program, kind_of, program, seed
from tests.webui.conftest import BOS, DEES, LENT_DEE, Office
from tests.webui.test_rights import IN, only
from webui.api.calls import CALLS
from webui.guard import rule_of

S = Scope
EVERYBODY = dict.fromkeys(IN, 200)
SEE = only("bo", "approver", "chief", "auditor", "local", "admin", otherwise=404)
READ = SEE | dict.fromkeys(("auditor", "local", "admin"), 403)
MINE = only("bo", "approver", "chief", otherwise=404) | {"auditor": 403, "admin": 403, "local": 403}
LEVEL = only("bo", "approver", "chief", "local", "admin", otherwise=404) | {"auditor": 403}
ADMIN = only("admin")
HEALTH = only("auditor", "admin")


def made(rights: dict[str, int], code: int) -> dict[str, int]:
    return {name: code if found == 200 else found for name, found in rights.items()}


# What each call answers for mail and entries of Bo, by who asks; approvers say why. And which scope it wants.
MATRIX: dict[tuple[str, str], tuple[Scope | None, dict[str, int]]] = {
    ("GET", "/me"): (None, EVERYBODY),
    ("GET", "/held"): (S.READ, EVERYBODY),
    ("GET", "/waiting"): (S.READ, EVERYBODY),
    ("GET", "/mails/<number>"): (S.READ, SEE),
    ("GET", "/mails/<number>/text"): (S.READ, READ),
    ("GET", "/mails/<number>/raw"): (S.READ, READ),
    ("GET", "/mails/<number>/reasons"): (S.READ, SEE),
    ("GET", "/mails/<number>/story"): (S.READ, SEE),
    ("GET", "/mails/<number>/choices"): (S.READ, READ),
    ("POST", "/mails/<number>/decisions"): (S.DECIDE, READ),
    ("POST", "/mails/<number>/undo"): (S.DECIDE, READ),
    ("GET", "/find"): (S.READ, EVERYBODY),
    ("GET", "/known"): (S.READ, EVERYBODY),
    ("GET", "/known/<int:entry>"): (S.READ, SEE),
    ("POST", "/known"): (S.KNOWN, made(only("bo", "approver", "chief"), 201)),
    ("PATCH", "/known/<int:entry>"): (S.KNOWN, MINE),
    ("DELETE", "/known/<int:entry>"): (S.KNOWN, MINE),
    ("POST", "/known/<int:entry>/restore"): (S.KNOWN, MINE),
    ("GET", "/accounts"): (S.READ, EVERYBODY),
    ("GET", "/accounts/<path:account>"): (S.READ, LEVEL),
    ("PUT", "/accounts/<path:account>"): (S.PROTECTION, LEVEL),
    ("GET", "/expecting"): (S.READ, EVERYBODY),
    ("POST", "/expecting"): (S.PROTECTION, made(MINE, 201)),
    ("DELETE", "/expecting/<int:window>"): (S.PROTECTION, made(MINE, 204)),
    ("GET", "/people"): (S.PEOPLE, ADMIN),
    ("POST", "/people"): (S.PEOPLE, made(ADMIN, 201)),
    ("GET", "/people/<name>"): (S.PEOPLE, ADMIN),
    ("PATCH", "/people/<name>"): (S.PEOPLE, ADMIN),
    ("POST", "/people/<name>/invitation"): (S.PEOPLE, made(ADMIN, 201)),
    ("GET", "/statistics"): (S.READ, EVERYBODY),
    ("GET", "/health"): (S.HEALTH, HEALTH),
    ("GET", "/hooks"): (S.HEALTH, HEALTH),
    ("GET", "/switches"): (S.HEALTH, HEALTH),
}
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/mails/<number>/decisions"): {"verb": "refuse"},
    ("POST", "/mails/<number>/undo"): {},
    ("POST", "/known"): {"verb": "allow", "party": "ann@elsewhere.example", "scope": BO},
    ("PATCH", "/known/<int:entry>"): {"comment": "why not"},
    ("PUT", "/accounts/<path:account>"): {"level": "off"},
    ("POST", "/expecting"): {"account": BO},
    ("POST", "/people"): {"name": "zoe"},
    ("PATCH", "/people/<name>"): {"roles": []},
}
QUERIES = {
    "/mails/<number>/text": "?because=Asked by the recipient",
    "/mails/<number>/raw": "?because=Asked by the recipient",
    "/find": "?q=nothing",
}
PUBLIC = {("GET", "/api/v1/openapi.json"), ("GET", "/api/v1/docs")}


def called(one: Program, route: tuple[str, str], number: str = BOS, account: str = BO, place: int = 1) -> Any:
    method, rule = route
    path = rule.replace("<number>", number).replace("<path:account>", account).replace("<name>", "cy")
    path = path.replace("<int:entry>", str(place)).replace("<int:window>", str(place))
    return one.send(method, path + QUERIES.get(rule, ""), BODIES.get(route))


def in_order() -> list[tuple[str, str]]:
    """What is decided last is not to be decided before."""
    last = ("DELETE", "/known/<int:entry>"), ("POST", "/known/<int:entry>/restore")
    return sorted(MATRIX, key=lambda route: last.index(route) if route in last else -1)


def test_every_route_is_in_the_matrix_with_its_scope(office: Office) -> None:
    found = {
        (method, rule.rule): rule_of(office.app, rule.endpoint)
        for rule in office.app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD"}
    }
    assert set(found) == PUBLIC | {(method, f"/api/v1{path}") for method, path in MATRIX}
    for (method, path), (scope, _) in MATRIX.items():
        rule = found[method, f"/api/v1{path}"]
        assert rule is not None
        assert (rule.by_token, rule.public, rule.scope) == (True, False, scope)
    assert {route for route, rule in found.items() if rule is not None and rule.public} == PUBLIC


@pytest.mark.parametrize("name", IN)
def test_every_call_for_everybody(office: Office, name: str) -> None:
    seed(office)
    one = program(office, name)
    found = {route: called(one, route).status_code for route in in_order()}
    assert found == {route: rights[name] for route, (_, rights) in MATRIX.items()}


@pytest.mark.parametrize("scope", ALL)
def test_a_token_does_what_it_is_for_and_nothing_else(office: Office, scope: Scope) -> None:
    """Its owner may do everything but read."""
    seed(office)
    one = program(office, "admin", scope)
    for route in in_order():
        wanted, rights = MATRIX[route]
        said = called(one, route)
        if wanted in (None, scope):
            assert said.status_code == rights["admin"], route
        else:
            assert (kind_of(said), said.get_json()["needed"]) == ("scope", wanted), route
            assert f'scope="{wanted}"' in said.headers["WWW-Authenticate"]


@pytest.mark.parametrize("name", ["bo", "approver", "local"])
def test_no_call_tells_of_the_mail_of_others_or_changes_it(office: Office, name: str) -> None:
    """What would be answered for mail that does not exist."""
    seed(office)
    one, before = program(office, name), (office.states(DEES), office.states(LENT_DEE))
    for route in MATRIX:
        if "<number>" in route[1]:
            said = {
                (told.status_code, told.data) for number in (DEES, LENT_DEE, "0000000000099")
                for told in [called(one, route, number)]
            }  # fmt: skip
            assert len(said) == 1, route
            assert said.pop()[0] == 404, route
        if "account" in route[1]:
            account = "dee@other.example"
            assert called(one, route, account=account).status_code == (404 if "<" in route[1] else 200)
    assert (office.states(DEES), office.states(LENT_DEE)) == before


def test_nobody_gets_anywhere_without_a_token(office: Office) -> None:
    seed(office)
    before, nobody = office.states(BOS), Program(office, None)
    for route in MATRIX:
        said = called(nobody, route)
        assert (said.status_code, kind_of(said)) == (401, "no-token"), route
        assert said.headers["WWW-Authenticate"].startswith("Bearer ")
    assert office.states(BOS) == before


def test_each_call_is_in_one_group_and_says_what_it_does(office: Office) -> None:
    for one in CALLS:
        assert one.summary, one.name
        assert one.group
    assert len({one.name for one in CALLS}) == len(CALLS)
