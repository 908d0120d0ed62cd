"""A person's data: all of it on request, and none of it afterwards."""

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from gateway import privacy
from gateway.bodies import Bodies, FileBodies, NoBody
from gateway.model import DeliveryState, Grade, ListKind, ListVerb, TombstoneOutcome
from gateway.privacy import StillOurs
from gateway.store import copies, decisions, deliveries, expecting, lists, messages, tombstones
from gateway.store.lists import NewEntry
from sql.tables import body, delivery, message, metadata
from tests.store.making import (  # fmt: skip
    ANN,
    BO,
    CY,
    DAY,
    NOW,
    STRONG,
    WEAK,
    copied,
    count,
    fingerprint,
    held,
    identity,
    keep,
    mail,
    owned_mail,
    read,
    recipient,
    remember,
    saw,
)
from tests.store.test_records import decided

EVE = "eve@elsewhere.example"


def live(conn: Connection, bodies: Bodies, sender: str, to: str, number: str) -> None:
    """A trace of these two in every table, with mail that has ended."""
    text = f"a mail {number}".encode()
    kept = keep(
        conn, bodies, owned_mail(mail(f"{number}000000000001", sender=sender, recipients=(to,), text=text)), text
    )
    held(conn, kept)
    conn.execute(update(delivery).where(delivery.c.message == kept.id).values(state=DeliveryState.DELIVERED))
    text = f"a copy {number}".encode()
    copied(conn, keep(conn, bodies, mail(f"{number}000000000002", sender=sender, recipients=(to,), text=text), text))
    saw(conn, sender, to, STRONG, fingerprint(), 10, NOW)
    remember(conn, WEAK, sender, to, Grade.KNOWN, "released", NOW, NOW + DAY, "cy@cli")
    tombstones.make(conn, identity(mail(sender=sender), to), TombstoneOutcome.DELIVERED, NOW, NOW + DAY)
    decisions.add(conn, [decided(sender=sender, recipient=to)])
    decisions.happened(conn, "released", NOW, message=kept.id, recipient=to, who="cy@cli")
    decisions.happened(conn, "list block", NOW, who="cy@cli", entry=1, value=sender)
    expecting.add(conn, to, None, NOW, NOW + DAY, "cy@cli")
    lists.add(conn, NewEntry(ListVerb.BLOCK, ListKind.ADDRESS, sender, scope=to), NOW)


def traces(conn: Connection, bodies: Bodies, address: str) -> set[str]:
    """Every place, in rows and in files, where the address can be read."""
    found = set()
    for table in metadata.sorted_tables:
        for row in conn.execute(select(table)).mappings():
            for name, value in row.items():
                if address in (value.decode("latin-1") if isinstance(value, bytes) else str(value)).lower():
                    found.add(f"{table.name}.{name}")
    if isinstance(bodies, FileBodies):
        for path in bodies.folder.rglob("*"):
            if path.is_file() and address in path.read_text("latin-1").lower():
                found.add(f"file {path.name}")
    return found


@pytest.fixture
def town(conn: Connection, bodies: Bodies) -> None:
    live(conn, bodies, ANN, BO, "a")
    live(conn, bodies, EVE, CY, "b")


@pytest.mark.parametrize("who", [ANN, BO])
def test_the_export_has_a_row_of_every_table_that_names_the_person(
    conn: Connection, bodies: Bodies, town: None, who: str
) -> None:
    told = privacy.export(conn, who)
    json.dumps(told)
    named = {place.partition(".")[0] for place in traces(conn, bodies, who)} - {"body"}
    named = {name for name in named if not name.startswith("file ")}
    assert named - {name for name, rows in told.items() if rows} == set()
    assert EVE not in json.dumps(told)
    assert CY not in json.dumps(told)


@pytest.mark.parametrize("who", [ANN, BO])
def test_erasing_leaves_no_trace_of_the_person_and_every_trace_of_others(
    conn: Connection, bodies: Bodies, town: None, who: str
) -> None:
    others = {address: traces(conn, bodies, address) for address in (EVE, CY)}
    assert traces(conn, bodies, who)
    privacy.erase(conn, bodies, who, NOW)
    assert traces(conn, bodies, who) == set()
    assert {address: traces(conn, bodies, address) for address in (EVE, CY)} == others
    assert len([kept.id for kept in bodies.scan(conn)]) == 2


