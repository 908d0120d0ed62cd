"""The life of a mail on SQLite and on MariaDB, with bodies in files and in the database."""

from collections.abc import Callable

import pytest

from tests.gate import Gate, rest
from tests.sink import Sink
from tests.talk import deliver, message

ANN, BO, BEFORE = "ann@elsewhere.example", "bo@example.com", "before@example.com"


@pytest.mark.parametrize("bodies", ["files", "database"])
def test_waiting_holding_releasing_and_retrying(
    start: Callable[..., Gate], sink: Sink, database_url: str, bodies: str
) -> None:
    gate = start(
        {
            "smtp": {"workers": 2},
            "database": {"url": database_url},
            "storage": {"bodies": bodies},
            "protection": {"overrides": {BEFORE: "review-before"}},
        }
    )
    patient = message("Patient", body="x" * 70 + "\r\n")
    assert deliver(gate.port, ANN, [BO], patient).code == 451
    held = message("Held", body=("y" * 70 + "\r\n") * 20_000)  # several pieces in the database
    assert deliver(gate.port, "eve@elsewhere.example", [BEFORE], held).code == 250
    waiting = message("Released while it waits")
    assert deliver(gate.port, "cy@elsewhere.example", [BO], waiting).code == 451
    rest(0.6)
    by_subject = {row["subject"]: row for row in gate.queue()}
    assert {name: row["state"] for name, row in by_subject.items()} == {
        "Patient": "sender_held",
        "Held": "held",
        "Released while it waits": "sender_held",
    }
    for subject in ("Held", "Released while it waits"):
        gate.cli("queue", "release", by_subject[subject]["message"])
    sink.wait_for(2)
    rest(1)
    assert deliver(gate.port, ANN, [BO], patient).code == 250
    swallowed = deliver(gate.port, "cy@elsewhere.example", [BO], waiting)
    assert (swallowed.code, gate.why(swallowed.id)[0]["code"]) == (250, "retry.delivered")
    assert sorted(mail.below() for mail in sink.mails) == sorted([patient, held, waiting])
    rest(0.5)
    assert gate.queue() == []
    again = deliver(gate.port, ANN, [BO], message("Again"))
    assert (again.code, gate.why(again.id)[0]["code"]) == (250, "party.remembered")
