"""What is on record for those who look back, the same on both databases."""

from sqlalchemy import Connection

from gateway.bodies import Bodies
from gateway.model import Grade, Hoster, HosterKind
from gateway.store import decisions, history, hosters
from tests.store.making import ANN, BO, CY, DAY, NETWORK, NOW, STRONG, WEAK, keep, mail, remember
from tests.store.test_records import decided


def test_decisions_come_back_with_their_identities_newest_first(conn: Connection) -> None:
    rungs = [[1, "192.0.2.0/24"]]
    decisions.add(
        conn,
        [
            decided("r1", NOW - DAY, facts={"rungs": rungs, "grade": "stranger"}),
            decided("r2", NOW, facts={"rungs": rungs, "grade": "known", "data": {"authors": ["al@x.example"]}}),
            decided("r3", NOW - 2 * DAY, facts={}),
        ],
    )
    second, first = history.contacts(conn, NOW - DAY, 9)
    assert (first.at, first.pair, first.name, first.rungs) == (NOW - DAY, (ANN, BO), ANN, frozenset({NETWORK}))
    assert (first.stranger, first.came_back) == (True, False)
    assert (second.name, second.stranger) == ("al@x.example", False)
    assert len(list(history.contacts(conn, NOW - DAY, 1))) == 1


def test_acts_tell_whose_mail_it_was(conn: Connection, bodies: Bodies) -> None:
    kept = keep(conn, bodies, mail(rungs=STRONG))
    for kind, recipient, at in (("released", BO, NOW), ("refused", CY, NOW), ("viewed", BO, NOW)):
        decisions.happened(conn, kind, at, message=kept.id, recipient=recipient, who="claire@cli")
    decisions.happened(conn, "released", NOW - DAY, message=kept.id, recipient=CY)
    released, refused = history.acts(conn, NOW)
    assert (released.released, released.mail, released.name, released.rungs) == (True, kept.id, ANN, STRONG)
    assert (refused.released, refused.recipient, refused.at) == (False, CY, NOW)
    assert history.refused_pairs(conn, NOW) == {(ANN, CY)}
    assert history.refused_pairs(conn, NOW - DAY) == frozenset(), "it was released to him as well"


def test_friends_are_those_who_are_remembered_now(conn: Connection) -> None:
    remember(conn, WEAK, ANN, BO, Grade.REMEMBERED, "waited", NOW, NOW + DAY)
    assert history.friends(conn, NOW) == {NETWORK}
    assert history.friends(conn, NOW + DAY) == frozenset()


def test_hosters_are_added_once_and_removed(conn: Connection) -> None:
    wanted = [Hoster(0, HosterKind.NETWORK, "192.0.2.0/24", "cy@cli", "ärger"), Hoster(0, HosterKind.AS, "AS64500")]
    assert [hosters.add(conn, [*wanted, wanted[0]], NOW) for _ in range(2)] == [2, 0]
    first, second = hosters.entries(conn)
    assert (first.kind, first.value, first.author, first.comment) == (
        HosterKind.NETWORK, "192.0.2.0/24", "cy@cli", "ärger",
    )  # fmt: skip
    assert (first.created, second.value) == (NOW, "AS64500")
    assert [hosters.remove(conn, "AS64500") for _ in range(2)] == [True, False]
