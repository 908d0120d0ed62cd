"""The confirmed name of a peer: found, absent, or unknown; and what silence costs."""

import time
from collections.abc import Callable
from ipaddress import ip_address

import pytest

from gateway.evidence.rdns import HostName, confirmed_name
from gateway.evidence.resolver import DnsResolver
from tests.evidence.dnsserver import DnsServer
from tests.gate import Gate, rest
from tests.sink import Sink
from tests.talk import deliver, message

ANN, BO = "ann@elsewhere.example", "bo@example.com"


def resolver_for(server: DnsServer, timeout: float = 60) -> DnsResolver:
    return DnsResolver([("127.0.0.1", server.port)], timeout)


async def test_a_name_counts_only_when_it_resolves_back(dns_server: DnsServer) -> None:
    dns_server.host("192.0.2.7", "Mail.Elsewhere.example")
    dns_server.zone[("mail.elsewhere.example", "A")] = ["192.0.2.7"]
    dns_server.host("192.0.2.8", "liar.example", resolves_to="192.0.2.99")
    resolver = resolver_for(dns_server)
    dns_server.host("192.0.2.10", "dsl-10.elsewhere.example")
    found = HostName("mail.elsewhere.example", True, "elsewhere.example")
    assert await confirmed_name(ip_address("192.0.2.7"), resolver) == found
    assert await confirmed_name(ip_address("::ffff:192.0.2.7"), resolver) == found
    line = await confirmed_name(ip_address("192.0.2.10"), resolver)
    assert line == HostName("dsl-10.elsewhere.example", True, None)
    for address in ("192.0.2.8", "192.0.2.9"):
        nothing = await confirmed_name(ip_address(address), resolver)
        assert nothing == HostName(None, certain=True)
        assert nothing.is_missing


@pytest.mark.parametrize("away", ["reverse", "forward"])
async def test_without_an_answer_nobody_is_nameless(dns_server: DnsServer, away: str) -> None:
    dns_server.host("192.0.2.7", "mail.elsewhere.example")
    dns_server.mute.add("7.2.0.192.in-addr.arpa" if away == "reverse" else "mail.elsewhere.example")
    nothing = await confirmed_name(ip_address("192.0.2.7"), resolver_for(dns_server, timeout=0.5))
    assert nothing == HostName(None, certain=False)
    assert not nothing.is_missing


def test_a_retry_from_another_network_passes_by_the_hosts_name(
    start: Callable[..., Gate], sink: Sink, dns_server: DnsServer
) -> None:
    for address in ("127.0.1.5", "127.0.2.5"):
        dns_server.host(address, "mail.elsewhere.example")
    gate = start({"dns": {"servers": [f"127.0.0.1:{dns_server.port}"]}})
    mail = message("From two networks")
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.1.5").code == 451
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.3.5").code == 451
    rest(1.2)
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.4.5").code == 451, "a stranger's network of its own"
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.2.5").code == 250
    assert b"(mail.elsewhere.example [127.0.2.5])" in sink.mails[0].content


def test_a_retry_from_another_network_passes_by_the_senders_spf(
    start: Callable[..., Gate], sink: Sink, dns_server: DnsServer
) -> None:
    dns_server.zone[("elsewhere.example", "TXT")] = ['"v=spf1 ip4:127.0.0.0/16 -all"']
    dns_server.zone[("anywhere.example", "TXT")] = ['"v=spf1 +all"']
    gate = start({"dns": {"servers": [f"127.0.0.1:{dns_server.port}"]}})
    mail, other = message("From a pool"), message("Another mail", body="Other words.\r\n")
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.1.5").code == 451
    assert deliver(gate.port, "al@anywhere.example", [BO], mail, source="127.0.1.5").code == 451
    rest(1.2)
    assert deliver(gate.port, ANN, [BO], mail, source="127.1.2.5").code == 451, "not of its pool"
    assert deliver(gate.port, "al@anywhere.example", [BO], other, source="127.0.2.5").code == 451, "everybody passes"
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.2.5").code == 250
    assert deliver(gate.port, "al@anywhere.example", [BO], mail, source="127.0.2.5").code == 250


def test_what_spf_permits_has_standing_only_where_it_was_earned(
    start: Callable[..., Gate], sink: Sink, dns_server: DnsServer
) -> None:
    dns_server.zone[("elsewhere.example", "TXT")] = ['"v=spf1 ip4:127.0.0.0/16 -all"']
    gate = start({"dns": {"servers": [f"127.0.0.1:{dns_server.port}"]}})
    assert deliver(gate.port, ANN, [BO], message("First"), source="127.0.1.5").code == 451
    rest(1.2)
    assert deliver(gate.port, ANN, [BO], message("First"), source="127.0.1.5").code == 250
    rest(0.6)  # until it is noted
    assert deliver(gate.port, ANN, [BO], message("Second", body="Two.\r\n"), source="127.0.1.6").code == 250
    assert deliver(gate.port, ANN, [BO], message("Third", body="Three.\r\n"), source="127.0.3.5").code == 451


def test_with_dns_silent_mail_is_judged_in_time_and_nobody_is_refused(
    start: Callable[..., Gate], sink: Sink, dns_server: DnsServer
) -> None:
    dns_server.silent = True
    gate = start({"dns": {"servers": [f"127.0.0.1:{dns_server.port}"], "timeout": "500ms"}})
    mail = message("No names")
    began = time.monotonic()
    assert deliver(gate.port, ANN, [BO], mail).code == 451
    assert time.monotonic() - began < 60
    rest(1.2)
    assert deliver(gate.port, ANN, [BO], mail).code == 250
