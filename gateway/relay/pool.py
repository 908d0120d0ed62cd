"""A next hop that is spoken to over the network, through connections that are kept for the next mail (RFC 5321)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from gateway.model import Address, Peer
from gateway.relay.breaker import Breaker
from gateway.relay.connection import Connection, Endpoint, open_connection
from gateway.relay.nexthop import UNREACHABLE, Attempt, Capabilities, Outgoing
from gateway.relay.transaction import Transaction
from gateway.relay.wire import Broken, TimeLimits

log = structlog.get_logger()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """`parallel` connections at most, each kept idle for `idle` seconds and for `mails` mails.

    After `failures` failed connections in a row the hop rests for `rest` seconds; what it offers is believed for
    `believed` seconds.
    """

    parallel: int = 20
    idle: float = 30.0
    mails: int = 100
    failures: int = 5
    rest: float = 30.0
    believed: float = 300.0


class Slots(asyncio.Semaphore):
    """Room for so many at a time, and how much of it is taken."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.taken = 0

    async def __aenter__(self) -> None:
        await self.acquire()
        self.taken += 1

    async def __aexit__(self, *error: Any) -> None:
        self.taken -= 1
        self.release()


class SmtpHop:
    """A NextHop that speaks SMTP or LMTP."""

    def __init__(self, endpoint: Endpoint, limits: PoolLimits | None = None, times: TimeLimits | None = None) -> None:
        self._endpoint = endpoint
        self._limits = limits or PoolLimits()
        self._times = times or TimeLimits()
        self._slots = Slots(self._limits.parallel)
        self._idle: dict[Connection, asyncio.TimerHandle] = {}
        self._breaker = Breaker(self._limits.failures, self._limits.rest)
        self._known: tuple[Capabilities, float] | None = None  # and until when they are believed
        self._closed = False

    async def deliver(self, mail: Outgoing) -> list[Attempt]:
        if not mail.envelope.recipients:
            return []
        try:
            return await self._converse(mail.origin, lambda connection: Transaction(connection, mail).run())
        except Broken as broken:
            log.warning("a backend failed", backend=str(self._endpoint), error=str(broken))
            return [UNREACHABLE] * len(mail.envelope.recipients)

    async def recipient_exists(self, address: Address) -> bool | None:
        try:
            return await self._converse(None, lambda connection: connection.call_out(address))
        except Broken as broken:
            log.warning("a backend failed", backend=str(self._endpoint), error=str(broken))
        except ValueError:
            log.info("a backend cannot be asked for an address", backend=str(self._endpoint))
        return None

    async def capabilities(self) -> Capabilities | None:
        now = asyncio.get_running_loop().time()
        if self._known and now < self._known[1]:
            return self._known[0]
        try:
            async with self._slots:
                connection = await self._open()
                self._put_back(connection)
                return connection.capabilities
        except Broken as broken:
            log.warning("a backend failed", backend=str(self._endpoint), error=str(broken))
            return None

    async def close(self) -> None:
        self._closed = True
        for connection in list(self._idle):
            self._retire(connection)

    async def _converse(self, origin: Peer | None, talk: Callable[[Connection], Awaitable[T]]) -> T:
        """Talks over an idle connection, or a fresh one; over a fresh one too where the idle one turns out dead."""
        async with self._slots:
            reused = self._take(origin)
            if reused:
                try:
                    return await self._talk(reused, talk)
                except Broken as broken:
                    log.info("an idle connection had ended", backend=str(self._endpoint), error=str(broken))
            return await self._talk(await self._open(), talk)

    async def _talk(self, connection: Connection, talk: Callable[[Connection], Awaitable[T]]) -> T:
        try:
            return await talk(connection)
        finally:
            self._put_back(connection)

    async def _open(self) -> Connection:
        if not self._breaker.admits():
            raise Broken("not tried: the last connections failed")
        if self._slots.taken + len(self._idle) > self._limits.parallel:
            self._retire(next(iter(self._idle)))
        try:
            connection = await open_connection(self._endpoint, self._times)
        except Broken:
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        until = asyncio.get_running_loop().time() + self._limits.believed
        self._known = (connection.capabilities, until)
        return connection

    def _take(self, origin: Peer | None) -> Connection | None:
        """The connection used last, so that those too many for the load grow old."""
        for connection in reversed(list(self._idle)):
            if not connection.is_reusable:
                self._forget(connection)
                connection.abort()
            elif connection.suits(origin):
                self._forget(connection)
                return connection
        return None

    def _put_back(self, connection: Connection) -> None:
        if not connection.is_reusable:
            connection.abort()
        elif self._closed or connection.carried >= self._limits.mails:
            connection.leave()
        else:
            loop = asyncio.get_running_loop()
            self._idle[connection] = loop.call_later(self._limits.idle, self._retire, connection)

    def _forget(self, connection: Connection) -> None:
        self._idle.pop(connection).cancel()

    def _retire(self, connection: Connection) -> None:
        self._forget(connection)
        connection.leave()
