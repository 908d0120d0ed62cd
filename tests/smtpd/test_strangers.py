"""Strangers that write to traps, guess addresses or prove their patience, and slow replies, over the wire."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from tests.evidence.dnsserver import DnsServer
from tests.gate import rest
from tests.smtpd.house import House, Houses
from tests.smtpd.visitors import ANN, BO, eventually, greeted, has_heard_nothing, mail, record, visit, watched
from tests.talk import Talk, message

PATIENCE = 8  # seconds, of [tarpit]

TRAP = "old-offer@example.com"


@pytest.fixture
def trapping(houses: Houses) -> House:
    return watched(houses, {"tarpit": {"traps": [TRAP]}})


@pytest.fixture
def patient(houses: Houses) -> House:
    return watched(houses, {"tarpit": {"patience": f"{PATIENCE}s"}})


@pytest.fixture(scope="module")
def nameless() -> Iterator[str]:
    """A name server that says of everybody that it has no name."""
    server = DnsServer()
    yield f"127.0.0.1:{server.port}"
    server.close()


@pytest.fixture
def slow(houses: Houses, nameless: str) -> House:
    dns = {"servers": [nameless], "timeout": "20s", "within": "20s"}
    return watched(houses, {"tarpit": {"stutter": "4s", "traps": [TRAP]}, "dns": dns})


def step_into_trap(house: House, address: str, sender: str = ANN) -> None:
    assert str(mail(house.port, address, sender, TRAP)).startswith("550 5.1.1 No such recipient here")


# ---- traps ---------------------------------------------------------------------------------------------------------


def test_a_trap_sends_the_strangers_of_its_network_away_for_a_day(trapping: House) -> None:
    step_into_trap(trapping, "192.0.2.1")
    deferred = mail(trapping.port, "192.0.2.200", "eve@elsewhere.example")
    assert deferred.code == 451
    assert eventually(lambda: trapping.gate.why(deferred.id) != [])
    assert trapping.gate.why(deferred.id)[0]["code"] == "trap.network"
    assert eventually(lambda: "trapped_until" in record(trapping.gate, "192.0.2.0/24"))
    assert mail(trapping.port, "192.0.2.200", to="postmaster@example.com").code == 250
    assert "network trapped" in trapping.gate.log


def test_the_hit_itself_is_on_record(trapping: House) -> None:
    refused = mail(trapping.port, "192.0.3.1", to=TRAP)
    assert eventually(lambda: trapping.gate.why(refused.id) != [])
    assert trapping.gate.why(refused.id)[0]["code"] == "trap.hit"


def test_a_bounce_to_a_trap_marks_nobody(trapping: House) -> None:
    """Its mail was forged in the trap's name."""
    step_into_trap(trapping, "192.0.4.1", sender="")
    first = mail(trapping.port, "192.0.4.1")
    assert eventually(lambda: trapping.gate.why(first.id) != [])
    assert trapping.gate.why(first.id)[0]["code"] == "greylist.new"
    assert record(trapping.gate, "192.0.4.0/24") == {}


def test_a_network_whose_mail_was_delivered_is_not_marked(trapping: House) -> None:
    first = message("patience")
    assert mail(trapping.port, "192.0.5.1", data=first).code == 451
    rest(1.2)  # [greylist] wait
    assert mail(trapping.port, "192.0.5.1", data=first).code == 250
    step_into_trap(trapping, "192.0.5.9", "eve@elsewhere.example")
    assert eventually(lambda: "delivered_at" in record(trapping.gate, "192.0.5.0/24"))
    assert "trapped_until" not in record(trapping.gate, "192.0.5.0/24")


