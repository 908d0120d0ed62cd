"""The report on what observing let in: whom it would have delayed or held, and what the data tell about how long."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from ipaddress import ip_address
from statistics import median
from typing import Any

from sqlalchemy import Connection

from gateway.model import Action
from gateway.policy.address import normalise_sender
from gateway.policy.identity import network_of
from gateway.store import observed

WOULD_WAIT, WOULD_HOLD, WOULD_TAG = "defer", "hold", "tag"
NULL = "<>"


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took: of how many, the shortest, the middle and the longest."""

    count: int
    least: timedelta
    middle: timedelta
    most: timedelta


@dataclass(frozen=True, slots=True)
class Report:
    """What would have happened since a moment. A correspondence is one sender, one recipient, one network."""

    since: datetime
    until: datetime
    accepted: int  # mails, all of them, counted per recipient
    let_in: int  # of these, only because we observe
    would: Mapping[str, int]  # defer | hold | tag
    because: Mapping[str, int]
    senders: int
    correspondences: int
    again: Times | None  # until the next mail of the same correspondence
    waited: Times | None  # mails that really waited, while it was in force
    by_sender: tuple[tuple[str, int], ...]
    by_domain: tuple[tuple[str, int], ...]
    by_network: tuple[tuple[str, int], ...]
    by_day: tuple[tuple[date, int], ...]
    refused: Mapping[str, int]  # refused all the same, by reason

    @property
    def silent(self) -> int:
        """Correspondences that were not seen again."""
        return self.correspondences - (self.again.count if self.again else 0)


Correspondence = tuple[str, str, str]


def correspondence(peer: str, sender: str, recipient: str) -> Correspondence:
    return str(network_of(ip_address(peer))), normalise_sender(sender) if sender else "", recipient


def report(conn: Connection, since: datetime, now: datetime, most: int) -> Report:
    """Everything about the time since a moment; tops have at most so many lines."""
    seen = list(observed.let_in(conn, since))
    firsts = first_seen(seen)
    counted = observed.counted(conn, since)
    return Report(
        since=since,
        until=now,
        accepted=sum(count for action, _, count in counted if action == Action.ACCEPT),
        let_in=len(seen),
        would=dict(Counter(str(row["would"]) for row in seen)),
        because=dict(Counter(str(row["because"]) for row in seen)),
        senders=len({row["sender"] for row in seen}),
        correspondences=len(firsts),
        again=times(gaps(conn, since, firsts)),
        waited=times(really_waited(conn, since)),
        by_sender=top((row["sender"] or NULL for row in seen), most),
        by_domain=top((row["sender"].rpartition("@")[2] or NULL for row in seen), most),
        by_network=top((str(network_of(ip_address(row["peer"]))) for row in seen), most),
        by_day=tuple(sorted(Counter(row["at"].date() for row in seen).items())),
        refused={code: count for action, code, count in counted if action == Action.REJECT},
    )


def first_seen(rows: Iterable[Mapping[str, Any]]) -> dict[Correspondence, datetime]:
    """When each correspondence was let in first."""
    firsts: dict[Correspondence, datetime] = {}
    for row in rows:
        firsts.setdefault(correspondence(row["peer"], row["sender"], row["recipient"]), row["at"])
    return firsts


def gaps(conn: Connection, since: datetime, firsts: Mapping[Correspondence, datetime]) -> list[timedelta]:
    """For each correspondence that came again, the time between its first two mails."""
    found: dict[Correspondence, timedelta] = {}
    for at, peer, sender, recipient in observed.accepted(conn, since) if firsts else ():
        key = correspondence(peer, sender, recipient)
        if key in firsts and key not in found and at > firsts[key]:
            found[key] = at - firsts[key]
    return list(found.values())


def really_waited(conn: Connection, since: datetime) -> list[timedelta]:
    """How long mails waited that came back."""
    return [timedelta(seconds=float(row["waited"])) for row in observed.patient(conn, since)]


def times(found: list[timedelta]) -> Times | None:
    if not found:
        return None
    return Times(len(found), min(found), timedelta(seconds=median(one.total_seconds() for one in found)), max(found))


def top(names: Iterable[str], most: int) -> tuple[tuple[str, int], ...]:
    """The most frequent names, ties in their order."""
    return tuple(sorted(Counter(names).items(), key=lambda one: (-one[1], one[0]))[:most])
