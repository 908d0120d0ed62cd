"""Signing in: invitations, passwords, patience with those who guess, the second factor, and how a session ends."""

import re
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from sqlalchemy import delete, func, select

from gateway.model import Role
from gateway.store import persons, sittings
from sql.tables import failed_sign_in, web_session
from tests.store.making import BO, DAY, HOUR, MINUTE, SECOND
from tests.webui.conftest import BOS, PASSWORD, Browser, Office
from webui import passwords
from webui.passwords import BadPassword, hashed, is_right
from webui.sessions import ENDS_AFTER, IDLE, IDLE_USER

NEW = "seven green lanterns"
WRONG = "The name or the password is wrong."
REAL = passwords.HASHER  # before it is made cheap
TOTP = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def invite(office: Office, name: str = "zoe", life: timedelta = 3 * DAY) -> str:
    """The path of a link for somebody, who is there from now on."""
    secret = f"secret of {name} at {office.now:%s}".replace(" ", "-")
    with office.begin() as conn:
        row = persons.named(conn, name)
        number = row["id"] if row else persons.add(conn, name, "test", office.now)
        sittings.invite(conn, secret, number, "test", office.now, office.now + life)
    return f"/invitation/{secret}"


def sittings_of(office: Office, name: str) -> int:
    number = office.number(name)
    with office.house.reading() as conn:
        query = select(func.count()).select_from(web_session).where(web_session.c.person_id == number)
        return int(conn.execute(query).scalar_one())


def code_at(office: Office, drift: int = 0) -> str:
    return pyotp.TOTP(TOTP).at(int(office.now.timestamp()) + drift)


def with_factor(office: Office, name: str = "bo", codes: tuple[str, ...] = ()) -> None:
    office.change(name, totp=TOTP, totp_step=0, recovery=[passwords.digest_of(one) for one in codes])


# ---- invitations ---------------------------------------------------------------------------------------------------


def test_an_invitation_is_good_once(either: Office) -> None:
    path = invite(either)
    first, second = either.browser(), either.browser()
    assert "zoe" in first.get(path).text
    assert first.post(path, password=NEW, again=NEW).status_code == 302
    assert first.is_in
    assert second.get(path).status_code == 404
    assert second.post(path, password=PASSWORD, again=PASSWORD).status_code == 404
    assert not second.is_in
    assert second.sign_in("zoe", NEW).status_code == 302
    assert [row["who"] for row in either.record("password chosen")] == ["zoe"]


def test_an_invitation_is_good_for_a_time(office: Office) -> None:
    path, browser = invite(office), office.browser()
    office.later(3 * DAY - SECOND)
    assert browser.get(path).status_code == 200
    office.later(SECOND)
    assert browser.get(path).status_code == 404
    assert browser.post(path, password=NEW, again=NEW).status_code == 404


def test_the_next_invitation_is_the_only_one(office: Office) -> None:
    first = invite(office)
    office.later(SECOND)
    second = invite(office)
    assert office.browser().get(first).status_code == 404
    assert office.browser().get(second).status_code == 200


def test_an_invitation_ends_the_sessions_that_there_are(office: Office) -> None:
    """Whoever asks for another password may have lost the old one to somebody."""
    thief = office.as_("bo")
    office.browser().post(invite(office, "bo"), password=NEW, again=NEW)
    assert not thief.is_in
    assert office.browser().sign_in("bo").status_code == 403


def test_an_invitation_takes_the_place_of_the_password_and_not_of_the_second_factor(office: Office) -> None:
    with_factor(office)
    browser = office.browser()
    said = browser.post(invite(office, "bo"), password=NEW, again=NEW)
    assert said.location == "/sign-in/code"
    assert not browser.is_in
    assert browser.post("/sign-in/code", code=code_at(office)).status_code == 302
    assert browser.is_in


