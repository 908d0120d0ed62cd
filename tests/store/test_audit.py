"""The record of what people did: nothing in it is changed, removed or put in without being noticed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, delete, event, insert, select, update

from gateway.store import audit
from gateway.store.audit import Broken, Entry
from sql.tables import audit as table
from sql.tables import audit_head
from tests.store.making import NOW, SECOND
from tests.store.test_copies import at_once

ODD = "jörg\u202e 😀 \\ \" ' \n \x00 %s"


def entry(number: int = 0, **more: Any) -> Entry:
    return Entry(NOW + number * SECOND, "olga", f"did {number}", "bo@example.com", "192.0.2.1", {"n": number, **more})


def written(conn: Connection, rows: int = 5, node: str = "node1") -> None:
    for number in range(rows):
        assert audit.add(conn, node, entry(number)) == number + 1


def broken(conn: Connection) -> list[tuple[str, int, str]]:
    return [(one.node, one.number, one.how) for one in audit.verify(conn)[1]]


# ---- whole ---------------------------------------------------------------------------------------------------------


def test_nothing_is_whole(conn: Connection) -> None:
    assert audit.verify(conn) == (0, [])


def test_what_is_added_is_whole_and_in_its_order(conn: Connection) -> None:
    written(conn)
    assert audit.verify(conn) == (5, [])
    rows = audit.latest(conn, 99)
    assert [row["number"] for row in rows] == [5, 4, 3, 2, 1]
    assert rows[0]["previous"] == rows[1]["digest"]
    assert rows[-1]["previous"] == "0" * 64


def test_each_node_has_a_chain_of_its_own(conn: Connection) -> None:
    written(conn, 3)
    written(conn, 2, "node2")
    assert audit.verify(conn) == (5, [])


def test_what_is_not_committed_is_not_there(engine: Engine) -> None:
    with engine.connect() as conn:
        audit.add(conn, "node1", entry())
        conn.rollback()
    with engine.begin() as conn:
        assert audit.add(conn, "node1", entry(1)) == 1
        assert audit.verify(conn) == (1, [])


@pytest.mark.parametrize("field", ["who", "about", "act", "peer"])
def test_whatever_is_written_is_hashed_as_it_comes_back(engine: Engine, field: str) -> None:
    """Trailing spaces, several scripts, what is no letter: the database gives back what it got."""
    odd = ODD[:40].strip("\x00") + "  "
    made: dict[str, Any] = {"at": NOW, "who": "olga", "act": "did", field: odd}
    with engine.begin() as conn:
        audit.add(conn, "node1", Entry(**made, detail={"odd": ODD, "none": None, "list": [1, 2.5, True]}))
    with engine.connect() as conn:
        assert audit.verify(conn) == (1, [])
        assert audit.latest(conn, 1)[0][field] == odd


def test_of_a_long_chain_every_row_is_read(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "AT_ONCE", 3)
    written(conn, 9)
    assert audit.verify(conn) == (9, [])
    conn.execute(update(table).where(table.c.number == 8).values(who="nobody"))
    assert broken(conn) == [("node1", 8, "it was changed")]


# ---- not whole -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("who", "nobody"),
        ("who", "Olga"),
        ("act", "did not"),
        ("about", "bo@example.com "),
        ("peer", ""),
        ("detail", "{}"),
        ("at", NOW + timedelta(microseconds=1)),
        ("digest", "f" * 64),
    ],
)
def test_a_row_that_is_changed_is_named(conn: Connection, column: str, value: object) -> None:
    written(conn)
    conn.execute(update(table).where(table.c.number == 3).values({column: value}))
    assert broken(conn) == [("node1", 3, "it was changed")]


def sealed_again(conn: Connection, number: int) -> None:
    """Whoever changes a row may know how it is sealed."""
    row = dict(conn.execute(select(table).where(table.c.number == number)).mappings().one())
    conn.execute(update(table).where(table.c.number == number).values(digest=audit.sealed(row)))


def change_and_seal(conn: Connection) -> None:
    conn.execute(update(table).where(table.c.number == 3).values(who="nobody"))
    sealed_again(conn, 3)


def remove_first(conn: Connection) -> None:
    conn.execute(delete(table).where(table.c.number == 1))


def remove_and_move(conn: Connection) -> None:
    conn.execute(delete(table).where(table.c.number == 3))
    for number in (4, 5):
        conn.execute(update(table).where(table.c.number == number).values(number=number - 1))
    conn.execute(update(audit_head).values(number=4))


def insert_at_the_end(conn: Connection) -> None:
    last = dict(conn.execute(select(table).where(table.c.number == 5)).mappings().one())
    row = last | {"number": 6, "previous": last["digest"], "who": "nobody"}
    conn.execute(insert(table).values(**row | {"digest": audit.sealed(row)}))


def insert_between(conn: Connection) -> None:
    for number in (5, 4):
        conn.execute(update(table).where(table.c.number == number).values(number=number + 1))
    row = dict(conn.execute(select(table).where(table.c.number == 3)).mappings().one())
    row |= {"number": 4, "previous": row["digest"], "who": "nobody"}
    conn.execute(insert(table).values(**row | {"digest": audit.sealed(row)}))
    conn.execute(update(audit_head).values(number=6))


def insert_before_the_first(conn: Connection) -> None:
    row = dict(conn.execute(select(table).where(table.c.number == 1)).mappings().one())
    conn.execute(insert(table).values(**row | {"number": 0}))


def insert_before_all(conn: Connection) -> None:
    row = dict(conn.execute(select(table).where(table.c.number == 1)).mappings().one())
    conn.execute(insert(table).values(**row | {"number": -7}))


def swap(conn: Connection) -> None:
    for old, new in ((2, 99), (3, 2), (99, 3)):
        conn.execute(update(table).where(table.c.number == old).values(number=new))


def cut(conn: Connection) -> None:
    conn.execute(delete(table).where(table.c.number > 3))


def cut_all(conn: Connection) -> None:
    conn.execute(delete(table))


def cut_and_turn_back_the_head(conn: Connection) -> None:
    cut(conn)
    conn.execute(update(audit_head).values(number=3))


def lose_the_head(conn: Connection) -> None:
    conn.execute(delete(audit_head))


TAMPERED: dict[Callable[[Connection], None], int] = {
    change_and_seal: 4,
    remove_first: 1,
    remove_and_move: 3,
    insert_at_the_end: 6,
    insert_between: 5,
    insert_before_the_first: 1,
    swap: 2,
    cut: 4,
    cut_all: 1,
    cut_and_turn_back_the_head: 4,
    lose_the_head: 1,
    insert_before_all: 1,
}


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda one: one.__name__)
def test_whatever_is_done_to_the_chain_is_found(conn: Connection, tamper: Callable[[Connection], None]) -> None:
    written(conn)
    tamper(conn)
    assert [(node, number) for node, number, _ in broken(conn)] == [("node1", TAMPERED[tamper])]


def test_the_chains_of_others_are_whole_meanwhile(conn: Connection) -> None:
    written(conn)
    written(conn, 3, "node2")
    conn.execute(delete(table).where(table.c.node == "node1", table.c.number == 2))
    rows, found = audit.verify(conn)
    assert found == [Broken("node1", 2, "it is missing")]
    assert rows == 5  # two until the gap, and three


def test_after_a_break_the_record_goes_on(conn: Connection) -> None:
    written(conn)
    cut(conn)
    assert audit.add(conn, "node1", entry(9)) == 6
    assert broken(conn) == [("node1", 4, "it is missing")]


# ---- at the same time ----------------------------------------------------------------------------------------------


def test_writers_at_the_same_time_make_one_chain(engine: Engine) -> None:
    def write(conn: Connection, number: int) -> list[int]:
        return [audit.add(conn, "node1", entry(number)) for _ in range(3)]

    numbers = [number for found in at_once(engine, write) for number in found]
    assert sorted(numbers) == list(range(1, 37))
    with engine.connect() as conn:
        assert audit.verify(conn) == (36, [])


def test_whoever_writes_while_it_is_verified_breaks_nothing(engine: Engine) -> None:
    """A row is added at each moment at which the check reads something."""
    with engine.begin() as conn:
        written(conn)
    added = 0

    @event.listens_for(engine, "before_cursor_execute")
    def between(conn: Connection, cursor: Any, statement: str, *more: Any) -> None:
        nonlocal added
        if conn.get_execution_options().get("reads") and added < 5:
            added += 1
            with engine.begin() as other:
                audit.add(other, "node1", entry(added))

    with engine.execution_options(reads=True).connect() as conn:
        if conn.dialect.name != "sqlite":
            conn = conn.execution_options(isolation_level="AUTOCOMMIT")
        rows, found = audit.verify(conn)
    assert found == []
    assert added == 5
    assert rows == 10


# ---- pages ---------------------------------------------------------------------------------------------------------


def test_pages_have_neither_gaps_nor_doubles(conn: Connection) -> None:
    for number in range(30):  # several at the same moment, on two nodes
        audit.add(conn, f"node{number % 2}", entry(number // 7))
    seen: list[tuple[str, int]] = []
    before = None
    while page := audit.latest(conn, 4, before=before):
        seen += [(row["node"], row["number"]) for row in page]
        before = (page[-1]["at"], page[-1]["node"], page[-1]["number"])
        audit.add(conn, "node1", entry(99))  # what is newer does not move what is older
    assert len(seen) == len(set(seen)) == 30


def test_what_is_asked_for(conn: Connection) -> None:
    written(conn, 3)
    audit.add(conn, "node1", Entry(NOW, "otto", "read", "0000000000001"))
    assert [row["who"] for row in audit.latest(conn, 9, who="otto")] == ["otto"]
    assert [row["act"] for row in audit.latest(conn, 9, about="0000000000001")] == ["read"]
    assert audit.latest(conn, 9, who="ott%") == []
    assert len(audit.latest(conn, 2)) == 2
