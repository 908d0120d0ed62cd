"""What is counted of decisions and events: by the hour, by the day, and by who sent most. And how far that is done.

Whoever counts moves `tally_progress` on and adds to the counts in one transaction: after a crash both are there or
neither, and of two nodes that count at once one finds that the other was faster.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, Text, and_, delete, distinct, func, select, tuple_, type_coerce, update

from gateway.store.upsert import upsert
from sql.tables import copy, decision, delivery, event, tally, tally_progress, tally_sender

Key = tuple[str, str, datetime, str, str, str]  # scope, grain, at, kind, what, level
SenderKey = tuple[str, datetime, str, str]  # scope, day, sender, kind
SOURCES: Mapping[str, Table] = {"decision": decision, "event": event}
# Longer than any transaction takes that has its numbers already; MariaDB's nodes hand them out before they commit.
SETTLED_AFTER = timedelta(minutes=2)
EVERYBODY = ""  # the scope that counts all
UNSEEN = 100_000  # numbers below the first that is there: of what is on its way when the first look is taken
STRIDE = 5_000  # numbers of events that are looked through together: few of them count


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a source is counted. Numbers are those of its rows."""

    source: str
    began: int
    upto: int
    settled: int
    counted_at: datetime

    @property
    def is_done(self) -> bool:
        return self.upto >= self.settled

    @property
    def share(self) -> float:
        """Of what was to be counted, 0 to 1."""
        return 1.0 if self.is_done else max(0, self.upto - self.began) / max(1, self.settled - self.began)


def progress(conn: Connection) -> dict[str, Progress]:
    """By source; one that nobody has begun to count is missing."""
    rows = conn.execute(select(tally_progress)).mappings()
    names = ("source", "began", "upto", "settled", "counted_at")
    return {row["source"]: Progress(*(row[name] for name in names)) for row in rows}


def counted(conn: Connection) -> dict[str, int]:
    """Up to which number each source is counted; rows above it must not be forgotten."""
    return dict.fromkeys(SOURCES, -1) | {name: one.upto for name, one in progress(conn).items()}


def settle(conn: Connection, source: str, now: datetime) -> Progress:
    """How far a source is counted and may be counted by now.

    SQLite has one writer, so numbers are in the order of the commits. Elsewhere a row may appear below others that are
    there already; a number that was the highest some time ago has nothing below it that is still to come.
    """
    number = SOURCES[source].c.id
    row = conn.execute(select(tally_progress).where(tally_progress.c.source == source)).mappings().first()
    top = int(conn.execute(select(func.max(number))).scalar() or 0)
    if row is None:
        first = int(conn.execute(select(func.min(number))).scalar() or 1) - 1
        upto = max(0, first - UNSEEN)
        values = {"source": source, "began": first, "upto": upto, "settled": upto, "seen": top, "seen_at": now}
        upsert(conn, tally_progress, [values | {"counted_at": now}], key=("source",))
        row = conn.execute(select(tally_progress).where(tally_progress.c.source == source)).mappings().one()
    settled, waits = row["settled"], timedelta(0) if conn.dialect.name == "sqlite" else SETTLED_AFTER
    if now - row["seen_at"] >= waits and (top > settled or row["seen"] > settled):
        settled = max(settled, row["seen"] if waits else top)
        mine = update(tally_progress).where(tally_progress.c.source == source, tally_progress.c.seen == row["seen"])
        conn.execute(mine.values(settled=settled, seen=max(top, row["seen"]), seen_at=now))
    return Progress(source, row["began"], row["upto"], settled, row["counted_at"])


def advance(conn: Connection, before: Progress, upto: int, now: datetime) -> bool:
    """Say that a source is counted up to a number; False when another node said so first."""
    mine = (tally_progress.c.source == before.source, tally_progress.c.upto == before.upto)
    values: dict[str, Any] = {"upto": upto}
    if upto >= before.settled:
        values["counted_at"] = now
    return conn.execute(update(tally_progress).where(*mine).values(**values)).rowcount == 1


# ---- what is counted -----------------------------------------------------------------------------------------------


def decisions_after(conn: Connection, before: Progress, most: int) -> list[dict[str, Any]]:
    """The next decisions. `facts` is text: whatever is in it, the others are counted."""
    wanted = (decision.c.id, decision.c.at, decision.c.sender, decision.c.recipient, decision.c.action, decision.c.code)
    query = select(*wanted, type_coerce(decision.c.facts, Text).label("facts"))
    query = query.where(decision.c.id > before.upto, decision.c.id <= before.settled).order_by(decision.c.id)
    return [dict(row) for row in conn.execute(query.limit(most)).mappings()]


def events_after(conn: Connection, before: Progress, upto: int, kinds: Collection[str]) -> list[dict[str, Any]]:
    """The events of these kinds with the next numbers."""
    query = select(event.c.id, event.c.at, event.c.kind, event.c.message, event.c.recipient, event.c.who)
    query = query.where(event.c.id > before.upto, event.c.id <= upto, event.c.kind.in_(sorted(kinds)))
    return [dict(row) for row in conn.execute(query.order_by(event.c.id)).mappings()]


