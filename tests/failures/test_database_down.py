"""The database stops, dies, freezes or says nothing: strangers come back later, known senders pass, nobody gets 5xx."""

import re
import signal
import time
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest

from tests import mariadb
from tests.conftest import need
from tests.failures.books import queue, until_empty
from tests.gate import Gate, rest
from tests.sink import Sink
from tests.talk import Answer, Talk, deliver, message

ANN, EVE, BO, BEFORE = "ann@elsewhere.example", "eve@elsewhere.example", "bo@example.com", "before@example.com"
LEVELS = {"protection": {"overrides": {BEFORE: "review-before"}}}
INTERNALS = re.compile(r"mysql|maria|sql|10061|20\d\d,|Errno|lost connection|can't connect|127\.0\.0\.1|timeout", re.I)
SOON = 60.0  # seconds until a reply, whatever the database does


@pytest.fixture(scope="module")
def server() -> Iterator[mariadb.MariaDB]:
    """A server of our own, to be stopped as we like."""
    need(mariadb.is_installed(), "MariaDB (apt-get install mariadb-server)")
    made = mariadb.MariaDB.start()
    yield made
    if made.process is not None:
        made.process.send_signal(signal.SIGCONT)
    made.remove()


@pytest.fixture
def run(start: Callable[..., Gate], server: mariadb.MariaDB) -> Callable[..., Gate]:
    """Start a gate on an empty database of that server, with Ann known by heart."""

    def begin(**settings: dict[str, Any]) -> Gate:
        gate = start({**LEVELS, "database": {"url": server.fresh()}, **settings})
        mail = message("Introduction")
        assert deliver(gate.port, ANN, [BO], mail).code == 451
        rest(1.2)
        assert deliver(gate.port, ANN, [BO], mail).code == 250
        rest(0.5)
        assert deliver(gate.port, ANN, [BO], message("Known by heart from now on")).code == 250
        rest(0.5)
        return gate

    return begin


def timed(gate: Gate, sender: str, recipient: str, mail: bytes) -> Answer:
    """Send it; the answer must come soon and keep our troubles to ourselves."""
    began = time.monotonic()
    answer = deliver(gate.port, sender, [recipient], mail)
    assert time.monotonic() - began < 2 * SOON, "one wait at RCPT, one after the dot"
    assert answer.code < 500, answer
    assert not INTERNALS.search(answer.text), answer
    return answer


def let_in(gate: Gate, sender: str, mail: bytes, within: float = 60.0) -> None:
    """A stranger's mail, sent until it is taken."""
    deadline = time.monotonic() + within
    while timed(gate, sender, BO, mail).code != 250:
        assert time.monotonic() < deadline
        time.sleep(0.4)


def freeze(server: mariadb.MariaDB) -> None:
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)


def thaw(server: mariadb.MariaDB) -> None:
    assert server.process is not None
    server.process.send_signal(signal.SIGCONT)


def test_while_it_is_down_strangers_come_back_later_and_known_senders_pass(
    run: Callable[..., Gate], server: mariadb.MariaDB, sink: Sink
) -> None:
    gate = run()
    waiting = message("Began before")
    assert timed(gate, EVE, BO, waiting).code == 451
    rest(0.5)
    server.stop()
    for recipient in (BO, BEFORE):
        answer = timed(gate, "new@elsewhere.example", recipient, message("Stranger"))
        assert (answer.code, answer.text[:5]) == (451, "4.3.0")
    assert timed(gate, EVE, BO, waiting).code == 451, "a retry cannot be told from a first attempt"
    assert timed(gate, ANN, BO, message("Known")).code == 250
    server.run()
    let_in(gate, EVE, waiting)
    let_in(gate, "new@elsewhere.example", message("Stranger, later"))
    assert deliver(gate.port, ANN, [BEFORE], message("To be held")).code == 250
    assert [row["state"] for row in queue(gate) if row["recipient"] == BEFORE] == ["held"]
    wanted = ["Began before", "Known", "Stranger, later"]
    assert sorted(sink.subjects()[2:]) == wanted, "each of them once"


