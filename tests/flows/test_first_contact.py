"""The one story everybody knows: a stranger waits, comes back, and is let in."""

from collections.abc import Callable

from tests.gate import Gate, rest
from tests.sink import Sink
from tests.talk import deliver, message

ANN, BO = "ann@elsewhere.example", "bo@example.com"


def test_a_stranger_waits_and_is_then_let_in(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start()
    mail = message("First contact")
    first = deliver(gate.port, ANN, [BO], mail)
    assert first.code == 451
    assert first.text.startswith("4.7.0 Greylisted")
    assert gate.why(first.id)[0]["code"] == "greylist.new"
    assert sink.mails == []
    rest(1.1)
    assert deliver(gate.port, ANN, [BO], mail).code == 250
    assert [one.below() for one in sink.mails] == [mail]
    assert sink.mails[0].rcpts == [BO]


def test_a_remembered_sender_does_not_wait_again(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start()
    mail = message("First")
    deliver(gate.port, ANN, [BO], mail)
    rest(1.1)
    assert deliver(gate.port, ANN, [BO], mail).code == 250
    rest(0.5)
    again = deliver(gate.port, ANN, [BO], message("Second"))
    assert again.code == 250
    assert gate.why(again.id)[0]["code"] == "party.remembered"
    assert sink.subjects() == ["First", "Second"]


def test_another_mail_from_the_same_network_is_no_retry(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start()
    deliver(gate.port, ANN, [BO], message("One spray", body="one\r\n"))
    rest(1.1)
    second = deliver(gate.port, ANN, [BO], message("Another spray", body="two\r\n"))
    assert second.code == 451
    assert gate.why(second.id)[0]["code"] == "greylist.other_content"
    assert sink.mails == []
