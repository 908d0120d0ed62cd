"""Signing in with the password of one's mail: a real Dovecot."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.settings.read import BadSettings, from_table
from gateway.signin.mailserver import MailServer
from gateway.signin.nouns import NoAnswer, Proven
from gateway.store import persons
from tests.conftest import need
from tests.gate import free_port, until
from tests.peers.dovecot import Dovecot, has_imap
from tests.store.making import BO, SECOND
from tests.webui.conftest import Office
from tests.webui.doors import opened_by
from tests.webui.test_signin import WRONG

SILENT = "The mail server does not answer; people with a password of this house can still sign in."


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    need(has_imap(), "Dovecot with IMAP (apt-get install dovecot-imapd), as root")
    made = Dovecot(imap=True, people=(BO, "zoe@example.com", "far@elsewhere.example", "bo*zoe@example.com")).start()
    yield made
    made.remove()


def said(dovecot: Dovecot, **more: Any) -> dict[str, Any]:
    """What [imap] says."""
    usual = {"host": "localhost", "port": dovecot.imaps_port, "ca_file": f"{dovecot.folder}/ca.pem"}
    return usual | {"domain": "example.com"} | more


@pytest.fixture
def more() -> dict[str, Any]:
    return {}


@pytest.fixture
def with_mail(office: Office, tmp_path: Path, dovecot: Dovecot, more: dict[str, Any]) -> Office:
    return opened_by(office, tmp_path, imap=said(dovecot, **more))


def door(**chosen: Any) -> MailServer:
    table = {"domains": {"local": ["example.com"]}, "backend": {"url": "smtp://127.0.0.1:25"}}
    return MailServer(from_table(table | {"imap": chosen}).imap)


def anybody(who: Proven) -> None:
    """Everybody may try."""


@contextmanager
def server(*lines: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Something that says these lines, one for each that it is told, whatever that is; and what it was told."""
    heard: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        conn, _ = listening.accept()
        with conn, conn.makefile("rb") as told:
            for line in lines:
                conn.sendall(line.replace(b"TAG", heard[-1].split(b" ")[0] if heard else b"*"))
                heard.append(told.readline())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listening.getsockname()[1], heard
    listening.close()
    thread.join(30)


# ---- who comes in --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bo@example.com", "BO@example.com"])
def test_somebody_signs_in_with_the_password_of_their_mail(with_mail: Office, name: str) -> None:
    browser = with_mail.browser()
    assert browser.sign_in(name, "secret").status_code == 302
    assert browser.is_in
    assert with_mail.record("signed in")[-1]["who"] == "bo"
    assert with_mail.record("signed in")[-1]["detail"] == {"way": "imap"}


def test_a_name_without_a_domain_is_at_ours(with_mail: Office) -> None:
    with_mail.change("bo", password="")
    assert with_mail.browser().sign_in("bo", "secret").status_code == 302


def test_whoever_is_not_known_here_is_not_made_unless_the_settings_say_so(
    with_mail: Office, dovecot: Dovecot, tmp_path: Path
) -> None:
    assert "Ask your admin" in with_mail.browser().sign_in("zoe", "secret").text
    opened_by(with_mail, tmp_path, imap=said(dovecot, create=True))
    assert with_mail.browser().sign_in("zoe", "secret").status_code == 302
    assert with_mail.browser().sign_in("far@elsewhere.example", "secret").status_code == 403
    with with_mail.house.reading() as conn:
        assert persons.named(conn, "zoe@example.com") is not None
        assert persons.named(conn, "far@elsewhere.example") is None


@pytest.mark.parametrize("password", ["wrong", "", "\0secret", 'sec"ret', "sec\r\nret", "пароль"])
def test_a_wrong_password_is_wrong(with_mail: Office, password: str) -> None:
    browser = with_mail.browser()
    answer = browser.sign_in(BO, password)
    assert (answer.status_code, WRONG in answer.text) == (403, True)
    assert not browser.is_in


@pytest.mark.parametrize("name", ["bo*zoe", "bo%zoe", "bo zoe", "*", "bo@example.com@evil.example", "bo\r\nx"])
def test_a_name_is_no_more_than_a_name(with_mail: Office, name: str) -> None:
    """Dovecot reads some names as those of a master who acts for somebody."""
    assert WRONG in with_mail.browser().sign_in(name, "secret").text


