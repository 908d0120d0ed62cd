"""DNS as the gateway asks it: what is there, what is not, what nobody says; once, for a while, and within limits."""

import asyncio
import time

import pytest

from gateway.evidence.budget import Budget
from gateway.evidence.resolver import ABSENT_FOR, LONGEST, DnsResolver, Records
from tests.evidence.dnsserver import DnsServer


def resolver_for(server: DnsServer, timeout: float = 60) -> DnsResolver:
    return DnsResolver([("127.0.0.1", server.port)], timeout)


async def test_no_such_name_and_no_answer_are_told_apart(dns_server: DnsServer) -> None:
    resolver, hasty = resolver_for(dns_server), resolver_for(dns_server, timeout=0.5)
    dns_server.zone[("there.example", "A")] = ["192.0.2.1"]
    assert await resolver.lookup("there.example", "A") == Records(("192.0.2.1",))
    assert await resolver.lookup("there.example", "MX") == Records()
    assert await resolver.lookup("missing.example", "A") == Records()
    dns_server.failing = True
    assert await resolver.lookup("broken.example", "A") is None
    dns_server.failing, dns_server.silent = False, True
    assert await hasty.lookup("silent.example", "A") is None


async def test_values_are_as_everybody_writes_them(dns_server: DnsServer) -> None:
    zone = {
        ("e.example", "MX"): ["10 Mail.Example."],
        ("e.example", "TXT"): ['"v=spf1 " "-all"'],
        ("f.example", "TXT"): ['"\\233t\\233"'],
        ("e.example", "AAAA"): ["2001:DB8::1"],
        ("7.example", "PTR"): ["Host.Example."],
    }
    dns_server.zone |= zone
    resolver = resolver_for(dns_server)
    told = [await resolver.lookup(name, kind) for name, kind in zone]
    values = ["10 mail.example", "v=spf1 -all", "\xe9t\xe9", "2001:db8::1", "host.example"]
    assert told == [Records((value,)) for value in values]


async def test_answers_are_remembered_whatever_the_case(dns_server: DnsServer) -> None:
    dns_server.zone[("a.example", "A")] = ["192.0.2.1"]
    resolver = resolver_for(dns_server)
    names = ("a.example", "A.Example", "a.example.")
    assert [await resolver.lookup(name, "A") for name in names] == [Records(("192.0.2.1",))] * 3
    assert len(dns_server.asked) == 1


@pytest.mark.parametrize(
    ("ttl", "soa", "there", "missing"),
    [(60, None, 60, ABSENT_FOR), (10**6, 10**6, LONGEST, LONGEST), (0, 0, 1, 1), (5, 30, 5, 30)],
)
async def test_nothing_is_believed_for_longer_than_its_zone_says(
    dns_server: DnsServer, ttl: int, soa: int | None, there: float, missing: float
) -> None:
    dns_server.ttl, dns_server.soa = ttl, soa
    dns_server.zone[("a.example", "A")] = ["192.0.2.1"]
    resolver = resolver_for(dns_server)
    assert (await resolver.ask("a.example", "A"))[1] == there
    assert (await resolver.ask("b.example", "A"))[1] == missing


async def test_what_is_over_is_asked_again(dns_server: DnsServer) -> None:
    dns_server.zone[("a.example", "A")] = ["192.0.2.1"]
    dns_server.ttl = 1
    resolver = resolver_for(dns_server)
    await resolver.lookup("a.example", "A")
    dns_server.zone[("a.example", "A")] = ["192.0.2.2"]
    await asyncio.sleep(1.1)
    assert await resolver.lookup("a.example", "A") == Records(("192.0.2.2",))


async def test_who_asks_the_same_at_a_time_shares_one_question(dns_server: DnsServer) -> None:
    dns_server.zone[("a.example", "A")] = ["192.0.2.1"]
    resolver = resolver_for(dns_server)
    hasty = asyncio.create_task(resolver.lookup("a.example", "A"))
    others = [asyncio.create_task(resolver.lookup("a.example", "A")) for _ in range(20)]
    await asyncio.sleep(0)
    hasty.cancel()
    assert await asyncio.gather(*others) == [Records(("192.0.2.1",))] * 20
    assert len(dns_server.asked) == 1


async def test_the_cache_is_bounded_and_keeps_what_is_in_use(
    dns_server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.evidence.resolver.MOST_CACHED", 3)
    resolver = resolver_for(dns_server)
    for name in ("a", "b", "c", "a", "d"):
        await resolver.lookup(f"{name}.example", "A")
    assert [name for name, _ in resolver.cache] == ["c.example", "a.example", "d.example"]


@pytest.mark.parametrize("secure", [True, False])
async def test_what_the_resolver_proved_is_told(dns_server: DnsServer, secure: bool) -> None:
    dns_server.secure = secure
    dns_server.zone[("a.example", "A")] = ["192.0.2.1"]
    resolver = resolver_for(dns_server)
    assert await resolver.lookup("a.example", "A") == Records(("192.0.2.1",), secure)
    assert await resolver.lookup("none.example", "A") == Records((), secure)


@pytest.mark.parametrize("bad", ["a..b", "x" * 300, f"{'x' * 64}.example", "\udcff.example"])
async def test_what_is_no_name_has_no_records(dns_server: DnsServer, bad: str) -> None:
    assert await resolver_for(dns_server).lookup(bad, "A") == Records()
    assert dns_server.asked == []


async def test_a_budget_ends_with_its_questions(dns_server: DnsServer) -> None:
    dns_server.zone[("a.example", "A")] = ["192.0.2.1"]
    budget = Budget(resolver_for(dns_server), within=60, questions=2)
    assert [await budget.lookup("a.example", "A") for _ in range(3)] == [*[Records(("192.0.2.1",))] * 2, None]


async def test_a_budget_ends_with_its_time(dns_server: DnsServer) -> None:
    dns_server.silent = True
    budget = Budget(resolver_for(dns_server, timeout=3600), within=0.2, questions=9)
    began = time.monotonic()
    assert [await budget.lookup(f"{name}.example", "A") for name in "abc"] == [None] * 3
    assert time.monotonic() - began < 60
