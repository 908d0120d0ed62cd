"""What was let in by itself is listed by chance, can be looked at, and teaches: the program as an admin runs it."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.content.letters import with_file
from tests.gate import Gate, rest, until
from tests.sink import Sink
from tests.talk import deliver, message

ANN = "ann@elsewhere.example"
Start = Callable[..., Gate]
ALL: dict[str, dict[str, Any]] = {"audit": {"share": 1}}


def passed(gate: Gate, mail: bytes, sender: str = ANN) -> str:
    """A stranger's mail that waited and came back; the id of its delivery."""
    assert deliver(gate.port, sender, ["bo@example.com"], mail).code == 451
    rest(1.1)
    assert deliver(gate.port, sender, ["bo@example.com"], mail).code == 250
    until(lambda: reviews(gate))
    return str(reviews(gate)[0]["reply_id"])


def reviews(gate: Gate) -> list[dict[str, Any]]:
    return list(json.loads(gate.cli("queue", "list", "--review", "--json")))


def rows(gate: Gate, question: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(gate.folder / "gate.db", timeout=60) as conn:
        return conn.execute(question).fetchall()


def copies(gate: Gate, number: str) -> list[tuple[Any, ...]]:
    return rows(gate, f"SELECT recipient, state, note FROM copy WHERE message = '{number}'")


def kept(gate: Gate, number: str) -> bool:
    return bool(rows(gate, f"SELECT 1 FROM message WHERE id = '{number}' AND stored != 'none'"))


@pytest.mark.parametrize("place", ["files", "database"])
def test_chosen_mail_is_delivered_and_can_be_looked_at(start: Start, sink: Sink, place: str) -> None:
    gate = start({**ALL, "storage": {"bodies": place}})
    mail = message("Your order", body="Nine hundred roof tiles.\r\n" * (1 if place == "files" else 9_000))
    number = passed(gate, mail)
    assert len(sink.mails) == 1
    until(lambda: kept(gate, number))
    assert copies(gate, number) == [("bo@example.com", "listed", "audit.sampled")]
    assert gate.cli("queue", "show", number, "--raw").encode() == mail.replace(b"\r\n", b"\n")
    assert "roof tiles" in gate.cli("queue", "peek", number)
    assert "greylist.passed, audit.sampled" in gate.cli("queue", "list", "--review")
    assert [one["code"] for one in gate.why(number)[-1]["facts"]["reasons"]][-1] == "audit.sampled"
    assert number not in gate.cli("queue", "list", "--all"), "nobody is asked to decide about it"
    gate.cli("queue", "looked", number)
    assert reviews(gate) == []
    assert len(sink.mails) == 1


def test_without_a_share_nothing_is_chosen(start: Start, sink: Sink) -> None:
    gate = start()
    mail = message("Your order")
    assert deliver(gate.port, ANN, ["bo@example.com"], mail).code == 451
    rest(1.1)
    assert deliver(gate.port, ANN, ["bo@example.com"], mail).code == 250
    until(lambda: rows(gate, "SELECT 1 FROM decision WHERE action = 'accept'"))
    assert reviews(gate) == []
    assert rows(gate, "SELECT 1 FROM copy WHERE state = 'listed'") == []


def test_a_word_teaches_counts_against_the_sender_and_can_be_taken_back(start: Start, sink: Sink) -> None:
    gate = start(ALL)
    number = passed(gate, message("Your loan"))
    until(lambda: kept(gate, number))
    assert "counts against its sender" in gate.cli("teach", "spam", number)
    assert reviews(gate) == []
    assert "and called 1 spam: about 100.0% slip through" in gate.cli("teach", "list")
    assert rows(gate, "SELECT label FROM lesson") == [("spam",)]
    (worst,) = rows(gate, "SELECT max(counter) FROM standing WHERE outcome = 'refused'")
    assert worst[0] > 0
    assert "on the list for review again" in gate.cli("teach", "undo", number)
    assert [row["reply_id"] for row in reviews(gate)] == [number]
    assert "people looked at 0" in gate.cli("teach", "list")
    left = rows(gate, "SELECT counter FROM standing WHERE outcome = 'refused'")
    assert all(abs(one[0]) < worst[0] / 1000 for one in left)
    gate.cli("teach", "ham", number)
    assert reviews(gate) == []
    assert len(sink.mails) == 1, "whatever is said, it stays delivered, once"


def test_what_the_levels_list_can_be_looked_at_too(start: Start, sink: Sink) -> None:
    gate = start({"protection": {"level": "watch"}})
    assert deliver(gate.port, ANN, ["bo@example.com", "cy@example.com"], message("Watched")).code == 250
    until(lambda: len(reviews(gate)) == 2)
    number = reviews(gate)[0]["reply_id"]
    until(lambda: kept(gate, number))
    assert {state for _, state, note in copies(gate, number) if note == "level.watch"} == {"listed"}
    assert "The audit chose no mail" in gate.cli("teach", "list")


def test_what_is_listed_beside_held_mail_is_kept_as_well(start: Start, sink: Sink) -> None:
    """Then the mail is ours first, and leaves by the courier."""
    gate = start({"hold": {"reviewed": True}, "protection": {"overrides": {"bo@example.com": "watch"}}})
    mail = message("Hello")
    assert deliver(gate.port, ANN, ["cy@example.com"], mail).code == 451
    rest(1.1)
    assert deliver(gate.port, ANN, ["cy@example.com"], mail).code == 250
    until(lambda: rows(gate, "SELECT 1 FROM memory"))
    program = with_file("update.exe", b"MZ" + b"x" * 99)
    assert deliver(gate.port, ANN, ["cy@example.com", "bo@example.com"], program).code == 250
    until(lambda: reviews(gate))
    number = reviews(gate)[0]["reply_id"]
    until(lambda: kept(gate, number))
    assert [(to, state) for to, state, _ in copies(gate, number)] == [("bo@example.com", "listed")]
    assert [(row["recipient"], row["state"]) for row in gate.queue() if row["state"] == "held"] == [
        ("cy@example.com", "held")
    ]
    until(lambda: sink.mails[1:])
    assert sink.mails[1].rcpts == ["bo@example.com"]


@pytest.mark.parametrize("reply", [b"450 4.2.0 not now", b"554 5.2.2 no"])
def test_what_the_backend_did_not_take_is_not_listed(start: Start, sink: Sink, reply: bytes) -> None:
    gate = start({"protection": {"level": "watch"}})
    sink.on["RCPT"] = reply
    assert deliver(gate.port, ANN, ["bo@example.com"], message("Hello")).code in (450, 451, 554)
    until(lambda: rows(gate, "SELECT 1 FROM decision WHERE stage = 'data'"))
    assert reviews(gate) == []
    assert rows(gate, "SELECT 1 FROM copy WHERE state = 'listed'") == []


@pytest.mark.parametrize("storage", [{"keep_copies": False}, {"copies_per_network": "1KiB"}])
def test_without_room_it_is_delivered_and_listed_without_its_words(
    start: Start, sink: Sink, storage: dict[str, Any]
) -> None:
    gate = start({"protection": {"level": "watch"}, "storage": storage})
    assert deliver(gate.port, ANN, ["bo@example.com"], message("A secret", body="words\r\n" * 90)).code == 250
    until(lambda: rows(gate, "SELECT 1 FROM copy"))
    assert rows(gate, "SELECT stored, subject, author FROM message") == [("none", "", "")]
    assert "bytes not kept" in gate.cli("queue", "list", "--review")
    assert len(sink.mails) == 1


def test_a_disk_that_takes_nothing_costs_the_copy_and_not_the_delivery(start: Start, sink: Sink) -> None:
    gate = start({"protection": {"level": "watch"}})
    bodies = Path(gate.folder / "storage" / "bodies")
    bundles = bodies / "bundles"
    for one in bundles.glob("*") if bundles.exists() else ():
        one.unlink()
    if bundles.exists():
        bundles.rmdir()
    bundles.write_bytes(b"no folder")
    assert deliver(gate.port, ANN, ["bo@example.com"], message("Hello")).code == 250
    until(lambda: 'event="a listed mail was not kept"' in gate.log)
    assert len(sink.mails) == 1
    until(lambda: reviews(gate))
