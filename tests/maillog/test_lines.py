"""What one line of a log tells, and what the lines of one mail tell together."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gateway.maillog.joined import MOST_WAITING, Delivered, Joiner
from gateway.maillog.lines import BadLine, Clock, Ended, Opened, Taken, parse

CLOCK = Clock(datetime(2026, 3, 4, 12, 0, tzinfo=UTC), UTC)
AT = datetime(2026, 3, 3, 10, 20, 30, tzinfo=UTC)
TO = "to=<Ann@Elsewhere.example>, relay=mx.elsewhere.example[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (250 ok)"
P = "Mar  3 10:20:30 mx postfix/"
Q, X, LONG = "4ABC12", "1abcDE-000001-Xy", "1abcDE-00000000001-1abc"
ANN = "ann@elsewhere.example"
EXIM = f"2026-03-03 10:20:30 {X}"
OUT = "R=d T=s H=mx [192.0.2.1]"
FILTER = TO.replace("mx.elsewhere.example[192.0.2.1]", "127.0.0.1[127.0.0.1]")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"{P}cleanup[9]: {Q}: message-id=<x.1@example.com>", Opened(Q, None, "x.1@example.com")),
        (f"{P}cleanup[9]: {Q}: message-id=<>", None),
        (f"{P}qmgr[9]: {Q}: from=<Bo@Example.com>, size=400, nrcpt=1 (queue active)", Opened(Q, "bo@example.com")),
        (f"{P}qmgr[9]: {Q}: from=<>, size=400, nrcpt=1 (queue active)", Opened(Q, "")),
        (f"{P}smtp[9]: {Q}: {TO}", Taken(Q, ANN, AT)),
        (f"2026-03-03T10:20:30.000000+00:00 mx postfix/out/smtp[9]: 3ZbcdFGhijK: {TO}", Taken("3ZbcdFGhijK", ANN, AT)),
        (f"2026-03-03T12:20:30+0200 mx postfix/smtp[9]: {Q}: {TO}", Taken(Q, ANN, AT)),
        (f"<22>Mar  3 10:20:30 mx postfix/smtp[9]: {Q}: {TO}", Taken(Q, ANN, AT)),
        (f"{P}smtp[9]: {Q}: " + TO.replace("=sent", "=deferred"), None),
        (f"{P}smtp[9]: {Q}: " + TO.replace("=sent", "=bounced"), None),
        (f"{P}smtp[9]: {Q}: " + FILTER, None),
        (f"{P}qmgr[9]: {Q}: removed", Ended(Q)),
        (f"{P}smtpd[9]: NOQUEUE: reject: RCPT from x[192.0.2.9]: 554; from=<a@b> to=<c@d>", None),
        (f"{P}smtpd[9]: connect from x[192.0.2.9]", None),
        (f"{EXIM} <= Bo@example.com H=pc S=4 id=x.1@a.example for {ANN}", Opened(X, "bo@example.com", "x.1@a.example")),
        (f"{EXIM} <= <> R=1abcDE-000000-Xy U=mail P=local", Opened(X, "")),
        (f"{EXIM} => {ANN} {OUT} C=\"250 ok\"", Taken(X, ANN, AT)),
        (f"{EXIM} -> ann <Ann@elsewhere.example> {OUT}", Taken(X, ANN, AT)),
        (f"{EXIM} => bo <bo@example.com> R=local T=maildir", None),
        (f"{EXIM} ** {ANN} {OUT}: 550 no", None),
        (f"{EXIM} == {ANN} R=dns T=remote_smtp defer (111)", None),
        (f"{EXIM} Completed", Ended(X)),
        (f"Mar  3 10:20:30 mx exim[9]: 2026-03-03 10:20:30 {LONG} => {ANN} {OUT}", Taken(LONG, ANN, AT)),
        (f"2026-03-03 10:20:30.5 +0000 {X} => {ANN} {OUT}", Taken(X, ANN, AT + timedelta(seconds=0.5))),
        ("", None),
        ("\x00\xff nonsense", None),
    ],
)  # fmt: skip
def test_a_line_tells(line: str, told: object) -> None:
    assert parse(line, CLOCK) == told


@pytest.mark.parametrize(
    "line",
    [
        f"Foo 33 10:20:30 mx postfix/smtp[9]: {Q}: {TO}",
        f"Mar 33 10:20:30 mx postfix/smtp[9]: {Q}: {TO}",
        f"mx postfix/smtp[9]: {Q}: {TO}",
        f"{EXIM} => ann {OUT}",
    ],
)
def test_a_line_about_mail_that_cannot_be_read_says_so(line: str) -> None:
    with pytest.raises(BadLine):
        parse(line, CLOCK)


@pytest.mark.parametrize(
    ("written", "year"),
    [("Mar  4 12:00:00", 2026), ("Mar  6 12:00:00", 2025), ("Dec 31 23:59:59", 2025), ("Feb 29 12:00:00", 2024)],
)
def test_syslog_times_are_the_latest_that_can_be(written: str, year: int) -> None:
    taken = parse(f"{written} mx postfix/smtp[9]: {Q}: {TO}", CLOCK)
    assert isinstance(taken, Taken)
    assert taken.at.year == year


def test_the_zone_of_the_machine_counts_where_none_is_written() -> None:
    there = timezone(timedelta(hours=2))
    taken = parse(f"Mar  3 12:20:30 mx postfix/smtp[9]: {Q}: {TO}", Clock(CLOCK.now, there))
    assert isinstance(taken, Taken)
    assert taken.at == AT


def test_the_lines_of_a_mail_are_joined_whatever_lies_between_and_a_restart_forgets_nothing() -> None:
    joiner = Joiner()
    assert joiner.feed(Opened("A", message_id="1@x")) is None
    joiner.feed(Opened("B", sender="cy@example.com"))
    joiner.feed(Opened("A", sender="bo@example.com"))
    joiner = Joiner(joiner.text())
    assert joiner.feed(Taken("A", "ann@x.example", AT)) == Delivered("bo@example.com", "ann@x.example", "1@x", AT)
    assert joiner.feed(Taken("A", "eve@x.example", AT)) is not None
    joiner.feed(Ended("A"))
    assert joiner.feed(Taken("A", "ann@x.example", AT)) is None
    assert joiner.feed(Taken("B", "ann@x.example", AT)) == Delivered("cy@example.com", "ann@x.example", None, AT)


def test_the_null_sender_and_a_mail_whose_beginning_nobody_saw_tell_nothing() -> None:
    joiner = Joiner()
    joiner.feed(Opened("A", sender=""))
    assert joiner.feed(Taken("A", "ann@x.example", AT)) is None
    assert joiner.feed(Taken("unseen", "ann@x.example", AT)) is None


def test_what_waits_is_bounded() -> None:
    joiner = Joiner()
    for number in range(MOST_WAITING + 10):
        joiner.feed(Opened(f"Q{number}", sender="bo@example.com"))
    assert len(joiner.waiting) == MOST_WAITING
    assert "Q0" not in joiner.waiting