def test_a_network_is_freed_by_hand_and_every_worker_sees_it(trapping: House) -> None:
    step_into_trap(trapping, "192.0.6.1")
    assert mail(trapping.port, "192.0.6.2").code == 451
    assert eventually(lambda: "trapped_until" in record(trapping.gate, "192.0.6.0/24"))
    trapping.gate.cli("known", "forget", "192.0.6.0/24")

    def reason() -> str:
        answer = mail(trapping.port, "192.0.6.2", to="cy@example.com")
        assert eventually(lambda: trapping.gate.why(answer.id) != [])
        return str(trapping.gate.why(answer.id)[0]["code"])

    assert eventually(lambda: reason() != "trap.network")


# ---- guesses -------------------------------------------------------------------------------------------------------


def test_who_guesses_addresses_is_not_told_more_and_the_backend_not_asked(houses: Houses) -> None:
    house = watched(houses, {"recipients": {"verify": "backend"}, "limits": {"unknown_recipients": 3}})
    house.sink.on["RCPT"] = lambda argument: b"550 5.1.1 nobody" if "x" in argument.partition("@")[0] else b"250 ok"
    first = message("a friend")
    assert mail(house.port, "192.0.2.9", data=first).code == 451
    rest(1.2)  # [greylist] wait
    assert mail(house.port, "192.0.2.9", data=first).code == 250  # the network is remembered now, and so is ANN
    with greeted(house.port, "198.51.100.1") as talk:
        talk.envelope("eve@elsewhere.example", [])
        assert [talk.say(f"RCPT TO:<x{number}@example.com>").code for number in range(3)] == [550] * 3
        asked = len(house.sink.heard)
        last = talk.say("RCPT TO:<cy@example.com>")
        assert str(last).startswith("450 4.7.1 Too many unknown recipients")
        assert len(house.sink.heard) == asked
        assert talk.say("RCPT TO:<postmaster@example.com>").code == 250
    assert eventually(lambda: house.gate.why(last.id) != [])
    assert "recipient.harvest" in [row["code"] for row in house.gate.why(last.id)]
    assert mail(house.port, "198.51.100.200", "eve@elsewhere.example").code == 450  # its whole network
    assert mail(house.port, "203.0.113.1", "eve@elsewhere.example").code == 451
    with greeted(house.port, "192.0.2.77") as talk:  # and known ones may be wrong more often
        talk.envelope(ANN, [])
        assert [talk.say(f"RCPT TO:<x1{number}@example.com>").code for number in range(10)] == [550] * 10


# ---- patience ------------------------------------------------------------------------------------------------------


def test_a_stranger_that_waits_for_the_answer_need_not_come_back(patient: House) -> None:
    with greeted(patient.port, "192.0.2.1") as talk:
        talk.envelope(ANN, [])
        began = time.monotonic()
        assert talk.say(f"RCPT TO:<{BO}>").code == 250
        assert time.monotonic() - began >= PATIENCE
        assert talk.say("RCPT TO:<cy@example.com>").code == 250
        assert talk.data(message("patient")).code == 250
    assert patient.sink.subjects() == ["patient"]
    why = [row["code"] for row in patient.gate.why(ANN)]
    assert "greylist.patient" in why


def test_patience_is_remembered_like_a_wait(patient: House) -> None:
    assert mail(patient.port, "192.0.3.1", "pat@elsewhere.example").code == 250
    assert eventually(lambda: "delivered_at" in record(patient.gate, "192.0.3.0/24"))
    with closing(visit(patient.port, "198.51.100.1")) as stranger:
        stranger.answer()
        stranger.envelope("new@elsewhere.example", [])
        stranger.send(f"RCPT TO:<{BO}>\r\n".encode())
        assert mail(patient.port, "192.0.3.9", "pat@elsewhere.example").code == 250
        assert has_heard_nothing(stranger)


def test_a_null_sender_is_not_kept_waiting(patient: House) -> None:
    with closing(visit(patient.port, "198.51.100.9")) as stranger:
        stranger.answer()
        stranger.envelope("new2@elsewhere.example", [])
        stranger.send(f"RCPT TO:<{BO}>\r\n".encode())
        assert mail(patient.port, "192.0.4.1", "").code == 451
        assert has_heard_nothing(stranger)


