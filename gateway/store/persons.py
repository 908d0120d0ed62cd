"""Who may sign in: names, secrets, roles, and the addresses that are theirs."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update

from gateway.model import Actor, Role, Tie
from gateway.store.keys import digest
from gateway.store.shelves import View
from gateway.store.upsert import upsert
from sql.tables import person, person_address, person_role


def add(conn: Connection, name: str, who: str, now: datetime) -> int:
    """A new person without a password; the number. Raises IntegrityError where the name is taken."""
    row = {"name": name, "password": "", "totp_step": 0, "recovery": [], "wishes": {}, "created": now}
    done = conn.execute(insert(person).values(**row, created_by=who))
    assert done.inserted_primary_key is not None
    return int(done.inserted_primary_key[0])


def named(conn: Connection, name: str) -> dict[str, Any] | None:
    return first(conn, person.c.name == name)


def numbered(conn: Connection, number: int) -> dict[str, Any] | None:
    return first(conn, person.c.id == number)


def first(conn: Connection, which: Any) -> dict[str, Any] | None:
    row = conn.execute(select(person).where(which)).mappings().first()
    return None if row is None else dict(row)


def everybody(conn: Connection, most: int, after: str = "", text: str = "") -> list[dict[str, Any]]:
    """By name; those only with this in their name, or in an address of theirs."""
    query = select(person).where(person.c.name > after).order_by(person.c.name).limit(most)
    if text:
        theirs = select(person_address.c.person_id).where(person_address.c.address.icontains(text, autoescape=True))
        query = query.where(or_(person.c.name.icontains(text, autoescape=True), person.c.id.in_(theirs)))
    return [dict(row) for row in conn.execute(query).mappings()]


def lock(conn: Connection, name: str) -> None:
    """Nobody else changes them until this transaction ends."""
    conn.execute(select(person.c.id).where(person.c.name == name).with_for_update())


def is_anybody(conn: Connection) -> bool:
    """Whether somebody can sign in."""
    return conn.execute(select(person.c.id).where(person.c.password != "").limit(1)).first() is not None


def change(conn: Connection, number: int, **values: Any) -> None:
    conn.execute(update(person).where(person.c.id == number).values(**values))


def wish(conn: Connection, number: int, name: str, value: str) -> None:
    """How they want the pages; "" is no wish."""
    mine = select(person.c.wishes).where(person.c.id == number).with_for_update()
    others = {known: one for known, one in conn.execute(mine).scalar_one().items() if known != name}
    change(conn, number, wishes=others | ({name: value} if value else {}))


def use_step(conn: Connection, number: int, step: int) -> bool:
    """Note that a code of that step was used; False where it, or a later one, was used before."""
    mine = update(person).where(person.c.id == number, person.c.totp_step < step).values(totp_step=step)
    return conn.execute(mine).rowcount == 1


def use_recovery(conn: Connection, number: int, digest: str) -> bool:
    """Strike out one of the codes that are left; False where it is none of them. Two at once: one of them has it."""
    left = conn.execute(select(person.c.recovery).where(person.c.id == number).with_for_update()).scalar_one()
    if digest not in left:
        return False
    change(conn, number, recovery=[one for one in left if one != digest])
    return True


# ---- roles and addresses -------------------------------------------------------------------------------------------


def give_roles(conn: Connection, number: int, roles: Collection[tuple[Role, str]]) -> None:
    """These and no others."""
    conn.execute(delete(person_role).where(person_role.c.person_id == number))
    rows = [{"person_id": number, "role": str(role), "domain": domain} for role, domain in roles]
    if rows:
        conn.execute(insert(person_role), rows)


def roles_of(conn: Connection, number: int) -> frozenset[tuple[Role, str]]:
    rows = conn.execute(select(person_role.c.role, person_role.c.domain).where(person_role.c.person_id == number))
    return frozenset((Role(row.role), row.domain) for row in rows)


def roles_of_all(conn: Connection, numbers: Collection[int]) -> dict[int, list[tuple[Role, str]]]:
    """Of several people at once."""
    found: dict[int, list[tuple[Role, str]]] = {number: [] for number in numbers}
    for row in conn.execute(select(person_role).where(person_role.c.person_id.in_(list(numbers)))):
        found[row.person_id].append((Role(row.role), row.domain))
    return found


def with_role(conn: Connection, role: Role, domain: str, most: int) -> list[str]:
    """Who has a role for a domain, by name; not who has it for all."""
    query = select(person.c.name).join_from(person_role, person)
    query = query.where(person_role.c.role == str(role), person_role.c.domain == domain, person.c.disabled_at.is_(None))
    return list(conn.execute(query.order_by(person.c.name).limit(most)).scalars())


def give_address(
    conn: Connection,
    number: int,
    address: str,
    tie: Tie,
    who: str,
    now: datetime,
    until: datetime | None = None,
    since: datetime | None = None,
) -> None:
    row = {
        "key": digest("owns", str(number), address),
        "person_id": number,
        "address": address,
        "kind": str(tie),
        "since": since,
        "until": until,
        "author": who,
        "created": now,
    }
    upsert(conn, person_address, [row], key=("key",), replace=("kind", "since", "until", "author", "created"))


def take_address(conn: Connection, number: int, address: str, tie: Tie | None = None) -> bool:
    """False where it was not theirs, or not by this tie."""
    mine = delete(person_address).where(person_address.c.key == digest("owns", str(number), address))
    if tie is not None:
        mine = mine.where(person_address.c.kind == str(tie))
    return conn.execute(mine).rowcount == 1


def tie_of(conn: Connection, number: int, address: str, now: datetime) -> Tie | None:
    """Why an address is somebody's, now or from some day on."""
    mine = select(person_address.c.kind).where(
        person_address.c.key == digest("owns", str(number), address), is_not_over(now)
    )
    kind = conn.execute(mine).scalar()
    return None if kind is None else Tie(kind)


