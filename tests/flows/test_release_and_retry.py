"""A person releases or refuses what the sender still has: exactly one delivery, whoever is first."""

import time
from collections.abc import Callable
from threading import Event

import pytest

from tests.gate import Gate, rest, until
from tests.sink import Sink
from tests.talk import deliver, message

ANN, BO = "ann@elsewhere.example", "bo@example.com"
NEVER = {"greylist": {"wait": "1h"}}  # the sender's own patience decides nothing here


def waiting(gate: Gate, count: int = 1, within: float = 60.0) -> list[dict[str, object]]:
    """The queue, once it shows what it should."""
    deadline = time.monotonic() + within
    while len(rows := gate.queue()) < count and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(rows) == count, rows
    return rows


def deferred(gate: Gate, mail: bytes, sender: str = ANN) -> str:
    """Send a stranger's mail; the id of its copy."""
    assert deliver(gate.port, sender, [BO], mail).code == 451
    return str(waiting(gate)[0]["message"])


def test_released_mail_is_delivered_and_its_retry_is_swallowed_once(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(NEVER)
    mail = message("Please read")
    number = deferred(gate, mail)
    assert "on its way" in gate.cli("queue", "release", number, "--once")
    sink.wait_for(1)
    assert [one.below() for one in sink.mails] == [mail]
    until(lambda: f"event=delivery message={number} recipient={BO} outcome=delivered" in gate.log)
    retry = deliver(gate.port, ANN, [BO], mail)
    assert retry.code == 250
    assert gate.why(retry.id)[0]["code"] == "retry.delivered"
    assert len(sink.mails) == 1
    assert deliver(gate.port, ANN, [BO], mail).code == 250, "an hour's grace for a lost reply"
    assert len(sink.mails) == 1


def test_a_retry_before_the_released_copy_reached_the_backend_gets_451(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(NEVER)
    sink.on["RCPT"] = b"450 4.2.0 not now"
    mail = message("Not yet there")
    gate.cli("queue", "release", deferred(gate, mail), "--once")
    rest(2)
    early = deliver(gate.port, ANN, [BO], mail)
    assert early.code == 451
    assert gate.why(early.id)[0]["code"] == "retry.in_flight"
    assert sink.mails == []


def test_after_the_backends_5xx_the_retry_gets_that_5xx(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(NEVER)
    sink.on["RCPT"] = b"554 5.2.2 mailbox is full for ever"
    mail = message("Nobody wants it")
    number = deferred(gate, mail)
    gate.cli("queue", "release", number, "--once")
    deadline = time.monotonic() + 60
    while gate.queue()[0]["state"] != "undeliverable" and time.monotonic() < deadline:
        time.sleep(0.1)
    retry = deliver(gate.port, ANN, [BO], mail)
    assert (retry.code, "mailbox is full" in retry.text) == (554, True)
    assert gate.queue()[0]["state"] == "undeliverable"


def test_refused_mail_answers_its_retry_550_and_other_mail_is_not_touched(
    start: Callable[..., Gate], sink: Sink
) -> None:
    gate = start(NEVER)
    mail = message("Spam", number="x1")
    assert "550" in gate.cli("queue", "refuse", deferred(gate, mail))
    refused = deliver(gate.port, ANN, [BO], mail)
    assert (refused.code, refused.text.startswith("5.7.1")) == (550, True)
    assert deliver(gate.port, ANN, [BO], message("Spam", number="x2")).code == 451
    assert deliver(gate.port, "eve@elsewhere.example", [BO], mail).code == 451
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.5.1").code == 451, "another network: not surely the same"


def test_a_retry_that_passed_first_closes_the_copy(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start({"smtp": {"workers": 2}})
    mail = message("I was patient")
    number = deferred(gate, mail)
    rest(1.1)
    assert deliver(gate.port, ANN, [BO], mail).code == 250
    told = gate.cli("queue", "release", number, check=False)
    assert "nothing to decide" in told
    assert "passed" in told
    rest(2)
    assert len(sink.mails) == 1


def test_a_release_while_the_retry_is_passing_is_told_so(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start({"smtp": {"reply_within": "1s"}})
    mail = message("Slow")
    number = deferred(gate, mail)
    rest(1.1)
    may_go = Event()
    sink.on["."] = lambda argument: may_go.wait(60) and b"250 2.0.0 taken"
    assert deliver(gate.port, ANN, [BO], mail).code == 451
    assert "delivering it right now" in gate.cli("queue", "release", number, check=False)
    again = deliver(gate.port, ANN, [BO], mail)
    assert (again.code, gate.why(again.id)[0]["code"]) == (451, "retry.in_flight")
    may_go.set()
    sink.wait_for(1)
    rest(1)
    assert deliver(gate.port, ANN, [BO], mail).code == 250
    assert len(sink.mails) == 1


def test_a_different_mail_with_the_same_message_id_is_never_discarded(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(NEVER)
    gate.cli("queue", "release", deferred(gate, message("One", number="same", body="one\r\n")), "--once")
    sink.wait_for(1)
    rest(0.5)
    other = deliver(gate.port, ANN, [BO], message("Two", number="same", body="two\r\n"))
    assert other.code == 451
    assert gate.why(other.id)[0]["code"].startswith("greylist.")


def test_an_altered_retry_of_released_mail_is_judged_on_its_own_and_its_copy_is_closed(
    start: Callable[..., Gate], sink: Sink
) -> None:
    gate = start(NEVER)
    original = message("Newsletter", number="n1", body="text\r\n")
    gate.cli("queue", "release", deferred(gate, original), "--once")
    sink.wait_for(1)
    rest(0.5)
    altered = message("Newsletter", number="n1", body="text\r\n-- \r\nsent again by relay 7\r\n")
    assert deliver(gate.port, ANN, [BO], altered).code == 451
    rest(0.5)
    assert gate.queue() == [], "nobody is asked about a mail that was probably delivered"


@pytest.mark.parametrize("missing", ["Date", "Message-ID"])
def test_mail_that_looks_alike_every_day_is_never_swallowed(
    start: Callable[..., Gate], sink: Sink, missing: str
) -> None:
    gate = start(NEVER)
    lines = message("Backup ok", number="daily").split(b"\r\n")
    mail = b"\r\n".join(line for line in lines if not line.startswith(missing.encode()))
    gate.cli("queue", "release", deferred(gate, mail), "--once")
    sink.wait_for(1)
    rest(0.5)
    tomorrow = deliver(gate.port, ANN, [BO], mail)
    assert tomorrow.code == 451, "it waits like any other; it is not answered 250 and dropped"
    gate.cli("known", "allow", "127.0.0.0/24")
    rest(1.5)
    assert deliver(gate.port, ANN, [BO], mail).code == 250
    assert len(sink.mails) == 2


def test_a_tombstone_cannot_be_made_for_anothers_mail(start: Callable[..., Gate], sink: Sink) -> None:
    """Who knows a mail that will come, sends it first and has it released, does not get the real one dropped."""
    gate = start(NEVER)
    mail = message("Invoice 17")
    assert deliver(gate.port, ANN, [BO], mail, source="127.0.9.9").code == 451
    gate.cli("queue", "release", str(waiting(gate)[0]["message"]), "--once")
    sink.wait_for(1)
    rest(0.5)
    real = deliver(gate.port, ANN, [BO], mail, source="127.0.0.1")
    assert real.code == 451
    assert gate.why(real.id)[0]["code"] != "retry.delivered"


def test_releasing_makes_the_sender_known(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(NEVER)
    gate.cli("queue", "release", deferred(gate, message("First")))
    sink.wait_for(1)
    rest(1.5)
    second = deliver(gate.port, ANN, [BO], message("Second"))
    assert (second.code, gate.why(second.id)[0]["code"]) == (250, "party.known")
    assert "known" in gate.cli("known", "list", "ann@")


def test_forgetting_takes_effect_in_every_worker_within_a_second(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start({**NEVER, "smtp": {"workers": 2}})
    gate.cli("queue", "release", deferred(gate, message("First")))
    sink.wait_for(1)
    rest(1.5)
    assert {deliver(gate.port, ANN, [BO], message(f"Known {n}")).code for n in range(6)} == {250}
    gate.cli("known", "forget", ANN)
    rest(1.3)
    assert {deliver(gate.port, ANN, [BO], message(f"Forgotten {n}")).code for n in range(6)} == {451}
