"""One mail after the other, as if somebody pressed the button for each.

The last place that was reached is written in the transaction that decides: whoever is killed in the middle goes on
behind it, and two who work at once come one after the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from gateway import desk, undoing
from gateway.approvals import NoSuchChoice
from gateway.bodies import Bodies
from gateway.bulk.asking import AT_ONCE, RELEASE, enter
from gateway.desk import Done, NoSuchMail, Person, Teach, Terms, teach_nobody
from gateway.model import Act, Actor, BulkState, CopyState, DeliveryState, Fared, Role
from gateway.policy.rights import can
from gateway.store import bulks, copies, deliveries, persons

WAITING = (DeliveryState.HELD, CopyState.SENDER_HELD)

May = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Means:
    """What a decision is carried out with. `undo`: how long a release of a few can be taken back."""

    bodies: Bodies
    terms: Terms
    node: str
    undo: timedelta
    teach: Teach = teach_nobody

    def at_once(self, conn: Connection) -> int:
        """Mails in one transaction. SQLite syncs each; MariaDB's hold locks that others want in another order."""
        return 10 if conn.dialect.name == "sqlite" else 1


def turn(conn: Connection, number: int, means: Means, now: datetime) -> bool:
    """The next few mails; True while there is more to do at once."""
    row = bulks.load(conn, number, lock=True)
    if row is None or row["state"] not in (BulkState.WORKING, BulkState.UNDOING) or row["begins"] > now:
        return False
    actor = who(conn, row, now)
    person, may = as_person(row, means.node, actor), allowed(row, actor)
    if may is None:
        bulks.move(conn, number, BulkState(row["state"]), BulkState.STOPPED, ended_at=now)
        enter(conn, "bulk stopped", row, person, now, because="who asked may not sign in any more")
        return False
    most = means.at_once(conn)
    if row["state"] == BulkState.WORKING:
        return forth(conn, row, means, person, may, now, most)
    return back(conn, row, person, may, now, most)


def who(conn: Connection, row: dict[str, Any], now: datetime) -> Actor | None:
    """Its author as they are now; None for somebody at the terminal, and for who may not sign in any more."""
    found = None if row["person"] is None else persons.numbered(conn, row["person"])
    return None if found is None or found["disabled_at"] is not None else persons.actor(conn, found, now)


def as_person(row: dict[str, Any], node: str, actor: Actor | None) -> Person:
    if actor is None:
        return Person(row["who"], node, row["peer"])
    return Person(row["who"], node, row["peer"], actor.domains(Role.APPROVER))


def allowed(row: dict[str, Any], actor: Actor | None) -> May | None:
    """For whom its author decides now; None where they may not even sign in any more."""
    if row["person"] is None:
        return lambda recipient: True
    return None if actor is None else lambda recipient: can(actor, Act.DECIDE, recipient)


def forth(
    conn: Connection, row: dict[str, Any], means: Means, person: Person, may: May, now: datetime, most: int
) -> bool:
    some = bulks.after(conn, row["id"], row["reached"], most)
    for one in some:
        outcome, faster = decide(conn, row, one, means, person, may, now)
        bulks.fared(conn, row["id"], one["place"], outcome, faster)
    if some:
        bulks.reached(conn, row["id"], some[-1]["place"])
    if len(some) == most:
        return True
    bulks.move(conn, row["id"], BulkState.WORKING, BulkState.DONE, ended_at=now)
    return False


def decide(
    conn: Connection, row: dict[str, Any], one: dict[str, Any], means: Means, person: Person, may: May, now: datetime
) -> tuple[Fared, str]:
    """One mail, for those of its recipients that it waits for and its author decides for."""
    there = [part for part in parts(conn, one["message"]) if may(part["recipient"])]
    wanted = [part["recipient"] for part in there if part["state"] in WAITING]
    if not wanted:
        faster = next((part["decided_by"] for part in there if part["decided_by"]), "")
        return (Fared.BEATEN, faster) if faster else (Fared.GONE, "")
    try:
        done = carried_out(conn, row, one, wanted, means, person, now)
    except (NoSuchMail, NoSuchChoice):
        return Fared.GONE, ""
    return (Fared.DECIDED if any(part.happened for part in done) else Fared.GONE), ""


def carried_out(
    conn: Connection,
    row: dict[str, Any],
    one: dict[str, Any],
    wanted: list[str],
    means: Means,
    person: Person,
    now: datetime,
) -> list[Done]:
    # What nobody looked at teaches nothing: of a sampled group only the samples do.
    teach = teach_nobody if row["sampled"] and one["looked_at"] is None else means.teach
    told = (conn, one["message"], wanted, person, means.terms, now)
    if row["verb"] != RELEASE:
        return desk.refuse(*told, choice=row["choice"], teach=teach)
    due = None if row["mails"] > AT_ONCE else now + means.undo  # a large one has waited before it began
    return desk.release(conn, means.bodies, *told[1:], trust=row["trust"], choice=row["choice"], teach=teach, due=due)


def parts(conn: Connection, message: str) -> list[dict[str, Any]]:
    """How it stands for each recipient: ours where there is both."""
    ours = deliveries.of_message(conn, message)
    owned = {one["recipient"] for one in ours}
    return ours + [one for one in copies.of_message(conn, message) if one["recipient"] not in owned]


# ---- taken back ----------------------------------------------------------------------------------------------------


def back(conn: Connection, row: dict[str, Any], person: Person, may: May, now: datetime, most: int) -> bool:
    some = bulks.before(conn, row["id"], row["reached"], most)
    for one in some:
        if one["outcome"] == Fared.DECIDED:
            outcome = Fared.UNDONE if is_taken_back(conn, one["message"], person, may, now) else Fared.STAYS
            bulks.fared(conn, row["id"], one["place"], outcome)
    if some:
        bulks.reached(conn, row["id"], some[-1]["place"] - 1)
    if len(some) == most:
        return True
    bulks.move(conn, row["id"], BulkState.UNDOING, BulkState.UNDONE, ended_at=now)
    return False


def is_taken_back(conn: Connection, message: str, person: Person, may: May, now: datetime) -> bool:
    wanted = [part["recipient"] for part in parts(conn, message) if may(part["recipient"])]
    if not wanted:
        return False
    try:
        done = undoing.unrelease(conn, message, person, now, wanted=wanted)
        done = done or undoing.undo(conn, message, person, now, own=True, wanted=wanted)
    except NoSuchMail:
        return False
    return any(one.happened for one in done)