def is_not_over(now: datetime) -> ColumnElement[bool]:
    return or_(person_address.c.until.is_(None), person_address.c.until > now)


def holders(conn: Connection, addresses: Collection[str], now: datetime) -> list[dict[str, Any]]:
    """Whose these addresses are, and who stands in for them, now or from some day on: owners first, by name."""
    query = select(person_address, person.c.name, person.c.disabled_at).join_from(person_address, person)
    query = query.where(person_address.c.address.in_(sorted(addresses)), is_not_over(now))
    query = query.order_by(person_address.c.address, person_address.c.kind.desc(), person.c.name)
    return [dict(row) for row in conn.execute(query).mappings()]


def wishes_of_owner(conn: Connection, address: str, now: datetime) -> dict[str, str]:
    """How whoever an address belongs to wants things; of several, the first by name."""
    mine = person_address.c.address == address, person_address.c.kind == str(Tie.OWN), person.c.disabled_at.is_(None)
    query = select(person.c.wishes).join_from(person_address, person).where(*mine, is_not_over(now))
    return dict(conn.execute(query.order_by(person.c.name).limit(1)).scalar() or {})


def forget_ended(conn: Connection, now: datetime) -> int:
    """Delete substitutes whose time is over; how many. The audit knows of them."""
    return conn.execute(delete(person_address).where(person_address.c.until <= now)).rowcount


def addresses(conn: Connection, view: View, after: str, text: str, most: int) -> list[str]:
    """Addresses that are somebody's and that this view has, by name, each once."""
    column = person_address.c.address
    query = select(column).distinct().where(column > after, view.of(column)).order_by(column).limit(most)
    if text:
        query = query.where(column.icontains(text, autoescape=True))
    return list(conn.execute(query).scalars())


def addresses_of_all(conn: Connection, numbers: Collection[int]) -> dict[int, list[dict[str, Any]]]:
    """Of several people at once."""
    found: dict[int, list[dict[str, Any]]] = {number: [] for number in numbers}
    query = select(person_address).where(person_address.c.person_id.in_(list(numbers)))
    for row in conn.execute(query.order_by(person_address.c.address)).mappings():
        found[row["person_id"]].append(dict(row))
    return found


def addresses_of(conn: Connection, number: int) -> list[dict[str, Any]]:
    query = select(person_address).where(person_address.c.person_id == number).order_by(person_address.c.address)
    return [dict(row) for row in conn.execute(query).mappings()]


def actor(conn: Connection, row: Mapping[str, Any], now: datetime) -> Actor:
    """A person as somebody who acts now."""
    begun = or_(person_address.c.since.is_(None), person_address.c.since <= now)
    mine = select(person_address.c.address, person_address.c.kind).where(
        person_address.c.person_id == row["id"], begun, is_not_over(now)
    )
    found = {one.address: Tie(one.kind) for one in conn.execute(mine)}
    lent = frozenset(address for address, tie in found.items() if tie is Tie.DELEGATE)
    return Actor(row["id"], row["name"], roles_of(conn, row["id"]), frozenset(found), lent)