def test_a_mail_to_two_stays_for_the_other_one(conn: Connection, bodies: Bodies) -> None:
    kept = keep(conn, bodies, mail(recipients=(BO, CY)))
    copied(conn, kept)
    privacy.erase(conn, bodies, BO, NOW)
    assert traces(conn, bodies, BO) == set()
    assert [row["recipient"] for row in copies.of_message(conn, kept.id)] == [CY]
    assert read(bodies, conn, kept.id)


def test_a_mail_that_names_the_person_as_its_author_is_theirs(conn: Connection, bodies: Bodies) -> None:
    theirs = mail("0000000000001", sender="bounce@lists.example", text=b"1")
    copied(conn, keep(conn, bodies, replace(theirs, author=f"Ann Example <{ANN.upper()}>"), b"1"))
    others = mail("0000000000002", sender="x@lists.example", text=b"2")
    copied(conn, keep(conn, bodies, replace(others, author=f"<jo{ANN}>, {ANN}.org, x.{ANN}"), b"2"))
    privacy.erase(conn, bodies, ANN, NOW)
    assert list(conn.execute(select(message.c.id)).scalars()) == ["0000000000002"]
    with pytest.raises(NoBody):
        bodies.kept(conn, "0000000000001")


@pytest.mark.parametrize("who", [ANN, BO])
@pytest.mark.parametrize("state", [DeliveryState.HELD, DeliveryState.RELEASING])
def test_mail_that_we_answer_for_comes_first(
    conn: Connection, bodies: Bodies, town: None, who: str, state: DeliveryState
) -> None:
    text = b"still ours"
    held(conn, keep(conn, bodies, owned_mail(mail("c000000000003", text=text), state), text), state)
    before = {table: count(conn, table) for table in metadata.sorted_tables}
    with pytest.raises(StillOurs, match="c000000000003"):
        privacy.erase(conn, bodies, who, NOW)
    assert {table: count(conn, table) for table in metadata.sorted_tables} == before
    number = deliveries.of_message(conn, "c000000000003")[0]["id"]
    deliveries.delivered(conn, number, "250 ok", NOW)
    privacy.erase(conn, bodies, who, NOW)
    assert traces(conn, bodies, who) == set()


def test_somebody_without_a_trace_can_be_erased(conn: Connection, bodies: Bodies, town: None) -> None:
    before = {table: count(conn, table) for table in metadata.sorted_tables}
    assert sum(privacy.erase(conn, bodies, "nobody@elsewhere.example", NOW).values()) == 0
    assert {table: count(conn, table) for table in metadata.sorted_tables} == before


@pytest.mark.parametrize("odd", ["%@elsewhere.example", "_nn@elsewhere.example", "o'brien@elsewhere.example"])
def test_an_address_is_no_pattern(conn: Connection, bodies: Bodies, town: None, odd: str) -> None:
    privacy.erase(conn, bodies, odd, NOW)
    assert traces(conn, bodies, ANN)
    live(conn, bodies, odd, BO, "c")
    privacy.erase(conn, bodies, odd, NOW)
    assert traces(conn, bodies, odd) == set()


def test_a_mail_without_its_bytes_is_erased_all_the_same(conn: Connection, bodies: Bodies) -> None:
    for number in ("0000000000001", "0000000000002"):
        copied(conn, keep(conn, bodies, mail(number, recipients=(BO, CY), text=number.encode()), number.encode()))
    bodies.drop(conn, ["0000000000001"])
    privacy.erase(conn, bodies, BO, NOW)
    assert messages.ids(conn, ["0000000000001", "0000000000002"]) == {"0000000000001", "0000000000002"}
    assert traces(conn, bodies, BO) == set()
    assert recipient(CY).address.key == CY
    assert count(conn, body) == 0 or bodies.kind == "database"


def every_text(value: Any) -> str:
    return json.dumps(value)


def test_the_export_is_plain_json_with_moments_and_digests(conn: Connection, bodies: Bodies, town: None) -> None:
    (row,) = privacy.export(conn, ANN)["memory"]
    assert row["first_seen"] == NOW.isoformat()
    assert len(row["key"]) == 32
    assert "cy@cli" in every_text(row)