def test_a_mail_whose_data_come_while_it_goes_down_stays_with_its_sender(
    run: Callable[..., Gate], server: mariadb.MariaDB, sink: Sink
) -> None:
    gate = run()
    held, stranger = Talk(gate.port), Talk(gate.port)
    with held, stranger:
        assert held.envelope("h@elsewhere.example", [BEFORE])[-1].code == 250
        assert stranger.envelope("s@elsewhere.example", [BO])[-1].code == 250
        server.stop()
        for talk, subject in ((held, "To be held"), (stranger, "Stranger")):
            answer = talk.data(message(subject))
            assert answer.code == 451
            assert not INTERNALS.search(answer.text), answer
    server.run()
    again = message("To be held")
    deadline = time.monotonic() + 60
    while deliver(gate.port, "h@elsewhere.example", [BEFORE], again).code != 250:
        assert time.monotonic() < deadline
        time.sleep(0.3)
    assert [row["subject"] for row in queue(gate) if row["recipient"] == BEFORE] == ["To be held"]


def test_after_a_crash_of_the_server_all_goes_on(run: Callable[..., Gate], server: mariadb.MariaDB, sink: Sink) -> None:
    gate = run()
    assert deliver(gate.port, "h@elsewhere.example", [BEFORE], message("Held")).code == 250
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    assert timed(gate, EVE, BO, message("Stranger")).code == 451
    server.run()
    assert [row["subject"] for row in queue(gate) if row["state"] == "held"] == ["Held"], "250 was said for it"
    let_in(gate, EVE, message("Stranger"))


def test_with_pass_strangers_are_let_in_while_it_is_down(
    run: Callable[..., Gate], server: mariadb.MariaDB, sink: Sink
) -> None:
    gate = run(fail={"database": "pass"})
    server.stop()
    assert timed(gate, EVE, BO, message("Let in")).code == 250
    server.run()
    assert sink.subjects()[2:] == ["Let in"]
    rest(1)
    assert timed(gate, "new@elsewhere.example", BO, message("Waits again")).code == 451


def test_while_it_is_frozen_everybody_gets_an_answer(
    run: Callable[..., Gate], server: mariadb.MariaDB, sink: Sink
) -> None:
    gate = run()
    freeze(server)
    began = time.monotonic()
    try:
        with Talk(gate.port) as talk:
            answer = talk.envelope(EVE, [BO])[-1]
            assert (answer.code, answer.text[:5]) == (451, "4.3.0")
        assert time.monotonic() - began < SOON
        assert timed(gate, ANN, BO, message("Known")).code == 250
    finally:
        thaw(server)
    let_in(gate, EVE, message("Stranger"))
    assert sorted(sink.subjects()[2:]) == ["Known", "Stranger"]


def test_a_release_that_was_delivered_while_it_was_down_is_noted_and_not_repeated(
    run: Callable[..., Gate], server: mariadb.MariaDB, sink: Sink
) -> None:
    gate = run()
    assert deliver(gate.port, "h@elsewhere.example", [BEFORE], message("Held")).code == 250
    (row,) = [row for row in queue(gate) if row["state"] == "held"]
    may_go = Event()
    sink.on["."] = lambda argument: may_go.wait(60) and b"250 2.0.0 taken"
    gate.cli("queue", "release", row["message"], "--once")
    deadline = time.monotonic() + 60
    while "Held" not in "".join(str(open_one) for open_one in under_way(gate)):
        assert time.monotonic() < deadline, "the courier did not begin"
        time.sleep(0.1)
    server.stop()
    may_go.set()
    sink.wait_for(3)
    rest(1)
    server.run()
    until_empty(gate, within=60)
    assert sink.subjects()[2:] == ["Held"]


def under_way(gate: Gate) -> list[dict[str, Any]]:
    return [row for row in queue(gate) if row.get("lease_until")]
