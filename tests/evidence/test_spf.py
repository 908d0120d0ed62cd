"""SPF through our own DNS: the results of RFC 7208, who passes with too many others, and what strange records do."""

import asyncio
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.evidence import spf
from gateway.evidence.gather import Evidence
from gateway.evidence.resolver import DnsResolver
from gateway.model import Address, Spf, SpfResult
from tests.evidence.dnsserver import DnsServer
from tests.evidence.table import Table

HERE, V6 = "192.0.2.7", "2001:db8::7"
ZONE = {
    ("a.example", "A"): [HERE],
    ("a.example", "AAAA"): [V6],
    ("mx.example", "MX"): ["10 a.example.", "20 b.example."],
    ("_net.example", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 -all"'],
    (f"{HERE}.ok.example", "A"): ["127.0.0.2"],
    ("many.example", "MX"): [f"10 m{n}.example." for n in range(11)],
}


@pytest.fixture
def zone(dns_server: DnsServer) -> DnsServer:
    dns_server.zone |= ZONE
    return dns_server


def evidence(server: DnsServer) -> Evidence:
    """Where nobody is to answer, waiting for it makes no difference to what is found, and is short."""
    patience = 3 if server.mute else 60
    return Evidence(DnsResolver([("127.0.0.1", server.port)], patience), own_servers=True, within=60)


async def of(server: DnsServer, record: str, peer: str = HERE, domain: str = "who.example") -> Spf:
    server.zone[(domain, "TXT")] = [f'"{record}"']
    found = await evidence(server).spf_of(ip_address(peer), Address(f"ann@{domain}", "ann", domain), "helo.example")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("record", "peer", "result"),
    [
        ("v=spf1 ip4:192.0.2.7 -all", HERE, "pass"),
        ("v=spf1 ip4:192.0.2.8 -all", HERE, "fail"),
        ("v=spf1 ip4:192.0.2.8 ~all", HERE, "softfail"),
        ("v=spf1 ip4:192.0.2.8 ?all", HERE, "neutral"),
        ("v=spf1 ip4:192.0.2.8", HERE, "neutral"),
        ("v=spf1 a:a.example -all", HERE, "pass"),
        ("v=spf1 a:a.example -all", V6, "pass"),
        ("v=spf1 ip6:2001:db8::/32 -all", V6, "pass"),
        ("v=spf1 ip4:192.0.2.7 -all", f"::ffff:{HERE}", "pass"),
        ("v=spf1 mx:mx.example -all", HERE, "pass"),
        ("v=spf1 mx:many.example -all", HERE, "permerror"),
        ("v=spf1 include:_net.example -all", HERE, "pass"),
        ("v=spf1 include:_net.example -all", "198.51.100.1", "fail"),
        ("v=spf1 redirect=_net.example", HERE, "pass"),
        ("v=spf1 exists:%{i}.ok.example -all", HERE, "pass"),
        ("v=spf1 exists:%{i}.ok.example -all", "192.0.2.9", "fail"),
        ("v=spf1 include:nothing.example -all", HERE, "permerror"),
        ("v=spf1 ip4:192.0.2.300 -all", HERE, "permerror"),
        ("v=spf1 include:who.example -all", HERE, "permerror"),
        ("v=spf1 a:x1.example a:x2.example a:x3.example ip4:192.0.2.7 -all", HERE, "permerror"),
        ("v=DMARC1; p=none", HERE, "none"),
    ],
)
async def test_results(zone: DnsServer, record: str, peer: str, result: str) -> None:
    assert await of(zone, record, peer) == Spf(SpfResult(result), "who.example")


async def test_a_name_of_the_peer_that_dns_does_not_tell_about_vouches_for_nobody(zone: DnsServer) -> None:
    """RFC 7208 5.5: it is the peer's own DNS."""
    zone.zone[("7.2.0.192.in-addr.arpa", "PTR")] = ["dead.example.", "a.example."]
    zone.mute.add("dead.example")
    assert (await of(zone, "v=spf1 ptr:a.example -all")).result is SpfResult.PASS
    assert (await of(zone, "v=spf1 ptr:dead.example -all")).result is SpfResult.FAIL
    zone.mute.add("9.2.0.192.in-addr.arpa")
    assert (await of(zone, "v=spf1 ptr:a.example -all", "192.0.2.9")).result is SpfResult.FAIL