def stories(conn: Connection, mails: Collection[str], kinds: Collection[str]) -> list[dict[str, Any]]:
    """All events of these kinds about these mails, oldest first."""
    query = select(event.c.id, event.c.at, event.c.kind, event.c.message, event.c.recipient, event.c.who)
    query = query.where(event.c.message.in_(sorted(mails)), event.c.kind.in_(sorted(kinds)))
    return [dict(row) for row in conn.execute(query.order_by(event.c.id)).mappings()]


def held(conn: Connection, mails: Collection[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """Of these mails what was held, by mail and recipient: why, who sent it, and the level it was decided by.

    A copy of mail that its sender still had was not held.
    """
    mine = sorted(mails)
    lent = {(row.message, row.recipient) for row in conn.execute(
        select(copy.c.message, copy.c.recipient).where(copy.c.message.in_(mine)))}  # fmt: skip
    columns = (delivery.c.message, delivery.c.recipient, delivery.c.reason, delivery.c.sender_domain)
    rows = conn.execute(select(*columns).where(delivery.c.message.in_(mine))).mappings()
    found = {(row["message"], row["recipient"]): dict(row) for row in rows}
    facts = facts_of(conn, mine)
    return {key: row | {"facts": facts.get(key)} for key, row in found.items() if key not in lent}


def facts_of(conn: Connection, mails: Sequence[str]) -> dict[tuple[str, str], str]:
    """The facts of the decisions by which mails became ours, as text: their reply's id stands in an event."""
    taken = select(event.c.message, event.c.detail).where(event.c.message.in_(mails), event.c.kind == "taken")
    replies = {str(row.detail.get("reply")): row.message for row in conn.execute(taken)}
    replies |= {number: number for number in mails}
    told = select(decision.c.reply_id, decision.c.recipient, type_coerce(decision.c.facts, Text).label("facts"))
    rows = conn.execute(told.where(decision.c.reply_id.in_(sorted(replies))).order_by(decision.c.id))
    return {(replies[row.reply_id], row.recipient): row.facts for row in rows}


def add(conn: Connection, counts: Mapping[Key, int]) -> None:
    names = ("scope", "grain", "at", "kind", "what", "level")
    rows = [dict(zip(names, key, strict=True), count=count) for key, count in sorted(counts.items()) if count]
    upsert(conn, tally, rows, key=names, total=("count",))


def add_senders(conn: Connection, counts: Mapping[SenderKey, int], named: int, named_personal: int) -> None:
    """Add to who sent how much; of a day and scope about so many stay by name, those with the most."""
    names = ("scope", "at", "sender", "kind")
    rows = [
        dict(zip(names, key, strict=True), personal="@" in key[0], count=count)
        for key, count in sorted(counts.items())
        if count
    ]
    upsert(conn, tally_sender, rows, key=names, total=("count",))
    for personal, most in ((True, named_personal), (False, named)):
        touched = {(scope, day) for scope, day, _, _ in counts if ("@" in scope) == personal}
        for scope, day in full(conn, touched, most):
            bound(conn, scope, day, most)


def full(conn: Connection, touched: Collection[tuple[str, datetime]], most: int) -> list[tuple[str, datetime]]:
    """Of these scopes and days, those about which twice as many senders are kept by name as should be. In one question:
    a slice touches hundreds of accounts."""
    if not touched:
        return []
    scopes, days = sorted({scope for scope, _ in touched}), [day for _, day in touched]
    mine = (tally_sender.c.at >= min(days), tally_sender.c.at <= max(days), tally_sender.c.sender != "*")
    query = select(tally_sender.c.scope, tally_sender.c.at).where(tally_sender.c.scope.in_(scopes), *mine)
    query = query.group_by(tally_sender.c.scope, tally_sender.c.at)
    query = query.having(func.count(distinct(tally_sender.c.sender)) > 2 * most)
    return [(row.scope, row.at) for row in conn.execute(query)]


def bound(conn: Connection, scope: str, day: datetime, most: int) -> None:
    """Those with the least become others, so that so many stay by name."""
    mine = (tally_sender.c.scope == scope, tally_sender.c.at == day, tally_sender.c.sender != "*")
    amount = func.sum(tally_sender.c.count)
    query = select(tally_sender.c.sender, amount.label("amount")).where(*mine).group_by(tally_sender.c.sender)
    found = [(str(row.sender), int(row.amount)) for row in conn.execute(query)]
    small = [name for name, _ in sorted(found, key=lambda one: (-one[1], one[0]))[most:]]
    gone: Counter[SenderKey] = Counter()
    for names in pieces(small):
        theirs = (*mine, tally_sender.c.sender.in_(names))
        totals = select(tally_sender.c.kind, amount).where(*theirs).group_by(tally_sender.c.kind)
        gone.update({(scope, day, "*", str(kind)): int(count) for kind, count in conn.execute(totals)})
        conn.execute(delete(tally_sender).where(*theirs))
    rows = [
        {"scope": key[0], "at": key[1], "sender": key[2], "kind": key[3], "personal": "@" in scope, "count": count}
        for key, count in sorted(gone.items())
    ]
    upsert(conn, tally_sender, rows, key=("scope", "at", "sender", "kind"), total=("count",))


def pieces(names: Sequence[str], most: int = 500) -> Iterable[Sequence[str]]:
    return (names[start : start + most] for start in range(0, len(names), most))


# ---- what is asked -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Span:
    """A time in whole hours or days, and for whom."""

    scopes: tuple[str, ...]
    grain: str
    since: datetime
    until: datetime

    @property
    def condition(self) -> Any:
        mine = (tally.c.grain == self.grain, tally.c.at >= self.since, tally.c.at < self.until)
        return and_(tally.c.scope.in_(self.scopes), *mine)


def totals(conn: Connection, spans: Iterable[Span]) -> Counter[tuple[str, str, str]]:
    """How often, by kind, what and level."""
    found: Counter[tuple[str, str, str]] = Counter()
    columns = (tally.c.kind, tally.c.what, tally.c.level)
    for span in spans:
        query = select(*columns, func.sum(tally.c.count)).where(span.condition).group_by(*columns)
        for kind, what, level, count in conn.execute(query):
            found[kind, what, level] += int(count)
    return found


def series(conn: Connection, spans: Iterable[Span], kinds: Collection[str]) -> Counter[tuple[datetime, str]]:
    """How often, by beginning and kind."""
    found: Counter[tuple[datetime, str]] = Counter()
    for span in spans:
        query = select(tally.c.at, tally.c.kind, func.sum(tally.c.count)).where(span.condition)
        query = query.where(tally.c.kind.in_(sorted(kinds))).group_by(tally.c.at, tally.c.kind)
        for at, kind, count in conn.execute(query):
            found[at, kind] += int(count)
    return found


def hours(conn: Connection, spans: Iterable[Span], kind: str, but: Collection[str]) -> Counter[datetime]:
    """How often, by hour, for whatever reason but these."""
    found: Counter[datetime] = Counter()
    for span in spans:
        query = select(tally.c.at, func.sum(tally.c.count)).where(span.condition, tally.c.kind == kind)
        query = query.where(tally.c.what.not_in(sorted(but))).group_by(tally.c.at)
        found.update({at: int(count) for at, count in conn.execute(query)})
    return found


def senders(
    conn: Connection, scopes: Sequence[str], since: datetime, until: datetime, most: int
) -> list[tuple[str, dict[str, int]]]:
    """Who sent most in whole days, with how often by kind; "*" (all others) comes in its place."""
    mine = (tally_sender.c.scope.in_(scopes), tally_sender.c.at >= since, tally_sender.c.at < until)
    amount = func.sum(tally_sender.c.count)
    query = select(tally_sender.c.sender).where(*mine).group_by(tally_sender.c.sender)
    names = list(conn.execute(query.order_by(amount.desc(), tally_sender.c.sender).limit(most)).scalars())
    found: dict[str, dict[str, int]] = {name: {} for name in names}
    kinds = select(tally_sender.c.sender, tally_sender.c.kind, amount).where(*mine, tally_sender.c.sender.in_(names))
    for sender, kind, count in conn.execute(kinds.group_by(tally_sender.c.sender, tally_sender.c.kind)):
        found[sender][kind] = int(count)
    return list(found.items())


def earliest(conn: Connection, grain: str) -> datetime | None:
    """Since when anything is counted by the hour or by the day."""
    mine = (tally.c.scope == EVERYBODY, tally.c.grain == grain)  # of whom there is a count of everything
    found: datetime | None = conn.execute(select(func.min(tally.c.at)).where(*mine)).scalar()
    return found


# ---- what is forgotten ---------------------------------------------------------------------------------------------


def forget_old(conn: Connection, hours: datetime, days: datetime, most: int) -> int:
    """Delete about `most` rows of the oldest hour from before a moment, and of the oldest day from before another, and
    as many senders; how many."""
    gone = 0
    for grain, before in (("hour", hours), ("day", days)):
        first = earliest(conn, grain)
        if first is not None and first < before:
            gone += forget_one(conn, grain, first, most)
    for personal, before in ((True, hours), (False, days)):
        old = (tally_sender.c.personal == personal, tally_sender.c.at < before)
        mine = select(*tally_sender.primary_key.columns).where(*old).limit(most)
        gone += delete_rows(conn, tally_sender, conn.execute(mine).all())
    return gone


def forget_one(conn: Connection, grain: str, at: datetime, most: int) -> int:
    """Delete up to `most` rows of an hour or day; those of everybody last, by which it is found."""
    old = (tally.c.at == at, tally.c.grain == grain)
    mine = select(*tally.primary_key.columns).where(*old, tally.c.scope != EVERYBODY).limit(most)
    gone = delete_rows(conn, tally, conn.execute(mine).all())
    if gone < most:
        gone += conn.execute(delete(tally).where(*old, tally.c.scope == EVERYBODY)).rowcount
    return gone


def delete_rows(conn: Connection, table: Table, keys: Sequence[Any]) -> int:
    if not keys:
        return 0
    key = tuple_(*table.primary_key.columns)
    return conn.execute(delete(table).where(key.in_([tuple(one) for one in keys]))).rowcount
