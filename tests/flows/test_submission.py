"""Mail of our people: who may send, that nothing is queued here, and what the smarthost says is what they hear."""

import base64
import re
import shutil
import signal
import smtplib
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.activation import listening
from tests.conftest import need
from tests.flows.sending import ANN, BO, CY, PASSWORD, TRUSTED, Office, insecure, office
from tests.gate import free_port, until
from tests.talk import Talk, message


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("office")) as made:
        yield made


@pytest.fixture
def us(shared: Office) -> Office:
    shared.smarthost.mails.clear()
    shared.smarthost.on.clear()
    return shared


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_mail_of_a_user_goes_to_the_smarthost_and_our_250_is_its(us: Office) -> None:
    us.smarthost.on["."] = b"250 2.0.0 queued as 4711"
    with us.client() as client:
        client.mail(BO)
        client.rcpt(ANN)
        code, said = client.data(message(sender=BO, to=ANN))
    assert (code, said.startswith(b"2.0.0 queued as 4711 [")) == (250, True)
    (mail,) = us.smarthost.mails
    assert (mail.sender.partition(" ")[0], mail.rcpts) == (f"FROM:<{BO}>", [ANN])
    assert mail.content.startswith(
        b"Received: from laptop.example.com ([127.0.0.1])\r\n\tby gate.example.com with ESMTPSA"
    )
    assert mail.below() == message(sender=BO, to=ANN)[:0] or b"A few words." in mail.below()
    assert us.gate.queue() == []


def test_the_bytes_are_the_users(us: Office) -> None:
    sent = message(sender=BO, to=ANN, body=".lone dot\r\n..\r\n" + "x" * 900 + "\r\n")
    with us.client() as client:
        client.sendmail(BO, ANN, sent)
    (mail,) = us.smarthost.mails
    assert mail.below() == sent


def test_a_mail_without_a_message_id_gets_one(us: Office) -> None:
    with us.client() as client:
        client.sendmail(BO, ANN, b"From: <bo@example.com>\r\nSubject: x\r\n\r\nHello\r\n")
    (mail,) = us.smarthost.mails
    assert re.search(rb"\r\nMessage-ID: <[0-9a-z]{13}@gate\.example\.com>\r\nFrom: ", mail.content)


def test_tls_may_come_first(us: Office) -> None:
    with smtplib.SMTP_SSL("127.0.0.1", us.port_tls, "laptop", timeout=60, context=insecure()) as client:
        client.login("bo", PASSWORD)
        client.sendmail(BO, ANN, message(sender=BO))
    assert len(us.smarthost.mails) == 1


def test_whoever_speaks_plainly_where_tls_comes_first_gets_nothing(us: Office) -> None:
    with socket.create_connection(("127.0.0.1", us.port_tls), 60) as plain:
        plain.sendall(b"EHLO me\r\n")
        assert b"220" not in plain.recv(100)
    test_tls_may_come_first(us)


# ---- who may send --------------------------------------------------------------------------------------------------


def test_nobody_sends_without_a_login(us: Office) -> None:
    with Talk(us.port) as talk:
        talk.say("EHLO me")
        assert str(talk.say(f"MAIL FROM:<{BO}>")) == "530 5.7.0 Say STARTTLS and log in first"
        talk.starttls()
        talk.say("EHLO me")
        assert talk.say(f"MAIL FROM:<{BO}>").code == 530
    assert us.smarthost.mails == []


