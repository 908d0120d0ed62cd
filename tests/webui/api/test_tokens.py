"""Tokens: made on the page, told once, kept as a digest, and worth no more than their owner."""

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from gateway import people, sweep, tokens
from gateway.desk import Person
from gateway.store import persons
from gateway.store import tokens as store
from sql.tables import api_token, failed_sign_in, web_session
from tests.webui.api.conftest import Program, kind_of, program, token_for
from tests.webui.conftest import BOS, PASSWORD, Browser, Office
from webui.api import bearer

DAY = timedelta(days=1)
ROOT = Person("root@cli", "node1")


def made_on_page(browser: Browser, **form: Any) -> str:
    said = browser.post(
        "/security/tokens", **({"name": "Nightly", "scope": ["read"], "days": "90", "password": PASSWORD} | form)
    )
    found = re.search(r"gg_[A-Za-z0-9_-]{43}", said.text)
    return found[0] if found else ""


def test_it_is_made_on_the_page_and_told_once(office: Office) -> None:
    browser = office.as_("bo")
    secret = made_on_page(browser, scope=["read", "decide"])
    assert Program(office, secret).get("/me").get_json() == {
        "name": "bo",
        "roles": [],
        "addresses": ["bo@example.com"],
        "token": "Nightly (number 1)",
        "scopes": ["decide", "read"],
        "expires": (office.now + 90 * DAY).isoformat().replace("+00:00", "Z"),
    }
    page = browser.get("/security").text
    assert secret not in page
    assert secret[:8] in page
    assert "Nightly" in page
    (entry,) = office.record("token made")
    assert (entry["who"], entry["about"], entry["detail"]["scopes"]) == ("bo", "bo", ["decide", "read"])


def test_the_database_knows_no_token(office: Office) -> None:
    secret = token_for(office, "bo")
    with office.begin() as conn:
        (row,) = conn.execute(select(api_token)).mappings().all()
    assert secret not in repr(dict(row))
    assert len(bytes(row["digest"])) == 32
    assert len(secret) == 46  # gg_ and 256 bits


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"password": "wrong"}, "No token was made"),
        ({"scope": []}, "Choose at least one thing"),
        ({"scope": ["everything"]}, "A token may: read, decide"),
        ({"name": " "}, "Say what it is for"),
        ({"name": "x" * 101}, "Say what it is for"),
        ({"days": "0"}, "366 at most"),
        ({"days": "367"}, "366 at most"),
        ({"days": "9" * 19}, "366 at most"),
        ({"days": "-1"}, "366 at most"),
    ],
)
def test_what_is_no_token_is_said_and_nothing_is_made(office: Office, form: dict[str, Any], said: str) -> None:
    browser = office.as_("bo")
    assert made_on_page(browser, **form) == ""
    assert said in browser.get("/security").text
    with office.begin() as conn:
        assert conn.execute(select(api_token)).first() is None


def test_a_revoked_one_is_worth_nothing_at_once(office: Office) -> None:
    browser, one = office.as_("bo"), Program(office, made_on_page(office.as_("bo")))
    assert one.get("/me").status_code == 200
    assert office.as_("cy").post("/security/tokens/1/revoke").status_code == 404
    assert one.get("/me").status_code == 200
    assert browser.post("/security/tokens/1/revoke").status_code == 302
    assert kind_of(one.get("/me")) == "bad-token"
    assert browser.post("/security/tokens/1/revoke").status_code == 404
    assert [entry["about"] for entry in office.record("token revoked")] == ["Nightly (number 1)"]


def test_it_ends_by_itself(office: Office) -> None:
    one = Program(office, token_for(office, "bo", days=2))
    office.later(2 * DAY - timedelta(seconds=1))
    assert one.get("/me").status_code == 200
    office.later(timedelta(seconds=1))
    assert kind_of(one.get("/me")) == "bad-token"


