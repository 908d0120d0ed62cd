"""A mail is found by what people know of it, and only by those whose mail it is."""

import pytest
from sqlalchemy import Connection

from gateway.model import Action, Reason, ReasonCode, Verdict
from gateway.store import decisions, finding, shelves
from gateway.store.decisions import Decision
from gateway.store.shelves import View
from tests.store.making import ANN, BO, CY, NOW, SECOND, fingerprint, mail, row_of

ALL = View(domains=frozenset({""}))
DEE = "dee@other.example"


def decided(conn: Connection, number: int, to: str = BO, subject: str = "Hello", message_id: str = "") -> str:
    at, name = NOW + number * SECOND, f"{number:013}"
    content = fingerprint(name.encode(), message_id or f"<{number}@elsewhere.example>")
    row_of(conn, mail(name, recipients=(to,), text=name.encode(), content=content, subject=subject))
    verdict = Verdict(Action.HOLD, (Reason(ReasonCode.LEVEL_OFF),))
    decisions.add(conn, [Decision(name, at, "data", "192.0.2.25", ANN, to, verdict, {})])
    return name


@pytest.mark.parametrize("said", ["<x.1@elsewhere.example>", "x.1@elsewhere.example", " <x.1@elsewhere.example> "])
def test_by_its_message_id_with_brackets_or_without(conn: Connection, said: str) -> None:
    name = decided(conn, 1, message_id="<x.1@elsewhere.example>")
    decided(conn, 2)
    assert [row["reply_id"] for row in finding.by_message_id(conn, said)] == [name]
    assert finding.by_message_id(conn, "<x.2@elsewhere.example>") == []


@pytest.mark.parametrize(
    ("view", "found"),
    [
        (ALL, [4, 3, 2, 1]),
        (View(frozenset({BO})), [3, 1]),
        (View(frozenset({BO, DEE})), [4, 3, 1]),
        (View(domains=frozenset({"example.com"})), [3, 2, 1]),
        (View(frozenset({DEE}), frozenset({"example.com"})), [4, 3, 2, 1]),
        (View(), []),
    ],
)
@pytest.mark.parametrize("looked", [2, 10_000])
def test_by_words_of_its_subject_as_far_as_somebody_sees(
    conn: Connection, monkeypatch: pytest.MonkeyPatch, view: View, found: list[int], looked: int
) -> None:
    monkeypatch.setattr(shelves, "LOOKED_THROUGH", looked)
    for number, to in enumerate((BO, CY, BO, DEE), 1):
        decided(conn, number, to, subject="The Invoice of May")
    decided(conn, 5, subject="Something else")
    seen, before = [], None
    for _ in range(9):
        look = finding.by_subject(conn, view, "invoice of", 50, before)
        seen += [int(row["reply_id"]) for row in look.rows]
        before = look.further
        if before is None:
            break
    assert list(dict.fromkeys(seen)) == found
