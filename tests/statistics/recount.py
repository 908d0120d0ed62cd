"""Made-up histories, and what their raw rows come to when somebody simply counts them."""

import random
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select

from gateway.model import Action, DeliveryState, Level, ReasonCode
from gateway.statistics.waits import bucket_of
from gateway.store import decisions as book
from sql.tables import copy, decision, delivery, event, tally, tally_sender
from tests.store.making import DAY, NOW, mail, row_of

RECIPIENTS = ("bo@example.com", "cy@example.com", "dee@other.example", "info@other.example")
SENDERS = ("ann@elsewhere.example", "x@mail.shop.example", "y@shop.example", "")
ANSWERS = (
    (Action.ACCEPT, ReasonCode.PARTY_REMEMBERED),
    (Action.ACCEPT, ReasonCode.GREYLIST_PASSED),
    (Action.ACCEPT, ReasonCode.TAKEOVER_DUE),
    (Action.DEFER, ReasonCode.GREYLIST_NEW),
    (Action.DEFER, ReasonCode.GREYLIST_EARLY),
    (Action.HOLD, ReasonCode.CONTENT_SUSPICIOUS),
    (Action.HOLD, ReasonCode.GREYLIST_PASSED),
    (Action.REJECT, ReasonCode.LIST_BLOCKED),
    (Action.REJECT, ReasonCode.RELAY_DENIED),
    (Action.REJECT, ReasonCode.RECIPIENT_UNKNOWN),
    (Action.DISCARD, ReasonCode.RETRY_DELIVERED),
)
EVIDENCE = {ReasonCode.GREYLIST_PASSED: "waited", ReasonCode.TAKEOVER_DUE: "trying"}


def made_up(chance: random.Random, count: int, now: datetime = NOW, over: timedelta = 3 * DAY) -> list[dict[str, Any]]:
    """Rows of decisions in no order: flushes of several nodes arrive as they like."""
    return [row(chance, now - chance.random() * over) for _ in range(count)]


def row(chance: random.Random, at: datetime) -> dict[str, Any]:
    action, code = chance.choice(ANSWERS)
    evidence = {EVIDENCE[code]: int(chance.lognormvariate(6, 1))} if code in EVIDENCE else {}
    known = {"level": chance.choice([*map(str, Level)])}
    shape = chance.random()
    facts: Any = {"v": 2, "facts": {"rcpt": known} if shape < 0.5 else known, "reply": "250 2.0.0 yes",
                  "reasons": [{"code": str(code), "evidence": evidence, "weight": None}]}  # fmt: skip
    if shape > 0.95:
        facts = chance.choice([{}, [], "odd", {"facts": None, "reasons": 7}, {"facts": {"rcpt": 3, "level": "odd"}}])
    return {
        "reply_id": f"r{chance.randrange(10**9)}", "at": at, "stage": "data", "peer": "192.0.2.1",
        "sender": chance.choice(SENDERS), "recipient": chance.choice(RECIPIENTS), "action": str(action),
        "code": str(code), "message": None, "review": False, "facts": facts,
    }  # fmt: skip


def write(conn: Connection, rows: Iterable[dict[str, Any]]) -> None:
    conn.execute(insert(decision), list(rows))


# ---- by hand -------------------------------------------------------------------------------------------------------


def expected(conn: Connection) -> Counter[tuple[Any, ...]]:
    """What the counts of decisions should be: (scope, grain, at, kind, what, level)."""
    found: Counter[tuple[Any, ...]] = Counter()
    for one in conn.execute(select(decision)).mappings():
        known = one["facts"].get("facts") if isinstance(one["facts"], dict) else None
        known = known.get("rcpt", known) if isinstance(known, dict) else None
        level = known.get("level") if isinstance(known, dict) else None
        level = level if level in list(map(str, Level)) else ""
        things = [(one["action"], one["code"])]
        for reason in one["facts"].get("reasons") or () if level and one["action"] == "accept" else ():
            if (name := EVIDENCE.get(reason["code"])) is not None:
                things.append(("waited", f"{bucket_of(reason['evidence'][name]):03}"))
        for kind, what in things:
            for scope, grain, at in places(one["recipient"], one["code"], one["at"]):
                found[scope, grain, at, kind, what, level] += 1
    return found


