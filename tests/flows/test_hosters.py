"""Private hosters over the wire: added while it runs, strangers from there wait longer, and others do not."""

from collections.abc import Callable
from pathlib import Path

from tests.gate import Gate, rest, until
from tests.sink import Sink
from tests.talk import Answer, deliver, message

ANN, BO = "ann@elsewhere.example", "bo@example.com"
HOSTED, ELSEWHERE = "127.0.7.1", "127.0.8.1"
FOLLOWED = 1.5  # seconds: workers look for changes once a second


def twice(gate: Gate, source: str, mail: bytes) -> Answer:
    """The first try, and the answer to the retry after everybody's wait."""
    assert deliver(gate.port, ANN, [BO], mail, source).code == 451
    rest(1.2)
    return deliver(gate.port, ANN, [BO], mail, source)


def test_a_stranger_at_a_hoster_waits_longer_and_one_from_elsewhere_does_not(
    start: Callable[..., Gate], sink: Sink, tmp_path: Path
) -> None:
    systems = tmp_path / "asn.tsv"
    systems.write_text("127.0.7.0/24\t64500\tA hoster\n")
    gate = start({"hosters": {"wait": "1h", "asn_file": str(systems)}})
    gate.cli("hosters", "add", "AS64500")
    rest(FOLLOWED)
    answer = twice(gate, HOSTED, message("From a rented machine"))
    assert (answer.code, gate.why(answer.id)[0]["code"]) == (451, "hoster.wait")
    assert twice(gate, ELSEWHERE, message("From elsewhere", body="Other words.\r\n")).code == 250


def test_the_retry_of_a_stranger_at_a_hoster_is_held_for_a_person(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start({"hosters": {"action": "hold"}, "hold": {"reviewed": True}})
    gate.cli("hosters", "add", "127.0.7.0/24")
    rest(FOLLOWED)
    assert twice(gate, HOSTED, message("From a rented machine")).code == 250
    until(lambda: "reason=hoster.hold" in gate.log)
    assert sink.mails == []
    assert [row["state"] for row in gate.queue()] == ["held"]
