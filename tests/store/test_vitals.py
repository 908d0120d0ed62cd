"""How much is kept: counted whole, and no further than anybody reads; and what shares the database."""

from datetime import timedelta

from sqlalchemy import Connection

from gateway.bodies import Bodies
from gateway.desk import Person
from gateway.model import CopyState, DeliveryState, Switch
from gateway.store import changes, vitals
from gateway.store.vitals import DUE
from gateway.switching import turn_on
from tests.store.making import NOW, copied, held, keep, mail, owned_mail

HOUR = timedelta(hours=1)


def kept(conn: Connection, bodies: Bodies) -> None:
    """Five held, two released of which both are due, one refused; two with their senders."""
    for number in range(8):
        state = DeliveryState.HELD if number < 5 else DeliveryState.RELEASING if number < 7 else DeliveryState.REFUSED
        text = f"mail {number}".encode()
        at = NOW - number * HOUR
        held(conn, keep(conn, bodies, owned_mail(mail(f"00000000000{number:02}", text=text)), text), state, at)
    for number in (20, 21):
        text = f"mail {number}".encode()
        copied(conn, keep(conn, bodies, mail(f"00000000000{number}", text=text), text), NOW - HOUR)


def test_counted_no_further_it_is_the_same_up_to_there(conn: Connection, bodies: Bodies) -> None:
    kept(conn, bodies)
    whole, some = vitals.queue(conn, NOW), vitals.queue_up_to(conn, NOW, 3)
    assert (whole.mails[DeliveryState.HELD], some.mails[DeliveryState.HELD]) == (5, 4)
    assert {name: min(count, 4) for name, count in whole.mails.items()} == some.mails
    assert some.oldest == whole.oldest
    assert some.mails[CopyState.SENDER_HELD] == 2
    assert some.oldest[DeliveryState.HELD] == 4 * HOUR, "the oldest is counted first"
    assert DUE in some.mails


def test_nothing_is_kept_and_nothing_is_old(conn: Connection) -> None:
    some = vitals.queue_up_to(conn, NOW, 3)
    assert set(some.mails.values()) == {0}
    assert set(some.oldest.values()) == {timedelta(0)}
    assert vitals.cluster(conn) is None


def test_the_machines_that_share_it_are_known_by_what_was_done_there(conn: Connection) -> None:
    changes.announce(conn, "silent")
    turn_on(conn, Switch.BYPASS, HOUR, Person("olga", "busy"), NOW - HOUR)
    turn_on(conn, Switch.BYPASS, HOUR, Person("olga", "busy"), NOW)
    assert vitals.nodes(conn) == {"busy": NOW, "silent": None}


def test_what_is_on_is_what_has_not_ended(conn: Connection) -> None:
    turn_on(conn, Switch.BYPASS, HOUR, Person("olga", "busy"), NOW)
    assert changes.turned(conn, NOW + HOUR - timedelta(seconds=1))[Switch.BYPASS].who == "olga"
    assert changes.turned(conn, NOW + HOUR) == {}
