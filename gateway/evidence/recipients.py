"""Does a recipient exist: by a list, or by asking the backend (call-out) with a cache for both answers."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import structlog

from gateway.model import Address
from gateway.policy.address import BadAddress, parse_address

log = structlog.get_logger()

MOST_CACHED = 50_000


class Directory(Protocol):
    """Who exists here."""

    async def exists(self, address: Address) -> bool | None:
        """None: could not find out."""
        ...


class Everybody:
    """The backend is asked when the mail is delivered; until then everybody exists."""

    async def exists(self, address: Address) -> bool | None:
        return True


class Listed:
    """Addresses from the settings and from a file, which is read again when it changes."""

    def __init__(self, addresses: Iterable[str], file: Path | None) -> None:
        self.fixed = frozenset(address.lower() for address in addresses)
        self.file = file
        self.stamp: tuple[int, int] | None = None
        self.from_file: frozenset[str] = frozenset()

    async def exists(self, address: Address) -> bool | None:
        if not self.refresh():
            return None
        listed = self.fixed | self.from_file
        return address.key in listed or f"@{address.domain}" in listed

    def refresh(self) -> bool:
        """Read the file if it changed; False when it cannot be read."""
        if self.file is None:
            return True
        try:
            state = self.file.stat()
            stamp = (state.st_mtime_ns, state.st_size)
            if stamp != self.stamp:
                self.from_file = frozenset(read_list(self.file))
                self.stamp = stamp
        except (OSError, UnicodeDecodeError) as error:
            log.error("the recipient list cannot be read", file=str(self.file), error=str(error))
            return False
        return True


def read_list(file: Path) -> Iterable[str]:
    """The addresses and @domains of a list: one a line, # begins a comment."""
    for line in file.read_text(encoding="utf-8").splitlines():
        entry = line.partition("#")[0].strip().lower()
        if entry.startswith("@"):
            yield entry
        elif entry:
            try:
                yield parse_address(entry).key
            except BadAddress:
                log.warning("a line of the recipient list is no address", file=str(file), line=line)


@dataclass(slots=True)
class Remembered:
    exists: bool
    until: float  # loop time


class CallOut:
    """Ask the backend, remember both answers, and ask once for many who want to know at the same time."""

    def __init__(
        self, ask: Callable[[Address], Awaitable[bool | None]], positive: timedelta, negative: timedelta
    ) -> None:
        self.ask = ask
        self.lives = {True: positive.total_seconds(), False: negative.total_seconds()}
        self.cache: OrderedDict[str, Remembered] = OrderedDict()
        self.asking: dict[str, asyncio.Task[bool | None]] = {}

    async def exists(self, address: Address) -> bool | None:
        cached = self.cache.get(address.key)
        if cached is not None and cached.until > asyncio.get_running_loop().time():
            return cached.exists
        task = self.asking.get(address.key)
        if task is None:
            task = asyncio.create_task(self.find_out(address))
            self.asking[address.key] = task
        return await asyncio.shield(task)

    async def find_out(self, address: Address) -> bool | None:
        try:
            answer = await self.ask(address)
        finally:
            del self.asking[address.key]
        if answer is not None:
            until = asyncio.get_running_loop().time() + self.lives[answer]
            self.cache[address.key] = Remembered(answer, until)
            if len(self.cache) > MOST_CACHED:
                self.cache.popitem(last=False)
        return answer