@pytest.mark.parametrize("silent", ["who.example", "_net.example"])
async def test_where_nobody_answers_it_is_unknown(zone: DnsServer, silent: str) -> None:
    zone.mute.add(silent)
    assert (await of(zone, "v=spf1 include:_net.example -all")).result is SpfResult.TEMPERROR


async def test_the_null_sender_is_who_it_says_hello_as(zone: DnsServer) -> None:
    zone.zone[("helo.example", "TXT")] = ['"v=spf1 ip4:192.0.2.7 -all"']
    found = await evidence(zone).spf_of(ip_address(HERE), None, "HELO.example")
    assert found == Spf(SpfResult.PASS, "helo.example", of_helo=True)


@pytest.mark.parametrize("helo", ["", "[192.0.2.7]", "localhost", "a..b", "x" * 300, "\xe9"])
async def test_a_hello_that_is_no_name_passes_nothing(zone: DnsServer, helo: str) -> None:
    found = await evidence(zone).spf_of(ip_address(HERE), None, helo)
    assert found is not None
    assert found.result in (SpfResult.NONE, SpfResult.PERMERROR)


@pytest.mark.parametrize(
    ("record", "peer", "wide"),
    [
        ("v=spf1 +all", HERE, True),
        ("v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all", HERE, True),
        ("v=spf1 ip4:192.0.0.0/15 -all", HERE, True),
        ("v=spf1 ip4:192.0.0.0/16 -all", HERE, False),
        ("v=spf1 ip6:2001:db8::/31 -all", V6, True),
        ("v=spf1 ip6:2001:db8::/32 -all", V6, False),
        ("v=spf1 include:_net.example -all", HERE, False),
        ("v=spf1 exists:%{i}.ok.example -all", HERE, False),
        ("v=spf1 a:a.example -all", HERE, False),
    ],
)
async def test_who_passes_with_very_many_others_is_told(zone: DnsServer, record: str, peer: str, wide: bool) -> None:
    assert await of(zone, record, peer) == Spf(SpfResult.PASS, "who.example", wide)


async def test_loopback_is_not_asked_about_where_nobody_knows_it(dns_server: DnsServer) -> None:
    public = Evidence(DnsResolver([("127.0.0.1", dns_server.port)], 60), own_servers=False, within=60)
    assert await public.spf_of(ip_address("127.0.0.1"), None, "helo.example") is None
    assert dns_server.asked == []


async def test_a_record_without_end_is_given_up() -> None:
    hosts = [f"10 h{n}.example" for n in range(10)]
    zone = {(f"mx{n}.example", "MX"): tuple(host.replace("h", f"h{n}x") for host in hosts) for n in range(10)}
    zone[("who.example", "TXT")] = (f"v=spf1 {' '.join(f'mx:mx{n}.example' for n in range(10))} -all",)
    zone |= {(f"h{n}x{m}.example", "A"): ("198.51.100.1",) for n in range(10) for m in range(10)}
    resolver = Table(zone)
    found = await spf.check(ip_address(HERE), "ann@who.example", "", resolver)
    assert found.result is SpfResult.FAIL
    assert len(resolver.asked) == len(set(resolver.asked)) == 111, "each once"


TERMS = st.sampled_from(
    ["v=spf1", "a", "mx", "ptr", "all", "-all", "ip4:", "ip4:1.2.3.4/99", "ip6:::/0", "include:", "include:w.example",
     "exists:%{ir}.%{v}._spf.%{d2}", "redirect=w.example", "exp=%{p}.example", "a:%{", "%{l1r-}", "a/33//129", "mx:.",
     "\xe9", "a:" + "x" * 70 + ".example", "=", ":", "/", "?", "ip4:1.2.3.4\x00", "unknown:thing", "op=x"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.lists(TERMS, max_size=8),
    st.sampled_from(["ann", "a%b", "", "x" * 80, "\xfc"]),
    st.sampled_from(["h.example", "", "[1.2.3.4]"]),
)
def test_no_record_can_make_it_raise(terms: list[str], local: str, helo: str) -> None:
    zone = {("w.example", "TXT"): (" ".join(["v=spf1", *terms]), "other")}
    found = asyncio.run(spf.check(ip_address(HERE), f"{local}@w.example", helo, Table(zone)))
    assert found.domain == "w.example"
