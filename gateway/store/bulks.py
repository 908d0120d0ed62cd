"""Decisions about many mails: what was asked, how far it has come, and what became of each mail."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from gateway.model import BulkState, Fared
from gateway.store.shelves import SHOWN, View
from sql.tables import bulk, bulk_mail, copy, delivery, message

OVER = (BulkState.DONE, BulkState.STOPPED, BulkState.UNDONE, BulkState.WITHDRAWN, BulkState.EXPIRED)


@dataclass(frozen=True, slots=True)
class NewBulk:
    """What somebody asks for. `person` None: at the terminal; `about`: what its mails have in common."""

    who: str
    person: int | None
    peer: str
    verb: str
    trust: bool
    about: str
    recipients: int
    senders: int
    networks: int
    sampled: int
    created: datetime
    expires: datetime
    state: BulkState = BulkState.ASKED
    choice: int | None = None


def add(conn: Connection, new: NewBulk, numbers: Sequence[str], samples: Collection[str]) -> int:
    """Write it with its mails, in the order in which they are decided about; its number."""
    row = asdict(new) | {"state": str(new.state), "mails": len(numbers), "reached": 0}
    done = conn.execute(insert(bulk).values(**row))
    assert done.inserted_primary_key is not None
    number = int(done.inserted_primary_key[0])
    rows = [
        {"bulk": number, "place": place, "message": one, "sample": one in samples, "faster": ""}
        for place, one in enumerate(numbers, 1)
    ]
    conn.execute(insert(bulk_mail), rows)
    return number


def load(conn: Connection, number: int, *, lock: bool = False) -> dict[str, Any] | None:
    """`lock`: whoever works it comes one after the other."""
    query = select(bulk).where(bulk.c.id == number)
    row = conn.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    return None if row is None else dict(row)


def move(conn: Connection, number: int, source: BulkState, target: BulkState, **values: Any) -> bool:
    """Whether it was in that state until now: of two who press the same button one does it."""
    mine = update(bulk).where(bulk.c.id == number, bulk.c.state == str(source))
    return conn.execute(mine.values(state=str(target), **values)).rowcount == 1


def in_states(
    conn: Connection, states: Collection[BulkState], most: int, who: str | None = None
) -> list[dict[str, Any]]:
    """The newest first; of one person, if somebody is named."""
    query = select(bulk).where(bulk.c.state.in_([str(one) for one in states]))
    if who is not None:
        query = query.where(bulk.c.who == who)
    return [dict(row) for row in conn.execute(query.order_by(bulk.c.id.desc()).limit(most)).mappings()]


def latest(conn: Connection, most: int) -> list[dict[str, Any]]:
    return [dict(row) for row in conn.execute(select(bulk).order_by(bulk.c.id.desc()).limit(most)).mappings()]


# ---- its mails -----------------------------------------------------------------------------------------------------


def after(conn: Connection, number: int, place: int, most: int) -> list[dict[str, Any]]:
    """The next mails in the order in which they are decided about."""
    mine = select(bulk_mail).where(bulk_mail.c.bulk == number, bulk_mail.c.place > place)
    return [dict(row) for row in conn.execute(mine.order_by(bulk_mail.c.place).limit(most)).mappings()]


def before(conn: Connection, number: int, place: int, most: int) -> list[dict[str, Any]]:
    """The last ones up to a place, backwards: as they are taken back."""
    mine = select(bulk_mail).where(bulk_mail.c.bulk == number, bulk_mail.c.place <= place)
    return [dict(row) for row in conn.execute(mine.order_by(bulk_mail.c.place.desc()).limit(most)).mappings()]


def described(conn: Connection, number: int, view: View, most: int, after: int = 0) -> list[dict[str, Any]]:
    """Its mails as lists show them; what is gone by now, or is for nobody in view any more, is left out."""
    query = select(bulk_mail, *SHOWN).join_from(bulk_mail, message, message.c.id == bulk_mail.c.message)
    query = query.where(bulk_mail.c.bulk == number, bulk_mail.c.place > after)
    if not view.is_all:
        ways = [
            select(table.c.id).where(table.c.message == bulk_mail.c.message, view.of(table.c.recipient)).exists()
            for table in (delivery, copy)
        ]
        query = query.where(or_(*ways))
    return [dict(row) for row in conn.execute(query.order_by(bulk_mail.c.place).limit(most)).mappings()]


def shown(conn: Connection, numbers: Sequence[str]) -> list[dict[str, Any]]:
    """Mails as lists show them, in their order."""
    rows = conn.execute(select(message.c.id.label("message"), *SHOWN).where(message.c.id.in_(numbers))).mappings()
    found = {row["message"]: dict(row) for row in rows}
    return [found[one] for one in numbers if one in found]


def samples(conn: Connection, number: int) -> list[dict[str, Any]]:
    """Those that somebody looks at first."""
    mine = select(bulk_mail).where(bulk_mail.c.bulk == number, bulk_mail.c.sample)
    return [dict(row) for row in conn.execute(mine.order_by(bulk_mail.c.place)).mappings()]


def looked(conn: Connection, number: int, place: int, now: datetime) -> None:
    mine = update(bulk_mail).where(bulk_mail.c.bulk == number, bulk_mail.c.place == place, bulk_mail.c.sample)
    conn.execute(mine.values(looked_at=now))


def leave_out(conn: Connection, number: int, place: int) -> None:
    """It is not decided about after all."""
    mine = delete(bulk_mail).where(bulk_mail.c.bulk == number, bulk_mail.c.place == place)
    if conn.execute(mine).rowcount == 1:
        conn.execute(update(bulk).where(bulk.c.id == number).values(mails=bulk.c.mails - 1))


def fared(conn: Connection, number: int, place: int, outcome: Fared, faster: str = "") -> None:
    mine = update(bulk_mail).where(bulk_mail.c.bulk == number, bulk_mail.c.place == place)
    conn.execute(mine.values(outcome=str(outcome), faster=faster))


def reached(conn: Connection, number: int, place: int) -> None:
    conn.execute(update(bulk).where(bulk.c.id == number).values(reached=place))


def tally(conn: Connection, number: int) -> dict[tuple[str, str], int]:
    """How many mails fared how, with whoever was faster."""
    ways = bulk_mail.c.outcome, bulk_mail.c.faster
    query = select(*ways, func.count()).where(bulk_mail.c.bulk == number, bulk_mail.c.outcome.is_not(None))
    return {(row[0], row[1]): row[2] for row in conn.execute(query.group_by(*ways))}


# ---- time ----------------------------------------------------------------------------------------------------------


def out_of_time(conn: Connection, now: datetime, most: int) -> list[dict[str, Any]]:
    """What nobody went on with in time."""
    waits = bulk.c.state.in_([str(BulkState.ASKED), str(BulkState.PROPOSED)])
    query = select(bulk).where(waits, bulk.c.expires <= now).limit(most)
    return [dict(row) for row in conn.execute(query).mappings()]


def forget(conn: Connection, numbers: Sequence[int]) -> None:
    conn.execute(delete(bulk_mail).where(bulk_mail.c.bulk.in_(numbers)))
    conn.execute(delete(bulk).where(bulk.c.id.in_(numbers)))


def forget_old(conn: Connection, before: datetime, most: int) -> int:
    over = bulk.c.state.in_([str(one) for one in OVER])
    found = list(conn.execute(select(bulk.c.id).where(bulk.c.created < before, over).limit(most)).scalars())
    if found:
        forget(conn, found)
    return len(found)
