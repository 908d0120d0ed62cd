"""A domain that looks like one we know: held when it comes back, from the moment that the other is known."""

from collections.abc import Callable

from tests.gate import Gate, rest, until
from tests.sink import Sink
from tests.talk import deliver, message

BO = "bo@example.com"


def comes_back(gate: Gate, sender: str, subject: str, author: str | None = None) -> str:
    """Deferred once, and back after the wait: the code that decided."""
    mail = message(subject, sender=author or sender, body=f"{subject}.\r\n")
    assert deliver(gate.port, sender, [BO], mail).code == 451
    rest(1.2)
    taken = deliver(gate.port, sender, [BO], mail)
    assert taken.code == 250
    return str(gate.why(taken.id)[0]["code"])


def test_what_looks_like_ours_or_like_somebody_we_know_is_held(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start({"hold": {"reviewed": True}})
    assert comes_back(gate, "ann@examp1e.com", "Like ours") == "sender.lookalike"
    assert comes_back(gate, "ann@elsewhere.example", "In From", author="boss@exarnple.com") == "sender.lookalike"
    assert comes_back(gate, "ann@rnodernbank.example", "Like nobody") == "greylist.passed"
    mail = message("The bank", sender="ann@modernbank.example")
    assert deliver(gate.port, "ann@modernbank.example", [BO], mail).code == 451
    until(lambda: any(row["subject"] == "The bank" for row in gate.queue()))
    (number,) = (row["message"] for row in gate.queue() if row["subject"] == "The bank")
    gate.cli("queue", "release", number)
    rest(2.5)  # until every worker has learnt it
    assert comes_back(gate, "bob@modembank.example", "Like the bank") == "sender.lookalike"
    assert sink.subjects() == ["Like nobody", "The bank"]
