"""Who gets a place when there are few: caps, encrypted places, stress, slow mails, and mail without end."""

import contextlib
import time
from contextlib import ExitStack, closing

import pytest

from tests.gate import rest
from tests.smtpd.house import House, Houses, is_closed, push
from tests.smtpd.visitors import ANN, BO, eventually, greeted, has_heard_nothing, mail, record, visit, watched
from tests.talk import Talk, message

FULL = "421 4.7.0 Too many connections from your network"
OPEN = {"protection": {"level": "off"}}


@pytest.fixture
def small(houses: Houses) -> House:
    limits = {"connections_per_address": 2, "connections_per_network": 3, "connections_tls": 2}
    return watched(houses, {"limits": limits}, tls=True)


@pytest.fixture
def few(houses: Houses) -> House:
    """Ten places, stress from six on until four; who is greeted waited 10 s."""
    limits = {"connections": 10, "connections_per_network": 10, "connections_per_address": 10}
    stress = {"stress_on": 60, "stress_off": 40}
    return watched(houses, {"limits": {**limits, **stress}, "tarpit": {"greet_pause": "10s", "share": 100}})


def first_word(talk: Talk) -> str:
    return str(talk.answer())


def test_a_network_has_so_many_places_and_no_more(small: House) -> None:
    with ExitStack() as stack:
        for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
            stack.enter_context(greeted(small.port, address))
        for address in ("192.0.2.1", "192.0.2.3"):
            with closing(visit(small.port, address)) as talk:
                assert first_word(talk).startswith(FULL)
                assert is_closed(talk)
        stack.enter_context(greeted(small.port, "192.0.3.1"))
    assert eventually(lambda: first_word(visit(small.port, "192.0.2.1")).startswith("220"))
    assert eventually(lambda: "connections refused" in small.gate.log)


def test_a_network_whose_mail_was_delivered_has_more(small: House) -> None:
    first = message("patience")
    assert mail(small.port, "192.0.4.1", data=first).code == 451
    rest(1.2)  # [greylist] wait
    assert mail(small.port, "192.0.4.1", data=first).code == 250
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(greeted(small.port, "192.0.4.1"))


def test_encrypted_places_are_few_and_who_finds_none_is_to_come_back(small: House) -> None:
    with ExitStack() as stack:
        for number in (1, 2):
            talk = stack.enter_context(greeted(small.port, f"192.0.{number + 10}.1"))
            talk.say("EHLO a.example")
            assert talk.starttls().code == 220
            assert talk.say("EHLO a.example").code == 250
        with greeted(small.port, "192.0.13.1") as talk:
            talk.say("EHLO a.example")
            assert str(talk.starttls()).startswith("421 4.7.0 No room for another encrypted connection")
            assert is_closed(talk)

    def encrypts() -> bool:
        with greeted(small.port, "192.0.13.1") as talk:
            talk.say("EHLO a.example")
            return talk.starttls().code == 220

    assert eventually(encrypts)


def test_stress_comes_and_goes(few: House) -> None:
    """A stranger makes one error; who has waited 2 s for its greeting has it, and nobody else waits longer."""
    entered, left = (few.gate.log.count(f"stress {word}") for word in ("began", "ended"))
    with ExitStack() as stack:
        waiting = [stack.enter_context(closing(visit(few.port, f"198.51.{number}.1"))) for number in range(5)]
        time.sleep(2.1)
        assert all(has_heard_nothing(talk) for talk in waiting)
        stack.enter_context(few.talk())
        assert [talk.answer().code for talk in waiting] == [220] * 5
        assert eventually(lambda: few.gate.log.count("stress began") == entered + 1)
        assert waiting[0].say("XYZZY").code == 500
        assert str(waiting[0].answer()).startswith("421 4.7.0 Too many errors")
    assert eventually(lambda: few.gate.log.count("stress ended") == left + 1)


