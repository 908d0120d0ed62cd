"""DNS for the gateway: asynchronous, cached, within a deadline; "no such name" and "no answer" are kept apart."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import dns.asyncresolver
import dns.exception
import dns.resolver
import structlog

log = structlog.get_logger()

MOST_CACHED = 20_000
LONGEST = 3600.0  # seconds an answer is believed at most
ABSENT_FOR = 300.0  # seconds a missing name stays missing
UNKNOWN_FOR = 20.0  # seconds before a silent server is asked again


class Resolver(Protocol):
    """What the lookups need of DNS."""

    async def lookup(self, name: str, kind: str) -> tuple[str, ...] | None:
        """The records as text; () when there are none; None when nobody answered."""
        ...


@dataclass(frozen=True, slots=True)
class Cached:
    answer: tuple[str, ...] | None
    until: float  # loop time


class DnsResolver:
    """dnspython's stub resolver with a bounded cache. `servers` are addresses, with an optional port after a colon."""

    def __init__(self, servers: Sequence[tuple[str, int]] = (), timeout: float = 2.0) -> None:
        self.timeout = timeout
        self.cache: OrderedDict[tuple[str, str], Cached] = OrderedDict()
        self.stub = make_stub(servers)
        self.stub.lifetime = timeout
        self.own_servers = bool(servers)

    async def lookup(self, name: str, kind: str) -> tuple[str, ...] | None:
        key = (name.lower(), kind)
        now = asyncio.get_running_loop().time()
        cached = self.cache.get(key)
        if cached is not None and cached.until > now:
            return cached.answer
        answer, life = await self.ask(name, kind)
        self.cache[key] = Cached(answer, now + life)
        if len(self.cache) > MOST_CACHED:
            self.cache.popitem(last=False)
        return answer

    async def ask(self, name: str, kind: str) -> tuple[tuple[str, ...] | None, float]:
        """The answer and how many seconds it may be believed."""
        try:
            async with asyncio.timeout(self.timeout):
                answer = await self.stub.resolve(name, kind, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN:
            return (), ABSENT_FOR
        except (dns.exception.DNSException, OSError, TimeoutError, ValueError) as error:
            log.debug("dns did not answer", name=name, kind=kind, error=type(error).__name__)
            return None, UNKNOWN_FOR
        records = tuple(record.to_text() for record in answer.rrset) if answer.rrset else ()
        life = float(answer.rrset.ttl) if answer.rrset else ABSENT_FOR
        return records, min(max(life, 1.0), LONGEST)


def make_stub(servers: Sequence[tuple[str, int]]) -> dns.asyncresolver.Resolver:
    if not servers:
        try:
            return dns.asyncresolver.Resolver()
        except dns.resolver.NoResolverConfiguration:
            log.warning("this machine names no DNS server: every lookup will be unknown")
            return dns.asyncresolver.Resolver(configure=False)
    stub = dns.asyncresolver.Resolver(configure=False)
    stub.nameservers = [dns.nameserver.Do53Nameserver(address, port) for address, port in servers]
    return stub
