"""What places outside are told of mail: from what is on record anyway, so no mail waits for it.

One node at a time holds a place. It takes down what is new among deliveries and events, each once, and tells it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, exists, false, func, insert, or_, select, update

from gateway.model import HookEvent
from sql.tables import copy, delivery, event, hook, hook_post

# Longer than any transaction takes that has its numbers already; MariaDB's nodes hand them out before they commit.
SETTLED_AFTER = timedelta(minutes=2)
AT_ONCE = 1000  # rows of a source in one look
WAITING, SENT, GIVEN_UP = "waiting", "sent", "given_up"
KINDS: Mapping[str, HookEvent] = {  # of events, and what they are called outside
    "released": HookEvent.RELEASED,
    "refused": HookEvent.REFUSED,
    "undone": HookEvent.UNDONE,
    "expired": HookEvent.EXPIRED,
    "delivered": HookEvent.DELIVERED,
    "undeliverable": HookEvent.UNDELIVERABLE,
    "code": HookEvent.CODE,
    "campaign": HookEvent.CAMPAIGN,
}
OF_KEPT_MAIL = ("delivered", "undeliverable")  # of what was held or decided about; of other mail they are no news
TIME = "retention"  # who ends what expired and was shown for long enough: nobody decided
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a place is told of; no domains are all."""

    name: str
    events: frozenset[str]
    domains: frozenset[str] = frozenset()

    def has(self, recipients: Collection[str]) -> bool:
        return not self.domains or any(one.rpartition("@")[2] in self.domains for one in recipients)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a place fares. `waits_since`: when the oldest that is not told yet was taken down."""

    waiting: int = 0
    waits_since: datetime | None = None
    sent: datetime | None = None  # the last one
    given_up: int = 0  # of late
    said: str = ""  # what went wrong last, with what waits


def hold(conn: Connection, name: str, node: str, now: datetime, until: datetime) -> bool:
    """Whether this node tells it from now on, until then; a new one begins with what happens from now on."""
    held = select(hook.c.holder, hook.c.until).where(hook.c.name == name)
    row = conn.execute(held).first()
    if row is None:
        tops = {table.name: top(conn, table) for table in (delivery, event)}
        marks = {**tops, **{f"{source}_seen": number for source, number in tops.items()}}
        conn.execute(insert(hook).values(name=name, holder=node, until=until, seen_at=now, **marks))
        return True
    if row.holder == node and row.until > now + (until - now) / 2:
        return True  # nothing is written as often as it is looked
    free = or_(hook.c.holder == node, hook.c.until <= now)
    return conn.execute(update(hook).where(hook.c.name == name, free).values(holder=node, until=until)).rowcount == 1


def has_work(conn: Connection, name: str, node: str, now: datetime, until: datetime) -> bool:
    """Whether a look is worth a transaction that writes; `until`: as for `hold`."""
    row = conn.execute(select(hook).where(hook.c.name == name)).mappings().first()
    if row is None:
        return True
    if row["holder"] != node:
        return bool(row["until"] <= now)
    is_read = all(row[one.name] == row[f"{one.name}_seen"] >= top(conn, one) for one in (delivery, event))
    return not is_read or row["until"] <= now + (until - now) / 2 or next_due(conn, name, now) is not None


def top(conn: Connection, table: Any) -> int:
    return int(conn.execute(select(func.max(table.c.id))).scalar() or 0)


def take_down(conn: Connection, wanted: Wanted, now: datetime) -> int:
    """Note what is new for a place; how many.

    On SQLite numbers are in the order of the commits. Elsewhere one may appear below others that are there already, so
    the latest are looked at again until nothing below them can be to come.
    """
    mark = conn.execute(select(hook).where(hook.c.name == wanted.name)).mappings().one()
    found: list[dict[str, Any]] = []
    marks: dict[str, Any] = {}
    is_time = conn.dialect.name == "sqlite" or now - mark["seen_at"] >= SETTLED_AFTER
    for table, query in ((delivery, held(wanted)), (event, happened(wanted))):
        source, upto = table.name, mark[table.name]
        highest = top(conn, table)
        fresh = query.where(table.c.id > upto, ~is_there(wanted.name, table)).order_by(table.c.id).limit(AT_ONCE)
        rows = [dict(row) for row in conn.execute(fresh).mappings()]
        found += [{**row, "source": source} for row in rows]
        settled = highest if conn.dialect.name == "sqlite" else mark[f"{source}_seen"]
        if is_time and (highest > upto or settled > upto):
            marks[source] = min(settled, rows[-1]["number"]) if len(rows) == AT_ONCE else settled
            marks[f"{source}_seen"] = highest
    if marks:
        conn.execute(update(hook).where(hook.c.name == wanted.name).values(seen_at=now, **marks))
    told = [one for one in map(named, found) if wanted.has(whose(conn, one))]
    fresh_post = {"hook": wanted.name, "state": WAITING, "tries": 0, "noted": now, "due": now, "said": ""}
    told.sort(key=lambda one: (one["at"], one["source"], one["number"]))
    if told:
        conn.execute(insert(hook_post), [{**one, **fresh_post} for one in told])
    return len(told)


def held(wanted: Wanted) -> Select[Any]:
    """What waits for a person from its beginning: it is released by nothing else, and the waiting has an end."""
    names = (delivery.c.id.label("number"), delivery.c.created.label("at"), delivery.c.message, delivery.c.recipient,
             delivery.c.reason)  # fmt: skip
    mine = select(*names).where(delivery.c.expires.is_not(None), delivery.c.release_at.is_(None))
    return mine if HookEvent.HELD in wanted.events else mine.where(false())


def happened(wanted: Wanted) -> Select[Any]:
    kinds = sorted(kind for kind, name in KINDS.items() if name in wanted.events)
    names = (event.c.id.label("number"), event.c.at, event.c.kind, event.c.message, event.c.recipient, event.c.who,
             event.c.detail)  # fmt: skip
    was_kept = exists().where(
        delivery.c.message == event.c.message,
        delivery.c.recipient == event.c.recipient,
        or_(delivery.c.expires.is_not(None), delivery.c.decided_by.is_not(None)),
    )
    news = or_(event.c.kind.not_in(OF_KEPT_MAIL), was_kept)
    which = and_(event.c.kind.in_(kinds), event.c.message.is_not(None), event.c.who != TIME, news)
    return select(*names).where(which)


def is_there(name: str, table: Any) -> Any:
    mine = (hook_post.c.hook == name, hook_post.c.source == table.name, hook_post.c.number == table.c.id)
    return exists().where(*mine)


def named(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of either source as it is noted."""
    told = {name: row[name] for name in ("source", "number", "at", "message", "recipient")}
    if row["source"] == delivery.name:
        return {**told, "kind": str(HookEvent.HELD), "reason": row["reason"], "who": ""}
    return {**told, "kind": str(KINDS[row["kind"]]), "reason": str(row["detail"].get("code", "")), "who": row["who"]}


