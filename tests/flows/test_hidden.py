"""Whoever hides who it is: deferred once like everybody, then held for a person; but not while DNS is away."""

from collections.abc import Callable, Iterator

import pytest

from tests.evidence.dnsserver import DnsServer
from tests.gate import Gate, rest, until
from tests.sink import Sink
from tests.talk import deliver, message

AL, BO = "al@nowhere.example", "bo@example.com"


@pytest.fixture
def dns_server() -> Iterator[DnsServer]:
    made = DnsServer()
    yield made
    made.close()


def gate_with(start: Callable[..., Gate], dns_server: DnsServer, *, reviewed: bool = True) -> Gate:
    dns = {"servers": [f"127.0.0.1:{dns_server.port}"], "timeout": "10s"}
    return start({"dns": dns, "hold": {"reviewed": reviewed}})


def test_its_second_attempt_is_held_until_somebody_knows_it(
    start: Callable[..., Gate], sink: Sink, dns_server: DnsServer
) -> None:
    gate, mail = gate_with(start, dns_server), message("Who am I", sender=AL)
    assert deliver(gate.port, AL, [BO], mail).code == 451
    rest(1.2)
    taken = deliver(gate.port, AL, [BO], mail)
    assert taken.code == 250
    assert gate.why(taken.id)[0]["code"] == "sender.hidden"
    assert sink.mails == []
    (row,) = gate.queue()
    assert row["state"] == "held"
    gate.cli("queue", "release", row["message"])
    until(lambda: sink.subjects() == ["Who am I"])
    other = message("From next door", sender="mo@nowhere.example", body="Other words.\r\n")
    assert deliver(gate.port, "mo@nowhere.example", [BO], other, source="127.0.5.1").code == 451
    rest(1.2)
    assert deliver(gate.port, "mo@nowhere.example", [BO], other, source="127.0.5.1").code == 250
    assert sink.subjects() == ["Who am I", "From next door"], "its domain is known here now"


def test_where_nobody_looks_it_is_delivered_and_tagged_and_earns_nothing(
    start: Callable[..., Gate], sink: Sink, dns_server: DnsServer
) -> None:
    gate, mail = gate_with(start, dns_server, reviewed=False), message("Who am I", sender=AL)
    assert deliver(gate.port, AL, [BO], mail).code == 451
    rest(1.2)
    assert deliver(gate.port, AL, [BO], mail).code == 250
    assert b"X-Spam-Flag: YES" in sink.mails[0].content
    rest(0.6)
    assert deliver(gate.port, AL, [BO], message("Again", sender=AL, body="More.\r\n")).code == 451


@pytest.mark.parametrize("tells", ["its name", "its sender", "nothing, being away"])
def test_whoever_can_be_told_or_could_not_be_asked_about_is_let_in(
    start: Callable[..., Gate], sink: Sink, dns_server: DnsServer, tells: str
) -> None:
    if tells == "its name":
        dns_server.host("127.0.0.1", "mail.nowhere.example")
    if tells == "its sender":
        dns_server.zone[("nowhere.example", "TXT")] = ['"v=spf1 ip4:127.0.0.0/8 -all"']
    dns_server.failing = tells == "nothing, being away"
    gate, mail = gate_with(start, dns_server), message("Here I am", sender=AL)
    assert deliver(gate.port, AL, [BO], mail).code == 451
    rest(1.2)
    assert deliver(gate.port, AL, [BO], mail).code == 250
    assert sink.subjects() == ["Here I am"]
