"""What there is to tell somebody in a digest."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from gateway.model import Act, Actor, LinkAct, RungKind, Told
from gateway.policy import author
from gateway.policy.danger import is_dangerous
from gateway.policy.rights import domains, may_release
from gateway.store import nobodys, reviews, shelves
from gateway.store.rows import rungs_from_json
from gateway.store.shelves import View


@dataclass(frozen=True, slots=True)
class Item:
    """A mail that waits. What others wrote is as it came; `proven` is the domain that signed or sent it, if any did,
    and `is_authors`: it is its author's.

    `acts`: what the links beside it do.
    """

    message: str
    recipient: str
    author: str
    sender: str
    proven: str
    is_authors: bool
    subject: str
    reason: str
    created: datetime
    expires: datetime | None
    is_new: bool
    acts: tuple[LinkAct, ...] = ()

    @property
    def is_dangerous(self) -> bool:
        return is_dangerous(self.reason)


@dataclass(frozen=True, slots=True)
class Gathered:
    """`held` and `nobodys`: newest first; `listed`: what came in and is to be looked at. `more`: not all is there."""

    held: tuple[Item, ...] = ()
    nobodys: tuple[Item, ...] = ()
    listed: tuple[Item, ...] = ()
    more: bool = False

    @property
    def waiting(self) -> tuple[Item, ...]:
        return self.held + self.nobodys

    @property
    def mails(self) -> int:
        return len(self.waiting) + len(self.listed)

    @property
    def new(self) -> int:
        return sum(one.is_new for one in self.waiting)


def gather(
    conn: Connection, actor: Actor, kinds: frozenset[Told], told: datetime | None, most: int, *, only_approvers: bool
) -> Gathered:
    """Up to `most` of each kind. `told`: when they were told of something last."""
    mine = View(actor.addresses)
    held = shelves.held(conn, mine, most + 1) if Told.HELD in kinds else []
    theirs = View(domains=domains(actor, Act.DECIDE))
    others = nobodys.held(conn, theirs, most + 1) if Told.NOBODYS in kinds else []
    listed = reviews.waiting(conn, mine, told, most + 1) if Told.LISTED in kinds else []

    def items(rows: list[dict[str, Any]]) -> Iterator[Item]:
        for row in rows[:most]:
            if row.get("release_at") is None:  # what comes by itself needs nobody
                yield item(row, actor, told, only_approvers=only_approvers)

    more = any(len(rows) > most for rows in (held, others, listed))
    return Gathered(tuple(items(held)), tuple(items(others)), tuple(items(listed)), more)


def item(row: dict[str, Any], actor: Actor, told: datetime | None, *, only_approvers: bool) -> Item:
    is_held = "reason" in row
    reason = row["reason"] if is_held else row["note"]
    may = is_held and may_release(actor, row["recipient"], reason, only_approvers=only_approvers)
    created = row["created"] if is_held else row["first_seen"]
    proof = proven(row["rungs"])
    return Item(
        message=row["message"],
        recipient=row["recipient"],
        author=row["author"],
        sender=row["sender"],
        proven=proof,
        is_authors=bool(proof) and is_of(row["author"], proof),
        subject=row["subject"],
        reason=reason,
        created=created,
        expires=row["expires"] if is_held else None,
        is_new=told is None or created > told,
        acts=(LinkAct.RELEASE if may else LinkAct.ASK, LinkAct.REFUSE) if is_held else (),
    )


def proven(rungs: Any) -> str:
    """Who signed a mail, or else permitted its server; "" where nobody did."""
    found = [rung for rung in rungs_from_json(rungs) if rung.kind in (RungKind.DKIM, RungKind.SPF)]
    return max(found, key=lambda rung: (rung.kind, rung.value)).value if found else ""


def is_of(written: str, domain: str) -> bool:
    """Whether the one author of a mail has an address at this domain, or at one above or below it."""
    authors = author.addresses([written], 2)
    theirs = authors[0].rpartition("@")[2] if len(authors) == 1 else ""
    return bool(theirs) and (theirs == domain or theirs.endswith(f".{domain}") or domain.endswith(f".{theirs}"))