def places(recipient: str, code: str, at: datetime) -> list[tuple[str, str, datetime]]:
    domain = recipient.split("@")[1]
    hour, day = at.replace(minute=0, second=0, microsecond=0), at.replace(hour=0, minute=0, second=0, microsecond=0)
    scopes = [""] if code == "relay.denied" else ["", domain]
    found = [(scope, grain, start) for scope in scopes for grain, start in (("hour", hour), ("day", day))]
    if code not in ("relay.denied", "recipient.unknown"):
        found.append((recipient, "hour", hour))
    return found


def there(conn: Connection, *kinds: str) -> Counter[tuple[Any, ...]]:
    """What is counted, of these kinds if some are named."""
    rows = conn.execute(select(tally)).mappings()
    names = ("scope", "grain", "at", "kind", "what", "level")
    return Counter({tuple(one[name] for name in names): one["count"]
                    for one in rows if one["count"] and (not kinds or one["kind"] in kinds)})  # fmt: skip


def senders_there(conn: Connection, scope: str = "") -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for one in conn.execute(select(tally_sender).where(tally_sender.c.scope == scope)).mappings():
        found[one["sender"], one["kind"]] += one["count"]
    return found


# ---- held mail, and what people say of it --------------------------------------------------------------------------


def hold(conn: Connection, number: str, to: str, reason: ReasonCode, level: Level, at: datetime) -> None:
    """A mail that became ours, with its decision: that has the id of the reply, the mail one of its own."""
    row_of(conn, mail(number, recipients=(to,), received_at=at))
    conn.execute(insert(delivery).values(
        message=number, recipient=to, recipient_raw=to, state=DeliveryState.HELD, reason=str(reason), junk=False,
        created=at, attempts=0, last_reply="", sender_domain="mail.shop.example"))  # fmt: skip
    facts = {"v": 2, "facts": {"rcpt": {"level": str(level)}}, "reasons": []}
    write(conn, [row(random.Random(number), at) | {"reply_id": f"r{number}", "recipient": to, "action": "hold",
                                                   "code": str(reason), "facts": facts}])  # fmt: skip
    book.happened(conn, "taken", at, message=number, who="gateway", reply=f"r{number}")


def lend(conn: Connection, number: str, to: str, at: datetime) -> None:
    """A copy of mail that its sender has; a person released it, so that it is ours as well."""
    hold(conn, number, to, ReasonCode.PARTY_KNOWN, Level.GREYLIST, at)
    conn.execute(insert(copy).values(
        message=number, recipient=to, recipient_raw=to, state="released", note="", first_seen=at, last_seen=at,
        tries=1))  # fmt: skip


def last_words(conn: Connection) -> Counter[tuple[str, str, str]]:
    """(kind, what, scope) of the last word about each held mail, by hand."""
    lent = {(one.message, one.recipient) for one in conn.execute(select(copy.c.message, copy.c.recipient))}
    words: dict[tuple[str, str], str] = {}
    for one in conn.execute(select(event).order_by(event.c.id)).mappings():
        if one["kind"] in ("released", "refused", "expired", "undone") and one["who"] != "retention":
            words[one["message"], one["recipient"]] = one["kind"]
    found: Counter[tuple[str, str, str]] = Counter()
    for one in conn.execute(select(delivery)).mappings():
        said = words.get((one["message"], one["recipient"]), "undone")
        if said != "undone" and (one["message"], one["recipient"]) not in lent:
            for scope in ("", one["recipient"].split("@")[1], one["recipient"]):
                found[said, one["reason"], scope] += 1
    return found


def count(conn: Connection) -> int:
    return int(conn.execute(select(func.count()).select_from(decision)).scalar_one())
