"""How a party fared with us so far, as a number: standing from -1 to 1, and how much is behind it, from 0 to 1.

A pure function of a history that fades. Acts of people count for what they are; silence counts for a little and never
for more, however often it comes: a spammer can be patient, and nobody complains about what nobody reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import tanh

from gateway.model import Rung, RungKind
from gateway.policy.shared import Shared


class Party(StrEnum):
    """Who has standing: the strongest rung of identity, a domain, an address, or an address with such a rung."""

    SERVER = "server"
    DOMAIN = "domain"
    ADDRESS = "address"
    COMBINATION = "combination"


class Outcome(StrEnum):
    """What became of a mail."""

    ACCEPTED = "accepted"  # delivered, and nobody said anything
    RELEASED = "released"  # by a person
    REFUSED = "refused"  # by a person
    JUNKED = "junked"  # delivered with the tag for Junk
    ABANDONED = "abandoned"  # its sender never came back
    TRAPPED = "trapped"  # it wrote to a trap, or spoke before it was greeted


# After how long half of it is forgotten; counters on record are made with it, so that to change one is a migration.
# Two months: a quarterly bill still finds what was earned by the last one, and
# a host that was broken into in spring is not blamed in winter. What people decided lasts twice as long, for they do
# so rarely; what machines do to their own address fades within a fortnight, for addresses change hands.
HALF_LIFE: Mapping[Outcome, timedelta] = {
    Outcome.ACCEPTED: timedelta(days=60),
    Outcome.RELEASED: timedelta(days=120),
    Outcome.REFUSED: timedelta(days=120),
    Outcome.JUNKED: timedelta(days=60),
    Outcome.ABANDONED: timedelta(days=30),
    Outcome.TRAPPED: timedelta(days=14),
}

# What one of them is worth. One refusal weighs more than one release: the harm is greater, and it is easily undone.
WEIGHT: Mapping[Outcome, float] = {
    Outcome.ACCEPTED: 0.02,
    Outcome.RELEASED: 0.5,
    Outcome.REFUSED: -0.75,
    Outcome.JUNKED: -0.2,
    Outcome.ABANDONED: -0.05,
    Outcome.TRAPPED: -1.0,
}

MOST_BY_SILENCE = 0.1  # of standing; below what content scoring gives credit for
LEAST_BY_ABSENCE = -0.2  # never coming back says little: one-shot scripts, and mail that was given up, look alike
FULL_CONFIDENCE = 5.0  # mails behind a number that may be relied on


EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def grown(outcome: Outcome, at: datetime) -> float:
    """What one of them adds to its counter: twice as much with each half-life, counted from EPOCH.

    So counters are only ever added to, by whichever node and in whatever order, and fade all the same when they are
    read. A float holds that for a thousand half-lives.
    """
    return float(2.0 ** ((at - EPOCH) / HALF_LIFE[outcome]))


def left(outcome: Outcome, counter: float, now: datetime) -> float:
    """How many of them there would be had they just happened."""
    return float(counter * 2.0 ** ((EPOCH - now) / HALF_LIFE[outcome]))


History = Mapping[Outcome, float]  # what is left of each now


@dataclass(frozen=True, slots=True)
class Standing:
    """`value` from -1 (only harm) to 1; `confidence` from 0 (nothing behind it) to 1; `parts`: what made it."""

    value: float
    confidence: float
    parts: Mapping[str, float]

    @property
    def has_credit(self) -> bool:
        """True where an act of people stands behind it: silence alone never gets so far."""
        return self.value > MOST_BY_SILENCE


# ---- who ------------------------------------------------------------------------------------------------------------


def parties(rungs: frozenset[Rung], address: str, shared: Shared) -> list[tuple[Party, str]]:
    """Who a mail speaks for or against: its server always, its name only where that is authenticated.

    `address` is the author's or else the sender's; "" is nobody's. A forged name must not harm its owner.
    """
    server = max(rungs, key=lambda rung: (rung.kind, rung.value), default=None)
    if server is None:
        return []
    found = [] if shared.has(server) else [(Party.SERVER, server.value)]
    if not address:
        return found
    found.append((Party.COMBINATION, f"{address} by {server.value}"))
    if server.kind in AUTHENTICATED:
        found.append((Party.ADDRESS, address))
        domain = address.rpartition("@")[2]
        if not shared.has(Rung(RungKind.DKIM, domain)):
            found.append((Party.DOMAIN, domain))
    return found


AUTHENTICATED = frozenset({RungKind.SPF, RungKind.DKIM})


# ---- how much -------------------------------------------------------------------------------------------------------


def standing(history: History, *, shared: bool = False) -> Standing:
    """Of a history. Shared identities have none, for good or ill: it would be somebody else's."""
    if shared:
        return Standing(0.0, 0.0, {"shared": 0.0})
    parts = {str(outcome): WEIGHT[outcome] * amount for outcome, amount in history.items() if amount > 0}
    bounded = dict(parts)
    if "accepted" in parts:
        bounded["accepted"] = min(parts["accepted"], MOST_BY_SILENCE)
    if "abandoned" in parts:
        bounded["abandoned"] = max(parts["abandoned"], LEAST_BY_ABSENCE)
    total = sum(bounded.values())
    seen = sum(amount for amount in history.values() if amount > 0)
    # Near 0 it is the sum itself; far from it, it comes close to 1 and never gets there.
    return Standing(tanh(total), 1 - 0.5 ** (seen / FULL_CONFIDENCE), bounded)