def test_somebody_known_takes_the_place_of_who_waits_for_its_greeting(few: House) -> None:
    first = message("patience")
    assert mail(few.port, "192.0.4.1", data=first).code == 451
    rest(1.2)  # [greylist] wait
    assert mail(few.port, "192.0.4.1", data=first).code == 250
    assert eventually(lambda: "delivered_at" in record(few.gate, "192.0.4.0/24"))
    with ExitStack() as stack:
        strangers = [stack.enter_context(closing(visit(few.port, f"198.52.{number}.1"))) for number in range(9)]
        with closing(visit(few.port, "198.52.99.1")) as late:
            assert first_word(late).startswith(FULL)
        stack.enter_context(greeted(few.port, "192.0.4.1"))
        stack.enter_context(greeted(few.port, "192.0.4.2"))
        assert first_word(strangers[0]).startswith(FULL)


# ---- slow mails, and mail without end ------------------------------------------------------------------------------


@pytest.fixture
def brisk(houses: Houses) -> House:
    return watched(houses, {**OPEN, "limits": {"data_timeout": "6s", "data_rate": "2000B"}, "smtp": {"size": "64KiB"}})


def sending(house: House, stack: ExitStack) -> Talk:
    talk = stack.enter_context(greeted(house.port, "192.0.2.1"))
    talk.envelope(ANN, [BO])
    assert talk.say("DATA").code == 354
    return talk


def test_a_mail_that_trickles_in_is_cut(brisk: House) -> None:
    with ExitStack() as stack:
        talk = sending(brisk, stack)
        for _ in range(600):
            if not push(talk, b"x"):
                break
            time.sleep(0.1)
            with contextlib.suppress(BlockingIOError):
                talk.sock.setblocking(False)
                talk.held += talk.sock.recv(4096)
                break
        talk.sock.settimeout(60)
        assert str(talk.answer()).startswith("421 4.4.2")
    assert brisk.sink.mails == []


def test_a_mail_that_keeps_the_rate_may_take_longer_than_any_pause(brisk: House) -> None:
    with ExitStack() as stack:
        talk = sending(brisk, stack)
        began, sent = time.monotonic(), 0
        talk.send(message("steady"))
        while (passed := time.monotonic() - began) < 8:
            while sent < 4000 * passed:  # after a pause of this machine's it catches up
                talk.send(b"words and more words\r\n" * 10)
                sent += 220
            time.sleep(0.1)
        talk.send(b".\r\n")
        assert talk.answer().code == 250
    assert brisk.sink.subjects() == ["steady"]


def test_a_mail_that_is_too_big_and_never_ends_is_answered_all_the_same(brisk: House) -> None:
    piece = b"x" * 1022 + b"\r\n"
    with ExitStack() as stack:
        talk = sending(brisk, stack)
        talk.sock.settimeout(60)
        for _ in range(2000):
            if not has_heard_nothing(talk) or not push(talk, piece * 1024):
                break
        assert talk.answer().code == 552
        assert is_closed(talk)
    assert mail(brisk.port, "192.0.2.1", data=message("next")).code == 250


def test_a_session_ends_within_a_transaction_too(houses: Houses) -> None:
    limits = {"session": "6s", "command_timeout": "6s", "data_timeout": "6s", "tls_handshake": "3s"}
    house = watched(houses, {**OPEN, "limits": limits})
    with greeted(house.port, "192.0.2.1") as talk:
        talk.envelope(ANN, [BO])
        answer = talk.say(f"RCPT TO:<{BO}>")
        while answer.code == 250:
            time.sleep(0.1)
            answer = talk.say(f"RCPT TO:<{BO}>") if has_heard_nothing(talk) else talk.answer()
        assert "open for too long" in answer.text
        assert is_closed(talk)


def test_a_thousand_half_open_peers_keep_nobody_out(houses: Houses) -> None:
    """They said who they are and nothing else, or vanished in the middle of a command."""
    house = watched(houses, {"limits": {"connections": 2000, "command_timeout": "10s"}})
    with ExitStack() as stack:
        for number in range(1000):
            talk = stack.enter_context(closing(visit(house.port, f"198.51.{number // 4 % 250}.{number % 4 + 1}")))
            if number % 2:
                push(talk, b"EHLO half")
        assert mail(house.port, "192.0.2.1", to="postmaster@example.com").code == 250
        assert is_closed(talk)
    assert house.gate.children("smtpd")
