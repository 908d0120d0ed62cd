"""What all connections of a worker share: settings, lookups, store, next hops, and what is known by heart."""

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection

from gateway import clock
from gateway.bodies import Bodies
from gateway.evidence.gather import Evidence
from gateway.evidence.recipients import Directory
from gateway.model import Grade, IPAddress, IPNetwork, Level, Mode, Rung, Switch
from gateway.policy import trail
from gateway.policy.inbound import Policy
from gateway.policy.lists import Listed
from gateway.policy.reply import Wording
from gateway.relay.nexthop import Capabilities, NextHop
from gateway.settings.listening import Limits
from gateway.smtpd.tarpit import Tarpit
from gateway.store import changes, lists, messages
from gateway.store.engine import Database, StoreUnavailable
from gateway.store.lookup import Lookup

log = structlog.get_logger()

POLL_EVERY = 1.0  # seconds until a block, an approval or a switch takes effect in every worker
ROOM_EVERY = 10  # polls between two looks at how much is kept
ASK_EVERY = 60  # polls between two questions to the backends what they offer
MOST_KNOWN = 50_000
KNOWN_FOR = timedelta(minutes=10)
REFRESHED_EVERY = timedelta(hours=1)  # how often the memory of one correspondent is made to last longer


class Connected(Protocol):
    """A connection, as far as stopping goes."""

    def stop_politely(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Offered:
    """What EHLO offers: what every backend takes. `size` is in bytes."""

    size: int
    eight_bit: bool
    smtputf8: bool
    dsn: bool


@dataclass(frozen=True, slots=True)
class Keeping:
    """What may be kept of deferred mail, in bytes; `copies` False keeps nothing."""

    copies: bool
    total: int
    per_network: int


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the end of the data may wait for our reply."""

    matchable: timedelta
    unmatchable: timedelta


class KnownByHeart:
    """Correspondents that pass, in bounded memory: they are answered while the database is away."""

    def __init__(self) -> None:
        self.grades: OrderedDict[tuple[frozenset[Rung], str, str], tuple[Grade, datetime]] = OrderedDict()
        self.refreshed: OrderedDict[tuple[frozenset[Rung], str, str], datetime] = OrderedDict()

    def grade(self, rungs: frozenset[Rung], sender: str, recipient: str, now: datetime) -> Grade | None:
        """The grade, or None when it is not known by heart."""
        known = self.grades.get((rungs, sender, recipient))
        return known[0] if known is not None and now - known[1] < KNOWN_FOR else None

    def learn(self, rungs: frozenset[Rung], sender: str, recipient: str, grade: Grade, now: datetime) -> None:
        self.grades[(rungs, sender, recipient)] = (grade, now)
        if len(self.grades) > MOST_KNOWN:
            self.grades.popitem(last=False)

    def is_due(self, rungs: frozenset[Rung], sender: str, recipient: str, now: datetime) -> bool:
        """True once an hour: the memory of this correspondent is to last longer again."""
        key = (rungs, sender, recipient)
        if now - self.refreshed.get(key, now - REFRESHED_EVERY) < REFRESHED_EVERY:
            return False
        self.refreshed[key] = now
        self.refreshed.move_to_end(key)
        if len(self.refreshed) > MOST_KNOWN:
            self.refreshed.popitem(last=False)
        return True

    def forget(self) -> None:
        self.grades.clear()
        self.refreshed.clear()


@dataclass
class Door:
    """The shared side of all sessions of one worker."""

    hostname: str
    name: str  # in claims; it lives as long as this process
    local: frozenset[str]
    first_local: str
    levels: Mapping[str, Level]  # by address or domain
    level: Level
    reviewed: bool
    policy: Policy
    wording: Wording
    limits: Limits
    max_size: int
    proxies: tuple[IPNetwork, ...]
    relays: tuple[IPNetwork, ...]
    normalised: tuple[IPNetwork, ...]
    patience: Patience
    keeping: Keeping
    memory_for: timedelta
    tombstones_for: timedelta
    hold_for: timedelta
    junk_header: str
    verdict_key: bytes
    incoming: Path
    bodies: Bodies
    database: Database
    lookup: Lookup
    directory: Directory
    evidence: Evidence
    hops: Mapping[str, NextHop]  # by local domain
    tarpit: Tarpit
    known: KnownByHeart = field(default_factory=KnownByHeart)
    listed: Listed = field(default_factory=Listed)
    switched_on: Mapping[Switch, datetime] = field(default_factory=dict)
    mode: Mode = Mode.ENFORCE  # as it is now
    mode_by_settings: Mode = Mode.ENFORCE
    kept_bytes: int = 0
    kept_of: dict[str, int] = field(default_factory=dict)  # bytes by network, as far as asked since the last look
    spooled_bytes: int = 0
    most_spooled: int = 2**31
    draining: bool = False
    sessions: set[Connected] = field(default_factory=set)
    background: set[asyncio.Task[Any]] = field(default_factory=set)
    capabilities: dict[int, Capabilities] = field(default_factory=dict)
    seen_changes: dict[str, int] | None = None

    def offered(self) -> Offered:
        """What all backends take together. Until one has answered it is taken to be an ordinary one."""
        told = [self.capabilities.get(id(hop)) for hop in self.hops.values()]
        known = [one for one in told if one is not None]
        sizes = [one.size for one in known if one.size]
        complete = len(known) == len(told)
        return Offered(
            size=min([self.max_size, *sizes]),
            eight_bit=all(one.eight_bit for one in known),
            smtputf8=complete and all(one.smtputf8 for one in known),
            dsn=complete and all(one.dsn for one in known),
        )

    def level_of(self, recipient: str, domain: str) -> Level:
        return self.levels.get(recipient) or self.levels.get(domain) or self.level

    def switches(self, now: datetime) -> frozenset[Switch]:
        return frozenset(name for name, until in self.switched_on.items() if until > now)

    def normalises(self, address: IPAddress) -> bool:
        return any(address in network for network in self.normalised)

    def is_relay(self, address: IPAddress) -> bool:
        """True for a backup MX of ours or a forwarder of our users, as far as we were told."""
        return bool(self.relays) and trail.is_among(address, self.relays)

    def in_background(self, work: Coroutine[Any, Any, Any]) -> None:
        """Let something end by itself; the worker waits for it before it stops."""
        task = asyncio.create_task(work)
        self.background.add(task)
        task.add_done_callback(self.background.discard)

    async def has_room(self, size: int, network: str) -> bool:
        """Whether a copy of that many bytes fits into all quotas. Raises StoreUnavailable."""
        if not self.keeping.copies or self.kept_bytes + size > self.keeping.total:
            return False
        if network not in self.kept_of:
            self.kept_of[network] = await self.database.read(partial(messages.bytes_of_network, network=network))
        return self.kept_of[network] + size <= self.keeping.per_network

    def kept_a_copy(self, size: int, network: str) -> None:
        self.kept_bytes += size
        self.kept_of[network] = self.kept_of.get(network, 0) + size

    async def follow(self) -> None:
        """Keep lists, switches and capabilities current, for as long as the worker runs."""
        turn = 0
        while True:
            try:
                await self.refresh(look_at_room=turn % ROOM_EVERY == 0)
                if turn % ASK_EVERY == 0:
                    await self.ask_backends()
            except Exception:  # whatever it was, a block made tomorrow must still be seen
                log.exception("changes could not be followed")
            turn += 1
            await asyncio.sleep(POLL_EVERY)

    async def refresh(self, *, look_at_room: bool = True) -> None:
        """Read what people changed. While the database is away, what was read last stays."""
        try:
            now = clock.now()
            current, networks = await self.database.read(
                lambda conn: (changes.counts(conn), self.tarpit.networks.look(conn, now))
            )
            self.tarpit.networks.take(networks)
            if current != self.seen_changes:
                self.listed, self.switched_on, mode = await self.database.read(read_changed)
                self.mode = mode or self.mode_by_settings
                self.known.forget()
                self.seen_changes = current
            if look_at_room:
                self.kept_bytes = await self.database.read(messages.bytes_kept)
                self.kept_of.clear()
        except StoreUnavailable as error:
            log.warning("the database does not answer", error=str(error))

    async def ask_backends(self) -> None:
        for hop in {id(hop): hop for hop in self.hops.values()}.values():
            told = await hop.capabilities()
            if told is not None:
                self.capabilities[id(hop)] = told


def read_changed(conn: Connection) -> tuple[Listed, dict[Switch, datetime], Mode | None]:
    found = changes.mode(conn)
    return Listed(lists.entries(conn)), changes.switches(conn), found.mode if found else None
