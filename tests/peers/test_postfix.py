"""A real Postfix behind the gate, and one before it."""

import re
import time
from collections.abc import Callable, Iterator

import pytest

from tests.gate import Gate, rest
from tests.peers.conftest import held
from tests.peers.letters import LETTERS, POSTFIX_CHANGES, below, split
from tests.peers.postfix import Postfix
from tests.sink import Sink
from tests.talk import Talk, deliver, message

ANN, BO, CY = "ann@elsewhere.example", "bo@example.com", "cy@example.com"
BO_WAITS, CY_WAITS, BEFORE, SECRET = (f"{one}@example.com" for one in ("bo.waits", "cy.waits", "before", "secret"))


# ---- as the backend ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LETTERS)
def test_every_letter_reaches_postfix_byte_for_byte(postfix: Postfix, gate_to_postfix: Gate, name: str) -> None:
    assert deliver(gate_to_postfix.port, ANN, [BO], LETTERS[name]).code == 250
    expected = LETTERS[name].replace(*POSTFIX_CHANGES.get(name, (b"", b"")))
    assert [below(mail) for mail in postfix.wait_for(BO)] == [expected]


def test_utf8_addresses_and_fields_reach_postfix_as_they_are(postfix: Postfix, gate_to_postfix: Gate) -> None:
    mail = message("Grüße", sender="jürgen@elsewhere.example", to="höflich@example.com", body="日本語\r\n")
    with Talk(gate_to_postfix.port) as talk:
        assert "SMTPUTF8" in talk.say("EHLO peer.example.net").text
        assert talk.say("MAIL FROM:<jürgen@elsewhere.example> BODY=8BITMIME SMTPUTF8").code == 250
        assert talk.say("RCPT TO:<höflich@example.com>").code == 250
        assert talk.data(mail).code == 250
    (arrived,) = postfix.wait_for("höflich@example.com")
    assert below(arrived) == mail
    assert arrived.startswith("Return-Path: <jürgen@elsewhere.example>\r\n".encode())
    assert "with UTF8SMTP id" in arrived.decode()


@pytest.mark.parametrize("sender", ["", "Ann.Other+tag=x@Elsewhere.EXAMPLE", "o'neil&co!@elsewhere.example"])
def test_postfix_gets_the_senders_address_as_it_was_given(postfix: Postfix, gate_to_postfix: Gate, sender: str) -> None:
    assert deliver(gate_to_postfix.port, sender, ["BO@Example.com"], message("To Bo")).code == 250
    (arrived,) = postfix.wait_for(BO)
    assert arrived.startswith(f"Return-Path: <{sender}>\r\n".encode())
    assert b"\r\nX-Original-To: BO@Example.com\r\n" in arrived


def test_dsn_parameters_go_through_the_gate_and_through_postfix(
    start: Callable[..., Gate], make_postfix: Callable[..., Postfix]
) -> None:
    last = Sink(lmtp=True)
    behind = make_postfix(virtual_transport=f"lmtp:inet:127.0.0.1:{last.port}")
    gate = start({"protection": {"level": "off"}}, backend=behind.url)
    with Talk(gate.port) as talk:
        assert "DSN" in talk.say("EHLO peer.example.net").text
        assert talk.say(f"MAIL FROM:<{ANN}> BODY=8BITMIME RET=HDRS ENVID=QQ314159+2B1").code == 250
        assert talk.say(f"RCPT TO:<{BO}> NOTIFY=FAILURE,DELAY ORCPT=rfc822;Bo+2BOld@old.example").code == 250
        assert talk.say(f"RCPT TO:<{CY}> NOTIFY=NEVER").code == 250
        assert talk.data(LETTERS["lone dots"]).code == 250
    (mail,) = last.wait_for(1)
    assert mail.sender.startswith(f"FROM:<{ANN}>")
    assert {"RET=HDRS", "ENVID=QQ314159+2B1", "BODY=8BITMIME"} <= set(mail.sender.split())
    one, two = sorted(mail.recipients)
    assert {"NOTIFY=FAILURE,DELAY", "ORCPT=rfc822;Bo+2BOld@old.example"} <= set(one.split())
    assert "NOTIFY=NEVER" in two.split()
    assert below(mail.content) == LETTERS["lone dots"]
    last.close()