def test_a_locked_out_owners_tokens_are_dead_and_stay_so(office: Office) -> None:
    one = program(office, "bo")
    assert one.get("/me").status_code == 200
    office.change("bo", disabled_at=office.now)
    assert kind_of(one.get("/me")) == "bad-token"
    office.change("bo", disabled_at=None)
    assert one.get("/me").status_code == 200
    with office.begin() as conn:
        people.lock_out(conn, "bo", ROOT, office.now)
    office.change("bo", disabled_at=None)
    assert kind_of(one.get("/me")) == "bad-token"


def test_it_does_no_more_than_its_owner_may_now(office: Office) -> None:
    one = program(office, "approver")
    assert one.get(f"/mails/{BOS}").status_code == 200
    with office.begin() as conn:
        persons.give_roles(conn, office.number("approver"), [])
    assert one.get(f"/mails/{BOS}").status_code == 404
    assert kind_of(one.post(f"/mails/{BOS}/decisions", {"verb": "refuse"})) == "not-found"


@pytest.mark.parametrize("web", [{"second_factor": "required"}])
def test_whoever_owes_a_second_factor_decides_nothing_by_a_token_either(office: Office, web: Any) -> None:
    one = program(office, "approver")
    assert kind_of(one.get("/held")) == "second-factor"
    assert program(office, "bo").get("/held").status_code == 200
    office.change("approver", totp="JBSWY3DPEHPK3PXP")
    assert one.get("/held").status_code == 200


def test_what_a_program_does_is_in_the_audit_with_its_token(office: Office) -> None:
    one = Program(office, token_for(office, "bo", called="nightly triage"), peer="192.0.2.9", url="https://localhost")
    assert one.post(f"/mails/{BOS}/decisions", {"verb": "refuse"}).status_code == 200
    assert one.get(f"/mails/{BOS}/text").status_code == 200
    for act in ("refused", "read"):
        (entry,) = office.record(act)
        assert (entry["who"], entry["peer"]) == ("bo", "192.0.2.9")
        assert entry["detail"]["token"] == "nightly triage (number 1)"
    office.as_("bo").post("/protection/level", account="bo@example.com", level="off")
    assert "token" not in office.record("level chosen")[0]["detail"]


def test_the_day_on_which_it_was_used_is_noted_once(office: Office) -> None:
    one = program(office, "bo")

    def used() -> Any:
        with office.begin() as conn:
            return conn.execute(select(api_token.c.used)).scalar_one()

    assert used() is None
    one.get("/me")
    first = used()
    assert first == office.now.replace(hour=0, minute=0, second=0, microsecond=0)
    office.later(timedelta(hours=1))
    one.get("/me")
    assert used() == first
    office.later(DAY)
    one.get("/me")
    assert used() == first + DAY


