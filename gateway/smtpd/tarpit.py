"""What a worker knows and does about strangers: who gets a place, who waits for it, and who is answered slowly now."""

import asyncio
from collections import deque
from datetime import datetime
from typing import Protocol

import structlog

from gateway import clock
from gateway.model import IPAddress, Pressure
from gateway.policy import lists
from gateway.policy import tarpit as policy
from gateway.policy.identity import network_of
from gateway.policy.lists import Listed
from gateway.policy.tarpit import MARKED_FOR, STRESSED_PAUSE, Delays, Standing
from gateway.smtpd.guest import Guest
from gateway.smtpd.limits import Gate, Guesses
from gateway.smtpd.networks import Networks
from gateway.smtpd.stress import Stress

log = structlog.get_logger()

KNOWN_MAY_GUESS = 10  # times as often: the many customers of a provider are one network
AT_A_TIME = 5  # greetings in one turn of the loop
TELL_EVERY = 60.0  # seconds between two lines about connections that were refused


class Slow(Protocol):
    """A connection that is slow on purpose; let go, it is as fast as any other."""

    def let_go(self) -> None: ...


class Waiting(Protocol):
    """One that is not greeted yet. `began` is loop time; `end` sends it away."""

    began: float

    def greet(self) -> None: ...

    def end(self) -> None: ...


class Tarpit:
    """One worker's. `most` bounds how many connections are slow on purpose at a time, and so what they cost."""

    def __init__(
        self, delays: Delays, networks: Networks, gate: Gate, stress: Stress, guesses: Guesses, *, most: int
    ) -> None:
        self.delays = delays
        self.networks = networks
        self.gate = gate
        self.stress = stress
        self.guesses = guesses
        self.most = most
        self.waiting: dict[Waiting, None] = {}  # the oldest first
        self.due: deque[Waiting] = deque()  # those whose wait is over
        self.turn: asyncio.Handle | None = None
        self.slow: dict[Slow, None] = {}  # greeted, and slow
        self.closing = False
        self.untold = 0
        self.told_at = float("-inf")

    @property
    def is_crowded(self) -> bool:
        return len(self.waiting) + len(self.slow) >= self.most

    # ---- places ----------------------------------------------------------------------------------------------------

    def receive(
        self, address: IPAddress, listed: Listed, *, allowed: bool = False, is_relay: bool = False
    ) -> Guest | None:
        """A place for whoever connects; None when there is none. `allowed`: something else speaks for it."""
        near = policy.is_near(address) and not is_relay
        allowed = allowed or near or is_relay or lists.allows_network(listed, address, clock.now())
        guest = Guest(self, address, str(network_of(address)), near=near, allowed=allowed)
        if guest.has_standing and self.gate.is_full:
            self.make_room()
        guest.place = self.gate.enter(address, known=guest.has_standing)
        if guest.place is None:
            self.tell_refused(address)
            return None
        if self.stress.see(self.gate.open):
            self.ease()
        return guest

    def leave(self, guest: Guest) -> None:
        if guest.place is None:
            return
        self.gate.leave(guest.place, known=guest.has_standing)
        guest.place = None
        if guest.encrypted:
            self.gate.decrypt()
        self.stress.see(self.gate.open)

    def standing(self, network: str, *, allowed: bool) -> Standing:
        return policy.standing(self.networks.of(network), clock.now(), self.delays.memory, allowed=allowed)

    def make_room(self) -> None:
        """Whoever has waited longest for a greeting gives its place to somebody we know."""
        oldest = next(iter(self.waiting), None)
        if oldest is not None:
            oldest.end()

    def tell_refused(self, address: IPAddress) -> None:
        """At most a line a minute: a flood of connections is not to become a flood of lines."""
        self.untold += 1
        now = asyncio.get_running_loop().time()
        if now - self.told_at >= TELL_EVERY:
            log.warning("connections refused", peer=str(address), refused=self.untold, sessions=self.gate.open)
            self.told_at, self.untold = now, 0

    # ---- delays ----------------------------------------------------------------------------------------------------

    def pause(self, guest: Guest) -> float:
        """Seconds until the greeting."""
        record = self.networks.of(guest.network)
        stressed, crowded = self.stress.on, self.is_crowded
        wait = policy.greet_pause(guest.who, record, clock.now(), self.delays, stressed=stressed, crowded=crowded)
        return wait.total_seconds()

    def was_patient(self, guest: Guest) -> None:
        """It waited for the greeting without a word."""
        self.networks.greeted(guest.network, clock.now())

    def talked_early(self, guest: Guest) -> None:
        """Evidence against strangers: mail servers wait for the greeting (RFC 5321 4.3.1)."""
        now = clock.now()
        log.info("early talker", peer=str(guest.address), network=guest.network)
        self.networks.talked_early(guest.network, now, now + MARKED_FOR)
        guest.who = Standing.POOR

    def ease(self) -> None:
        """Short of places: nobody is answered slowly, or waits for a greeting longer than stress allows."""
        for one in list(self.slow):
            one.let_go()
        latest = asyncio.get_running_loop().time() - STRESSED_PAUSE.total_seconds()
        for waiting in [one for one in self.waiting if one.began <= latest]:
            self.greet_in_turn(waiting)

    def greet_in_turn(self, waiting: Waiting) -> None:
        """A session costs more than a wait: when thousands are due at once, others are served between them."""
        self.due.append(waiting)
        self.plan_turn()

    def plan_turn(self) -> None:
        if self.due and self.turn is None:
            self.turn = asyncio.get_running_loop().call_soon(self.greet_some)

    def greet_some(self) -> None:
        self.turn = None
        try:
            for waiting in [self.due.popleft() for _ in range(min(AT_A_TIME, len(self.due)))]:
                if waiting in self.waiting:  # it may have left meanwhile
                    waiting.greet()
        finally:
            self.plan_turn()

    def close(self) -> None:
        """The worker stops: who is slow gets its answer."""
        self.closing = True
        for one in list(self.slow):
            one.let_go()

    # ---- recipients ------------------------------------------------------------------------------------------------

    def pressure(self, guest: Guest, recipient: str, now: datetime, *, patient: bool) -> Pressure:
        """What the decision about a recipient should know of its sender's network, and of us."""
        record = self.networks.of(guest.network)
        who = policy.standing(record, now, self.delays.memory, allowed=guest.allowed)
        harvesting, stressed = self.is_harvesting(guest, who), self.stress.on
        return policy.pressure(
            who,
            record,
            now,
            self.delays,
            recipient=recipient,
            harvesting=harvesting,
            stressed=stressed,
            patient=patient,
        )

    def is_harvesting(self, guest: Guest, who: Standing) -> bool:
        times = KNOWN_MAY_GUESS if who is Standing.WELCOME else 1
        return not guest.near and self.guesses.are_too_many(guest.names, asyncio.get_running_loop().time(), times)

    def guessed_wrong(self, guest: Guest) -> None:
        if not guest.near:
            self.guesses.wrong(guest.names, asyncio.get_running_loop().time())

    def wrote_to_trap(self, guest: Guest, sender: str, *, remembered: bool) -> None:
        """Mark the network for a day, if that is fair."""
        now = clock.now()
        who = self.standing(guest.network, allowed=guest.allowed)
        if policy.marks_network(who, sender=sender, remembered=remembered):
            log.info("network trapped", peer=str(guest.address), network=guest.network)
            self.networks.wrote_to_trap(guest.network, now, now + MARKED_FOR)