def test_a_link_is_made_by_an_admin_on_the_page(office: Office) -> None:
    said = office.as_("admin").post(
        "/people/invite", name="Zoe", role="approver", domain="Example.com", addresses="Z@Example.com"
    )
    found = re.search(r"http://localhost(/invitation/[\w-]+)", said.text)
    assert found is not None
    browser = office.browser()
    assert browser.post(found[1], password=NEW, again=NEW).status_code == 302
    with office.house.reading() as conn:
        row = persons.named(conn, "zoe")
        assert row is not None
        assert persons.roles_of(conn, row["id"]) == {(Role.APPROVER, "example.com")}
        assert [one["address"] for one in persons.addresses_of(conn, row["id"])] == ["Z@example.com".lower()]
    assert found[1].rpartition("/")[2] not in str(office.record())


@pytest.mark.parametrize(
    "form",
    [
        {"name": ""},
        {"name": "a b"},
        {"name": "a/b"},
        {"name": "x" * 256},
        {"name": "a\u202eb"},
        {"name": "zoe", "role": "god"},
        {"name": "zoe", "role": "approver", "domain": "no domain"},
        {"name": "zoe", "addresses": "nonsense"},
        {"name": "zoe", "addresses": "a@b.example " * 51},
    ],
)
def test_nobody_is_invited_who_cannot_be(office: Office, form: dict[str, Any]) -> None:
    assert office.as_("admin").post("/people/invite", **form).status_code == 302
    assert office.record("invited") == []


# ---- passwords -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short words", "At least 12"),
        ("", "At least 12"),
        ("x" * 1025, "At most 1024"),
        ("aaaaaaaaaaaaaaaa", "guess"),
        ("abababababab", "guess"),
        ("PasswordPassword", "guess"),
        ("zoe@example.com", "guess"),
        ("moc.elpmaxe@eoz", "guess"),
    ],
)
def test_what_others_guess_first_is_no_password(office: Office, password: str, says: str) -> None:
    with pytest.raises(BadPassword, match=says):
        hashed(password, "zoe@example.com")
    browser = office.browser()
    said = browser.post(invite(office, "zoe@example.com"), password=password, again=password)
    assert said.status_code == 400
    assert says in said.text
    assert not browser.is_in


def test_what_is_long_enough_is_one() -> None:
    for password in ("twelve chars", "x" * 1020 + "abcd", "пять зелёных слонов", "🐙🐠🐡🦀🦐🦑🐬🐳🦈🐟🐋🦭"):
        stored = hashed(password, "zoe")
        assert stored.startswith("$argon2id$")
        assert is_right(stored, password)
        assert not is_right(stored, password[:-1])
        assert not is_right("", password)
        assert not is_right("no hash", password)


def test_both_times_the_same(office: Office) -> None:
    path, browser = invite(office), office.browser()
    assert browser.post(path, password=NEW, again=PASSWORD).status_code == 400
    assert browser.post(path, password=NEW, again=NEW).status_code == 302


def test_the_hash_costs_what_owasp_asks_for() -> None:
    assert (REAL.memory_cost, REAL.time_cost, REAL.parallelism) >= (19 * 1024, 2, 1)


def test_whoever_is_in_changes_the_password(office: Office) -> None:
    browser, elsewhere, other = office.as_("bo"), office.as_("bo"), office.as_("cy")
    forms: tuple[dict[str, Any], ...] = (
        {"old": "wrong", "password": NEW, "again": NEW},
        {"old": PASSWORD, "password": NEW, "again": "another"},
        {"old": PASSWORD, "password": "short", "again": "short"},
    )
    for form in forms:
        browser.post("/security/password", **form)
        assert elsewhere.is_in
    browser.post("/security/password", old=PASSWORD, password=NEW, again=NEW)
    assert (browser.is_in, elsewhere.is_in, other.is_in) == (True, False, True)
    assert office.browser().sign_in("bo").status_code == 403
    assert office.browser().sign_in("bo", NEW).status_code == 302
    assert len(office.record("password changed")) == 1


# ---- what is said to whoever guesses -------------------------------------------------------------------------------


def test_it_is_said_with_the_same_words_whether_there_is_such_a_person(office: Office) -> None:
    office.change("cy", disabled_at=office.now, password="")
    with office.begin() as conn:
        persons.add(conn, "invited", "test", office.now)
    said = {}
    for name in ("bo", "cy", "invited", "unknown"):
        answer = office.browser(peer="192.0.2.1", secure=True).sign_in(name, "three wrong bicycles")
        said[name] = (answer.status_code, answer.text.replace(f'value="{name}"', ""), guarding(answer.headers))
    assert WRONG in said["bo"][1]
    assert said["bo"] == said["cy"] == said["invited"] == said["unknown"]


