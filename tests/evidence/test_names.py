"""The confirmed name of a peer: found, absent, or unknown; and what silence costs."""

import time
from collections.abc import Callable
from ipaddress import ip_address

import pytest

from gateway.evidence.rdns import confirmed_name
from gateway.evidence.resolver import DnsResolver
from tests.evidence.dnsserver import DnsServer
from tests.gate import Gate
from tests.sink import Sink
from tests.talk import deliver, message

ANN, BO = "ann@elsewhere.example", "bo@example.com"


def resolver_for(server: DnsServer, timeout: float = 0.5) -> DnsResolver:
    return DnsResolver([("127.0.0.1", server.port)], timeout)


async def test_a_name_counts_only_when_it_resolves_back(dns_server: DnsServer) -> None:
    dns_server.host("192.0.2.7", "Mail.Elsewhere.example")
    dns_server.zone[("mail.elsewhere.example", "A")] = ["192.0.2.7"]
    dns_server.host("192.0.2.8", "liar.example", resolves_to="192.0.2.99")
    resolver = resolver_for(dns_server)
    assert await confirmed_name(ip_address("192.0.2.7"), resolver) == "mail.elsewhere.example"
    assert await confirmed_name(ip_address("192.0.2.8"), resolver) is None
    assert await confirmed_name(ip_address("192.0.2.9"), resolver) is None


async def test_no_such_name_and_no_answer_are_told_apart(dns_server: DnsServer) -> None:
    resolver = resolver_for(dns_server)
    assert await resolver.lookup("missing.example", "A") == ()
    dns_server.failing = True
    assert await resolver.lookup("broken.example", "A") is None
    dns_server.failing, dns_server.silent = False, True
    began = time.monotonic()
    assert await resolver.lookup("silent.example", "A") is None
    assert time.monotonic() - began < 30


async def test_answers_are_remembered(dns_server: DnsServer) -> None:
    dns_server.zone[("a.example", "A")] = ["192.0.2.1"]
    resolver = resolver_for(dns_server)
    assert [await resolver.lookup("a.example", "A") for _ in range(5)] == [("192.0.2.1",)] * 5
    assert len(dns_server.asked) == 1


@pytest.mark.parametrize("bad", ["", "a..b", "x" * 300, "\udcff.example"])
async def test_names_that_cannot_be_asked_are_unknown(dns_server: DnsServer, bad: str) -> None:
    assert await resolver_for(dns_server).lookup(bad, "A") in (None, ())


def test_a_retry_from_another_network_passes_by_the_hosts_name(
    start: Callable[..., Gate], sink: Sink, dns_server: DnsServer
) -> None:
    for address in ("127.0.1.5", "127.0.2.5"):
        dns_server.host(address, "mail.elsewhere.example")
    gate = start({"dns": {"servers": [f"127.0.0.1:{dns_server.port}"]}})
    mail = message("From two networks")
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.1.5").code == 451
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.3.5").code == 451
    time.sleep(1.2)
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.4.5").code == 451, "a stranger's network of its own"
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.2.5").code == 250
    assert b"(mail.elsewhere.example [127.0.2.5])" in sink.mails[0].content


def test_with_dns_silent_mail_is_judged_in_time_and_nobody_is_refused(
    start: Callable[..., Gate], sink: Sink, dns_server: DnsServer
) -> None:
    dns_server.silent = True
    gate = start({"dns": {"servers": [f"127.0.0.1:{dns_server.port}"], "timeout": "500ms"}})
    mail = message("No names")
    began = time.monotonic()
    assert deliver(gate.port, ANN, [BO], mail).code == 451
    assert time.monotonic() - began < 30
    time.sleep(1.2)
    assert deliver(gate.port, ANN, [BO], mail).code == 250