def test_nobody_has_more_than_they_can_look_through(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST", 1)
    token_for(office, "bo")
    with pytest.raises(people.NotPossible):
        token_for(office, "bo")
    token_for(office, "cy")


def test_old_ones_are_swept(office: Office) -> None:
    token_for(office, "bo", days=1)
    with office.begin() as conn:
        assert store.forget_old(conn, office.now + DAY) == 0
        assert store.forget_old(conn, office.now + 2 * DAY) == 1
    assert "answers" in sweep.Sweep.kinds.__code__.co_consts


# ---- cookies and tokens --------------------------------------------------------------------------------------------


def test_the_api_knows_no_cookies_and_the_pages_no_tokens(office: Office) -> None:
    browser, secret = office.as_("bo"), token_for(office, "bo")
    said = browser.get("/api/v1/held")
    assert kind_of(said) == "no-token"
    assert "Set-Cookie" not in said.headers
    assert "Sign out" not in browser.get("/api/v1/docs").text, "nobody is signed in there"
    said = office.browser().get("/held", {"Authorization": f"Bearer {secret}"})
    assert (said.status_code, said.location.partition("?")[0]) == (302, "/sign-in")
    with office.begin() as conn:
        before = len(conn.execute(select(web_session)).all())
    assert Program(office, secret).get("/held").status_code == 200
    with office.begin() as conn:
        assert len(conn.execute(select(web_session)).all()) == before


def test_a_page_of_others_gets_nothing(office: Office) -> None:
    """No answer allows another origin, and what a browser asks beforehand is refused."""
    one = program(office, "bo")
    origin = {"Origin": "https://evil.example"}
    asks = {**origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for said in (
        one.get("/held", **origin),
        one.ask("OPTIONS", "/held", asks),
        Program(office, None).ask("OPTIONS", "/held", asks),
    ):
        assert not [name for name, _ in said.headers if name.lower().startswith("access-control")]
        assert said.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert one.ask("OPTIONS", "/held", asks).status_code == 405


# ---- wrong ones ----------------------------------------------------------------------------------------------------

GOOD = "gg_" + "a" * 43


@pytest.mark.parametrize(
    "said",
    [
        "", "Bearer", "Bearer ", f"Basic {GOOD}", GOOD, f"Bearer {GOOD}x", f"Bearer {GOOD[:-1]}",
        f"Bearer {GOOD} {GOOD}",
        "Bearer gg_" + "é" * 43, f"Bearer {GOOD},Bearer {GOOD}", f"Bearer\t{GOOD}", f"Token {GOOD}",
        "Bearer gg_' OR 1=1 --",
        "Bearer " + "x" * 8000,
    ],
)  # fmt: skip
def test_whatever_is_no_token_is_told_the_same(office: Office, said: str) -> None:
    answer = Program(office, None).ask("GET", "/me", {"Authorization": said})
    assert kind_of(answer) == "bad-token"
    wrong = Program(office, GOOD).get("/me")
    assert (answer.data, dict(answer.headers)) == (wrong.data, dict(wrong.headers))


def test_two_tokens_at_once_are_none(office: Office) -> None:
    secret = token_for(office, "bo")
    with office.app.test_client() as client:
        headers = [("Authorization", f"Bearer {secret}"), ("Authorization", f"Bearer {secret}")]
        said = client.get("/api/v1/me", headers=headers, environ_overrides={"REMOTE_ADDR": "127.0.0.1"})
    assert kind_of(said) == "bad-token"


def test_whoever_goes_on_with_wrong_ones_waits_and_costs_nothing(office: Office) -> None:
    guesser, neighbour = Program(office, GOOD), program(office, "bo")
    for _ in range(bearer.FREE):
        assert kind_of(guesser.get("/me")) == "bad-token"
    said = guesser.get("/me")
    assert kind_of(said) == "too-many"
    assert int(said.headers["Retry-After"]) >= 1
    with office.begin() as conn:
        (fails,) = conn.execute(select(failed_sign_in.c.fails)).scalars().all()
    assert fails == bearer.FREE
    assert neighbour.get("/me").status_code == 200, "a right one from the same network counts"
    other = Program(office, GOOD, peer="198.51.100.1", url="https://localhost")
    assert kind_of(other.get("/me")) == "bad-token", "elsewhere nobody waits"
    office.later(timedelta(seconds=int(said.headers["Retry-After"])))
    assert kind_of(guesser.get("/me")) == "bad-token"
    assert kind_of(guesser.get("/me")) == "too-many"
    assert office.as_("cy").is_in, "and nobody is kept from the page to sign in"


def test_a_token_does_not_go_where_others_can_read_it(office: Office) -> None:
    one = Program(office, token_for(office, "bo"), peer="192.0.2.9")
    assert kind_of(one.get("/me")) == "not-encrypted"
    one.url = "https://localhost"
    assert one.get("/me").status_code == 200


def test_what_admins_may_is_offered_to_admins(office: Office) -> None:
    assert 'value="people"' in office.as_("admin").get("/security").text
    assert 'value="people"' not in office.as_("bo").get("/security").text
