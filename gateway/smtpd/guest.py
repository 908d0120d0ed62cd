"""A connected peer as far as places and delays go, and the two ways of being slow to it once it is greeted."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from gateway.evidence.rdns import HostName
from gateway.model import IPAddress
from gateway.policy import tarpit as policy
from gateway.policy.tarpit import Standing
from gateway.smtpd.limits import Place

if TYPE_CHECKING:
    from gateway.smtpd.tarpit import Tarpit

BYTE_EVERY = 1.0  # seconds

Write = Callable[[bytes], object]


class Guest:
    """Has a place from its arrival until it leaves. `allowed`: by the private lists, a switch, or being near."""

    __slots__ = (
        "address",
        "allowed",
        "encrypted",
        "in_hurry",
        "is_gone",
        "names",
        "near",
        "network",
        "paused",
        "place",
        "sender",
        "slow",
        "tarpit",
        "waits",
        "who",
        "write",
    )

    def __init__(self, tarpit: "Tarpit", address: IPAddress, network: str, *, near: bool, allowed: bool) -> None:
        self.tarpit = tarpit
        self.address = address
        self.network = network
        self.near = near
        self.allowed = allowed
        self.who = tarpit.standing(network, allowed=allowed)
        self.names: tuple[str, ...] = (network,)
        self.place: Place | None = None
        self.encrypted = False
        self.paused = 0.0  # seconds before it was greeted
        self.sender: str | None = None  # of MAIL; "" is null, None is not named yet
        self.in_hurry = False  # a call-out, or encrypted: no slow replies
        self.is_gone = False  # it left, or will send no more
        self.slow: Stutter | None = None
        self.waits: Patience | None = None
        self.write: Write | None = None

    @property
    def has_standing(self) -> bool:
        """True for a network of its own that we have dealt with; a near address may be anybody's."""
        return self.who is Standing.WELCOME and not self.near

    @property
    def is_hurried(self) -> bool:
        """True while we are short of places and it is a stranger: it has less time, and hardly an error."""
        return self.tarpit.stress.on and self.who is not Standing.WELCOME

    # ---- what the session tells ------------------------------------------------------------------------------------

    def begin(self, write: Write) -> None:
        """It is greeted now; `write` sends to it."""
        self.write = write
        self.perhaps_stutter(nameless=False)

    def has_name(self, name: HostName) -> None:
        """What its address resolves to and back, if it does."""
        if name.value is not None:
            self.names = (self.network, name.value)
        self.perhaps_stutter(nameless=name.is_missing)

    def names_sender(self, sender: str) -> None:
        """MAIL was said: a call-out gets its answers, others all of the delay that is set."""
        self.sender = sender
        if not sender:
            self.hurry()

    def encrypt(self) -> bool:
        """True when one more session may be encrypted. Then it is slow no more: a byte would cost a whole record."""
        if not self.encrypted and self.tarpit.gate.encrypt(known=self.has_standing):
            self.encrypted = True
            self.hurry()
        return self.encrypted

    def hurry(self) -> None:
        self.in_hurry = True
        if self.slow is not None:
            self.slow.let_go()

    def gone(self) -> None:
        """The peer left, or will send no more: nothing needs to be slow for it, now or later."""
        self.is_gone = True
        if self.slow is not None:
            self.slow.let_go()
        if self.waits is not None:
            self.waits.let_go()

    def leave(self) -> None:
        """Give the place back, once."""
        self.gone()
        self.tarpit.leave(self)

    # ---- being slow ------------------------------------------------------------------------------------------------

    def perhaps_stutter(self, *, nameless: bool) -> None:
        pit = self.tarpit
        if self.slow is not None or self.write is None or self.in_hurry:
            return
        if policy.stutters(self.who, pit.delays, nameless=nameless, stressed=pit.stress.on, crowded=pit.is_crowded):
            self.slow = Stutter(self, self.write)

    async def is_patient(self) -> bool:
        """Wait for as long as strangers are asked to. False when the peer left, or when we cannot let it wait."""
        pit = self.tarpit
        if self.is_gone or pit.is_crowded or pit.stress.on or pit.closing:
            return False
        self.waits = Patience(pit, pit.delays.patience.total_seconds())
        try:
            return await self.waits.over
        finally:
            self.waits = None


class Stutter:
    """Sends what we say byte by byte while the time for it lasts: one timer, and nothing that waits for each byte."""

    def __init__(self, guest: Guest, write: Write) -> None:
        self.guest = guest
        self.tarpit = guest.tarpit
        self.write = write
        self.held = b""
        self.spent = 0.0
        self.timer: asyncio.TimerHandle | None = None
        self.said = asyncio.Event()
        self.said.set()
        self.tarpit.slow[self] = None

    def say(self, data: bytes) -> None:
        self.held += data
        if self.timer is None:
            self.go_on()

    def go_on(self) -> None:
        """Plan the next byte; the rest at once when the time is over, for now or for good."""
        delays = self.tarpit.delays
        paused = timedelta(seconds=self.guest.paused)
        left = policy.delay_left(paused, delays, sender=self.guest.sender).total_seconds() - self.spent
        if self not in self.tarpit.slow or self.spent >= delays.stutter.total_seconds():
            self.let_go()
        elif self.held and left >= BYTE_EVERY:
            self.said.clear()
            self.timer = asyncio.get_running_loop().call_later(BYTE_EVERY, self.tick)
        else:
            self.say_rest()

    def tick(self) -> None:
        self.timer = None
        self.spent += BYTE_EVERY
        byte, self.held = self.held[:1], self.held[1:]
        self.write(byte)
        self.go_on()

    def say_rest(self) -> None:
        rest, self.held = self.held, b""
        if rest:
            self.write(rest)
        self.said.set()

    def let_go(self) -> None:
        """As fast as any other from now on."""
        self.tarpit.slow.pop(self, None)
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        self.say_rest()


class Patience:
    """The wait that is worth a retry. `over` becomes True unless something ended it early."""

    def __init__(self, tarpit: "Tarpit", seconds: float) -> None:
        self.tarpit = tarpit
        loop = asyncio.get_running_loop()
        self.over: asyncio.Future[bool] = loop.create_future()
        self.timer = loop.call_later(seconds, self.finish, True)
        tarpit.slow[self] = None

    def finish(self, waited: bool) -> None:
        self.timer.cancel()
        self.tarpit.slow.pop(self, None)
        if not self.over.done():
            self.over.set_result(waited)

    def let_go(self) -> None:
        self.finish(False)
