"""What mail of ours leaves in the store, on both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from gateway.model import Action, Grade, Reason, ReasonCode, Rung, RungKind, Verdict
from gateway.policy.bounce import Noted
from gateway.policy.outbound import Letter
from gateway.store import decisions, memory, outbound
from gateway.store.decisions import Decision
from gateway.store.memory import EVERYBODY
from gateway.store.outbound import Position, Sent
from gateway.store.question import Question
from sql.tables import log_position
from sql.tables import memory as memories
from tests.store.making import ANN, BO, CY, DAY, MINUTE, NOW, count

SIGNED = frozenset({Rung(RungKind.DKIM, "elsewhere.example")})


def sent(author: str = "bo", sender: str = BO, to: str = ANN, **more: object) -> Sent:
    made = Sent(author, sender, {to: SIGNED}, Letter("1@example.com"), NOW, NOW + 400 * DAY)
    return replace(made, **more)  # type: ignore[arg-type]


def grade(conn: Connection, sender: str = ANN, recipient: str = BO, now: object = NOW) -> Grade:
    asked = Question(sender, sender, (recipient,), SIGNED, now)  # type: ignore[arg-type]
    return memory.grades(conn, [asked])[0][recipient]


def test_whom_we_wrote_to_is_known_until_its_time_is_over(conn: Connection) -> None:
    outbound.learn(conn, [sent()])
    assert grade(conn) is Grade.KNOWN
    assert grade(conn, recipient=CY) is Grade.STRANGER
    assert grade(conn, now=NOW + 400 * DAY) is Grade.STRANGER


def test_after_two_of_us_wrote_it_is_known_to_all(conn: Connection) -> None:
    outbound.learn(conn, [sent(), sent()])
    outbound.learn(conn, [sent(sender="bo+alias@example.com")])  # the same user
    assert grade(conn, recipient=CY) is Grade.STRANGER
    outbound.learn(conn, [sent("cy", CY)])
    assert grade(conn, recipient="di@example.com") is Grade.KNOWN
    assert grade(conn, "eve@elsewhere.example", "di@example.com") is Grade.STRANGER


def test_one_of_the_two_may_have_written_too_long_ago(conn: Connection) -> None:
    outbound.learn(conn, [sent()])
    later = NOW + 401 * DAY
    outbound.learn(conn, [sent("cy", CY, now=later, expires=later + DAY)])
    assert grade(conn, recipient="di@example.com", now=later) is Grade.STRANGER


def test_a_log_earns_less_and_never_for_all(conn: Connection) -> None:
    outbound.learn(conn, [sent("", BO), sent("", CY)])
    assert grade(conn) is Grade.REMEMBERED
    assert conn.execute(select(memories.c.recipient).where(memories.c.recipient == EVERYBODY)).all() == []
    outbound.learn(conn, [sent()])
    outbound.learn(conn, [sent("")])
    assert grade(conn) is Grade.KNOWN


@pytest.mark.parametrize(
    "differs", [{"teaches": False}, {"sender": ""}, {"letter": Letter("1@example.com", by_machine=True)}]
)
def test_what_teaches_nothing_is_still_noted(conn: Connection, differs: dict[str, object]) -> None:
    outbound.learn(conn, [sent(**differs)])  # type: ignore[arg-type]
    assert count(conn, memories) == 0
    assert outbound.noted(conn, ["1@example.com"]) == Noted(True, NOW, NOW)


def accepted(conn: Connection, ago: timedelta, sender: str = ANN, recipient: str = BO) -> None:
    verdict = Verdict(Action.ACCEPT, (Reason(ReasonCode.GREYLIST_PASSED),))
    decisions.add(conn, [Decision("x", NOW - ago, "data", "192.0.2.1", sender, recipient, verdict, {})])


@pytest.mark.parametrize(
    ("came", "known"),
    [([4], False), ([4, 60], True), ([6], True), ([0, 4], False), ([], True)],
)
def test_an_answer_to_a_first_mail_has_to_be_slow(conn: Connection, came: list[int], known: bool) -> None:
    for minutes in came:
        accepted(conn, minutes * MINUTE)
    accepted(conn, MINUTE, recipient=CY)
    outbound.learn(conn, [sent()])
    assert (grade(conn) is Grade.KNOWN) is known


def test_an_address_for_unsubscribing_is_never_known_while_it_is_noted(conn: Connection) -> None:
    outbound.wants_unsubscribing(conn, [([ANN, "off@elsewhere.example"], NOW), ([ANN], NOW)])
    outbound.learn(conn, [sent()])
    assert grade(conn) is Grade.STRANGER
    assert outbound.forget_old(conn, NOW + DAY, 10) == 3
    outbound.learn(conn, [sent()])
    assert grade(conn) is Grade.KNOWN


def test_message_ids_are_noted_once_and_forgotten_in_time(conn: Connection) -> None:
    outbound.note_ids(conn, [("1@x", NOW), ("2@x", NOW + DAY), ("1@x", NOW)])
    outbound.note_ids(conn, [("1@x", NOW + MINUTE)])
    assert outbound.noted(conn, ["3@x", "1@x"]) == Noted(True, NOW + MINUTE, NOW + DAY)
    assert not outbound.noted(conn, ["3@x"]).known
    assert outbound.forget_old(conn, NOW + DAY, 10) == 1
    assert not outbound.noted(conn, ["1@x"]).known
    assert outbound.forget_old(conn, NOW + 2 * DAY, 10) == 1
    assert outbound.noted(conn, ["2@x"]) == Noted()


def test_a_place_in_a_log_is_that_of_its_node_and_path(conn: Connection) -> None:
    one, two = Position(1, 10, "5:aa", "{}"), Position(2, 20, "5:bb", '{"Q": ["bo@example.com", null]}')
    outbound.keep_position(conn, "a", "/log", one, NOW)
    outbound.keep_position(conn, "a", "/log", two, NOW)
    outbound.keep_position(conn, "a", "/other", one, NOW)
    outbound.keep_position(conn, "b", "/log", one, NOW)
    assert outbound.positions(conn, "a", "/log") == (two, [one])
    assert outbound.positions(conn, "c", "/log") == (None, [])
    assert count(conn, log_position) == 3


def test_who_is_erased_is_struck_from_mails_under_way(conn: Connection) -> None:
    waiting = '{"Q": ["bo@example.com", "1@x"], "R": ["jo.bo@example.com", null]}'
    outbound.keep_position(conn, "a", "/log", Position(1, 10, "5:aa", waiting), NOW)
    assert outbound.forget_waiting(conn, BO) == 1
    place, _ = outbound.positions(conn, "a", "/log")
    assert place == Position(1, 10, "5:aa", '{"R": ["jo.bo@example.com", null]}')
