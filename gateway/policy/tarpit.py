"""Who is slowed down, and for how long: strangers only, within bounds, and never a peer that we have dealt with."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from ipaddress import ip_network

from gateway.model import (
    Action,
    IPAddress,
    NetworkRecord,
    Pressure,
    RcptFacts,
    ReasonCode,
    RecipientClass,
    Verdict,
)
from gateway.policy import greylist
from gateway.policy.greylist import Stage, Timing
from gateway.policy.recipients import Transaction

MARKED_FOR = timedelta(days=1)  # by a trap, by talking early; and how long a greeting that was waited for counts
STRESSED_PAUSE = timedelta(seconds=2)
# Call-outs give up after 30 s: whoever asks with a null sender has its answer by then (RFC 5321 4.5.5).
NULL_SENDER_MOST = timedelta(seconds=10)
NOTHING = timedelta(0)

# Behind a load balancer or a container's bridge everybody has such an address: a delay would teach us nothing.
NEAR = tuple(
    ip_network(text)
    for text in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "100.64.0.0/10",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)


class Standing(Enum):
    """What a network is to us when it connects."""

    WELCOME = "welcome"  # allowed, near, or we delivered mail of it
    STRANGER = "stranger"
    POOR = "poor"  # a stranger that wrote to a trap or spoke before it was greeted


@dataclass(frozen=True, slots=True)
class Delays:
    """What the settings say about delays. 0 is off."""

    pause: timedelta = NOTHING
    stutter: timedelta = NOTHING
    patience: timedelta = NOTHING
    memory: timedelta = timedelta(days=36)  # how long delivered mail keeps a network welcome
    traps: frozenset[str] = frozenset()  # Address.key


def is_near(address: IPAddress) -> bool:
    """True for loopback, private and link-local addresses; an IPv4-mapped address counts as IPv4."""
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address.version == network.version and address in network for network in NEAR)


def standing(record: NetworkRecord, now: datetime, memory: timedelta, *, allowed: bool) -> Standing:
    """`allowed`: by the private lists, or because the address is near."""
    if allowed or now - record.delivered_at < memory:
        return Standing.WELCOME
    marked = max(record.trapped_until, record.early_until) > now
    return Standing.POOR if marked else Standing.STRANGER


def greet_pause(
    who: Standing, record: NetworkRecord, now: datetime, delays: Delays, *, stressed: bool, crowded: bool
) -> timedelta:
    """How long the greeting waits: once a day for a stranger, each time for a poor one, never in a crowded tarpit."""
    waited_today = now - record.greeted_at < MARKED_FOR
    if who is Standing.WELCOME or crowded or (who is Standing.STRANGER and waited_today):
        return NOTHING
    return min(delays.pause, STRESSED_PAUSE, NULL_SENDER_MOST) if stressed else min(delays.pause, NULL_SENDER_MOST)


def stutters(who: Standing, delays: Delays, *, nameless: bool, stressed: bool, crowded: bool) -> bool:
    """True when replies are sent byte by byte. `nameless`: a stranger whose address has no confirmed name."""
    if not delays.stutter or stressed or crowded:
        return False
    return who is Standing.POOR or (who is Standing.STRANGER and nameless)


def delay_left(spent: timedelta, delays: Delays, *, sender: str | None) -> timedelta:
    """How much more slow replies may take. `sender`: "" is null, None is not named yet and may turn out to be null."""
    if sender == "":
        return NOTHING
    most = delays.stutter if sender is not None else min(delays.stutter, NULL_SENDER_MOST - spent)
    return max(NOTHING, most)


def pressure(
    who: Standing,
    record: NetworkRecord,
    now: datetime,
    delays: Delays,
    *,
    recipient: str,
    harvesting: bool = False,
    stressed: bool = False,
    patient: bool = False,
) -> Pressure:
    """What a recipient's decision should know. Marks of a network that became welcome since count no more."""
    poor = who is Standing.POOR
    return Pressure(
        trap=recipient in delays.traps,
        trapped=poor and record.trapped_until > now,
        early_talker=poor and record.early_until > now,
        harvesting=harvesting,
        stressed=stressed and who is not Standing.WELCOME,
        patient=patient,
    )


ASKED_TO_WAIT = frozenset({ReasonCode.GREYLIST_NEW, ReasonCode.GREYLIST_EARLY, ReasonCode.GREYLIST_LARGE})


def may_prove_patience(
    facts: RcptFacts, verdict: Verdict, transaction: Transaction, delays: Delays, timing: Timing
) -> bool:
    """True when this stranger would be deferred and may wait for the answer instead.

    Not the null sender (a call-out has no time), not a poor network, and not in a transaction whose class is settled:
    there the answer would be 452 however long it waited, or it is carried along anyway.
    """
    marked = facts.pressure.trapped or facts.pressure.early_talker
    if not delays.patience or not facts.sender or marked or transaction.recipient_class is not None:
        return False
    if verdict.action is Action.DEFER:
        return verdict.code in ASKED_TO_WAIT
    if verdict.recipient_class is not RecipientClass.WAIT:
        return False
    # A retry after the wait will pass by itself, as soon as its data show that it is one.
    look = greylist.look(facts.sightings or (), facts.rungs, None, facts.now, timing)
    return look.stage is not Stage.PASSED


def marks_network(who: Standing, *, sender: str, remembered: bool) -> bool:
    """True when writing to a trap marks the network.

    Not when its mail is delivered here: many share a provider's network. Not when the sender is remembered. Not for the
    null sender: bounces of mail that was forged in the trap's name come from honest servers.
    """
    return who is not Standing.WELCOME and bool(sender) and not remembered