def guarding(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in ("Set-Cookie", "Content-Length")}


class Counted:
    """How often a password was compared."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        real = passwords.is_right

        def counting(stored: str, password: str) -> bool:
            self.times += 1
            return real(stored, password)

        monkeypatch.setattr(passwords, "is_right", counting)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


def test_it_takes_a_hash_whether_there_is_such_a_person(office: Office, counted: Counted) -> None:
    for name in ("bo", "unknown"):
        office.browser().sign_in(name, "wrong")
    assert counted.times == 2


def test_a_thousand_guesses_at_one_name_from_everywhere_are_hardly_ever_looked_at(
    office: Office, counted: Counted
) -> None:
    """From a thousand networks within a quarter of an hour."""
    for number in range(1000):
        browser = office.browser(peer=f"10.{number // 250}.{number % 250}.1", secure=True)
        assert browser.sign_in("bo", f"guess number {number}").status_code in (403, 429)
        office.later(0.9 * SECOND)
    assert counted.times <= 20
    assert len(office.record("sign-in failed")) == counted.times


def test_a_thousand_guesses_at_all_names_from_one_network_are_hardly_ever_looked_at(
    office: Office, counted: Counted
) -> None:
    for number in range(1000):
        browser = office.browser(peer=f"192.0.2.{number % 250}", secure=True)
        assert browser.sign_in(f"name{number}", PASSWORD).status_code in (403, 429)
        office.later(0.2 * SECOND)
    assert 20 <= counted.times <= 28
    assert office.browser(peer="198.51.100.1", secure=True).sign_in("bo").status_code == 302


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.250", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("::ffff:192.0.2.1", "192.0.2.2", True),
        ("::ffff:192.0.2.1", "::ffff:198.51.100.1", False),
    ],
)
def test_a_network_is_what_one_person_has(office: Office, first: str, second: str, is_same: bool) -> None:
    for number in range(21):
        office.browser(peer=first, secure=True).sign_in(f"name{number}", "wrong")
    said = office.browser(peer=second, secure=True).sign_in("bo")
    assert said.status_code == (429 if is_same else 302)


def test_nobody_is_locked_out(office: Office, counted: Counted) -> None:
    """Whatever others did: a quarter of an hour after the last wrong guess the right password is right."""
    for _ in range(60):
        office.browser().sign_in("bo", "wrong")
        office.later(20 * MINUTE)
    assert counted.times == 60
    office.browser().sign_in("bo", "wrong")
    waits = office.browser().sign_in("bo")
    assert waits.status_code == 429
    assert "Try again in" in waits.text
    office.later(15 * MINUTE)
    assert office.browser().sign_in("bo").status_code == 302


def test_some_mistakes_cost_nothing_and_success_forgives(office: Office) -> None:
    for _ in range(3):
        for _ in range(4):
            assert office.browser().sign_in("bo", "wrong").status_code == 403
        assert office.browser().sign_in("bo").status_code == 302


def test_who_waits_is_not_made_to_wait_longer(office: Office) -> None:
    for _ in range(6):
        office.browser().sign_in("bo", "wrong")
    for _ in range(50):
        assert office.browser().sign_in("bo", "wrong").status_code == 429
    office.later(3 * SECOND)
    assert office.browser().sign_in("bo").status_code == 302


def test_old_mistakes_are_forgiven(office: Office) -> None:
    for _ in range(10):
        office.browser().sign_in("bo", "wrong")
        office.later(20 * SECOND)
    office.later(HOUR)
    with office.begin() as conn:
        sittings.forget_old(conn, office.now)
        assert conn.execute(select(func.count()).select_from(failed_sign_in)).scalar() == 0
    for _ in range(5):
        assert office.browser().sign_in("bo", "wrong").status_code == 403


def test_an_open_session_is_no_place_to_guess_the_password(office: Office, counted: Counted) -> None:
    browser = office.as_("bo")
    counted.times = 0
    for number in range(40):
        browser.post("/security/password", old=f"guess {number}", password=NEW, again=NEW)
        browser.post("/security/factor/remove", password=f"guess {number}")
    assert counted.times <= 6


# ---- the second factor ---------------------------------------------------------------------------------------------


def half_in(office: Office, name: str = "bo") -> Browser:
    browser = office.browser()
    assert browser.sign_in(name, then="/waiting").location == "/sign-in/code"
    assert not browser.is_in
    return browser


def test_the_password_alone_is_half(either: Office) -> None:
    with_factor(either)
    browser = half_in(either)
    assert browser.get("/sign-in/code").status_code == 200
    assert browser.post("/sign-in/code", code="000000").status_code == 403
    assert browser.post("/sign-in/code", code=code_at(either)).location == "/waiting"
    assert browser.is_in
    assert [row["act"] for row in either.record()] == ["code failed", "signed in"]


def test_a_code_counts_once(either: Office) -> None:
    with_factor(either)
    code = code_at(either)
    assert half_in(either).post("/sign-in/code", code=code).status_code == 302
    again = half_in(either)
    assert again.post("/sign-in/code", code=code).status_code == 403
    assert again.post("/sign-in/code", code=code_at(either, -30)).status_code == 403
    assert not again.is_in
    assert again.post("/sign-in/code", code=code_at(either, 30)).status_code == 302


@pytest.mark.parametrize(("drift", "is_right"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_a_little_off(office: Office, drift: int, is_right: bool) -> None:
    with_factor(office)
    browser = half_in(office)
    assert browser.post("/sign-in/code", code=code_at(office, drift)).status_code == (302 if is_right else 403)
    assert browser.is_in is is_right


def test_a_code_is_read_as_people_type_it(office: Office) -> None:
    with_factor(office)
    code = code_at(office)
    assert half_in(office).post("/sign-in/code", code=f" {code[:3]} {code[3:]} ").status_code == 302


@pytest.mark.parametrize("code", ["", "abcdef", "12345", "1234567", "١٢٣٤٥٦", "x" * 5000, "-00001", "\x00" * 6])
def test_what_is_no_code_is_wrong(office: Office, code: str) -> None:
    with_factor(office)
    assert half_in(office).post("/sign-in/code", code=code).status_code == 403


def test_a_recovery_code_counts_once(either: Office) -> None:
    with_factor(either, codes=("aaaa-bbbb-cccc", "dddd-eeee-ffff"))
    assert half_in(either).post("/sign-in/code", code=" AAAA-bbbb-cccc ").status_code == 302
    again = half_in(either)
    assert again.post("/sign-in/code", code="aaaa-bbbb-cccc").status_code == 403
    assert again.post("/sign-in/code", code="dddd-eeee-ffff").status_code == 302


def test_codes_are_not_guessed(office: Office) -> None:
    with_factor(office)
    browser = half_in(office)
    for _ in range(50):
        said = browser.post("/sign-in/code", code="000000")
    assert said.status_code == 429
    assert len(office.record("code failed")) <= 6
    assert browser.post("/sign-in/code", code=code_at(office)).status_code == 429


def test_the_right_password_does_not_forgive_wrong_codes(office: Office) -> None:
    with_factor(office)
    for _ in range(5):
        assert half_in(office).post("/sign-in/code", code="000000").status_code == 403
    assert office.browser().sign_in("bo").status_code == 429


def test_from_the_password_to_the_code_is_five_minutes(office: Office) -> None:
    with_factor(office)
    browser = half_in(office)
    office.later(5 * MINUTE + SECOND)
    assert browser.get("/sign-in/code").location == "/sign-in"
    assert browser.post("/sign-in/code", code=code_at(office)).location == "/sign-in"
    assert not browser.is_in


def test_who_is_locked_out_between_the_password_and_the_code_is_out(office: Office) -> None:
    with_factor(office, codes=("aaaa-bbbb-cccc",))
    first, second = half_in(office), half_in(office)
    code = code_at(office)
    assert office.as_("admin").post("/people/bo/lock").status_code == 302
    assert first.post("/sign-in/code", code=code).status_code == 302
    assert second.post("/sign-in/code", code="aaaa-bbbb-cccc").status_code == 302
    assert not first.is_in
    assert not second.is_in


def test_a_factor_is_set_up_with_its_first_code_and_never_shown_again(office: Office) -> None:
    browser = office.as_("bo")
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", browser.get("/security").text)
    assert secret is not None
    browser.post("/security/factor", code="000000")
    assert office.record("second factor set up") == []
    code = pyotp.TOTP(secret[1]).at(office.now)
    page = browser.post("/security/factor", code=code).text
    codes = re.findall(r"\b[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}\b", page)
    assert len(set(codes)) == 10
    assert secret[1] not in browser.get("/security").text
    other = half_in(office)
    assert other.post("/sign-in/code", code=code).status_code == 403  # it was used to set it up
    assert other.post("/sign-in/code", code=codes[3]).status_code == 302
    with office.house.reading() as conn:
        row = persons.named(conn, "bo")
    assert row is not None
    assert len(row["recovery"]) == 9
    assert not set(codes) & set(row["recovery"])


def test_a_factor_is_not_changed_by_whoever_sits_down_at_an_open_session(office: Office) -> None:
    browser = office.as_("bo")
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", browser.get("/security").text)
    assert secret is not None
    with_factor(office)
    browser.post("/security/factor", code=pyotp.TOTP(secret[1]).at(office.now))
    browser.post("/security/factor/remove", password="wrong")
    with office.house.reading() as conn:
        row = persons.named(conn, "bo")
    assert row is not None
    assert row["totp"] == TOTP
    browser.post("/security/factor/remove", password=PASSWORD)
    assert office.browser().sign_in("bo").location == "/"


# ---- sessions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_code", [False, True])
def test_signing_in_is_another_secret_than_before(office: Office, with_code: bool) -> None:
    """Who planted the old one has nothing of it."""
    browser = office.browser()
    browser.secret = "planted"
    if with_code:
        with_factor(office)
        browser.sign_in("bo")
        before = browser.secret
        assert before != "planted"
        browser.post("/sign-in/code", code=code_at(office))
    else:
        before = "planted"
        browser.sign_in("bo")
    assert browser.is_in
    assert browser.secret not in ("", before)
    thief = office.browser()
    for secret in ("planted", before):
        thief.secret = secret
        assert not thief.is_in


def test_what_was_known_of_the_browser_is_forgotten(office: Office) -> None:
    browser = office.as_("approver")
    browser.post(f"/mail/{BOS}/because", because="Asked by the recipient")
    token = browser.token
    browser.sign_in("bo")
    browser.get("/security")
    assert browser.held["person"] == office.number("bo")
    assert "because" not in browser.held
    assert browser.token != token


def test_signing_out_ends_it_for_every_copy_of_the_cookie(either: Office) -> None:
    browser, thief = either.as_("bo"), either.browser()
    secret = browser.secret
    assert browser.post("/sign-out").location == "/sign-in"
    thief.secret = secret
    assert not browser.is_in
    assert not thief.is_in
    assert sittings_of(either, "bo") == 0


@pytest.mark.parametrize(("name", "idle"), [("bo", IDLE_USER), ("approver", IDLE), ("admin", IDLE), ("auditor", IDLE)])
def test_a_session_ends_when_nobody_is_there(office: Office, name: str, idle: timedelta) -> None:
    browser = office.as_(name)
    for _ in range(2):
        office.later(idle - SECOND)
        assert browser.is_in
    office.later(idle + SECOND)
    assert not browser.is_in


def test_a_session_ends_when_the_day_is_over(office: Office) -> None:
    browser = office.as_("bo")
    for _ in range(int(ENDS_AFTER / HOUR)):
        assert browser.is_in
        office.later(HOUR)
    assert not browser.is_in


def test_who_is_locked_out_is_out_at_once(office: Office) -> None:
    browser, admin = office.as_("bo"), office.as_("admin")
    assert admin.post("/people/bo/lock").status_code == 302
    assert not browser.is_in
    assert browser.post(f"/mail/{BOS}/decide", verb="refuse").status_code != 200
    assert office.states(BOS) == {BO: "held"}
    assert office.browser().sign_in("bo").status_code == 403
    assert sittings_of(office, "bo") == 0
    assert [(row["who"], row["about"]) for row in office.record("locked out")] == [("admin", "bo")]


def test_an_account_that_is_disabled_behind_our_back_is_out_too(office: Office) -> None:
    browser = office.as_("bo")
    office.change("bo", disabled_at=office.now)
    assert not browser.is_in
    assert office.browser().sign_in("bo").status_code == 403


def test_who_is_locked_out_does_not_come_back_by_an_old_invitation(office: Office) -> None:
    path = invite(office, "bo")
    office.as_("admin").post("/people/bo/lock")
    assert office.browser().post(path, password=NEW, again=NEW).status_code == 404
    assert office.browser().sign_in("bo", NEW).status_code == 403
    office.later(SECOND)
    assert office.browser().post(invite(office, "bo"), password=NEW, again=NEW).status_code == 302


def test_nobody_locks_themselves_out_or_whom_nobody_knows(office: Office) -> None:
    admin = office.as_("admin")
    assert admin.post("/people/admin/lock").status_code == 400
    assert admin.post("/people/unknown/lock").status_code == 404
    assert admin.is_in


def test_what_somebody_may_do_is_asked_each_time(office: Office) -> None:
    browser = office.as_("admin")
    assert browser.get("/people").status_code == 200
    with office.begin() as conn:
        persons.give_roles(conn, persons.named(conn, "admin")["id"], ())  # type: ignore[index]
    assert browser.get("/people").status_code == 403


def test_a_request_that_began_before_the_end_of_a_session_does_not_bring_it_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody signs out everywhere while a page of the thief is being made."""
    thief = office.as_("bo")
    real: Any = office.app.view_functions["mail.show"]

    def slow(**values: Any) -> Any:
        said = real(**values)  # it notes in the session what was read
        with office.begin() as conn:
            conn.execute(delete(web_session))
        return said

    slow.rule = real.rule  # type: ignore[attr-defined]
    monkeypatch.setitem(office.app.view_functions, "mail.show", slow)
    secret = thief.secret
    assert thief.get(f"/mail/{BOS}").status_code == 200
    assert "read" not in thief.held
    thief.secret = secret
    assert not thief.is_in


