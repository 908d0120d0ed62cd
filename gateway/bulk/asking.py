"""What somebody asks for, and how it goes on: samples first, a second person, the beginning, the end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from secrets import SystemRandom
from typing import Any

from sqlalchemy import Connection

from gateway.desk import Person
from gateway.i18n import _
from gateway.model import Act, Actor, BulkState
from gateway.policy.rights import domains
from gateway.store import audit, bulks, groups, persons
from gateway.store.bulks import NewBulk
from gateway.store.shelves import EVERYBODY, View

MOST = 5_000  # mails in one decision
AT_ONCE = 50  # mails that are decided about while somebody waits; more are left to the clerk
SAMPLED_FROM = 20  # mails of a group; of more nobody reads every line
SAMPLES = 5
ASKED_FOR = timedelta(hours=12)
PROPOSED_FOR = timedelta(days=3)
RELEASE, REFUSE = "release", "refuse"


class NotNow(Exception):
    """It cannot go on; args[0] says why, in the language of whoever asks."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody, and for whose mail they decide. `number` None: at the terminal, for everybody's."""

    person: Person
    number: int | None = None
    view: View = EVERYBODY

    @classmethod
    def of(cls, actor: Actor, person: Person) -> "Asker":
        return cls(person, actor.number, view_of(actor))


def view_of(actor: Actor) -> View:
    return View(actor.addresses, domains(actor, Act.DECIDE))


@dataclass(frozen=True, slots=True)
class FourEyes:
    """What a second person has to confirm. `over`: decisions about more mails than that; None: none."""

    everybody: bool = False  # entries of the lists that hold for everybody
    over: int | None = None


NOBODY_ELSE = FourEyes()


def prepare(
    conn: Connection,
    numbers: Sequence[str],
    verb: str,
    asker: Asker,
    now: datetime,
    *,
    about: str = "",
    sampled: bool = True,
) -> int | None:
    """Write down what is asked for: those of the mails that wait for somebody whom they decide for.

    `about`: what they have in common. Of a large group some are to be looked at, if `sampled`. None: none of them
    waits any more.
    """
    found = groups.among(conn, asker.view, numbers[:MOST])
    mails = list(dict.fromkeys(one.message for one in found))
    if not mails:
        return None
    samples = SystemRandom().sample(mails, SAMPLES) if sampled and about and len(mails) > SAMPLED_FROM else []
    new = NewBulk(
        who=asker.person.name,
        person=asker.number,
        peer=asker.person.peer,
        verb=verb,
        trust=verb == RELEASE and not samples,
        about=about[:300],
        recipients=len({one.recipient for one in found}),
        senders=len({one.sender for one in found}),
        networks=len({one.network for one in found}),
        sampled=len(samples),
        created=now,
        expires=now + ASKED_FOR,
    )
    return bulks.add(conn, new, mails, samples)


def propose(conn: Connection, message: str, verb: str, choice: int, asker: Asker, now: datetime) -> int:
    """One mail, and with it an entry of the lists that a second person has to confirm."""
    expires = now + PROPOSED_FOR
    number = bulks.add(
        conn,
        replace(empty(asker, verb, now), expires=expires, choice=choice, state=BulkState.PROPOSED),
        [message],
        [],
    )
    enter(conn, "bulk proposed", needed(conn, number), asker.person, now, mail=message)
    return number


def empty(asker: Asker, verb: str, now: datetime) -> NewBulk:
    who = asker.person
    return NewBulk(who.name, asker.number, who.peer, verb, verb == RELEASE, "", 1, 1, 1, 0, now, now)


def needed(conn: Connection, number: int) -> dict[str, Any]:
    row = bulks.load(conn, number)
    assert row is not None  # it was found in this transaction
    return row


def enter(conn: Connection, act: str, row: dict[str, Any], person: Person, now: datetime, **more: Any) -> None:
    told = {name: row[name] for name in ("verb", "mails", "recipients", "senders") if row[name] is not None}
    if row["about"]:
        told["alike"] = row["about"]
    audit.add(conn, person.node, person.entry(now, act, f"bulk {row['id']}", told | more))


# ---- how it goes on ------------------------------------------------------------------------------------------------


