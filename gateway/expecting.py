"""What an account expects: opened, listed and closed by people, and what already waits is shown to them at once.

Used by the command line, the pages and the API alike.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from gateway.desk import Person
from gateway.evidence.domain import is_public_suffix
from gateway.i18n import _, ngettext, tell
from gateway.model import Address, DataFacts, Expectation, Reason, ReasonCode
from gateway.policy import expecting as rule
from gateway.policy import stored
from gateway.policy.address import BadAddress, domain_key
from gateway.policy.expecting import domain_of
from gateway.policy.opinion import is_role_address
from gateway.policy.parties import why
from gateway.store import changes, decisions
from gateway.store import expecting as store
from gateway.store.rows import rungs_from_json

LOOK_BACK = timedelta(minutes=30)
DAY = timedelta(days=1)
LATEST = timedelta(minutes=15)  # after its end: a mail that had begun before
MOST_OFFERED = 20
DOUBT = 2.0  # the weight from which on a reason is told to whoever expects the mail
# Why mail waits that nothing else speaks against: it is a copy, or the account's level holds strangers' mail.
BY_LEVEL = ("", ReasonCode.LEVEL_REVIEW_BEFORE, ReasonCode.LEVEL_KNOWN_ONLY)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the settings say. `anybody` and `named` are the longest times, `per_day` counts for one account."""

    enabled: bool
    anybody: timedelta
    named: timedelta
    per_day: int
    local: frozenset[str]
    traps: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Offer:
    """A mail that came shortly before and waits. `proved`: the domains it proves; `suspicious`: why it is to be held.

    What is suspicious was not expected for that: a person has to look at it first.
    """

    message: str
    sender: str
    author: str
    subject: str
    received_at: datetime
    state: str
    proved: tuple[str, ...]
    suspicious: tuple[str, ...] = ()


class NotAllowed(Exception):
    """args[0] says what stands against it, in a sentence."""


def open_for(
    conn: Connection,
    recipient: Address,
    domain: str | None,
    life: timedelta | None,
    person: Person,
    allowed: Allowed,
    now: datetime,
) -> Expectation:
    """Expect mail, from anybody who proves who it is or from one domain; without `life` for as long as may be.

    Raises NotAllowed.
    """
    named = None if domain is None else read_domain(domain)
    longest = allowed.anybody if named is None else allowed.named
    life = longest if life is None else life
    complain(conn, recipient, life, longest, allowed, now)
    made = store.add(conn, recipient.key, named, now, now + life, person.name)
    decisions.happened(
        conn,
        "expecting",
        now,
        recipient=recipient.key,
        who=person.name,
        expectation=made.id,
        domain=named,
        until=made.until.isoformat(),
    )
    changes.announce(conn, person.node)
    return made


def complain(
    conn: Connection, recipient: Address, life: timedelta, longest: timedelta, allowed: Allowed, now: datetime
) -> None:
    """Raises NotAllowed with the first thing that stands against it."""
    if not allowed.enabled:
        raise NotAllowed(_("expecting mail is switched off: %(setting)s") % {"setting": "[expecting] enabled"})
    if recipient.domain not in allowed.local:
        raise NotAllowed(_("%(domain)s is none of our domains") % {"domain": recipient.domain})
    if is_role_address(recipient):
        raise NotAllowed(_("%(name)s never waits, so nothing needs to be expected for it") % {"name": recipient.local})
    if recipient.key in allowed.traps:
        raise NotAllowed(_("%(address)s is a trap") % {"address": recipient.key})
    if not timedelta(0) < life <= longest:
        minutes = int(longest.total_seconds()) // 60
        said = ngettext(
            "it may last for some time, and %(count)d minute at most",
            "it may last for some time, and %(count)d minutes at most",
            minutes,
        )
        raise NotAllowed(said % {"count": minutes})
    if store.opened_since(conn, recipient.key, now - DAY) >= allowed.per_day:
        said = ngettext(
            "%(address)s expected mail %(count)d time within a day, which is enough",
            "%(address)s expected mail %(count)d times within a day, which is enough",
            allowed.per_day,
        )
        raise NotAllowed(said % {"address": recipient.key, "count": allowed.per_day})


def read_domain(text: str) -> str:
    try:
        domain = domain_key(text.strip().rstrip("."))
    except BadAddress as error:
        raise NotAllowed(
            _("%(domain)s is no domain: %(why)s") % {"domain": repr(text), "why": tell(why(error))}
        ) from error
    if is_public_suffix(domain):
        said = _("everybody may have a name below %(domain)s; name the sender's own domain")
        raise NotAllowed(said % {"domain": domain})
    return domain


def close(conn: Connection, number: int, person: Person, now: datetime) -> bool:
    """End one before its time; False when it has ended already, or never was."""
    found = store.load(conn, number)
    if found is None or not store.close(conn, number, now):
        return False
    decisions.happened(conn, "expecting no more", now, recipient=found.recipient, who=person.name, expectation=number)
    changes.announce(conn, person.node)
    return True


def offers(conn: Connection, made: Expectation, now: datetime) -> list[Offer]:
    """What came in the last 30 minutes and would have been let in by this, and still waits."""
    after = now - LOOK_BACK
    doubts = suspicions(conn, made.recipient, after)
    found = []
    for row in store.kept_for(conn, made.recipient, after, MOST_OFFERED):
        rungs, sender = rungs_from_json(row["rungs"]), domain_of(row["sender_key"])
        if rule.fulfilled([made], rungs, sender, (), now) is None:
            continue
        proved = tuple(sorted({rung.value for rung in rule.proved(rungs, sender)}))
        told = (row["sender"], row["author"], row["subject"], row["received_at"], row["state"])
        doubt = doubts.get(row["whole"], ()) or ((row["reason"],) if row["reason"] not in BY_LEVEL else ())
        found.append(Offer(row["id"], *told, proved, doubt))
    return found


def came(conn: Connection, recipient: str, now: datetime) -> list[dict[str, Any]]:
    """What was let in within the last day because it was expected, the newest first."""
    found: dict[int, dict[str, Any]] = {}
    for one in store.since(conn, recipient, now - DAY, MOST_OFFERED):
        # Of an account that gets very much, only what came meanwhile is worth reading.
        times = max(one.opened_at, now - DAY), (one.closed_at or one.until) + LATEST
        rows = decisions.of_code(conn, recipient, ReasonCode.EXPECTED_MAIL, *times, MOST_OFFERED)
        found |= {row["id"]: row for row in rows}
    return sorted(found.values(), key=lambda row: (row["at"], row["id"]), reverse=True)[:MOST_OFFERED]


def is_doubt(reason: Reason) -> bool:
    """What weighs next to nothing would only frighten."""
    return reason.weight is None or reason.weight >= DOUBT


def suspicions(conn: Connection, recipient: str, after: datetime) -> dict[str, tuple[str, ...]]:
    """By the hash of a mail what its decisions found suspicious."""
    found: dict[str, tuple[str, ...]] = {}
    for record in decisions.facts_for(conn, recipient, after):
        try:
            facts = stored.from_json(record["facts"], record["v"])
        except stored.Unreadable:
            continue
        doubts = (
            tuple(str(one.code) for one in facts.suspicion if is_doubt(one)) if isinstance(facts, DataFacts) else ()
        )
        if isinstance(facts, DataFacts) and doubts:
            found.setdefault(facts.message.fingerprint.whole, doubts)
    return found