def test_a_password_is_taken_under_tls_only(us: Office) -> None:
    with Talk(us.port) as talk:
        assert "AUTH" not in talk.say("EHLO me").text
        assert talk.say("AUTH PLAIN " + b64(f"\0bo\0{PASSWORD}")).code == 538
        talk.starttls()
        assert "AUTH PLAIN LOGIN" in talk.say("EHLO me").text
        assert talk.say("AUTH PLAIN " + b64(f"\0bo\0{PASSWORD}")).code == 235
        assert talk.say("AUTH PLAIN " + b64(f"\0bo\0{PASSWORD}")).code == 503


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["AUTH PLAIN", b64(f"\0bo\0{PASSWORD}")], 235),
        (["AUTH PLAIN", b64(f"bo\0bo\0{PASSWORD}")], 235),
        (["AUTH LOGIN", b64("bo"), b64(PASSWORD)], 235),
        (["auth login " + b64("bo"), b64(PASSWORD)], 235),
        (["AUTH PLAIN", b64(f"cy\0bo\0{PASSWORD}")], 535),
        (["AUTH PLAIN", b64("bo")], 535),
        (["AUTH PLAIN", "*"], 501),
        (["AUTH PLAIN", "not base64!"], 501),
        (["AUTH CRAM-MD5"], 504),
        (["AUTH"], 504),
    ],
)
def test_logins_are_taken_in_both_ways_and_nobody_acts_for_another(us: Office, lines: list[str], code: int) -> None:
    with Talk(us.port) as talk:
        talk.say("EHLO me")
        talk.starttls()
        talk.say("EHLO me")
        answers = [talk.say(line).code for line in lines]
    assert answers == [334] * (len(lines) - 1) + [code]


def test_a_wrong_name_and_a_wrong_password_sound_the_same_and_three_end_the_session(us: Office) -> None:
    with Talk(us.port, "127.0.9.9") as talk:
        talk.say("EHLO me")
        talk.starttls()
        talk.say("EHLO me")
        said = [str(talk.say("AUTH PLAIN " + b64(f"\0{name}\0wrong password"))) for name in ("bo", "nobody", "bo")]
        assert set(said) == {"535 5.7.8 User name or password is wrong"}
        assert talk.sock.recv(10) == b""


@pytest.mark.parametrize(
    ("user", "sender", "may"),
    [
        ("bo", BO, True),
        ("bo", CY, True),
        ("bo", "bo@partner.example", False),
        ("cy", CY, True),
        ("cy", BO, False),
        ("wide", "x@partner.example", True),
        ("wide", "x@elsewhere.example", False),
        ("cy", "", True),
    ],
)
def test_a_user_sends_as_itself(us: Office, user: str, sender: str, may: bool) -> None:
    with us.client(user) as client:
        assert client.mail(sender)[0] == (250 if may else 553)


def test_a_trusted_network_sends_for_local_domains_without_a_login(us: Office) -> None:
    with Talk(us.port, TRUSTED) as talk:
        answers = talk.envelope(BO, [ANN])
        assert [one.code for one in answers] == [250, 250]
        assert talk.data(message(sender=BO)).code == 250
        assert talk.say(f"MAIL FROM:<{ANN}>").code == 553
    (mail,) = us.smarthost.mails
    assert b"with ESMTP id" in mail.content


def tried(us: Office, password: str, source: str) -> int:
    with Talk(us.port, source) as talk:
        talk.say("EHLO me")
        talk.starttls()
        talk.say("EHLO me")
        return talk.say("AUTH PLAIN " + b64(f"\0bo\0{password}")).code


def test_an_address_that_guesses_is_shut_out_before_its_password_is_looked_at(tmp_path: Path) -> None:
    with office(tmp_path, {"submission": {"failures": 2}}) as us:
        assert [tried(us, "wrong password", "127.0.9.1") for _ in range(2)] == [535, 535]
        assert tried(us, PASSWORD, "127.0.9.1") == 421
        assert tried(us, PASSWORD, "127.0.9.2") == 235
        until(lambda: us.gate.log.count('event="login failed"') == 2)
        assert PASSWORD not in us.gate.log


# ---- what the smarthost says ---------------------------------------------------------------------------------------


