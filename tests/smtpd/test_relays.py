"""Declared relays over the wire: who they bring is judged, they wait for nothing and earn nothing."""

import contextlib
import json
from contextlib import closing
from threading import Event

import pytest

from tests.gate import rest, until
from tests.smtpd.house import GREY, OPEN, PROXY, House, Houses
from tests.smtpd.visitors import has_heard_nothing, mail, record, visit
from tests.talk import Answer, message

RELAY, SECOND_RELAY, NEIGHBOUR = "127.0.4.1", "127.0.4.2", "127.0.4.9"
FAR_RELAY, ITS_NEIGHBOUR = "203.0.113.9", "203.0.113.10"
EVIL, FRIEND = "192.0.2.66", "198.51.100.7"
CHOOSY = "choosy.example"  # known-only

PLAIN = {
    "domains": {"local": [OPEN, GREY, CHOOSY, "list.example"]},
    "recipients": {"verify": "list", "list": [f"@{OPEN}", f"@{GREY}", f"@{CHOOSY}", "bo@list.example"]},
    "protection": {"overrides": {OPEN: "off", CHOOSY: "known-only"}},
    "smtp": {"relays": [RELAY, SECOND_RELAY, FAR_RELAY], "proxy_from": [PROXY]},
    "limits": {"connections_per_address": 3, "connections_per_network": 4},
    "greylist": {"wait": "1h"},
    "tarpit": {"traps": [f"trap@{OPEN}"]},
}


@pytest.fixture
def house(houses: Houses) -> House:
    return houses.get(PLAIN)


@pytest.fixture
def reviewed(houses: Houses) -> House:
    return houses.get({**PLAIN, "hold": {"reviewed": True}})


def trace(address: str, by: str = "mx2.example.com") -> str:
    return (
        f"Received: from mail.a.example (unknown [{address}])\r\n"
        f"\tby {by} (Postfix) with ESMTPS id 4fQ2xY5zTqz9s;\r\n\tSun, 1 Mar 2026 12:00:00 +0000 (UTC)\r\n"
    )


def relayed(
    house: House, hop: str, to: str, *, sender: str = "ann@elsewhere.example", source: str = RELAY, below: str = ""
) -> Answer:
    """One mail that a relay brings."""
    with house.talk(source) as talk:
        answers = talk.envelope(sender, [to])
        if answers[-1].code != 250:
            return answers[-1]
        return talk.data((trace(hop) + below).encode() + message(sender=sender, to=to))


def straight(house: House, address: str, to: str, *, sender: str = "ann@elsewhere.example") -> Answer:
    """One mail from that very address, as the balancer tells it."""
    return mail(house.port, address, sender, to, message(sender=sender, to=to))


@contextlib.contextmanager
def block(house: House, party: str):
    """On the blocklist for as long as this lasts."""
    number = house.gate.cli("known", "block", party).partition(":")[0]
    rest(1.5)  # workers look once a second
    try:
        yield
    finally:
        house.gate.cli("known", "forget", number)
        rest(1.5)


def remembered(house: House) -> list[dict[str, str]]:
    return list(json.loads(house.gate.cli("known", "list", "--json"))["memory"])


def decision(house: House, answer: Answer) -> dict[str, object]:
    until(lambda: "no decision" not in house.gate.cli("queue", "why", answer.id, check=False))
    return dict(house.gate.why(answer.id)[0])


def test_a_stranger_behind_a_relay_does_not_wait_and_a_neighbour_of_the_relay_does(house):
    assert relayed(house, FRIEND, f"bo@{GREY}").code == 250
    assert len(house.sink.mails) == 1
    with house.talk(NEIGHBOUR) as talk:
        talk.envelope("ann@elsewhere.example", [f"bo@{GREY}"])
        assert talk.data(message(to=f"bo@{GREY}")).code == 451
    assert straight(house, FRIEND, f"bo@{GREY}").code == 451
    assert [row for row in remembered(house) if row["recipient"] == f"bo@{GREY}"] == []