def test_who_hangs_up_while_it_waits_leaves_no_place_taken(houses: Houses) -> None:
    house = watched(houses, {"tarpit": {"patience": "4m"}})
    with ExitStack() as stack:
        for number in range(50):  # as many as one network may have at a time
            talk = stack.enter_context(closing(visit(house.port, f"192.0.5.{number}")))
            assert talk.answer().code == 220
            talk.send(f"EHLO a.example\r\nMAIL FROM:<{ANN}>\r\nRCPT TO:<{BO}>\r\n".encode())
        assert visit(house.port, "192.0.5.200").answer().code == 421
    assert eventually(lambda: visit(house.port, "192.0.5.200").answer().code == 220, 60)


def test_where_the_tarpit_is_full_a_stranger_comes_back_as_ever(houses: Houses) -> None:
    house = watched(houses, {"tarpit": {"patience": "2s", "share": 1}, "limits": {"connections": 99}})
    assert mail(house.port, "192.0.2.1").code == 451


# ---- slow replies --------------------------------------------------------------------------------------------------


def dribbles(talk: Talk, count: int, asked: float) -> bool:
    """True when so many bytes took a second each, from the moment on that they were asked for."""
    for _ in range(count):
        talk.held += talk.sock.recv(1)
    return time.monotonic() - asked > 0.9 * (count - 1)


def test_a_network_in_a_trap_is_greeted_byte_by_byte_for_a_while(slow: House) -> None:
    step_into_trap(slow, "192.0.2.1")
    asked = time.monotonic()
    with closing(visit(slow.port, "192.0.2.1")) as talk:
        assert dribbles(talk, 3, asked)
        assert talk.answer().code == 220  # the rest comes in one go
        assert talk.say("EHLO a.example").code == 250


def test_a_null_sender_ends_slow_replies(slow: House) -> None:
    step_into_trap(slow, "192.0.3.1")
    asked = time.monotonic()
    with closing(visit(slow.port, "192.0.3.1")) as talk:
        assert dribbles(talk, 2, asked)
        talk.send(b"EHLO a.example\r\nMAIL FROM:<>\r\n")
        assert [talk.answer().code for _ in range(3)] == [220, 250, 250]
        talk.send(f"RCPT TO:<{BO}>\r\n".encode())
        talk.held += (piece := talk.sock.recv(4096))
        assert len(piece) > 1
        assert talk.answer().code == 250


def test_a_stranger_without_a_name_is_answered_slowly_from_its_first_recipient_on(slow: House) -> None:
    with greeted(slow.port, "198.51.100.1") as talk:
        assert [answer.code for answer in talk.envelope(ANN, [])] == [250]
        asked = time.monotonic()
        talk.send(f"RCPT TO:<{BO}>\r\n".encode())
        assert dribbles(talk, 3, asked)
        assert "Recipient ok" in talk.answer().text
        assert talk.say("RSET").code == 250


def test_a_named_sender_waits_for_longer_than_a_call_out_would(houses: Houses, nameless: str) -> None:
    dns = {"servers": [nameless], "timeout": "20s", "within": "20s"}
    house = watched(houses, {"tarpit": {"stutter": "1m"}, "greylist": {"stage": "rcpt"}, "dns": dns})
    with greeted(house.port, "198.51.100.1") as talk:
        talk.envelope(ANN, [])
        asked = time.monotonic()
        talk.send(f"RCPT TO:<{BO}>\r\n".encode())
        assert dribbles(talk, 12, asked)


def test_who_leaves_in_the_middle_of_a_slow_reply_leaves_no_place_taken(slow: House) -> None:
    step_into_trap(slow, "192.0.6.1")
    for number in range(60):
        visit(slow.port, f"192.0.6.{number + 1}").close()
    assert eventually(lambda: mail(slow.port, "192.0.6.200", to="postmaster@example.com").code == 250, 60)
