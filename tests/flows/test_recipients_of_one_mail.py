"""Several recipients, one reply: every row of the table in docs/flow.md, over the wire."""

import time
from collections.abc import Callable

from tests.gate import Gate, rest
from tests.sink import Sink
from tests.talk import Talk, deliver, message

ANN, BO, CY = "ann@elsewhere.example", "bo@example.com", "cy@example.com"
OFF, BEFORE = "off@example.com", "before@example.com"
LEVELS = {"protection": {"overrides": {OFF: "off", BEFORE: "review-before"}}}


def make_known(gate: Gate, sink: Sink, recipient: str = BO) -> None:
    """Let a person release a mail of Ann's for one recipient."""
    deliver(gate.port, ANN, [recipient], message("Introduction"))
    deadline = time.monotonic() + 60
    while not (rows := gate.queue()) and time.monotonic() < deadline:
        time.sleep(0.1)
    gate.cli("queue", "release", rows[0]["message"])
    sink.wait_for(1)
    rest(1.5)
    sink.mails.clear()


def test_a_bot_gains_nothing_by_adding_an_unprotected_recipient(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start({**LEVELS, "greylist": {"wait": "1h"}})
    with Talk(gate.port) as talk:
        answers = talk.envelope("bot@spam.example", [OFF, BO])
        assert [answer.code for answer in answers] == [250, 250, 452]
        assert answers[2].text.startswith("4.5.3")
        assert talk.data(message("Buy")).code == 250
    assert [mail.rcpts for mail in sink.mails] == [[OFF]]
    rest(0.5)
    with Talk(gate.port) as talk:
        assert [answer.code for answer in talk.envelope("bot@spam.example", [BO, OFF])] == [250, 250, 452]
        assert talk.data(message("Buy more")).code == 451


def test_a_452_counts_as_the_first_sighting(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(LEVELS)
    mail = message("To both")
    with Talk(gate.port) as talk:
        assert talk.envelope(ANN, [OFF, BO])[2].code == 452
        talk.data(mail)
    rest(1.2)
    assert deliver(gate.port, ANN, [BO], mail).code == 250
    assert [one.rcpts for one in sink.mails] == [[OFF], [BO]]


def test_a_known_senders_mail_carries_waiting_recipients_along(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start({"greylist": {"wait": "2s"}})
    make_known(gate, sink)
    mail = message("To two")
    with Talk(gate.port) as talk:
        assert [answer.code for answer in talk.envelope(ANN, [BO, CY])] == [250, 250, 250]
        assert talk.data(mail).code == 250
    sink.wait_for(2, within=60)
    assert sorted(one.rcpts for one in sink.mails) == [[BO], [CY]]
    assert {one.below() for one in sink.mails} == {mail}


def test_a_new_recipient_defers_the_patient_one_with_it(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start()
    mail = message("Growing")
    assert deliver(gate.port, ANN, [BO], mail).code == 451
    rest(1.1)
    assert deliver(gate.port, ANN, [BO, CY], mail).code == 451
    assert sink.mails == []
    rest(1.1)
    assert deliver(gate.port, ANN, [BO, CY], mail).code == 250
    assert [one.rcpts for one in sink.mails] == [[BO, CY]]


def test_mail_for_a_recipient_who_decides_beforehand_is_held(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(LEVELS)
    mail = message("May I?")
    assert deliver(gate.port, ANN, [BEFORE], mail).code == 250
    (row,) = gate.queue()
    assert (row["state"], row["recipient"], row["reason"]) == ("held", BEFORE, "level.review_before")
    assert sink.mails == []
    gate.cli("queue", "release", row["message"])
    assert sink.wait_for(1)[0].below() == mail
    rest(1.2)
    assert deliver(gate.port, ANN, [BEFORE], message("Again")).code == 250
    assert len(sink.wait_for(2)) == 2, "an approved sender passes at once"


def test_waiting_and_holding_recipients_do_not_share_a_transaction(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(LEVELS)
    with Talk(gate.port) as talk:
        assert [answer.code for answer in talk.envelope(ANN, [BEFORE, BO])] == [250, 250, 452]


def test_a_recipient_named_twice_gets_one_mail(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start(LEVELS)
    assert deliver(gate.port, ANN, [OFF, OFF.upper(), OFF], message("Once")).code == 250
    assert [one.rcpts for one in sink.mails] == [[OFF]]


def test_blind_copies_stay_blind(start: Callable[..., Gate], sink: Sink) -> None:
    gate = start({"protection": {"overrides": {"example.com": "off"}}})
    assert deliver(gate.port, ANN, [BO, CY], message("Two")).code == 250
    assert b"for <" not in sink.mails[0].content
    assert deliver(gate.port, ANN, [BO], message("One")).code == 250
    assert b"for <bo@example.com>" in sink.mails[1].content
