"""The life of copies and of held mail: which moves exist, and when time makes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.model import CopyState, DeliveryState, Level, ReasonCode

HOLDING_LEVELS = frozenset({Level.REVIEW_BEFORE, Level.KNOWN_ONLY})  # they imply that somebody looks

COPY_MOVES: Mapping[CopyState, frozenset[CopyState]] = {
    CopyState.SENDER_HELD: frozenset(
        {CopyState.PASSING, CopyState.PASSED, CopyState.TAKEN_OVER, CopyState.RELEASED, CopyState.REFUSED}
        | {CopyState.ABANDONED}
    ),
    CopyState.PASSING: frozenset({CopyState.SENDER_HELD, CopyState.PASSED, CopyState.REFUSED}),
    CopyState.ABANDONED: frozenset(
        {CopyState.SENDER_HELD, CopyState.PASSING, CopyState.PASSED, CopyState.RELEASED, CopyState.REFUSED}
        | {CopyState.TAKEN_OVER}
    ),
    CopyState.PASSED: frozenset(),
    CopyState.TAKEN_OVER: frozenset(),
    CopyState.RELEASED: frozenset(),
    CopyState.REFUSED: frozenset(),
    # Delivered mail that is listed for review: whatever people say of it, it is never delivered again.
    CopyState.LISTED: frozenset({CopyState.LOOKED_AT, CopyState.CALLED_SPAM, CopyState.CALLED_HAM, CopyState.UNSEEN}),
    CopyState.LOOKED_AT: frozenset({CopyState.CALLED_SPAM, CopyState.CALLED_HAM}),
    CopyState.CALLED_SPAM: frozenset({CopyState.LISTED, CopyState.CALLED_HAM}),
    CopyState.CALLED_HAM: frozenset({CopyState.LISTED, CopyState.CALLED_SPAM}),
    CopyState.UNSEEN: frozenset({CopyState.LOOKED_AT, CopyState.CALLED_SPAM, CopyState.CALLED_HAM}),
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

# A copy in one of these may still be delivered; for all others that story is over.
OPEN_COPIES = frozenset(state for state, moves in COPY_MOVES.items() if CopyState.PASSED in moves)
SAID = frozenset({CopyState.LOOKED_AT, CopyState.CALLED_SPAM, CopyState.CALLED_HAM})  # of listed mail, by people
REVIEWED_COPIES = SAID | {CopyState.LISTED, CopyState.UNSEEN}  # of mail that was delivered before it was copied


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
    lessons: timedelta = timedelta(days=400)  # what people said about mail
    statistics: timedelta = timedelta(days=730)  # what is counted by the day
    listed: timedelta = timedelta(days=14)  # delivered mail, for somebody to look at
    room: int = 2**31  # bytes of all mail, of which listed mail may fill a part


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