def whose(conn: Connection, row: Row) -> list[str]:
    """For whom a mail is that something is about."""
    if row["recipient"] is not None:
        return [row["recipient"]]
    queries = (select(one.c.recipient).where(one.c.message == row["message"]) for one in (delivery, copy))
    return [str(one) for query in queries for one in conn.execute(query).scalars()]


# ---- telling -------------------------------------------------------------------------------------------------------


def next_due(conn: Connection, name: str, now: datetime) -> dict[str, Any] | None:
    """The oldest that may be told now."""
    mine = (hook_post.c.hook == name, hook_post.c.state == WAITING, hook_post.c.due <= now)
    row = conn.execute(select(hook_post).where(*mine).order_by(hook_post.c.id).limit(1)).mappings().first()
    return None if row is None else dict(row)


def sent(conn: Connection, number: int, now: datetime) -> None:
    done = {"state": SENT, "ended": now, "tries": hook_post.c.tries + 1}
    conn.execute(update(hook_post).where(hook_post.c.id == number).values(**done))


def failed(conn: Connection, number: int, said: str, due: datetime | None, now: datetime) -> None:
    """`due`: when it is tried again; None: never."""
    then = {"state": GIVEN_UP, "ended": now} if due is None else {"due": due}
    values = {"said": said[:200], "tries": hook_post.c.tries + 1, **then}
    conn.execute(update(hook_post).where(hook_post.c.id == number).values(**values))


def standings(conn: Connection, since: datetime) -> dict[str, Standing]:
    """How each place fares that was told anything; `since`: what was given up before that is not told of any more."""
    found: dict[str, dict[str, Any]] = {}
    waits = select(hook_post.c.hook, func.count().label("waiting"), func.min(hook_post.c.noted).label("waits_since"),
                   func.max(hook_post.c.said).label("said"))  # fmt: skip
    ended = select(hook_post.c.hook, func.max(hook_post.c.ended).label("sent"))
    lost = select(hook_post.c.hook, func.count().label("given_up"))
    for query in (
        waits.where(hook_post.c.state == WAITING),
        ended.where(hook_post.c.state == SENT),
        lost.where(hook_post.c.state == GIVEN_UP, hook_post.c.ended > since),
    ):
        for row in conn.execute(query.group_by(hook_post.c.hook)).mappings():
            found.setdefault(row["hook"], {}).update({name: row[name] for name in row if name != "hook"})
    return {name: Standing(**one) for name, one in found.items()}


def forget_old(conn: Connection, before: datetime, most: int) -> int:
    """Delete what was told or given up before then, and what waits for a place that is gone since."""
    old = or_(hook_post.c.ended < before, and_(hook_post.c.state == WAITING, hook_post.c.noted < before))
    mine = list(conn.execute(select(hook_post.c.id).where(old).limit(most)).scalars())
    return conn.execute(delete(hook_post).where(hook_post.c.id.in_(mine))).rowcount if mine else 0