def test_each_recipient_is_answered_by_the_smarthost(us: Office) -> None:
    us.smarthost.on["RCPT:gone@elsewhere.example"] = b"550 5.1.1 nobody there"
    us.smarthost.on["RCPT:full@elsewhere.example"] = b"452 4.2.2 full"
    with us.client() as client:
        client.mail(BO)
        codes = [client.rcpt(one)[0] for one in ("gone@elsewhere.example", ANN, "full@elsewhere.example", CY)]
        assert codes == [550, 250, 452, 250]
        assert client.data(message(sender=BO))[0] == 250
    (mail,) = us.smarthost.mails
    assert mail.rcpts == [ANN, CY]


@pytest.mark.parametrize(
    ("command", "said", "heard"),
    [
        ("MAIL", b"550 5.7.1 not from you", 550),
        ("MAIL", b"451 4.3.0 later", 451),
        ("RCPT", b"550 5.1.1 no", 550),
        ("RCPT", b"421 4.3.2 bye", 451),
        ("RCPT", None, 451),
        ("DATA", b"554 5.5.0 no", 554),
        (".", b"554 5.7.1 spam", 554),
        (".", b"451 4.3.0 later", 451),
        (".", b"421 4.3.2 bye", 451),
        (".", None, 451),
        ("CONNECT", b"554 no", 451),
        ("EHLO", None, 451),
    ],
)
def test_a_no_of_the_smarthost_is_ours_and_trouble_with_it_is_451(
    us: Office, command: str, said: bytes | None, heard: int
) -> None:
    us.smarthost.on[command] = said
    with us.client() as client:
        client.mail(BO)
        code = client.rcpt(ANN)[0]
        if code == 250:
            code, words = client.data(message(sender=BO))
            assert words.endswith(b"]")
        assert code == heard
        us.smarthost.on.clear()
        client.rset()
        client.sendmail(BO, ANN, message(sender=BO))
    assert len(us.smarthost.mails) == 1


def test_the_second_mail_of_a_session_goes_over_the_same_connection(us: Office) -> None:
    before = us.smarthost.connections
    with us.client() as client:
        for _ in range(3):
            client.sendmail(BO, ANN, message(sender=BO))
    assert us.smarthost.connections == before + 1
    assert len(us.smarthost.mails) == 3


def test_what_is_no_mail_is_refused_as_at_the_front_door(us: Office) -> None:
    with Talk(us.port, TRUSTED) as talk:
        talk.envelope(BO, [ANN])
        talk.say("DATA")
        talk.send(b"Subject: x\r\n\r\na bare\nnewline\r\n.\r\n")
        assert talk.answer().code == 550
    assert us.smarthost.mails == []


def test_a_reload_replaces_the_process_and_its_listeners_stay(us: Office) -> None:
    before = us.gate.children("submission")
    assert us.gate.process is not None
    us.gate.process.send_signal(signal.SIGHUP)
    until(lambda: us.gate.children("submission") != before and "event=reloaded" in us.gate.log)
    us.send()
    assert len(us.smarthost.mails) == 1


def test_swaks_logs_in_and_sends(us: Office) -> None:
    need(shutil.which("swaks") is not None, "swaks (apt-get install swaks)")
    for port, tls in ((us.port, "--tls"), (us.port_tls, "--tls-on-connect")):
        line = f"swaks --server 127.0.0.1:{port} {tls} --auth LOGIN --auth-user bo --from {BO} --to {ANN}"
        command = [*line.split(), "--auth-password", PASSWORD]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
    assert len(us.smarthost.mails) == 2


def test_systemd_may_hand_over_its_sockets_in_any_order(tmp_path: Path) -> None:
    ports = [free_port() for _ in range(3)]
    with ExitStack() as stack:
        passed = [stack.enter_context(listening("127.0.0.1", port)) for port in ports]
        with office(tmp_path, handed_over=passed, ports=(ports[2], ports[1], ports[0])) as made:
            made.send()
            assert len(made.smarthost.mails) == 1
