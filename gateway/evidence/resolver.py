"""DNS for the gateway: asynchronous, cached, within a deadline; "no such name" and "no answer" are kept apart."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.rdata
import dns.rdatatype
import dns.resolver
import structlog

log = structlog.get_logger()

MOST_CACHED = 20_000
LONGEST = 3600.0  # seconds an answer is believed at most
ABSENT_FOR = 300.0  # seconds a missing name stays missing, where the zone does not say
UNKNOWN_FOR = 20.0  # seconds before a silent server is asked again
MOST_AT_ONCE = 200  # questions under way; more wait for their turn
UDP_PAYLOAD = 1232  # bytes: what no path fragments (DNS flag day 2020)


@dataclass(frozen=True, slots=True)
class Records:
    """What DNS has of one kind under a name: nothing, where `values` is empty.

    Values are text as in a zone file, names in small letters without the last dot; TXT is the joined strings of each
    record, a character for each byte (Latin-1). `secure`: the resolver says that DNSSEC proved it (RFC 4035 3.2.3).
    """

    values: tuple[str, ...] = ()
    secure: bool = False


class Resolver(Protocol):
    """What the lookups need of DNS."""

    async def lookup(self, name: str, kind: str) -> Records | None:
        """The records of a kind ("A", "TXT" …) under a name; None when nobody answered in time."""
        ...


@dataclass(frozen=True, slots=True)
class Cached:
    answer: Records | None
    until: float  # loop time


class DnsResolver:
    """dnspython's stub resolver with a bounded cache; many who ask the same at a time ask once.

    `servers` are addresses with ports; none are those of the system. `timeout` is for one answer, in seconds.
    """

    def __init__(self, servers: Sequence[tuple[str, int]] = (), timeout: float = 2.0) -> None:
        self.timeout = timeout
        self.cache: OrderedDict[tuple[str, str], Cached] = OrderedDict()
        self.asking: dict[tuple[str, str], asyncio.Task[Records | None]] = {}
        self.places = asyncio.Semaphore(MOST_AT_ONCE)
        self.stub = make_stub(servers)
        self.stub.lifetime = timeout

    async def lookup(self, name: str, kind: str) -> Records | None:
        key = (name.lower().rstrip("."), kind)
        cached = self.cache.get(key)
        if cached is not None and cached.until > asyncio.get_running_loop().time():
            self.cache.move_to_end(key)
            return cached.answer
        task = self.asking.get(key)
        if task is None:
            task = self.asking[key] = asyncio.create_task(self.fetch(key), name="dns")
            task.add_done_callback(lambda _: self.asking.pop(key, None))
        return await asyncio.shield(task)  # who gives up waiting leaves the answer to the others, and to the cache

    async def fetch(self, key: tuple[str, str]) -> Records | None:
        answer, life = await self.ask(*key)
        self.cache[key] = Cached(answer, asyncio.get_running_loop().time() + life)
        self.cache.move_to_end(key)
        if len(self.cache) > MOST_CACHED:
            self.cache.popitem(last=False)
        return answer

    async def ask(self, name: str, kind: str) -> tuple[Records | None, float]:
        """The answer and how many seconds it may be believed."""
        try:
            asked = dns.name.from_text(name)
        except (dns.exception.DNSException, UnicodeError):
            return Records(), LONGEST  # what is no name has no records
        try:
            async with asyncio.timeout(self.timeout), self.places:
                answer = await self.stub.resolve(asked, kind, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN as error:
            return absent(error.responses().values())  # type: ignore[no-untyped-call]
        except (dns.exception.DNSException, OSError, TimeoutError, ValueError) as error:
            log.debug("dns did not answer", name=name, kind=kind, error=type(error).__name__)
            return None, UNKNOWN_FOR
        values = tuple(value_of(record) for record in answer.rrset or ())
        life = float(answer.chaining_result.minimum_ttl)
        return Records(values, is_secure(answer.response)), min(max(life, 1.0), LONGEST)


def absent(responses: Collection[dns.message.Message]) -> tuple[Records, float]:
    """A name that does not exist, for as long as its zone says (RFC 2308 5)."""
    lives = [
        float(min(rrset.ttl, rrset[0].minimum))
        for response in responses
        for rrset in response.authority
        if rrset.rdtype == dns.rdatatype.SOA
    ]
    life = min([*lives, LONGEST]) if lives else ABSENT_FOR
    return Records(secure=all(map(is_secure, responses))), max(life, 1.0)


def is_secure(response: dns.message.Message) -> bool:
    return bool(response.flags & dns.flags.AD)


def value_of(record: dns.rdata.Rdata) -> str:
    if record.rdtype in (dns.rdatatype.TXT, dns.rdatatype.SPF):
        return b"".join(record.strings).decode("latin-1")  # type: ignore[attr-defined]
    text = record.to_text()
    return text.rstrip(".").lower() if text.endswith(".") else text


def make_stub(servers: Sequence[tuple[str, int]]) -> dns.asyncresolver.Resolver:
    try:
        stub = dns.asyncresolver.Resolver(configure=not servers)
    except dns.resolver.NoResolverConfiguration:
        log.warning("this machine names no DNS server: every lookup will be unknown")
        stub = dns.asyncresolver.Resolver(configure=False)
    if servers:
        stub.nameservers = [dns.nameserver.Do53Nameserver(address, port) for address, port in servers]
    stub.use_edns(0, 0, UDP_PAYLOAD)
    stub.set_flags(dns.flags.RD | dns.flags.AD)  # AD in a question asks for it in the answer (RFC 6840 5.7)
    return stub
