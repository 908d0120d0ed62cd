"""The journal of what people taught the classifier."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from gateway.model import Label
from gateway.store import lessons
from gateway.store.lessons import Lesson, Teacher
from tests.store.making import NOW

HOUR = timedelta(hours=1)
SPAM, HAM = Label.SPAM, Label.HAM


def taught(
    conn: Connection,
    label: Label = SPAM,
    person: str = "eve",
    message: str | None = "m1",
    score: float | None = None,
    at: datetime = NOW,
) -> int:
    return lessons.add(conn, Lesson(at, "n1", person, label, b"\x00\xff features", "bo@example.com", message, score))


def test_a_lesson_comes_back_as_it_was_given(conn: Connection) -> None:
    given = Lesson(NOW, "n1", "eve", HAM, b"\x00\xff", "bo@example.com", "m1", -0.25)
    number = lessons.add(conn, given)
    (found,) = lessons.after(conn, 0, 10)
    assert (found.id, found.at, found.label, found.features, found.account) == (
        number,
        NOW,
        HAM,
        b"\x00\xff",
        "bo@example.com",
    )
    assert (found.person, found.node, found.message, found.score, found.undoes) == ("eve", "n1", "m1", -0.25, None)


def test_the_journal_is_read_in_its_order_and_in_pages(conn: Connection) -> None:
    numbers = [taught(conn) for _ in range(5)]
    assert [one.id for one in lessons.after(conn, 0, 2)] == numbers[:2]
    assert [one.id for one in lessons.after(conn, numbers[1], 10)] == numbers[2:]
    assert [one.id for one in lessons.after(conn, numbers[1], 10, but=[numbers[3]])] == [numbers[2], numbers[4]]
    assert lessons.newest(conn) == numbers[-1]


def test_an_empty_journal_has_no_newest(conn: Connection) -> None:
    assert (lessons.newest(conn), lessons.after(conn, 0, 10), lessons.teachers(conn)) == (0, [], [])


def test_who_takes_a_lesson_back_adds_one(conn: Connection) -> None:
    number = taught(conn)
    assert lessons.undo(conn, [number], "adam", "n2", NOW) == [number]
    _, undo = lessons.after(conn, 0, 10)
    assert (undo.label, undo.undoes, undo.person, undo.features) == (None, number, "adam", b"")
    assert (lessons.of_message(conn, "m1"), lessons.undone(conn, [number])) == ([], {number})


def test_nothing_is_taken_back_twice_nor_an_undo_itself(conn: Connection) -> None:
    number = taught(conn)
    lessons.undo(conn, [number], "adam", "n1", NOW)
    undo = lessons.newest(conn)
    assert lessons.undo(conn, [number, undo, 4711], "adam", "n1", NOW) == []
    assert lessons.newest(conn) == undo


def test_what_was_said_about_a_mail_and_stands(conn: Connection) -> None:
    first, second = taught(conn), taught(conn, HAM)
    taught(conn, message="m2")
    assert [one.id for one in lessons.of_message(conn, "m1")] == [first, second]
    lessons.undo(conn, [first], "adam", "n1", NOW)
    assert [one.id for one in lessons.of_message(conn, "m1")] == [second]


def test_who_taught_and_how_often_against_a_confident_classifier(conn: Connection) -> None:
    taught(conn, SPAM, "eve", score=-2.5)
    taught(conn, HAM, "eve", score=2.5)
    taught(conn, HAM, "eve", score=-2.5)
    taught(conn, SPAM, "adam", score=None)
    lessons.undo(conn, [taught(conn, SPAM, "eve", score=1.9)], "adam", "n1", NOW)
    assert lessons.teachers(conn) == [Teacher("eve", 2, 2, 2, 1), Teacher("adam", 1, 0, 0, 0)]


def test_whose_mail_it_was_can_be_forgotten_and_what_was_learnt_stays(conn: Connection) -> None:
    number = taught(conn)
    assert lessons.forget_account(conn, "bo@example.com", NOW) == 1
    found, told = lessons.after(conn, 0, 10)
    assert (told.label, told.forgets) == (None, lessons.digest_of("bo@example.com")), "every node is told"
    assert (found.id, found.account, found.message, found.label) == (number, "", None, SPAM)
    assert found.features


def test_the_latest_lessons_of_all(conn: Connection) -> None:
    numbers = [taught(conn) for _ in range(3)]
    assert [one.id for one in lessons.latest(conn, 2)] == [numbers[2], numbers[1]]


def test_old_lessons_are_forgotten_in_slices(conn: Connection) -> None:
    for hours in range(3):
        taught(conn, at=NOW - hours * HOUR)
    assert lessons.forget_old(conn, NOW - HOUR / 2, 1) == 1
    assert lessons.forget_old(conn, NOW - HOUR / 2, 10) == 1
    assert [one.at for one in lessons.after(conn, 0, 10)] == [NOW]