def begin(
    conn: Connection, number: int, asker: Asker, now: datetime, *, wait: timedelta, trust: bool, rules: FourEyes
) -> BulkState:
    """Yes, all of them. Raises NotNow. What is large begins after `wait`, so that it can be taken back whole."""
    row = needed(conn, number)
    samples = bulks.samples(conn, number)
    if any(one["looked_at"] is None for one in samples):
        raise NotNow(_("Look at the samples first, please."))
    seen = {"sampled": [one["message"] for one in samples]} if samples else {}
    trust = trust and row["verb"] == RELEASE
    if rules.over is not None and row["mails"] > rules.over:
        if not bulks.move(conn, number, BulkState.ASKED, BulkState.PROPOSED, trust=trust, expires=now + PROPOSED_FOR):
            raise NotNow(_("It was begun already."))
        enter(conn, "bulk proposed", row, asker.person, now, **seen)
        return BulkState.PROPOSED
    if not bulks.move(conn, number, BulkState.ASKED, BulkState.WORKING, trust=trust, begins=start(row, now, wait)):
        raise NotNow(_("It was begun already."))
    enter(conn, "bulk begun", row, asker.person, now, **seen)
    return BulkState.WORKING


def start(row: dict[str, Any], now: datetime, wait: timedelta) -> datetime:
    return now + wait if row["mails"] > AT_ONCE else now


def may_confirm(conn: Connection, row: dict[str, Any], second: Asker, now: datetime) -> bool:
    """Somebody else, who could have decided about all of it themselves."""
    if row["state"] != BulkState.PROPOSED or second.person.name == row["who"] or second.number == row["person"]:
        return False
    is_approver = bool(second.view.domains)
    if not is_approver or (row["choice"] is not None and not second.view.is_all):  # a choice is one for everybody
        return False
    return not groups.is_beyond(conn, row["id"], author_view(conn, row, now), second.view)


def author_view(conn: Connection, row: dict[str, Any], now: datetime) -> View:
    if row["person"] is None:
        return EVERYBODY
    found = persons.numbered(conn, row["person"])
    return View() if found is None else view_of(persons.actor(conn, found, now))


def confirm(conn: Connection, number: int, second: Asker, now: datetime, *, wait: timedelta) -> None:
    """The second person says yes. Raises NotNow."""
    row = bulks.load(conn, number)
    if row is None or row["expires"] <= now or not may_confirm(conn, row, second, now):
        raise NotNow(_("That is not yours to confirm, or not any more."))
    begins = start(row, now, wait)
    if not bulks.move(conn, number, BulkState.PROPOSED, BulkState.WORKING, begins=begins, second=second.person.name):
        raise NotNow(_("Somebody was faster."))
    enter(conn, "bulk confirmed", row, second.person, now, by=row["who"])


def withdraw(conn: Connection, number: int, asker: Asker, now: datetime) -> bool:
    """Its author thinks again before anything happened."""
    proposed = bulks.move(conn, number, BulkState.PROPOSED, BulkState.WITHDRAWN, ended_at=now)
    if proposed:
        enter(conn, "bulk withdrawn", needed(conn, number), asker.person, now)
    return proposed or bulks.move(conn, number, BulkState.ASKED, BulkState.WITHDRAWN, ended_at=now)


def stop(conn: Connection, number: int, asker: Asker, now: datetime) -> bool:
    """No more of it; what was decided so far stays."""
    if not bulks.move(conn, number, BulkState.WORKING, BulkState.STOPPED, ended_at=now):
        return False
    row = needed(conn, number)
    enter(conn, "bulk stopped", row, asker.person, now, decided=row["reached"])
    return True


def undo(conn: Connection, number: int, asker: Asker, now: datetime) -> bool:
    """Take all of it back, as far as each of its mails can be."""
    for source in (BulkState.DONE, BulkState.STOPPED, BulkState.WORKING):
        if bulks.move(conn, number, source, BulkState.UNDOING, begins=now, ended_at=None):
            enter(conn, "bulk undone", needed(conn, number), asker.person, now)
            return True
    return False


def drop_out_of_time(conn: Connection, node: str, now: datetime, most: int) -> int:
    """What nobody said yes to is forgotten; what no second person came for is shown as expired."""
    over = bulks.out_of_time(conn, now, most)
    for row in over:
        if row["state"] == BulkState.ASKED:
            bulks.forget(conn, [row["id"]])
        elif bulks.move(conn, row["id"], BulkState.PROPOSED, BulkState.EXPIRED, ended_at=now):
            enter(conn, "bulk expired", row, Person(row["who"], node), now)
    return len(over)
