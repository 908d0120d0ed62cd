"""What all connections of a worker share: settings, lookups, store, next hops, and what is known by heart."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection

from gateway import clock
from gateway.bodies import Bodies
from gateway.evidence.clamav import NoScanner, Scanner
from gateway.evidence.content import Looking, Nobody
from gateway.evidence.domain import organisational
from gateway.evidence.gather import Evidence
from gateway.evidence.recipients import Directory
from gateway.model import (
    DataFacts,
    Expectation,
    Hoster,
    IPAddress,
    IPNetwork,
    Level,
    Mode,
    RcptFacts,
    Rung,
    Switch,
    Tells,
    Verdict,
)
from gateway.policy import draft, lookalike, trail
from gateway.policy.draft import Draft, Said
from gateway.policy.helo import Ours
from gateway.policy.hold import HOLDING_LEVELS
from gateway.policy.hosters import Hosters, Systems
from gateway.policy.identity import lending
from gateway.policy.inbound import Policy
from gateway.policy.lists import Listed
from gateway.policy.lookalike import KnownDomains
from gateway.policy.reply import Wording
from gateway.policy.shared import NOTHING_LEARNT, Shared
from gateway.relay.nexthop import Capabilities, NextHop
from gateway.settings.listening import Limits
from gateway.smtpd.correspondents import KnownByHeart
from gateway.smtpd.crowds import Crowds
from gateway.smtpd.noted import Noted, Sparingly
from gateway.smtpd.tarpit import Tarpit
from gateway.store import campaigns, changes, digests, domains, expecting, hosters, identities, levels, lists, messages
from gateway.store.engine import Database, StoreUnavailable
from gateway.store.lookup import Lookup

log = structlog.get_logger()

POLL_EVERY = 1.0  # seconds until a block, an approval or a switch takes effect in every worker
ROOM_EVERY = 10  # polls between two looks at how much is kept
ASK_EVERY = 60  # polls between two questions to the backends what they offer
MOST_REFUSED = 10_000  # links and texts of refused mail that are known by heart


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


@dataclass(frozen=True, slots=True)
class OwnMail:
    """What the settings say about mail of ours that comes back. `key` is that of our tags in addresses; "" is none."""

    key: str = ""
    holds_foreign: bool = False


@dataclass
class Door:
    """The shared side of all sessions of one worker."""

    hostname: str
    name: str  # in claims; it lives as long as this process
    local: frozenset[str]
    first_local: str
    levels: Mapping[str, Level]  # by address or domain, as the settings say
    level: Level
    reviewed: bool  # somebody looks at all holds
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
    draft: Draft | None = None  # settings that are not in force and decide beside ours
    own_mail: OwnMail = OwnMail()
    looking: Looking = field(default_factory=Nobody)
    looks_at_remembered: bool = True
    scanner: Scanner = field(default_factory=NoScanner)
    known: KnownByHeart = field(default_factory=KnownByHeart)
    crowds: Crowds = field(default_factory=Crowds)
    pending_looks: Sparingly = field(default_factory=lambda: Sparingly(50.0, 200))  # at mail that is sent away
    spare_looks: Sparingly = field(default_factory=lambda: Sparingly(2.0, 50))  # at mail that nobody has to look at
    accepted_mails: int = 0  # that taught what is usual here, as of the last look
    listed: Listed = field(default_factory=Listed)
    shared: Shared = NOTHING_LEARNT
    noted: Noted = field(default_factory=Noted)
    systems: Systems = field(default_factory=Systems)  # of the admin's file
    hosters: Hosters = field(default_factory=Hosters)
    switched_on: Mapping[Switch, datetime] = field(default_factory=dict)
    ours: Ours = field(default_factory=Ours)
    expects: bool = True  # accounts may say that they expect mail
    expected: Mapping[str, tuple[Expectation, ...]] = field(default_factory=dict)  # by recipient
    known_domains: tuple[str, ...] = ()
    refused: frozenset[bytes] = frozenset()  # what mails have that people refused; see gateway.store.campaigns
    resembled: KnownDomains = field(default_factory=KnownDomains)
    chosen: Mapping[str, Level] = field(default_factory=dict)  # levels that people chose
    tells: Tells = Tells.NOBODY  # who gets digests, and so looks at their holds
    told: frozenset[str] = frozenset()  # the addresses whose holds a digest tells somebody of
    mode: Mode = Mode.ENFORCE  # as it is now
    mode_by_settings: Mode = Mode.ENFORCE
    kept_bytes: int = 0
    kept_of: dict[str, int] = field(default_factory=dict)  # bytes by network, as far as asked since the last look
    listing: int = 0  # delivered mails that are being kept for review
    spooled_bytes: int = 0
    most_spooled: int = 2**31
    draining: bool = False
    sessions: set[Connected] = field(default_factory=set)
    background: set[asyncio.Task[Any]] = field(default_factory=set)
    capabilities: dict[int, Capabilities] = field(default_factory=dict)
    offered: Offered = field(init=False)
    seen_changes: dict[str, int] | None = None

    def __post_init__(self) -> None:
        self.offered = self.taken_by_all()

    def taken_by_all(self) -> Offered:
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
        """What people chose goes before the settings, and an address before its domain."""
        return (
            self.chosen.get(recipient)
            or self.levels.get(recipient)
            or self.chosen.get(domain)
            or self.levels.get(domain)
            or self.level
        )

    def is_reviewed(self, recipient: str, level: Level) -> bool:
        """Whether somebody looks at a recipient's holds."""
        return self.reviewed or level in HOLDING_LEVELS or recipient in self.told

    def shadow_of(self, verdict: Verdict, facts: RcptFacts | DataFacts) -> Said | None:
        """What the draft says, where it says something else than the policy in force did."""
        if self.draft is None:
            return None
        in_force = draft.by_policy(str(verdict.action), verdict.reasons, facts, junk=verdict.junk)
        drafted = draft.decide(facts, self.draft)
        return None if in_force in (None, drafted) else drafted

    def lending(self, rungs: frozenset[Rung], normal: str) -> frozenset[Rung]:
        """The rungs on which a normalised sender may have standing here."""
        return lending(rungs, normal, self.shared)

    def switches(self, now: datetime) -> frozenset[Switch]:
        return frozenset(name for name, until in self.switched_on.items() if until > now)

    def expected_by(self, recipient: str, now: datetime) -> tuple[Expectation, ...]:
        return tuple(one for one in self.expected.get(recipient, ()) if one.is_open(now))

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

    async def has_room(self, size: int, network: str, part: int = 1) -> bool:
        """Whether a copy of that many bytes fits into all quotas, or into a part of each. Raises StoreUnavailable."""
        if not self.keeping.copies or self.kept_bytes + size > self.keeping.total // part:
            return False
        if network not in self.kept_of:
            self.kept_of[network] = await self.database.read(partial(messages.bytes_of_network, network=network))
        return self.kept_of[network] + size <= self.keeping.per_network // part

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
            changed = current != self.seen_changes
            if changed:
                found = await self.database.read(partial(read_changed, now=now))
                self.listed, self.switched_on = found.listed, found.switched_on
                self.shared, self.refused = found.shared, found.refused
                self.hosters = Hosters(found.hosters, self.systems)
                self.mode = found.mode or self.mode_by_settings
                self.chosen = found.levels
                self.expected = found.expected if self.expects else {}
                await self.know_domains(found.domains)
                self.known.forget()
                self.crowds.forget()
                self.seen_changes = current
            if self.tells and (look_at_room or changed):
                self.told = await self.database.read(partial(digests.told_addresses, tells=self.tells))
                self.draft = self.draft and replace(self.draft, readers=self.told)
            if look_at_room:
                self.kept_bytes = await self.database.read(messages.bytes_kept)
                self.kept_of.clear()
        except StoreUnavailable as error:
            log.warning("the database does not answer", error=str(error))

    async def know_domains(self, domains: tuple[str, ...]) -> None:
        """Learn by heart what a stranger's domain may resemble, if that changed."""
        if domains != self.known_domains or not self.resembled.ours:
            self.resembled = await asyncio.to_thread(known_domains, self.local, domains)
            self.known_domains = domains

    async def ask_backends(self) -> None:
        for hop in {id(hop): hop for hop in self.hops.values()}.values():
            told = await hop.capabilities()
            if told is not None:
                self.capabilities[id(hop)] = told
        self.offered = self.taken_by_all()


@dataclass(frozen=True, slots=True)
class Changed:
    """What people changed, as it is now."""

    listed: Listed
    shared: Shared
    hosters: tuple[Hoster, ...]
    switched_on: dict[Switch, datetime]
    mode: Mode | None
    expected: dict[str, tuple[Expectation, ...]]
    domains: tuple[str, ...]
    refused: frozenset[bytes]
    levels: dict[str, Level]


def read_changed(conn: Connection, now: datetime) -> Changed:
    mode = changes.mode(conn)
    expected: dict[str, tuple[Expectation, ...]] = {}
    for one in expecting.open_now(conn, now):
        expected[one.recipient] = (*expected.get(one.recipient, ()), one)
    return Changed(
        listed=Listed(lists.entries(conn)),
        shared=identities.known(conn),
        hosters=hosters.entries(conn),
        switched_on=changes.switches(conn),
        mode=mode.mode if mode else None,
        expected=expected,
        domains=domains.known(conn, now, lookalike.MOST),
        refused=campaigns.refused(conn, MOST_REFUSED),
        levels=levels.chosen(conn),
    )


def known_domains(ours: Iterable[str], known: Iterable[str]) -> KnownDomains:
    return KnownDomains(map(organisational, ours), map(organisational, known))
