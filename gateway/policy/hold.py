"""The life of copies and of held mail: which moves exist, and when time makes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.model import CopyState, DeliveryState, ReasonCode

COPY_MOVES: Mapping[CopyState, frozenset[CopyState]] = {
    CopyState.SENDER_HELD: frozenset(CopyState) - {CopyState.SENDER_HELD},
    CopyState.PASSING: frozenset({CopyState.SENDER_HELD, CopyState.PASSED, CopyState.REFUSED}),
    CopyState.ABANDONED: frozenset(
        {CopyState.SENDER_HELD, CopyState.PASSING, CopyState.PASSED, CopyState.RELEASED, CopyState.REFUSED}
        | {CopyState.TAKEN_OVER}
    ),
    CopyState.PASSED: frozenset(),
    CopyState.TAKEN_OVER: frozenset(),
    CopyState.RELEASED: frozenset(),
    CopyState.REFUSED: frozenset(),
}

DELIVERY_MOVES: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.HELD: frozenset({DeliveryState.RELEASING, DeliveryState.REFUSED, DeliveryState.EXPIRED}),
    DeliveryState.RELEASING: frozenset({DeliveryState.DELIVERED, DeliveryState.UNDELIVERABLE}),
    # A person may try again with what the backend refused, or with what nobody looked at in time.
    DeliveryState.UNDELIVERABLE: frozenset({DeliveryState.RELEASING, DeliveryState.REFUSED}),
    DeliveryState.EXPIRED: frozenset({DeliveryState.RELEASING}),
    DeliveryState.DELIVERED: frozenset(),
    DeliveryState.REFUSED: frozenset(),
}

# A copy in one of these may still become something; in all others its story is over.
OPEN_COPIES = frozenset(state for state, moves in COPY_MOVES.items() if moves)


def sources(target: CopyState) -> tuple[CopyState, ...]:
    """The states from which a copy may move to `target`."""
    return tuple(state for state, moves in COPY_MOVES.items() if target in moves)


def delivery_sources(target: DeliveryState) -> tuple[DeliveryState, ...]:
    """The states from which a delivery may move to `target`."""
    return tuple(state for state, moves in DELIVERY_MOVES.items() if target in moves)


@dataclass(frozen=True, slots=True)
class Keeping:
    """For how long what is kept."""

    held: timedelta  # gateway-owned mail waits for a person
    window: timedelta  # copies of deferred mail
    give_up: timedelta  # silence after which a sender will not come back
    tombstones: timedelta
    events: timedelta
    networks: timedelta = timedelta(days=36)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """When a newly owned mail moves by itself. None: never."""

    release_at: datetime | None
    expires: datetime | None


def lifetime(now: datetime, keep: timedelta, release_after: timedelta | None) -> Lifetime:
    """A held mail either releases itself or expires, never both."""
    if release_after is not None:
        return Lifetime(now + release_after, None)
    return Lifetime(None, now + keep)


def waits_for_a_person(code: ReasonCode) -> bool:
    """True when a mail is held for this reason until somebody decides."""
    return code not in (ReasonCode.GREYLIST_CARRIED, ReasonCode.GREYLIST_COMPANY)
