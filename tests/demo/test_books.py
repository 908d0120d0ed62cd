"""The accounting of the demonstration sees what must not be."""

import time
from datetime import UTC, datetime

import pytest

from gateway.demo.backend import Receipt
from gateway.demo.books import Ledger, balance
from gateway.demo.company import BO, INES, MUSEUM, letter
from gateway.demo.sender import DOT, Answer, Attempt

MAIL = letter("ann@museum.example", "Ann", (BO,), "Hello", "A few words.\n.and a dot", datetime(2026, 1, 2, tzinfo=UTC))
TRACE = b"Greygate-Verdict: v=1;\r\n\ts=0\r\nReceived: from a (b [192.0.2.1])\r\n\tby gate; now\r\n"
YES, LATER, NO = Answer(250, "250 2.0.0 ok"), Answer(451, "451 4.7.0 later"), Answer(550, "550 5.1.1 no")
ACCEPTED = {(MAIL.sender, BO): ["defer", "accept"]}


def ledger(*answers: Answer) -> Ledger:
    made = Ledger()
    for answer in answers:
        attempt = Attempt(MUSEUM, MAIL, (BO,), time.monotonic())
        attempt.at_rcpt, attempt.at_end, attempt.replies = {BO: YES}, answer, [(DOT, answer)]
        made.note(attempt)
    return made


def arrived(data: bytes = TRACE + MAIL.data, recipient: str = BO) -> Receipt:
    return Receipt(time.monotonic(), recipient, data)


def test_a_mail_that_waited_and_arrived_once_is_in_order():
    books = balance(ledger(LATER, YES), [arrived()], ACCEPTED, 0)
    assert books.problems == ()
    assert books.line == "sent 1, accepted 1, delivered 1, deferred 0, refused 0, lost 0, doubled 0"


def test_a_mail_that_never_came_back_is_in_order():
    assert balance(ledger(LATER), [], {(MAIL.sender, BO): ["defer"]}, 0).problems == ()


def test_a_held_mail_is_not_lost():
    assert balance(ledger(YES), [], {(MAIL.sender, BO): ["hold"]}, 1).problems == ()


@pytest.mark.parametrize(
    ("answers", "receipts", "decided", "told"),
    [
        ([YES], [], ACCEPTED, "1 mails were accepted and did not arrive"),
        ([YES], [arrived(), arrived()], ACCEPTED, "1 mails arrived more than once"),
        ([YES], [arrived(), arrived(recipient=INES)], ACCEPTED, "in these bytes"),
        ([YES], [arrived(TRACE + MAIL.data.replace(b"few", b"Few"))], ACCEPTED, "in these bytes"),
        ([YES], [arrived(TRACE + b"Subject: Another\r\n" + MAIL.data)], ACCEPTED, "in these bytes"),
        ([YES], [arrived(MAIL.data + b"\r\n")], ACCEPTED, "in these bytes"),
        ([LATER], [arrived()], {(MAIL.sender, BO): ["defer"]}, "was told 4xx"),
        ([NO], [], {(MAIL.sender, BO): ["defer"]}, "no such decision is on record"),
        ([YES], [arrived()], {}, "no such decision is on record"),
    ],
)
def test_what_must_not_be_is_said(answers, receipts, decided, told):
    books = balance(ledger(*answers), receipts, decided, 0)
    assert any(told in problem for problem in books.problems), books.problems


def test_a_mail_without_an_answer_is_said():
    made = Ledger()
    made.note(Attempt(MUSEUM, MAIL, (BO,), time.monotonic()))
    assert balance(made, [], {}, 0).problems == (f"{MAIL.title} to {BO} got no answer",)
