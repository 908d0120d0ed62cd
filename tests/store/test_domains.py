"""Which domains of senders are on record, and how they follow the memory of correspondents."""

from sqlalchemy import Connection, select

from gateway.model import Grade
from gateway.store import domains, memory
from gateway.store.domains import Seen
from sql.tables import sender_domain
from tests.store.making import ANN, BO, CY, DAY, HOUR, NOW, SECOND, WEAK, remember


def grades(conn: Connection) -> dict[str, int]:
    return {row.domain: row.grade for row in conn.execute(select(sender_domain))}


def test_whoever_is_remembered_puts_its_domain_on_record(conn: Connection) -> None:
    assert not domains.on_record(conn, ["elsewhere.example"], NOW)
    remember(conn, WEAK, ANN, BO, Grade.REMEMBERED, "waited", NOW, NOW + DAY)
    assert domains.on_record(conn, ["mail.elsewhere.example", "elsewhere.example", "example"], NOW)
    assert not domains.on_record(conn, ["here.example", "example"], NOW)
    assert domains.on_record(conn, ["elsewhere.example"], NOW + DAY - SECOND)
    assert not domains.on_record(conn, ["elsewhere.example"], NOW + DAY)


def test_the_best_grade_and_the_longest_time_stay(conn: Connection) -> None:
    remember(conn, WEAK, ANN, BO, Grade.KNOWN, "released", NOW, NOW + DAY, "cy@cli")
    remember(conn, WEAK, ANN, CY, Grade.REMEMBERED, "waited", NOW + HOUR, NOW + HOUR)
    row = conn.execute(select(sender_domain)).one()
    assert (row.domain, row.grade) == ("elsewhere.example", Grade.KNOWN)
    assert (row.first_seen, row.last_seen, row.expires) == (NOW, NOW + HOUR, NOW + DAY)


def test_known_domains_are_those_with_an_act_behind_them_the_latest_first(conn: Connection) -> None:
    for number, grade in enumerate((Grade.KNOWN, Grade.REMEMBERED, Grade.KNOWN, Grade.KNOWN)):
        domains.note(conn, [Seen(f"d{number}.example", grade, NOW + number * SECOND, NOW + DAY)])
    assert domains.known(conn, NOW, 2) == ("d3.example", "d2.example")
    assert domains.known(conn, NOW + DAY, 2) == ()


def test_the_null_sender_has_no_domain(conn: Connection) -> None:
    remember(conn, WEAK, "", BO, Grade.KNOWN, "released", NOW, NOW + DAY)
    assert grades(conn) == {}


def test_a_forgotten_domain_is_new_again_and_a_forgotten_address_leaves_it(conn: Connection) -> None:
    remember(conn, WEAK, ANN, BO, Grade.KNOWN, "released", NOW, NOW + DAY)
    memory.forget(conn, ANN)
    assert grades(conn) == {"elsewhere.example": Grade.KNOWN}
    memory.forget(conn, "elsewhere.example")
    assert grades(conn) == {}


def test_what_is_over_is_swept(conn: Connection) -> None:
    remember(conn, WEAK, ANN, BO, Grade.REMEMBERED, "waited", NOW, NOW + DAY)
    assert domains.forget_old(conn, NOW + DAY, 10) == 0
    assert domains.forget_old(conn, NOW + DAY + SECOND, 10) == 1
    assert grades(conn) == {}
