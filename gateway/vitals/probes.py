"""Backends and name servers, asked once each: do they answer?"""

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import datetime
from time import perf_counter

from gateway.evidence.resolver import DnsResolver, make_stub
from gateway.relay.factory import make_hop
from gateway.settings import Settings
from gateway.vitals.asked import ANSWER_WITHIN

logging.getLogger("gateway.relay").addHandler(logging.NullHandler())  # a view has no log beneath it

DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class Backend:
    """`last`: when it answered last, as far as whoever watches knows."""

    url: str
    answers: bool
    seconds: float
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class NameServer:
    address: str
    answers: bool
    seconds: float


def backends(settings: Settings) -> list[Backend]:
    """Every backend, asked once: a connection, its greeting and what it offers."""
    urls = dict.fromkeys(str(url) for domain in settings.domains.local for url in settings.backends(domain))

    async def all_of_them() -> list[Backend]:
        return list(await asyncio.gather(*(backend(url, settings) for url in urls)))

    return asyncio.run(all_of_them())


async def backend(url: str, settings: Settings) -> Backend:
    began = perf_counter()
    try:
        async with asyncio.timeout(ANSWER_WITHIN * 0.9):
            hop = make_hop(url, hostname=settings.smtp.name, tls=settings.backend.tls)
            try:
                told = await hop.capabilities()
            finally:
                await hop.close()
    except (OSError, TimeoutError):
        told = None
    return Backend(url, told is not None, perf_counter() - began)


def name_servers(settings: Settings) -> list[NameServer]:
    """Each of them, asked for the servers of our first domain; that there are none is an answer too."""
    places = [(one.host, one.port) for one in settings.dns.servers] or system_servers()
    timeout = min(settings.dns.timeout.total_seconds(), ANSWER_WITHIN * 0.9)
    name = settings.domains.local[0] if settings.domains.local else "."

    async def all_of_them() -> list[NameServer]:
        return list(await asyncio.gather(*(name_server(place, timeout, name) for place in places)))

    return asyncio.run(all_of_them())


def system_servers() -> list[tuple[str, int]]:
    return [(str(one), DNS_PORT) for one in make_stub(()).nameservers]


async def name_server(place: tuple[str, int], timeout: float, name: str) -> NameServer:
    began = perf_counter()
    found = await DnsResolver([place], timeout).lookup(name, "NS")
    address, port = place
    shown = address if port == DNS_PORT else f"{address}, port {port}"
    return NameServer(shown, found is not None, perf_counter() - began)


class Remembered:
    """When each backend answered last, over many looks."""

    def __init__(self) -> None:
        self.last: dict[str, datetime] = {}

    def of(self, found: list[Backend], now: datetime) -> list[Backend]:
        self.last |= {one.url: now for one in found if one.answers}
        return [replace(one, last=self.last.get(one.url)) for one in found]
