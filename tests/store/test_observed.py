"""The report on what observing let in, and the mode that a person set, on both databases."""

from datetime import timedelta

from sqlalchemy import Connection

from gateway.model import Action, Mode, Reason, ReasonCode, Switch, Verdict
from gateway.observed import report
from gateway.policy import observe
from gateway.store import changes, decisions
from gateway.store.decisions import Decision
from tests.policy.stranger import DAY, HOUR, MINUTE, NOW, SECOND

ANN, BO, CY = "ann@elsewhere.example", "bo@example.com", "cy@example.com"
NEW = Verdict(Action.DEFER, (Reason(ReasonCode.GREYLIST_NEW),))
REMEMBERED = Verdict(Action.ACCEPT, (Reason(ReasonCode.PARTY_REMEMBERED),))


def decide(
    conn: Connection,
    verdict: Verdict,
    ago: timedelta,
    *,
    sender: str = ANN,
    recipient: str = BO,
    peer: str = "192.0.2.7",
) -> None:
    made = Decision("r", NOW - ago, "data", peer, sender, recipient, verdict, {})
    decisions.add(conn, [made])


def passed(seconds: int) -> Verdict:
    return Verdict(Action.ACCEPT, (Reason(ReasonCode.GREYLIST_PASSED, {"waited": seconds}),))


def test_a_correspondence_is_counted_once_however_many_of_its_mails_were_let_in(conn: Connection) -> None:
    for ago in (5 * HOUR, 2 * HOUR, HOUR):
        decide(conn, observe.at_data(NEW), ago)
    decide(conn, REMEMBERED, MINUTE)
    decide(conn, observe.at_data(NEW), HOUR, peer="198.51.100.1", sender="")
    made = report(conn, NOW - DAY, NOW, most=5)
    assert (made.accepted, made.let_in, made.correspondences, made.silent) == (5, 4, 2, 1)
    assert made.again is not None
    assert (made.again.count, made.again.middle) == (1, 3 * HOUR), "from the first mail to the next"
    assert made.by_sender == ((ANN, 3), ("<>", 1))
    assert made.by_network == (("192.0.2.0/24", 3), ("198.51.100.0/24", 1))


def test_numbered_senders_of_one_list_are_one_correspondence(conn: Connection) -> None:
    decide(conn, observe.at_data(NEW), 2 * HOUR, sender="news-bounces+1001=bo=example.com@list.example")
    decide(conn, REMEMBERED, HOUR, sender="news-bounces+1002=bo=example.com@list.example")
    made = report(conn, NOW - DAY, NOW, most=5)
    assert made.again is not None
    assert made.silent == 0


def test_only_the_time_that_was_asked_for_counts(conn: Connection) -> None:
    decide(conn, observe.at_data(NEW), 2 * DAY)
    decide(conn, observe.at_data(NEW), DAY - SECOND, recipient=CY)
    made = report(conn, NOW - DAY, NOW, most=5)
    assert (made.let_in, made.because) == (1, {"greylist.new": 1})


def test_what_really_waited_is_told_apart(conn: Connection) -> None:
    for seconds in (200, 400, 4000):
        decide(conn, passed(seconds), HOUR)
    decide(conn, NEW, HOUR)
    made = report(conn, NOW - DAY, NOW, most=5)
    assert made.waited is not None
    assert (made.waited.count, made.waited.least, made.waited.middle) == (3, 200 * SECOND, 400 * SECOND)
    assert (made.let_in, made.again, made.by_day) == (0, None, ())


def test_tops_have_their_length_and_their_order(conn: Connection) -> None:
    for name, count in (("a", 1), ("b", 3), ("c", 2)):
        for _ in range(count):
            decide(conn, observe.at_data(NEW), HOUR, sender=f"x@{name}.example")
    assert report(conn, NOW - DAY, NOW, most=2).by_domain == (("b.example", 3), ("c.example", 2))


def test_the_mode_that_was_said_last_holds_and_is_no_switch(conn: Connection) -> None:
    assert changes.mode(conn) is None
    changes.set_mode(conn, Mode.OBSERVE, "cy@cli", NOW)
    changes.set_mode(conn, Mode.ENFORCE, "dee@cli", NOW + SECOND)
    changes.turn_on(conn, Switch.BYPASS, NOW + HOUR, "cy@cli", NOW)
    assert changes.mode(conn) == changes.ModeSet(Mode.ENFORCE, "dee@cli", NOW + SECOND)
    assert changes.switches(conn) == {Switch.BYPASS: NOW + HOUR}