def test_the_field_that_we_write_tells_of_the_relay_and_the_record_of_both(house):
    answer = relayed(house, FRIEND, f"cy@{GREY}")
    assert f"(unknown [{RELAY}])".encode() in house.sink.mails[-1].content.split(b"\r\n\tby")[0]
    record = decision(house, answer)["facts"]
    assert "relay.declared" in [one["code"] for one in record["reasons"]]
    facts = record["facts"]["rcpt"]
    assert facts["peer"]["address"] == RELAY
    assert facts["relayed"]["hop"] == {"address": FRIEND, "helo": "mail.a.example", "nameless": True}
    assert facts["rungs"] == [[1, "198.51.100.0/24"]]


def test_a_blocked_hop_is_tagged_and_the_same_host_itself_refused(house):
    with block(house, EVIL):
        assert straight(house, EVIL, f"bo@{OPEN}").code == 550
        assert relayed(house, EVIL, f"bo@{OPEN}").code == 250
        assert b"X-Spam-Flag: YES" in house.sink.mails[-1].content
        assert relayed(house, SECOND_RELAY, f"bo@{OPEN}", below=trace(EVIL)).code == 250
        assert b"X-Spam-Flag: YES" in house.sink.mails[-1].content
        assert relayed(house, FRIEND, f"bo@{OPEN}", below=trace(EVIL)).code == 250
        assert b"X-Spam-Flag: YES" not in house.sink.mails[-1].content


def test_a_block_of_the_relays_address_is_not_about_the_mail_it_brings(house):
    with block(house, RELAY):
        assert relayed(house, FRIEND, f"bo@{OPEN}").code == 250
        assert b"X-Spam-Flag: YES" not in house.sink.mails[-1].content


def test_a_blocked_sender_behind_a_relay_is_held_where_somebody_looks(reviewed):
    with block(reviewed, "eve@evil.example"):
        answer = relayed(reviewed, FRIEND, f"bo@{GREY}", sender="eve@evil.example")
        assert answer.code == 250
        assert reviewed.sink.mails == []
        codes = [one["code"] for one in decision(reviewed, answer)["facts"]["reasons"]]
        assert codes == ["list.blocked", "relay.declared", "relay.spared"]
        (held,) = [row for row in reviewed.gate.queue() if row["sender"] == "eve@evil.example"]
        assert (held["state"], held["recipient"]) == ("held", f"bo@{GREY}")


def test_a_released_mail_makes_its_sender_known_from_the_hop_and_not_from_the_relay(house):
    to, sender = f"bo@{CHOOSY}", "zoe@friend.example"
    assert relayed(house, FRIEND, to, sender=sender).code == 250
    (held,) = [row for row in house.gate.queue() if row["sender"] == sender]
    house.gate.cli("queue", "release", str(held["message"]))
    until(lambda: len(house.sink.mails) == 1)
    assert {row["value"] for row in remembered(house) if row["recipient"] == to} == {"198.51.100.0/24"}
    rest(1.5)
    assert relayed(house, FRIEND, to, sender=sender).code == 250
    assert len(house.sink.mails) == 2
    assert relayed(house, EVIL, to, sender=sender).code == 250
    assert relayed(house, RELAY, to, sender=sender).code == 250
    assert len(house.sink.mails) == 2  # another hop, and an unknown one, are held
    assert straight(house, FRIEND, to, sender=sender).code == 250
    assert len(house.sink.mails) == 3
    until(lambda: record(house.gate, "198.51.100.0/24"))  # earned by coming itself
    assert record(house.gate, "127.0.4.0/24") == {}  # what the relay brought before earned nothing


def test_a_relay_is_greeted_while_its_neighbours_wait(houses):
    patient = houses.get({**PLAIN, "tarpit": {"greet_pause": "10s"}})
    with closing(visit(patient.port, ITS_NEIGHBOUR)) as stranger, closing(visit(patient.port, FAR_RELAY)) as relay:
        assert relay.answer().code == 220
        assert has_heard_nothing(stranger)