def test_postfix_sees_each_original_peer_over_one_connection(postfix: Postfix, gate_to_postfix: Gate) -> None:
    for source, hello in (("127.0.1.5", "first.example.net"), ("127.0.2.6", "second.example.net")):
        with Talk(gate_to_postfix.port, source) as talk:
            talk.envelope(ANN, [BO], hello)
            assert talk.data(message(hello)).code == 250
    tops, ours, _ = zip(*map(split, postfix.wait_for(BO, 2)), strict=True)
    for words in (b"first.example.net (unknown [127.0.1.5])", b"second.example.net (unknown [127.0.2.6])"):
        assert any(b"\r\nReceived: from " + words in top for top in tops), "as Postfix tells it"
        assert any(b"\r\nReceived: from " + words in fields for fields in ours), "as we tell it"
    (line,) = postfix.log_lines(r"client=unknown\[127\.0\.1\.5\]")
    process = re.search(r"smtpd\[\d+\]", line)
    (other,) = postfix.log_lines(r"client=unknown\[127\.0\.2\.6\]")
    assert process
    assert process[0] in other


def test_a_name_that_postfix_does_not_like_does_not_keep_the_mail_back(postfix: Postfix, gate_to_postfix: Gate) -> None:
    """Its EHLO is refused there, so we say our own name; the address is the peer's all the same."""
    with Talk(gate_to_postfix.port, "127.0.3.7") as talk:
        talk.envelope(ANN, [BO], "not_a/name!")
        assert talk.data(message("From a strange name")).code == 250
    top, ours, _ = split(*postfix.wait_for(BO))
    assert b"\r\nReceived: from gate.example.com (unknown [127.0.3.7])\r\n" in top
    assert b"\r\nReceived: from not_a/name! (unknown [127.0.3.7])\r\n" in ours
    assert postfix.log_lines("Helo command rejected")


def test_nobody_learns_of_a_blind_copy(postfix: Postfix, gate_to_postfix: Gate) -> None:
    """Whether both recipients are behind one next hop, or parted because theirs differ."""
    for recipients in ([BO, SECRET], [BO, "secret@example.org"], ["bo@example.org", SECRET]):
        postfix.empty()
        assert deliver(gate_to_postfix.port, ANN, recipients, message("To one")).code == 250
        (seen,) = postfix.wait_for(recipients[0])
        (hidden,) = postfix.wait_for(recipients[1])
        assert b"secret" not in seen
        assert b" for <" not in split(hidden)[1]
        assert below(seen) == below(hidden)


def test_each_level_treats_the_same_mail_in_its_own_way(postfix: Postfix, gate_to_postfix: Gate) -> None:
    port, mail = gate_to_postfix.port, LETTERS["binary"]
    assert deliver(port, ANN, [BO], mail).code == 250
    assert deliver(port, ANN, [BO_WAITS], mail).code == 451
    assert deliver(port, ANN, [BEFORE], mail).code == 250
    rest(1.2)
    assert [len(postfix.boxes(one)) for one in (BO, BO_WAITS, BEFORE)] == [1, 0, 0]
    assert deliver(port, ANN, [BO_WAITS], mail).code == 250
    gate_to_postfix.cli("queue", "release", *held(gate_to_postfix), "--once")
    arrived = [postfix.wait_for(one) for one in (BO, BO_WAITS, BEFORE)]
    assert [[below(one) for one in mails] for mails in arrived] == [[mail], [mail], [mail]]


def test_held_mail_arrives_unchanged_and_once_when_released(postfix: Postfix, gate_to_postfix: Gate) -> None:
    names = ("lone dots", "a line of 60,000", "no body")
    for name in names:
        assert deliver(gate_to_postfix.port, ANN, [BEFORE], LETTERS[name]).code == 250
    for number in held(gate_to_postfix, len(names)):
        gate_to_postfix.cli("queue", "release", number, "--once")
    arrived = postfix.wait_for(BEFORE, len(names))
    assert sorted(below(mail) for mail in arrived) == sorted(LETTERS[name] for name in names)
    assert all(mail.startswith(f"Return-Path: <{ANN}>\r\n".encode()) for mail in arrived)
    rest(1.0)
    assert len(postfix.boxes(BEFORE)) == len(names)


