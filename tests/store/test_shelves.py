"""Lists of mail: only what somebody may see, the newest first, and page after page without gaps or doubles."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection

from gateway.model import CopyState, DeliveryState
from gateway.store import shelves
from gateway.store.shelves import Asked, View
from sql.tables import copy, delivery
from tests.store.making import ANN, BO, CY, DAY, HOUR, NOW, SECOND, copied, held, mail, row_of

DEE = "dee@other.example"
EVIL = "bo@sub.example.com"
ALL = View(domains=frozenset({""}))
Row = dict[str, Any]
Shelf = Callable[..., list[Row]]


def mail_for(conn: Connection, number: int, *recipients: str, at: datetime = NOW, **more: Any) -> str:
    kept = row_of(conn, mail(f"{number:013}", recipients=recipients or (BO,), text=str(number).encode(), **more))
    held(conn, kept, now=at)
    copied(conn, kept, at)
    return kept.id


def recipients(rows: list[Row]) -> list[str]:
    return sorted(row["recipient"] for row in rows)


@pytest.fixture(params=[shelves.held, shelves.waiting], ids=["held", "waiting"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    """Either of the lists: what is in one is in the other as well."""
    found: Shelf = request.param
    return found


# ---- who sees what -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("view", "seen"),
    [
        (View(), []),
        (View(frozenset({BO})), [BO]),
        (View(frozenset({BO, DEE})), [BO, DEE]),
        (View(frozenset({"nobody@example.com"})), []),
        (View(domains=frozenset({"example.com"})), [BO, CY]),
        (View(frozenset({DEE}), frozenset({"example.com"})), [BO, CY, DEE]),
        (View(domains=frozenset({"example.com", "other.example"})), [BO, CY, DEE]),
        (View(domains=frozenset({"ample.com"})), []),
        (View(domains=frozenset({"com"})), []),
        (View(domains=frozenset({"%"})), []),
        (View(domains=frozenset({"_xample.com"})), []),
        (ALL, [BO, EVIL, CY, DEE]),
    ],
)
def test_everybody_sees_what_is_theirs(conn: Connection, shelf: Shelf, view: View, seen: list[str]) -> None:
    mail_for(conn, 1, BO, CY, DEE, EVIL)
    assert recipients(shelf(conn, view, 99)) == seen
    assert shelves.is_more_than(conn, view, 99) == (len(seen), False)
    assert recipients(shelves.expiring(conn, view, NOW + 31 * DAY, 99)) == seen


def test_what_was_decided_is_on_no_list(conn: Connection) -> None:
    mail_for(conn, 1)
    for state in set(DeliveryState) - {DeliveryState.HELD}:
        conn.execute(delivery.update().values(state=state))
        assert shelves.held(conn, ALL, 9) == []
    for over in set(CopyState) - {CopyState.SENDER_HELD}:
        conn.execute(copy.update().values(state=over))
        assert shelves.waiting(conn, ALL, 9) == []
        assert len(shelves.waiting(conn, ALL, 9, state=over)) == 1


def test_it_is_counted_as_far_as_anybody_wants_to_know(conn: Connection) -> None:
    for number in range(5):
        mail_for(conn, number)
    assert shelves.is_more_than(conn, ALL, 4) == (4, True)
    assert shelves.is_more_than(conn, ALL, 5) == (5, False)


def test_what_ends_first_stands_first(conn: Connection) -> None:
    for number, days in enumerate((3, 1, 2)):
        mail_for(conn, number, at=NOW + days * DAY)
    rows = shelves.expiring(conn, ALL, NOW + 33 * DAY, 9)
    assert [row["expires"] - 30 * DAY - NOW for row in rows] == [DAY, 2 * DAY]


# ---- pages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_pages_have_neither_gaps_nor_doubles_while_mail_comes_and_goes(
    conn: Connection, shelf: Shelf, size: int
) -> None:
    column = "created" if shelf is shelves.held else "last_seen"
    for number in range(20):  # up to six at the very same moment
        mail_for(conn, number, at=NOW + number // 6 * SECOND)
    before = None
    seen: list[Row] = []
    fresh = 100
    while page := shelf(conn, ALL, size, before=before):
        seen += page
        before = (page[-1][column], page[-1]["id"])
        mail_for(conn, fresh, at=NOW + HOUR)
        conn.execute(delivery.delete().where(delivery.c.id == page[-1]["id"]))
        conn.execute(copy.delete().where(copy.c.id == page[-1]["id"]))
        fresh += 1
    assert [row["message"] for row in seen] == [f"{number:013}" for number in sorted(
        range(20), key=lambda number: (number // 6, number), reverse=True
    )]  # fmt: skip


def test_pages_of_one_person_leave_out_what_lies_between(conn: Connection, shelf: Shelf) -> None:
    for number in range(12):
        mail_for(conn, number, BO if number % 3 == 0 else DEE, at=NOW + number * SECOND)
    view, column = View(frozenset({BO})), "created" if shelf is shelves.held else "last_seen"
    first = shelf(conn, view, 2)
    second = shelf(conn, view, 9, before=(first[-1][column], first[-1]["id"]))
    assert [int(row["message"]) for row in first + second] == [9, 6, 3, 0]


# ---- what is looked for --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (Asked(), {1, 2, 3}),
        (Asked(text="invoice"), {1}),
        (Asked(text="INVOICE"), {1}),
        (Asked(text="100%"), {2}),
        (Asked(text="%"), {2}),
        (Asked(text="_"), set()),
        (Asked(text="\\"), {3}),
        (Asked(text="cy@"), {3}),
        (Asked(text="shop.example"), {2}),
        (Asked(sender="shop"), {2}),
        (Asked(recipient="cy@example.com"), {3}),
        (Asked(subject="invoice"), {1}),
        (Asked(subject="shop"), set()),
        (Asked(text="invoice", recipient="cy"), set()),
        (Asked(text="' OR 1=1 --"), set()),
        (Asked(text="nothing"), set()),
    ],
)
def test_what_is_asked_for_is_found(conn: Connection, shelf: Shelf, asked: Asked, found: set[int]) -> None:
    mail_for(conn, 1, subject="Invoice 17")
    mail_for(conn, 2, sender="ann@shop.example", subject="100% off")
    mail_for(conn, 3, CY, subject="back\\slash")
    assert {int(row["message"]) for row in shelf(conn, ALL, 9, asked)} == found


def test_the_reason_is_one_of_the_codes(conn: Connection) -> None:
    number = mail_for(conn, 1)
    assert [row["message"] for row in shelves.held(conn, ALL, 9, Asked(reason="content.suspicious"))] == [number]
    assert shelves.held(conn, ALL, 9, Asked(reason="content")) == []


def test_what_is_asked_for_does_not_widen_the_view(conn: Connection, shelf: Shelf) -> None:
    mail_for(conn, 1, BO, DEE)
    assert recipients(shelf(conn, View(frozenset({BO})), 9, Asked(text="other.example"))) == []
    assert recipients(shelf(conn, View(frozenset({BO})), 9, Asked(sender=ANN))) == [BO]


# ---- what no index finds -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", [ALL, View(frozenset({BO, DEE})), View(frozenset({DEE}), frozenset({"example.com"}))])
@pytest.mark.parametrize("size", [2, 50])
def test_a_search_looks_through_so_many_at_once_and_goes_on_where_it_ended(
    conn: Connection, monkeypatch: pytest.MonkeyPatch, view: View, size: int
) -> None:
    monkeypatch.setattr(shelves, "LOOKED_THROUGH", 3)
    for number in range(20):
        said = "Invoice" if number in (1, 2, 12, 19) else "Hello"
        mail_for(conn, number, BO if number % 3 else DEE, at=NOW + number * SECOND, subject=said)
    seen, before, looks = [], None, 0
    while looks < 40:
        found = shelves.look(conn, view, size, Asked(text="invoice"), before)
        seen += [int(row["message"]) for row in found.rows]
        looks += 1
        before = found.further
        if len(found.rows) == size:
            before = shelves.HELD.place(found.rows[-1])
        if before is None:
            break
    assert list(dict.fromkeys(seen)) == [19, 12, 2, 1]
    assert len(seen) <= 5, "at most the row at an end comes twice"
    assert 3 < looks < 24


def test_a_whole_address_is_found_however_far_back_it_is(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "LOOKED_THROUGH", 3)
    for number in range(9):
        mail_for(conn, number, CY if number == 0 else BO, at=NOW + number * SECOND)
    found = shelves.look(conn, ALL, 9, Asked(recipient=CY))
    assert ([row["recipient"] for row in found.rows], found.further) == ([CY], None)
    assert shelves.look(conn, View(frozenset({BO})), 9, Asked(recipient=CY)).rows == []
    assert shelves.look(conn, ALL, 9, Asked(recipient="cy")).further is not None


def test_many_addresses_are_asked_about_together(conn: Connection) -> None:
    mail_for(conn, 1, BO, DEE)
    many = frozenset(f"u{number}@example.com" for number in range(shelves.MOST_WAYS)) | {BO}
    assert len(View(many).ways(delivery)) == 1
    assert recipients(shelves.held(conn, View(many), 9)) == [BO]
