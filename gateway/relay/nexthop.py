"""What a next hop is, what it is given, and how an attempt can end (RFC 5321 4.2, 6.1)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from gateway.model import Address, Envelope, Peer, Reply


class AttemptEnd(Enum):
    """How sure we are of what became of a recipient's mail."""

    ANSWERED = "answered"  # the hop said so itself, or the mail cannot be put to it at all
    UNREACHABLE = "unreachable"  # nothing of this mail was accepted or can have been
    LOST = "lost"  # the end of the data was sent, the answer never came: nobody knows


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to hand one mail to a next hop for one recipient."""

    reply: Reply
    end: AttemptEnd

    @classmethod
    def answered(cls, reply: Reply) -> "Attempt":
        return cls(reply, AttemptEnd.ANSWERED)


UNREACHABLE = Attempt(
    Reply(451, "4.4.1", "The destination cannot be reached now, please try again later"), AttemptEnd.UNREACHABLE
)
LOST = Attempt(Reply(451, "4.4.2", "The destination did not confirm, please try again later"), AttemptEnd.LOST)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a next hop takes. `size` is in bytes, None when it told no limit."""

    size: int | None
    eight_bit: bool
    smtputf8: bool
    dsn: bool


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A mail on its way out.

    `chunks` yields the whole message with CRLF line ends and without dot-stuffing; it may be called again for a
    second try. `size` counts those bytes. `origin` is the peer that brought the mail, for hops that want to know.
    `key` names the mail: two deliveries with one key are the same delivery.
    """

    envelope: Envelope
    chunks: Callable[[], Iterator[bytes]]
    size: int
    origin: Peer | None = None
    key: str | None = None


class NextHop(Protocol):
    """Where mail goes next. No method raises for a fault of the hop; each may be cancelled at any point."""

    async def deliver(self, mail: Outgoing) -> list[Attempt]:
        """One attempt for each recipient of the envelope, in its order."""

    async def recipient_exists(self, address: Address) -> bool | None:
        """Whether the hop would take mail for the address; None: it did not say."""

    async def capabilities(self) -> Capabilities | None:
        """What the hop offers; None: could not find out."""

    async def close(self) -> None:
        """Part with idle connections; what is under way ends by itself."""
