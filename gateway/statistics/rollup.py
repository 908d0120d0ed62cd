"""Decisions and events become counts, in slices: each is counted once, however often this is interrupted.

Whatever a record looks like, it is counted: one that cannot be read has no level and no wait.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from gateway.evidence.domain import organisational
from gateway.model import Action, Level, ReasonCode
from gateway.statistics.kinds import ANSWERS, DAY, EVERYBODY, FATES, HOUR, NULL, Kind, day_of, hour_of
from gateway.statistics.waits import bucket_of
from gateway.store import tallies
from gateway.store.tallies import Key, Progress, SenderKey

SLICE = 500  # decisions in one transaction
NAMED, NAMED_PERSONAL = 100, 20  # senders of a day that are kept by name
LONGEST_SENDER = 200
SAID_EVERY = timedelta(minutes=1)
WAITS: Mapping[str, str] = {ReasonCode.GREYLIST_PASSED: "waited", ReasonCode.TAKEOVER_DUE: "trying"}
UNDONE = "undone"
STORY = frozenset({*map(str, FATES), UNDONE})
TIME = "retention"  # who ends what expired and was shown for long enough: nobody decided
LEVELS = frozenset(map(str, Level))
NOBODYS = frozenset({ReasonCode.RECIPIENT_UNKNOWN, ReasonCode.RECIPIENT_HARVEST})


class Counts:
    """Counts of one slice, ready to be added."""

    def __init__(self) -> None:
        self.all: Counter[Key] = Counter()
        self.senders: Counter[SenderKey] = Counter()

    def add(self, scopes: Sequence[str], at: datetime, kind: str, what: str, level: str = "", count: int = 1) -> None:
        """For everybody and the domain by the hour and by the day; for an account by the hour alone: most of those
        hold one mail, and whoever asks about one account asks about few."""
        hour, day = hour_of(at), day_of(at)
        for scope in scopes:
            self.all[scope, HOUR, hour, kind, what, level] += count
            if "@" not in scope:
                self.all[scope, DAY, day, kind, what, level] += count

    def add_sender(self, scopes: Sequence[str], at: datetime, sender: str, kind: str, count: int = 1) -> None:
        for scope in scopes:
            self.senders[scope, day_of(at), sender, kind] += count

    def write(self, conn: Connection) -> None:
        tallies.add(conn, self.all)
        tallies.add_senders(conn, self.senders, NAMED, NAMED_PERSONAL)


def count_decisions(conn: Connection, now: datetime) -> int:
    """Count the next slice of decisions; how many rows. 0 too where another node was faster."""
    before = tallies.settle(conn, "decision", now)
    rows = tallies.decisions_after(conn, before, SLICE)
    upto = rows[-1]["id"] if len(rows) == SLICE else before.settled
    if is_idle(before, now) or not tallies.advance(conn, before, upto, now) or not rows:
        return 0
    counts = Counts()
    for row in rows:
        count_decision(counts, row)
    counts.write(conn)
    return len(rows)


def is_idle(before: Progress, now: datetime) -> bool:
    """Nothing is to be counted, and it was said lately that nothing is: where nothing happens nothing is written."""
    return before.is_done and now - before.counted_at < SAID_EVERY


def count_decision(counts: Counts, row: Mapping[str, Any]) -> None:
    record, at, action = read(row["facts"]), row["at"], row["action"]
    scopes, level = scopes_of(row["recipient"], row["code"]), level_of(record)
    counts.add(scopes, at, action, row["code"], level)
    counts.add_sender(scopes, at, sender_of(row["sender"]), action)
    waited = wait_of(record) if action == Action.ACCEPT else None
    if waited is not None:
        counts.add(scopes, at, Kind.WAITED, f"{bucket_of(waited):03}", level)


def count_events(conn: Connection, now: datetime) -> int:
    """Count what became of held mail in the next numbers of the events; how many numbers were gone through."""
    before = tallies.settle(conn, "event", now)
    upto = min(before.settled, before.upto + tallies.STRIDE)
    rows = tallies.events_after(conn, before, upto, STORY)
    if is_idle(before, now) or not tallies.advance(conn, before, upto, now):
        return 0
    if rows:
        counts = Counts()
        count_fates(conn, counts, rows)
        counts.write(conn)
    return upto - before.upto


def count_fates(conn: Connection, counts: Counts, rows: Iterable[Mapping[str, Any]]) -> None:
    """Of each mail the last word counts, at the time of that word: what was said before is taken off again."""
    fresh = {row["id"]: row for row in rows}
    mails = {row["message"] for row in fresh.values() if row["message"]}
    held = tallies.held(conn, mails) if mails else {}
    last: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in tallies.stories(conn, mails, STORY):
        key = (row["message"], row["recipient"])
        if key not in held or row["who"] == TIME:
            continue
        if row["id"] in fresh:
            told = last.get(key)
            if told is not None and told["kind"] != UNDONE:
                count_fate(counts, held[key], told, -1)
            if row["kind"] != UNDONE:
                count_fate(counts, held[key], row, 1)
        last[key] = row


def count_fate(counts: Counts, mail: Mapping[str, Any], told: Mapping[str, Any], count: int) -> None:
    scopes, level = scopes_of(told["recipient"]), level_of(read(mail["facts"]))
    counts.add(scopes, told["at"], told["kind"], mail["reason"], level, count)
    counts.add_sender(scopes, told["at"], domain_named(mail["sender_domain"]), told["kind"], count)


# ---- what a record says --------------------------------------------------------------------------------------------


def read(facts: str | None) -> dict[str, Any]:
    with suppress(ValueError, TypeError):
        found = json.loads(facts or "")
        if isinstance(found, dict):
            return found
    return {}


def level_of(record: Mapping[str, Any]) -> str:
    """The level that a decision was made by; "" where its record does not say."""
    known = record.get("facts")
    rcpt = known.get("rcpt", known) if isinstance(known, dict) else None
    level = rcpt.get("level") if isinstance(rcpt, dict) else None
    return level if isinstance(level, str) and level in LEVELS else ""


def wait_of(record: Mapping[str, Any]) -> float | None:
    """For how many seconds a mail had waited when it was let in; None where it had not."""
    reasons = record.get("reasons")
    for one in reasons if isinstance(reasons, list) else ():
        name = WAITS.get(str(one.get("code"))) if isinstance(one, dict) else None
        evidence = one.get("evidence") if name else None
        seconds = evidence.get(name) if isinstance(evidence, dict) else None
        if isinstance(seconds, int | float) and seconds >= 0:
            return float(seconds)
    return None


def scopes_of(recipient: str, code: str = "") -> tuple[str, ...]:
    """For whom it counts: names that a stranger made up get no row of their own."""
    domain = recipient.rpartition("@")[2]
    if code == ReasonCode.RELAY_DENIED or not domain:
        return (EVERYBODY,)
    return (EVERYBODY, domain) if code in NOBODYS or domain == recipient else (EVERYBODY, domain, recipient)


def sender_of(address: str) -> str:
    return domain_named(address.rpartition("@")[2])


def domain_named(domain: str) -> str:
    """Who sent: the registered domain of an envelope sender. Anybody may write any."""
    return (organisational(domain) or domain)[:LONGEST_SENDER] if domain else NULL


assert set(map(str, ANSWERS)) == set(map(str, Action)), "an action without a name here"