def test_postfix_is_asked_whether_a_recipient_exists(
    start: Callable[..., Gate], make_postfix: Callable[..., Postfix]
) -> None:
    behind = make_postfix()
    gate = start({"recipients": {"verify": "backend"}, "protection": {"level": "off"}}, backend=behind.url)
    with Talk(gate.port) as talk:
        answers = talk.envelope(ANN, ["nobody@example.com", BO])
        assert (answers[1].code, answers[1].text[:5]) == (550, "5.1.1")
        assert answers[2].code == 250
        assert talk.data(message("To Bo")).code == 250
    assert len(behind.wait_for(BO)) == 1
    behind.stop()
    with Talk(gate.port) as talk:
        answers = talk.envelope(ANN, [CY, BO, "nobody@example.com"])
        assert [answer.code for answer in answers[1:]] == [450, 250, 550], "what it said before is remembered"
        assert talk.data(message("Again")).code == 451
    behind.start()
    deadline = time.monotonic() + 120  # a probe goes out every half minute
    while (answer := deliver(gate.port, ANN, [CY], message("Back"))).code != 250 and time.monotonic() < deadline:
        time.sleep(0.5)
    assert answer.code == 250


# ---- as the sender -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def queue(gate_to_postfix: Gate) -> Iterator[Postfix]:
    """A Postfix that sends everything to the gate, and tries again after a second."""
    server = Postfix(sending_to(gate_to_postfix))
    try:
        yield server.start()
    finally:
        server.remove()


def sending_to(gate: Gate) -> dict[str, str]:
    return {
        "virtual_mailbox_domains": "",
        "relayhost": f"[127.0.0.1]:{gate.port}",
        "smtpd_relay_restrictions": "permit_mynetworks, reject",
        "myhostname": "out.elsewhere.example",
    }


@pytest.mark.parametrize("order", [[BO_WAITS, BO, CY_WAITS], [BO, BO_WAITS, CY_WAITS]])
def test_a_real_queue_gets_its_mail_to_recipients_of_different_levels_once_each(
    postfix: Postfix, queue: Postfix, order: list[str]
) -> None:
    mail, sender = LETTERS["eight bit"], f"{order[0]}@elsewhere.example".replace("@example.com", "")
    before = len(queue.log)
    assert deliver(queue.port, sender, order, mail).code == 250
    for recipient in order:
        (arrived,) = postfix.wait_for(recipient, within=60)
        top, found, more = below(arrived).partition(b"From: Ann")
        assert found + more == mail
        assert top.startswith(b"Received: from peer.example.net")
    deadline = time.monotonic() + 60
    while queue.queued() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert queue.queued() == 0
    rest(1.5)
    assert [len(postfix.boxes(recipient)) for recipient in order] == [1, 1, 1]
    assert "said: 452 4.5.3" in queue.log[before:], "some had to come in a transaction of their own"
    assert "status=bounced" not in queue.log


def test_a_real_queue_is_rid_of_the_mail_that_a_person_released_meanwhile(
    postfix: Postfix, start: Callable[..., Gate], make_postfix: Callable[..., Postfix]
) -> None:
    """Its next try is answered 250 and dropped."""
    gate = start({"greylist": {"wait": "1h"}}, backend=postfix.url)
    # With the size announced, the wait would have to end first.
    sender = make_postfix(**sending_to(gate), smtp_discard_ehlo_keywords="size")
    mail = LETTERS["lone dots"]
    assert deliver(sender.port, ANN, [BO], mail).code == 250
    gate.cli("queue", "release", *held(gate), "--once")
    (arrived,) = postfix.wait_for(BO)
    assert below(arrived).endswith(mail)
    assert sender.log_lines(r"status=sent \(250 ", within=60)
    rest(1.5)
    assert (sender.queued(), len(postfix.boxes(BO))) == (0, 1)