def test_sessions_elsewhere_are_ended(office: Office) -> None:
    here, there = office.as_("bo"), office.as_("bo")
    here.post("/security/elsewhere")
    assert (here.is_in, there.is_in) == (True, False)


def test_what_is_over_is_forgotten(office: Office) -> None:
    office.as_("bo")
    invite(office)
    office.later(4 * DAY)
    with office.begin() as conn:
        assert sittings.forget_old(conn, office.now) == 2
    assert sittings_of(office, "bo") == 0


# ---- plain HTTP ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("peer", ["192.0.2.7", "10.0.0.1", "2001:db8::1", "::ffff:192.0.2.7", "", "unix"])
def test_nobody_signs_in_where_everybody_on_the_way_reads_along(office: Office, peer: str, counted: Counted) -> None:
    browser = office.browser(peer=peer)
    assert "nobody can sign in" in browser.get("/sign-in").text
    assert browser.sign_in("bo").status_code == 403
    path = invite(office)
    assert browser.post(path, password=NEW, again=NEW).status_code == 403
    assert office.browser().get(path).status_code == 200
    assert counted.times == 0
    assert not browser.is_in


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_on_this_machine_nobody_is_on_the_way(office: Office, peer: str) -> None:
    browser = office.browser(peer=peer)
    assert "nobody can sign in" not in browser.get("/sign-in").text
    assert browser.sign_in("bo").status_code == 302


def test_with_tls_everybody_signs_in(office: Office) -> None:
    assert office.browser(peer="192.0.2.7", secure=True).sign_in("bo").status_code == 302


@pytest.mark.parametrize("web", [{"plain": True}])
def test_unless_the_settings_say_so(office: Office) -> None:
    assert office.browser(peer="192.0.2.7").sign_in("bo").status_code == 302
