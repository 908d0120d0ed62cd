"""Signing in with the password of a directory: a real OpenLDAP, and what attackers type."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.model import Role, Tie
from gateway.signin.directory import Directory, dn_and_cn, read_address, text_of
from gateway.signin.nouns import NoAnswer, Proven
from gateway.store import links, persons
from tests.conftest import need
from tests.gate import free_port
from tests.peers.slapd import ASKER, ASKERS_PASSWORD, BASE, Slapd, group, is_installed, person
from tests.store.making import BO, SECOND
from tests.webui.conftest import PASSWORD, Office
from tests.webui.doors import opened_by
from tests.webui.test_signin import WRONG, Counted, code_at, with_factor

SILENT = "The directory does not answer; people with a password of this house can still sign in."
ENTRIES = (
    person("bo", BO, "bo.second@example.com", "bo.third@example.com"),
    person("zoe", "zoe@example.com", more=["proxyAddresses: smtp:z@example.com", "proxyAddresses: X500:/o=x"]),
    person("far", "far@elsewhere.example"),
    person("nomail"),
    person("twin1", "twin@example.com"),
    person("twin2", "twin@example.com"),
    person("odd*(uid=bo)", "odd@example.com"),
    person("boss", "boss@example.com"),
    group("approvers", "zoe", "bo"),
    group("staff", "bo", mail="staff@example.com"),
)


@pytest.fixture(scope="module")
def slapd() -> Iterator[Slapd]:
    need(is_installed(), "OpenLDAP (apt-get install slapd)")
    made = Slapd(ENTRIES).start()
    yield made
    made.remove()


def said(slapd: Slapd, folder: Path, **more: Any) -> dict[str, Any]:
    """What [directory] says."""
    file = folder / "directory.password"
    file.write_text(f"{ASKERS_PASSWORD}\n")
    file.chmod(0o600)
    usual = {"url": slapd.url, "ca_file": slapd.ca, "base": f"ou=people,{BASE}", "group_base": f"ou=groups,{BASE}"}
    return usual | {"bind_dn": ASKER, "password_file": str(file)} | more


@pytest.fixture
def more() -> dict[str, Any]:
    return {}


@pytest.fixture
def known_there(office: Office, tmp_path: Path, slapd: Slapd, more: dict[str, Any]) -> Office:
    return opened_by(office, tmp_path, directory=said(slapd, tmp_path, **more))


def ask(slapd: Slapd, folder: Path, **more: Any) -> Directory:
    from gateway.settings.read import from_table

    table = {"domains": {"local": ["example.com"]}, "backend": {"url": "smtp://127.0.0.1:25"}}
    return Directory(from_table(table | {"directory": said(slapd, folder, **more)}, folder).directory)


def anybody(who: Proven) -> None:
    """Everybody may try."""


# ---- who comes in --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bo", "BO", BO])
def test_somebody_signs_in_with_the_password_of_the_directory(known_there: Office, name: str) -> None:
    browser = known_there.browser()
    assert browser.sign_in(name, "secret of bo", "/held").location == "/held"
    assert browser.is_in
    assert known_there.record("signed in")[-1]["who"] == "bo"
    assert known_there.record("signed in")[-1]["detail"] == {"way": "directory"}
    assert [one["about"] for one in known_there.record("connected")] == ["bo"]


def test_a_wrong_password_an_unknown_name_and_none_here_are_told_alike(known_there: Office) -> None:
    found = set()
    for name in ("bo", "zoe", "unknown", "nomail", "twin@example.com", "cy"):
        answer = known_there.browser().sign_in(name, "wrong one")
        found.add((answer.status_code, answer.text.replace(f'value="{name}"', "")))
    assert len(found) == 1
    assert WRONG in str(found)


def test_each_is_asked_as_often(known_there: Office, slapd: Slapd) -> None:
    """As many questions and answers for nobody as for somebody: time tells as little as words."""

    def binds(name: str) -> int:
        before = slapd.log.count(" BIND dn=")
        known_there.browser().sign_in(name, "wrong one")
        return slapd.log.count(" BIND dn=") - before

    assert binds("zoe") == binds("unknown") == binds("twin@example.com") > 1


def test_whoever_is_not_known_here_is_not_made(known_there: Office) -> None:
    answer = known_there.browser().sign_in("zoe", "secret of zoe")
    assert (answer.status_code, "Ask your admin" in answer.text) == (403, True)
    assert known_there.record("made known") == []


@pytest.mark.parametrize("more", [{"create": True, "roles": {"approvers": "approver:example.com"}}])
def test_where_the_settings_say_so_they_are_with_the_roles_of_their_groups(known_there: Office) -> None:
    assert known_there.browser().sign_in("zoe", "secret of zoe").status_code == 302
    assert known_there.browser().sign_in("far", "secret of far").status_code == 403
    with known_there.house.reading() as conn:
        row = persons.named(conn, "zoe@example.com")
        assert row is not None
        assert persons.roles_of(conn, row["id"]) == {(Role.APPROVER, "example.com")}
        assert row["password"] == ""


@pytest.mark.parametrize("more", [{"groups": [f"cn=staff,ou=groups,{BASE}"], "create": True}])
def test_only_members_of_a_group_may_be_let_in(known_there: Office) -> None:
    assert known_there.browser().sign_in("bo", "secret of bo").status_code == 302
    answer = known_there.browser().sign_in("zoe", "secret of zoe")
    assert "none of the groups" in answer.text
    assert WRONG in known_there.browser().sign_in("zoe", "wrong").text


def test_an_admin_with_a_password_here_is_nobodys_in_the_directory(known_there: Office) -> None:
    with known_there.begin() as conn:
        persons.give_address(conn, known_there.number("admin"), "boss@example.com", Tie.OWN, "test", known_there.now)
    browser = known_there.browser()
    assert browser.sign_in("boss", "secret of boss").status_code == 403
    assert not browser.is_in
    assert known_there.browser().sign_in("admin").status_code == 302


def test_the_second_factor_is_asked_for(known_there: Office) -> None:
    with_factor(known_there)
    browser = known_there.browser()
    assert browser.sign_in("bo", "secret of bo").location == "/sign-in/code"
    assert not browser.is_in
    assert browser.post("/sign-in/code", code=code_at(known_there)).status_code == 302


def test_whoever_is_locked_out_here_is_out(known_there: Office) -> None:
    assert known_there.browser().sign_in("bo", "secret of bo").status_code == 302
    known_there.change("bo", disabled_at=known_there.now)
    assert WRONG in known_there.browser().sign_in("bo", "secret of bo").text


def test_a_password_of_this_house_is_asked_first_and_goes_nowhere(known_there: Office, slapd: Slapd) -> None:
    before = slapd.log.count("BIND")
    assert known_there.browser().sign_in("bo").status_code == 302
    assert slapd.log.count("BIND") == before


def test_whoever_has_no_password_here_confirms_with_that_of_the_directory(known_there: Office) -> None:
    known_there.change("bo", password="")
    browser = known_there.browser()
    browser.sign_in("bo", "secret of bo")
    browser.get("/security")
    known_there.later(660 * SECOND)
    assert browser.post("/security/passkeys/begin", password="wrong").status_code == 403
    assert browser.post("/security/passkeys/begin", password="").status_code == 403
    assert browser.post("/security/passkeys/begin", password="secret of bo").status_code == 200


# ---- what attackers type -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("password", ["", " " * 0, "\0", "secret of bo\0"])
def test_an_empty_password_is_none(known_there: Office, password: str) -> None:
    """A bind without one succeeds for everybody (RFC 4513, 5.1.2)."""
    browser = known_there.browser()
    assert browser.sign_in("bo", password).status_code == 403
    assert not browser.is_in


@pytest.mark.parametrize(
    "name",
    [
        "*",
        "b*",
        "bo)(uid=*",
        "*)(|(uid=*",
        "bo)(|(objectClass=*",
        "bo\\2a",
        "\\62o",
        "bo\0",
        "bo,ou=people",
        "(",
        ")",
        "&",
    ],
)
def test_a_name_is_no_filter(known_there: Office, name: str) -> None:
    browser = known_there.browser()
    assert browser.sign_in(name, "secret of bo").status_code == 403
    assert not browser.is_in


def test_a_name_that_looks_like_a_filter_is_a_name(slapd: Slapd, tmp_path: Path) -> None:
    found = ask(slapd, tmp_path).check("odd*(uid=bo)", "secret of odd*(uid=bo)", anybody)
    assert found is not None
    assert found.address == "odd@example.com"


def test_two_spellings_are_not_twice_as_many_guesses(known_there: Office) -> None:
    assert known_there.browser().sign_in("bo", "secret of bo").status_code == 302
    for number in range(5):
        name = ("bo", BO, "bo.second@example.com")[number % 3]
        assert known_there.browser().sign_in(name, "wrong").status_code == 403
    names = ("bo", BO, "bo.second@example.com", "bo.third@example.com")
    assert {known_there.browser().sign_in(name, "secret of bo").status_code for name in names} == {429}
    known_there.later(3 * SECOND)
    assert known_there.browser().sign_in(BO, "secret of bo").status_code == 302


def test_guesses_at_all_ways_are_counted_together(
    known_there: Office, slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, before = Counted(monkeypatch), slapd.log.count(" BIND dn=")
    for number in range(100):
        known_there.browser(peer=f"10.0.{number}.1", secure=True).sign_in("bo", f"guess {number}")
    assert counted.times <= 6
    assert slapd.log.count(" BIND dn=") - before <= 6 * 3


# ---- when it does not answer ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [{"url": f"ldap://127.0.0.1:{free_port()}"}, {"bind_dn": "cn=nobody,dc=example"}])
def test_a_directory_that_does_not_answer_is_told_as_that(known_there: Office) -> None:
    answer = known_there.browser().sign_in("bo", "secret of bo")
    assert (answer.status_code, SILENT in answer.text, WRONG in answer.text) == (503, True, False)
    assert known_there.record("sign-in unanswered")[-1]["detail"] == {"by": "The directory"}
    for name in ("bo", "admin"):
        assert known_there.browser().sign_in(name).status_code == 302


@pytest.mark.parametrize("more", [{"url": f"ldap://127.0.0.1:{free_port()}"}])
def test_nor_is_it_a_time_to_guess_passwords_of_this_house(known_there: Office) -> None:
    found = [known_there.browser().sign_in("bo", "wrong").status_code for _ in range(8)]
    assert found == [503] * 5 + [429] * 3


def test_the_next_server_is_asked(known_there: Office, slapd: Slapd, tmp_path: Path) -> None:
    urls = [f"ldap://127.0.0.1:{free_port()}", slapd.url]
    opened_by(known_there, tmp_path, directory=said(slapd, tmp_path, url=urls))
    for _ in range(2):
        assert known_there.browser().sign_in("bo", "secret of bo").status_code == 302
    assert known_there.house.doors.directory is not None
    assert known_there.house.doors.directory.latest == 1


# ---- how it is asked -----------------------------------------------------------------------------------------------


def test_what_is_asked_is_encrypted_and_the_certificate_is_theirs(slapd: Slapd, tmp_path: Path) -> None:
    for url in (slapd.url, slapd.url_tls):
        assert ask(slapd, tmp_path, url=url).check("bo", "secret of bo", anybody) is not None
        for wrong in ({"url": url.replace("localhost", "127.0.0.1")}, {"url": url, "ca_file": None}):
            changed = {name: value for name, value in (said(slapd, tmp_path) | wrong).items() if value is not None}
            from gateway.settings.read import from_table

            table = {"domains": {"local": ["example.com"]}, "backend": {"url": "smtp://127.0.0.1:25"}}
            door = Directory(from_table(table | {"directory": changed}, tmp_path).directory)
            with pytest.raises(NoAnswer) as caught:
                door.check("bo", "secret of bo", anybody)
            assert "certificate" in caught.value.args[1].lower()
    assert "secret of bo" not in slapd.log


def test_in_the_clear_on_this_machine_where_the_settings_say_so(slapd: Slapd, tmp_path: Path) -> None:
    assert ask(slapd, tmp_path, tls="off").check("bo", "secret of bo", anybody) is not None
    assert slapd.log.count("STARTTLS") >= 0


def test_an_entry_goes_by_what_never_changes(known_there: Office) -> None:
    known_there.browser().sign_in("bo", "secret of bo")
    with known_there.house.reading() as conn:
        (link,) = links.of_person(conn, known_there.number("bo"))
    assert (link["issuer"], len(link["subject"]), link["address"]) == ("directory", 36, BO)


def test_addresses_and_ids_as_directories_write_them() -> None:
    assert read_address("SMTP:Ann@Example.com") == "ann@example.com"
    assert read_address("x500:/o=a") == ""
    assert read_address("nonsense") == ""
    assert text_of(b"\x01\xff") == "01ff"
    assert dn_and_cn("CN=Staff,DC=x") == {"CN=Staff,DC=x", "Staff"}
    assert dn_and_cn("ou=x,dc=y") == {"ou=x,dc=y"}


def test_passwords_are_nowhere(known_there: Office) -> None:
    known_there.browser().sign_in("bo", "secret of bo")
    known_there.browser().sign_in("bo", PASSWORD + "x")
    assert "secret of bo" not in str(known_there.record())
    with known_there.house.reading() as conn:
        assert "secret of bo" not in str(conn.exec_driver_sql("SELECT * FROM web_session").all())
