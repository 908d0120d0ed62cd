"""A real Dovecot behind the gate, by LMTP: one answer for each recipient."""

from collections.abc import Callable

import pytest

from tests.gate import Gate, rest
from tests.peers.conftest import held
from tests.peers.dovecot import Dovecot
from tests.peers.letters import LETTERS, below, split
from tests.talk import Talk, deliver, message

ANN, BO, CY = "ann@elsewhere.example", "bo@example.com", "cy@example.com"
BEFORE, NOBODY = "before@example.com", "nobody@example.com"


@pytest.mark.parametrize("name", LETTERS)
def test_every_letter_reaches_dovecot_byte_for_byte(dovecot: Dovecot, gate_to_dovecot: Gate, name: str) -> None:
    assert deliver(gate_to_dovecot.port, ANN, [BO], LETTERS[name]).code == 250
    assert [below(mail) for mail in dovecot.wait_for(BO)] == [LETTERS[name]]


@pytest.mark.parametrize("sender", ["", "Ann.Other+tag=x@Elsewhere.EXAMPLE"])
def test_dovecot_gets_the_senders_address_as_it_was_given(dovecot: Dovecot, gate_to_dovecot: Gate, sender: str) -> None:
    assert deliver(gate_to_dovecot.port, sender, [BO], message("To Bo")).code == 250
    (arrived,) = dovecot.wait_for(BO)
    assert arrived.startswith(f"Return-Path: <{sender}>\r\n".encode())


def test_what_dovecot_does_not_take_is_not_offered_to_the_sender(gate_to_dovecot: Gate) -> None:
    with Talk(gate_to_dovecot.port) as talk:
        offered = talk.say("EHLO peer.example.net").text.split("\n")
        assert {"8BITMIME", "PIPELINING"} <= set(offered)
        assert not {"SMTPUTF8", "DSN"} & set(offered)
        assert talk.say("MAIL FROM:<jürgen@elsewhere.example>").code == 553


def test_two_recipients_get_one_mail_each_and_do_not_learn_of_each_other(
    dovecot: Dovecot, gate_to_dovecot: Gate
) -> None:
    assert deliver(gate_to_dovecot.port, ANN, [BO, CY], LETTERS["mime"]).code == 250
    for recipient, other in ((BO, b"cy@"), (CY, b"for <bo@")):
        (arrived,) = dovecot.wait_for(recipient)
        assert below(arrived) == LETTERS["mime"]
        assert other not in b"".join(split(arrived)[:2])


def test_a_recipient_unknown_to_dovecot_does_not_keep_the_mail_from_the_others(
    dovecot: Dovecot, gate_to_dovecot: Gate
) -> None:
    """Somebody has it, so the sender is told 250, and who cannot have it is shown to a person."""
    mail = message("To three")
    assert deliver(gate_to_dovecot.port, ANN, [BO, NOBODY, CY], mail).code == 250
    assert [below(one) for one in dovecot.wait_for(BO) + dovecot.wait_for(CY)] == [mail, mail]
    (row,) = gate_to_dovecot.queue()
    assert (row["recipient"], row["state"]) == (NOBODY, "undeliverable")
    assert "refused by the backend: 550 5.1.1" in gate_to_dovecot.cli("queue", "list", "--all")


def test_a_mail_only_for_somebody_unknown_to_dovecot_is_refused_in_its_words(gate_to_dovecot: Gate) -> None:
    refused = deliver(gate_to_dovecot.port, ANN, [NOBODY], message("To nobody"))
    assert (refused.code, refused.text[:5]) == (550, "5.1.1")
    assert "doesn't exist" in refused.text
    assert refused.id


def test_held_mail_arrives_unchanged_and_once_when_released(dovecot: Dovecot, gate_to_dovecot: Gate) -> None:
    names = ("binary", "lone dots")
    for name in names:
        assert deliver(gate_to_dovecot.port, ANN, [BEFORE], LETTERS[name]).code == 250
    for number in held(gate_to_dovecot, len(names)):
        gate_to_dovecot.cli("queue", "release", number, "--once")
    arrived = dovecot.wait_for(BEFORE, len(names))
    assert sorted(below(mail) for mail in arrived) == sorted(LETTERS[name] for name in names)
    assert all(mail.startswith(f"Return-Path: <{ANN}>\r\n".encode()) for mail in arrived)
    rest(1.0)
    assert len(dovecot.boxes(BEFORE)) == len(names)


def test_over_tcp_dovecot_is_asked_who_exists_and_gets_what_patient_strangers_send(
    dovecot: Dovecot, start: Callable[..., Gate]
) -> None:
    gate = start({"recipients": {"verify": "backend"}}, backend=dovecot.url)
    mail = LETTERS["latin-1"]
    with Talk(gate.port) as talk:
        answers = talk.envelope(ANN, [NOBODY, BO, CY])
        assert (answers[1].code, answers[1].text[:5]) == (550, "5.1.1")
        assert [answer.code for answer in answers[2:]] == [250, 250]
        assert talk.data(mail).code == 451
    rest(1.1)
    assert deliver(gate.port, ANN, [BO, CY], mail).code == 250
    assert [below(one) for one in dovecot.wait_for(BO) + dovecot.wait_for(CY)] == [mail, mail]