def test_there_is_one_try_for_a_sign_in(with_mail: Office, dovecot: Dovecot) -> None:
    before = dovecot.log.count("auth failed, 1 attempts")
    with_mail.browser().sign_in(BO, "wrong one")
    with_mail.browser().sign_in("unknown@example.com", "wrong one")
    until(lambda: dovecot.log.count("auth failed, 1 attempts") - before == 2)
    assert "auth failed, 2 attempts" not in dovecot.log


def test_who_guesses_waits_before_the_mail_server_is_asked(with_mail: Office, dovecot: Dovecot) -> None:
    before = dovecot.log.count("imap-login")
    names = ("bo@example.com", "BO@example.com")
    found = [with_mail.browser().sign_in(names[number % 2], f"guess {number}").status_code for number in range(30)]
    assert (found[:5], set(found[6:])) == ([403] * 5, {429})
    assert dovecot.log.count("imap-login") - before <= 6
    with_mail.later(3 * SECOND)
    assert with_mail.browser().sign_in(BO, "secret").status_code == 302


# ---- how it is asked -----------------------------------------------------------------------------------------------


def test_by_starttls_too(dovecot: Dovecot) -> None:
    ca = f"{dovecot.folder}/ca.pem"
    made = door(host="localhost", port=dovecot.imap_port, tls="starttls", ca_file=ca)
    assert made.check(BO, "secret", anybody) == Proven("imap:localhost", BO, BO)
    assert made.check(BO, "wrong", anybody) is None


@pytest.mark.parametrize("tls", ["tls", "starttls"])
@pytest.mark.parametrize("wrong", [{"host": "127.0.0.1"}, {"ca_file": None}])
def test_the_certificate_must_be_theirs(dovecot: Dovecot, tls: str, wrong: dict[str, Any]) -> None:
    port = dovecot.imaps_port if tls == "tls" else dovecot.imap_port
    chosen = said(dovecot, port=port, tls=tls) | wrong
    made = door(**{name: value for name, value in chosen.items() if value is not None})
    with pytest.raises(NoAnswer, match="mail server"):
        made.check(BO, "secret", anybody)
    assert f"user=<{BO}>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, no auth" not in dovecot.log


def test_nothing_is_said_in_the_clear_but_to_this_machine() -> None:
    with pytest.raises(BadSettings, match="in the clear"):
        door(host="mail.example.com", tls="off")
    hello = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n"
    with server(hello, b"TAG NO no TLS here\r\n", b"") as (port, heard), pytest.raises(NoAnswer):
        door(host="127.0.0.1", port=port, tls="starttls").check(BO, "secret", anybody)
    assert not any(b"AUTH" in line or b"LOGIN" in line for line in heard)


ANSWERS = {
    "not now": (b"TAG NO [UNAVAILABLE] later\r\n", "silent"),
    "too many": (b"TAG NO [LIMIT] later\r\n", "silent"),
    "not understood": (b"TAG BAD what\r\n", "silent"),
    "gone": (b"* BYE\r\n", "silent"),
    "wrong": (b"TAG NO [AUTHENTICATIONFAILED] no\r\n", "wrong"),
    "wrong, in few words": (b"TAG NO no\r\n", "wrong"),
    "right": (b"TAG OK hello\r\n", "right"),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_the_answers_of_a_mail_server_mean(answer: str) -> None:
    line, meaning = ANSWERS[answer]
    hello = b"* OK [CAPABILITY IMAP4rev1] hello\r\n"
    with server(hello, b"* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n", line) as (port, heard):
        made = door(host="127.0.0.1", port=port, tls="off")
        if meaning == "silent":
            with pytest.raises(NoAnswer):
                made.check(BO, "secret", anybody)
        else:
            assert (made.check(BO, "secret", anybody) is not None) is (meaning == "right")
    assert sum(b"LOGIN" in one for one in heard) == 1


def test_one_that_forbids_it_is_not_asked() -> None:
    hello = b"* OK hello\r\n"
    forbids = b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\nTAG OK done\r\n"
    with server(hello, forbids, b"") as (port, heard), pytest.raises(NoAnswer):
        door(host="127.0.0.1", port=port, tls="off").check(BO, "secret", anybody)
    assert not any(b"LOGIN " in one for one in heard)


@pytest.mark.parametrize("more", [{"port": free_port()}])
def test_one_that_does_not_answer_is_told_as_that(with_mail: Office) -> None:
    answer = with_mail.browser().sign_in(BO, "secret")
    assert (answer.status_code, SILENT in answer.text, WRONG in answer.text) == (503, True, False)
    assert with_mail.browser().sign_in("bo").status_code == 302
