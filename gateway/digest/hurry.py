"""A word at once, for who wants it, about mail that waits and looks like a code to sign in: these live for minutes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from gateway.bodies import Bodies, NoBody
from gateway.desk import harm
from gateway.digest.gathered import Item, is_of, proven
from gateway.model import LinkAct
from gateway.peek import beginning, excerpt
from gateway.policy.onetime import may_hold_code
from gateway.store import digests, messages, persons
from gateway.store.digests import Reader

AGO = timedelta(minutes=10)  # what came before that is of no use any more
MOST = 20  # mails that one look reads


@dataclass(frozen=True, slots=True)
class Waiting:
    """What looks like a code, and when it came: each is told of once."""

    item: Item
    at: datetime


@dataclass
class NoCodes:
    """Mails that were read and hold none: nobody reads them at every look."""

    seen: dict[str, datetime] = field(default_factory=dict)

    def note(self, number: str, now: datetime) -> None:
        self.seen = {one: at for one, at in self.seen.items() if at > now - AGO} | {number: now}

    def has(self, number: str) -> bool:
        return number in self.seen


def may_harm(conn: Connection, one: dict[str, Any]) -> bool:
    """What may do harm is not offered in a hurry."""
    row = messages.load(conn, one["message"])
    return row is None or harm.may_harm(conn, row, one)


def waiting(conn: Connection, bodies: Bodies, reader: Reader, no_codes: NoCodes, now: datetime) -> Iterator[Waiting]:
    row = persons.numbered(conn, reader.person)
    if row is None:
        return
    actor = persons.actor(conn, row, now)
    own = actor.addresses - actor.lent
    for one in digests.arrived(conn, own, now - AGO, MOST) if own else ():
        if no_codes.has(one["message"]):
            continue
        try:
            text = excerpt(beginning(bodies.read(conn, one["message"]))).text
        except (NoBody, OSError):
            continue
        if not may_hold_code(one["subject"], text) or may_harm(conn, one):
            no_codes.note(one["message"], now)
        else:
            proof = proven(one["rungs"])
            yield Waiting(
                Item(
                    message=one["message"],
                    recipient=one["recipient"],
                    author=one["author"],
                    sender=one["sender"],
                    proven=proof,
                    is_authors=bool(proof) and is_of(one["author"], proof),
                    subject=one["subject"],
                    reason="",
                    created=one["at"],
                    expires=None,
                    is_new=True,
                    acts=(LinkAct.RELEASE,),
                ),
                one["at"],
            )
