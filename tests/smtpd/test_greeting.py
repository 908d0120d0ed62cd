"""The pause before the greeting, and who speaks in it."""

import time
from contextlib import closing

import pytest

from tests.gate import rest
from tests.smtpd.house import PROXY, House, Houses, all_answers
from tests.smtpd.visitors import ANN, BO, eventually, greeted, has_heard_nothing, mail, record, visit, watched
from tests.talk import Talk, message

PAUSE = 10.0  # seconds; nothing here is asserted to be faster than that


@pytest.fixture
def pausing(houses: Houses) -> House:
    return watched(houses, {"tarpit": {"greet_pause": f"{int(PAUSE)}s"}})


@pytest.fixture
def prompt(houses: Houses) -> House:
    return watched(houses, {"tarpit": {"early_talker": "reject"}})


def test_a_stranger_waits_for_the_greeting_and_its_network_not_again_today(pausing: House) -> None:
    began = time.monotonic()
    with greeted(pausing.port, "192.0.2.1"):
        assert time.monotonic() - began >= PAUSE
    assert eventually(lambda: "greeted_at" in record(pausing.gate, "192.0.2.0/24"))
    with closing(visit(pausing.port, "198.51.100.1")) as another, greeted(pausing.port, "192.0.2.99"):
        assert has_heard_nothing(another)


def test_an_address_of_our_own_nets_does_not_wait(pausing: House) -> None:
    with closing(visit(pausing.port, "203.0.113.1")) as stranger, pausing.talk():
        for address in ("10.1.2.3", "fd00::1"):
            with greeted(pausing.port, address):
                assert has_heard_nothing(stranger)


def test_an_allowed_network_does_not_wait(pausing: House) -> None:
    pausing.gate.cli("known", "allow", "203.0.114.0/24")
    pausing.gate.cli("known", "allow", "friend@elsewhere.example", "--network", "203.0.115.7")

    strangers = (f"203.1.{number}.1" for number in range(200))  # each waits only once a day

    def pass_at_once() -> bool:
        with (
            closing(visit(pausing.port, next(strangers))) as stranger,
            greeted(pausing.port, "203.0.114.9"),
            greeted(pausing.port, "203.0.115.7"),
        ):
            return has_heard_nothing(stranger)

    assert eventually(pass_at_once)


def test_a_network_whose_mail_was_delivered_is_remembered_for_it(pausing: House) -> None:
    first = message("patience")
    assert mail(pausing.port, "192.0.10.1", data=first).code == 451
    rest(1.2)  # [greylist] wait
    assert mail(pausing.port, "192.0.10.2", data=first).code == 250
    assert eventually(lambda: "delivered_at" in record(pausing.gate, "192.0.10.0/24"))


def test_mail_to_postmaster_earns_nothing(pausing: House) -> None:
    assert mail(pausing.port, "192.0.11.1", to="postmaster@example.com").code == 250
    assert eventually(lambda: "greeted_at" in record(pausing.gate, "192.0.11.0/24"))
    assert "delivered_at" not in record(pausing.gate, "192.0.11.0/24")


def test_who_speaks_in_the_pause_is_marked_and_served_and_waits_each_time(pausing: House) -> None:
    with closing(visit(pausing.port, "192.0.20.1")) as talk:
        talk.send(b"EHLO bot.example\r\n")
        assert talk.answer().code == 220
        assert talk.answer().code == 250
        assert talk.say(f"MAIL FROM:<{ANN}>").code == 250
    assert eventually(lambda: "early_until" in record(pausing.gate, "192.0.20.0/24"))
    assert "event='early talker' peer=192.0.20.1 network=192.0.20.0/24" in pausing.gate.log.replace('"', "'")
    with closing(visit(pausing.port, "192.0.20.9")) as again, pausing.talk():
        assert has_heard_nothing(again)


def test_a_bot_that_floods_the_pause_is_cut_at_nothing_but_its_own_limits(pausing: House) -> None:
    """What it sends stays in the kernel until it is greeted."""
    with closing(visit(pausing.port, "192.0.21.1")) as talk:
        talk.send(b"NOOP\r\n" * 20000)
        answers = list(all_answers(talk))
    assert answers[0].startswith("220")
    assert answers[-1].startswith("421 4.7.0 Too many commands")


def test_who_leaves_in_the_pause_leaves_no_place_taken_and_is_not_greeted(pausing: House) -> None:
    for number in range(80):  # more than a network may have at a time
        visit(pausing.port, f"192.0.22.{number + 1}").close()
    assert eventually(lambda: mail(pausing.port, "192.0.22.99").code == 451)


def test_the_header_of_a_load_balancer_is_no_early_talk(prompt: House) -> None:
    for pieces in (
        [b"PROXY TCP4 192.0.30.1 198.51.100.1 1 25\r\n"],
        [b"PROXY TC", b"P4 192.0.30.1 198.51.100.1 1 25\r", b"\n"],
    ):
        with closing(Talk(prompt.port, PROXY)) as talk:
            for piece in pieces:
                talk.send(piece)
                time.sleep(0.05)
            assert talk.answer().code == 220
            answers = talk.envelope(ANN, [BO])
            assert [answer.code for answer in answers] == [250, 250]
    assert record(prompt.gate, "192.0.30.0/24") == {}


def test_who_speaks_at_the_moment_of_greeting_is_refused_where_that_is_set(prompt: House) -> None:
    with closing(visit(prompt.port, "192.0.31.1", b"EHLO bot.example\r\n")) as talk:
        assert [talk.answer().code, talk.answer().code] == [220, 250]
        talk.say(f"MAIL FROM:<{ANN}>")
        refused = talk.say(f"RCPT TO:<{BO}>")
        assert str(refused).startswith("550 5.7.1 Your mail server speaks before it is greeted")
        assert talk.say("RCPT TO:<postmaster@example.com>").code == 250
    assert eventually(lambda: prompt.gate.why(refused.id) != [])
    told = prompt.gate.why(refused.id)[0]
    assert told["code"] == "tarpit.early_talker"
    assert mail(prompt.port, "192.0.31.77").code == 550  # its network, and at the greeting it was quiet
    assert mail(prompt.port, "192.0.32.77").code == 451


def test_a_null_sender_of_an_early_network_is_heard(prompt: House) -> None:
    with closing(visit(prompt.port, "192.0.33.1", b"EHLO bot.example\r\n")) as talk:
        assert [talk.answer().code, talk.answer().code] == [220, 250]
        talk.say("MAIL FROM:<>")
        assert talk.say(f"RCPT TO:<{BO}>").code == 250


def test_commands_in_one_go_after_the_greeting_are_pipelining_and_not_early(prompt: House) -> None:
    with greeted(prompt.port, "192.0.34.1") as talk:
        talk.send(f"EHLO a.example\r\nMAIL FROM:<{ANN}>\r\nRCPT TO:<{BO}>\r\n".encode())
        assert [talk.answer().code for _ in range(3)] == [250, 250, 250]
    assert record(prompt.gate, "192.0.34.0/24") == {}


def test_a_near_peer_may_talk_early(prompt: House) -> None:
    with closing(Talk(prompt.port)) as talk:
        talk.send(b"EHLO a.example\r\n")
        assert [talk.answer().code, talk.answer().code] == [220, 250]
        talk.say(f"MAIL FROM:<{ANN}>")
        assert talk.say(f"RCPT TO:<{BO}>").code == 250
    assert record(prompt.gate, "127.0.0.0/24") == {}