def test_a_trap_is_an_unknown_recipient_to_a_relay_and_marks_nobody(house):
    for _ in range(2):
        assert mail(house.port, FAR_RELAY, to=f"trap@{OPEN}").code == 550
    assert mail(house.port, FAR_RELAY, to=f"bo@{OPEN}").code == 250
    assert record(house.gate, "203.0.113.0/24") == {}


def test_what_a_relay_is_refused_like_everybody(house):
    assert relayed(house, FRIEND, "bo@elsewhere.example").code == 550
    assert relayed(house, FRIEND, f"bo@sub.{OPEN}").code == 550
    with house.talk(RELAY) as talk:
        talk.envelope("ann@elsewhere.example", [f"bo@{OPEN}"])
        assert talk.say("DATA").code == 354
        talk.send(b"Subject: x\r\n\r\na bare\nnewline\r\n.\r\n")
        assert talk.answer().code == 550


def test_recipients_of_two_classes_come_in_two_transactions(house):
    with house.talk(RELAY) as talk:
        answers = talk.envelope("ann@elsewhere.example", [f"bo@{GREY}", f"bo@{CHOOSY}"])
        assert [answer.code for answer in answers] == [250, 250, 452]


def test_observing_lets_in_what_a_relay_brings_and_says_what_would_have_been(houses):
    observing = houses.get({**PLAIN, "protection": {**PLAIN["protection"], "mode": "observe"}})
    answer = relayed(observing, FRIEND, f"bo@{CHOOSY}")
    assert answer.code == 250
    assert len(observing.sink.mails) == 1
    codes = [one["code"] for one in decision(observing, answer)["facts"]["reasons"]]
    assert codes[:2] == ["observe.let_in", "level.known_only"]
    assert "relay.declared" in codes


def test_unknown_recipients_of_a_relay_are_not_counted_as_guesses(houses):
    strict = houses.get({**PLAIN, "limits": {"unknown_recipients": 1}})
    for _ in range(12):
        assert mail(strict.port, FAR_RELAY, to="cy@nobody.example").code == 550
        assert mail(strict.port, FAR_RELAY, to="nobody@list.example").code == 550
    assert mail(strict.port, ITS_NEIGHBOUR, to="nobody@list.example").code == 550  # the first guess of this network


def test_counts_per_address_and_network_do_not_bind_a_relay(house):
    with contextlib.ExitStack() as open_ones:
        for _ in range(8):
            assert open_ones.enter_context(house.talk(RELAY)).greeting.code == 220
    with contextlib.ExitStack() as open_ones:
        greetings = [open_ones.enter_context(house.talk("127.0.9.1")).greeting.code for _ in range(5)]
    assert greetings == [220, 220, 220, 421, 421]


def test_a_relays_retry_after_a_lost_reply_is_dropped_though_its_hop_is_unknown(house):
    mail = message(to=f"bo@{GREY}", number="once")
    came, has_left = Event(), Event()

    def take(argument: str) -> bytes:
        came.set()
        has_left.wait(60)
        return b"250 2.0.0 taken"

    house.sink.on["."] = take
    talk = house.talk(RELAY)
    assert talk.answer().code == 220
    talk.envelope("ann@elsewhere.example", [f"bo@{GREY}"])
    assert talk.say("DATA").code == 354
    talk.send(mail + b".\r\n")
    assert came.wait(60)
    talk.close()  # before our reply
    rest(0.3)
    has_left.set()
    until(lambda: len(house.sink.mails) == 1)
    until(lambda: "delivered, but the sender will try again" in house.gate.log)
    with house.talk(RELAY) as talk:
        talk.envelope("ann@elsewhere.example", [f"bo@{GREY}"])
        answer = talk.data(mail)
    assert answer.code == 250
    assert [one["code"] for one in decision(house, answer)["facts"]["reasons"]] == ["retry.delivered"]
    assert len(house.sink.mails) == 1
