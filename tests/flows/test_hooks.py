"""A gateway that runs tells a place what happens to mail, and goes on where it was killed."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.gate import Gate, until
from tests.hooks.receiver import Receiver
from tests.sink import Sink
from tests.talk import deliver, message

ANN, BO = "ann@elsewhere.example", "bo@example.com"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def begun(gate: Gate) -> bool:
    """From then on all is told."""
    with closing(sqlite3.connect(gate.folder / "gate.db")) as conn:
        return bool(conn.execute("SELECT count(*) FROM hook").fetchone()[0])


def test_what_is_held_released_and_delivered_is_told(
    start: Callable[..., Gate], sink: Sink, receiver: Receiver, tmp_path: Path
) -> None:
    secret = tmp_path / "hook.secret"
    secret.write_text("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n")
    hook = {"name": "siem", "address": f"{receiver.url}/in", "secret_file": str(secret)}
    gate = start({"protection": {"overrides": {BO: "review-before"}}, "hook": [hook]})
    until(lambda: begun(gate))
    receiver.answer = lambda _: 500
    reply = deliver(gate.port, ANN, [BO], message("Held for you"))
    assert reply.code == 250
    until(lambda: bool(receiver.told))
    gate.kill("sweep")
    receiver.answer = lambda _: 204
    number = str(gate.queue()[0]["message"])
    gate.cli("queue", "release", number, "--once")
    sink.wait_for(1)
    until(lambda: {"mail.released", "mail.delivered"} <= set(receiver.types) and receiver.types.count("mail.held") > 1)
    held = [one for one in receiver.told if one.type == "mail.held"]
    assert len({(one.number, one.body) for one in held}) == 1
    assert {(one.data["mail"], one.data["recipient"]) for one in receiver.told} == {(number, BO)}
