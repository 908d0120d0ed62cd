"""What a column gives back is what it was given, on both databases; and rows converge in any order."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import permutations

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, literal_column, select

from gateway.store.keys import digest, pair_key
from gateway.store.upsert import upsert
from sql.tables import change_count, memory, switch
from tests.store.making import NOW, SECOND

FEW = hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


def kept_moment(conn: Connection, when: datetime) -> datetime:
    conn.execute(delete(switch))
    conn.execute(insert(switch).values(name="x", until=when, who="", at=when))
    return conn.execute(select(switch.c.until)).scalar_one()


@FEW
@given(st.datetimes(NOW.replace(1971, tzinfo=None), NOW.replace(9999, tzinfo=None), timezones=st.just(UTC)))
@example(datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC))
@example(datetime(2026, 1, 1, 0, 0, 0, 999_999, tzinfo=UTC))
@example(datetime(2026, 1, 1, tzinfo=UTC))
def test_a_moment_comes_back_to_the_microsecond(conn: Connection, when: datetime) -> None:
    back = kept_moment(conn, when)
    assert (back, back.tzinfo) == (when, UTC)


def test_a_moment_of_another_zone_is_the_same_moment(conn: Connection) -> None:
    there = NOW.astimezone(timezone(timedelta(hours=-7)))
    assert kept_moment(conn, there) == NOW


def test_moments_compare_in_the_database_as_they_do_here(conn: Connection) -> None:
    """SQLite keeps them as text: with and without a fraction they must still sort."""
    moments = [NOW.replace(microsecond=part) for part in (0, 1, 100_000, 999_999)]
    for when in moments:
        kept_moment(conn, when)
        before = [one for one in moments if conn.execute(select(switch.c.name).where(switch.c.until <= one)).first()]
        assert before == [one for one in moments if when <= one]


def stands(conn: Connection, kept: str, asked: str) -> bool:
    conn.execute(delete(change_count))
    conn.execute(insert(change_count).values(node=kept, count=0))
    return conn.execute(select(change_count.c.node).where(change_count.c.node == asked)).first() is not None


@pytest.mark.parametrize(
    ("kept", "asked"),
    [
        ("bo@example.com", "Bo@example.com"),
        ("bo@example.com", "bó@example.com"),
        ("straße", "strasse"),
        ("\uff42\uff4f", "bo"),
        ("e\u0301", "\u00e9"),
        ("bo", "bo\u200b"),
        ("i", "\u0131"),
        ("😀", "😁"),
    ],
)
def test_texts_that_look_alike_are_not_equal(conn: Connection, kept: str, asked: str) -> None:
    assert stands(conn, kept, kept)
    assert not stands(conn, kept, asked)


def test_only_mariadb_takes_a_space_at_the_end_for_nothing(conn: Connection) -> None:
    """utf8mb4_bin pads. No address, id or digest of ours ends in a space, and keys are digests, which do tell it."""
    assert stands(conn, "bo", "bo ") is (conn.dialect.name != "sqlite")
    assert pair_key("bo", "") != pair_key("bo ", "")


@FEW
@given(TEXTS)
@example("'; DROP TABLE message; --")
@example('100%_\\ "`')
@example("\u202ejpg.exe 𐍈 \U0010ffff")
def test_any_text_comes_back_as_it_was(conn: Connection, text: str) -> None:
    conn.execute(delete(change_count))
    conn.execute(insert(change_count).values(node=text, count=0))
    assert conn.execute(select(change_count.c.node)).scalar_one() == text


def test_digests_do_not_run_together() -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert digest("a", "") != digest("a")
    assert len(digest("x" * 10_000)) == 16
    assert digest("\udcff") != digest("\ufffd"), "bytes that are no UTF-8 are told apart, and do not raise"


# ---- upsert --------------------------------------------------------------------------------------------------------

KEY = b"k" * 16


def remember(conn: Connection, first: int, last: int, grade: int, author: str) -> None:
    values = {
        "key": KEY, "kind": 1, "value": "192.0.2.0/24", "sender": "a", "recipient": "b", "grade": grade,
        "earned": "waited", "first_seen": NOW + first * SECOND, "last_seen": NOW + last * SECOND,
        "expires": NOW, "author": author, "comment": "",
    }  # fmt: skip
    upsert(
        conn,
        memory,
        [values],
        key=("key",),
        least=("first_seen",),
        greatest=("last_seen", "grade"),
        replace=("author",),
    )


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_rows_converge_in_any_order(conn: Connection, order: tuple[int, ...]) -> None:
    written = [(5, 7, 1, "a"), (1, 9, 0, "b"), (3, 8, 2, "c")]
    for index in (*order, *order):
        remember(conn, *written[index])
    row = conn.execute(select(memory)).mappings().one()
    assert (row["first_seen"], row["last_seen"], row["grade"]) == (NOW + SECOND, NOW + 9 * SECOND, 2)
    assert row["author"] == written[order[-1]][3], "replaced by the last writer"


def test_what_is_not_named_stays_as_it_was(conn: Connection) -> None:
    upsert(conn, change_count, [{"node": "n", "count": 5}], key=("node",))
    upsert(conn, change_count, [{"node": "n", "count": 7}], key=("node",))
    assert [tuple(row) for row in conn.execute(select(change_count))] == [("n", 5)]


def test_nothing_to_write_is_no_statement(conn: Connection) -> None:
    upsert(conn, change_count, [], key=("node",))
    assert list(conn.execute(select(change_count))) == []


def test_rows_written_together_meet_each_other(conn: Connection) -> None:
    rows = [{"node": node, "count": 1} for node in "abab"]
    more = {"count": lambda there: there.c.count + literal_column("10")}
    upsert(conn, change_count, rows, key=("node",), change=more)
    assert {tuple(row) for row in conn.execute(select(change_count))} == {("a", 11), ("b", 11)}
