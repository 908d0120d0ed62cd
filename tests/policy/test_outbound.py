"""What mail of ours teaches, and what a bounce tells: pure, with every moment given."""

from dataclasses import replace

import pytest

from gateway.model import Action, Address, Bounce, Envelope, MailParameters, Peer, Reason, ReasonCode, RecipientClass
from gateway.policy import bounce, inbound
from gateway.policy.bounce import Noted, Returned, judge, read_bounce
from gateway.policy.outbound import (
    Arrival,
    Letter,
    is_hasty_answer,
    may_send,
    message_ids,
    read_letter,
    received,
    unsubscribe_targets,
)
from tests.policy.stranger import DAY, MINUTE, NOW, PEER, POLICY, data

ANN = "ann@elsewhere.example"


def head(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


# ---- letters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "by_machine"),
    [
        ("Auto-Submitted: no", False),
        ("Auto-Submitted: No; x=y", False),
        ("Auto-Submitted: auto-generated", True),
        ("AUTO-SUBMITTED: Auto-Replied (vacation)", True),
        ("Precedence: BULK", True),
        ("Precedence:\r\n list", True),
        ("Precedence: junk", True),
        ("Precedence: first-class", False),
        ("X-Auto-Response-Suppress: All", False),
        ("List-Id: <a.example.com>", True),
        ("List-Unsubscribe: <mailto:x@y.example>", True),
        ("Subject: Auto-Submitted: auto-replied", False),
    ],
)
def test_mail_of_machines_says_so(field: str, by_machine: bool) -> None:
    assert read_letter(head("From: a@example.com", field)).by_machine is by_machine


def test_a_letter_names_itself_and_what_it_answers() -> None:
    letter = read_letter(head("Message-ID:\r\n <Me@x>", "In-Reply-To: <a@b> (Ann)", "References: <a@b>\r\n <c@d>"))
    assert letter == Letter("Me@x", ("a@b", "a@b", "c@d"))
    assert read_letter(b"") == Letter()


@pytest.mark.parametrize(
    ("text", "ids"),
    [("<a@b>", ["a@b"]), ("a@b", ["a@b"]), ("<a@b> <c@d>", ["a@b", "c@d"]), ("no id", []), ("<>", []), ("<x", [])],
)
def test_message_ids_are_found_with_and_without_brackets(text: str, ids: list[str]) -> None:
    assert message_ids(text) == ids


def test_addresses_for_unsubscribing_are_read_and_bounded() -> None:
    named = "<https://x.example/u>, <mailto:Off%2b17@List.example?subject=off>,\r\n <mailto:not an address>"
    assert unsubscribe_targets(head(f"List-Unsubscribe: {named}")) == ["off+17@list.example"]
    many = ", ".join(f"<mailto:u{number}@list.example>" for number in range(50))
    assert len(unsubscribe_targets(head(f"List-Unsubscribe: {many}"))) == 10


@pytest.mark.parametrize(
    ("arrival", "answers", "hasty"),
    [
        (Arrival(ANN, NOW - MINUTE, True), (), True),
        (Arrival(ANN, NOW - 5 * MINUTE, True), (), False),
        (Arrival(ANN, NOW + MINUTE, True), (), False),
        (Arrival(ANN, NOW - MINUTE, False), (), False),
        (Arrival("ann+tag@elsewhere.example", NOW - MINUTE, True), (), True),
        (Arrival("bounce-1@elsewhere.example", NOW - MINUTE, True), (), False),
        (Arrival("bounce-1@elsewhere.example", NOW - MINUTE, True), ("a@b",), True),
        (Arrival("eve@other.example", NOW - MINUTE, True), ("a@b",), False),
    ],
)
def test_who_answers_a_first_mail_within_minutes(arrival: Arrival, answers: tuple[str, ...], hasty: bool) -> None:
    assert is_hasty_answer(Letter(answers=answers), ANN, NOW, [arrival]) is hasty


def test_a_sender_is_an_address_or_of_a_domain() -> None:
    bo = Address("Bo@Example.com", "Bo", "example.com")
    assert may_send(bo, {"example.com"})
    assert may_send(bo, {"bo@example.com"})
    assert not may_send(bo, {"cy@example.com", "other.example"})


def test_the_trace_tells_the_protocol_and_nothing_that_breaks_it() -> None:
    peer = Peer(PEER.address, "evil\r\nX: y", tls=True)
    field = received(peer, Envelope(None, (), MailParameters()), "gate.example.com", "id", NOW, user=True)
    assert " with ESMTPSA id id;\r\n" in field
    assert field.startswith("Received: from evil??X:?y (")
    assert " with ESMTP id" in received(replace(peer, tls=False), Envelope(None, ()), "g", "id", NOW, user=False)


# ---- bounces -------------------------------------------------------------------------------------------------------

REPORT = 'Content-Type: multipart/report; report-type="delivery-status"; boundary=b'


@pytest.mark.parametrize(
    ("mail", "ids"),
    [
        (head("Message-ID: <own@x>", "In-Reply-To: <a@b>"), ("a@b",)),
        (head("Message-ID: <own@x>") + b"returned:\r\n\r\nmessage-id: <a@b>\r\n", ("a@b",)),
        (head("Message-ID: <own@x>") + b"Message-ID:\r\n <a@b>\r\n", ("a@b",)),
        (head("Message-ID: <own@x>") + b"> Message-ID: <a@b>\r\n", ("a@b",)),
        (head("Message-ID: <own@x>") + b"Message-ID: <a=3Db@c>\r\n", ("a=3Db@c", "a=b@c")),
        (head("Message-ID: <own@x>") + b"X-Message-ID: <a@b>\r\n", ()),
        (head("Message-ID: <own@x>"), ()),
        (b"", ()),
    ],
)
def test_what_a_bounce_is_about(mail: bytes, ids: tuple[str, ...]) -> None:
    assert read_bounce(mail).ids == ids


def test_a_report_is_known_by_its_type_and_reading_is_bounded() -> None:
    assert read_bounce(head(REPORT)).is_report
    assert read_bounce(head("Content-Type: multipart/report;\r\n boundary=b; report-type=delivery-status")).is_report
    assert not read_bounce(head("Content-Type: multipart/mixed; boundary=b")).is_report
    many = b"".join(b"Message-ID: <%d@x>\r\n" % number for number in range(1000))
    assert len(read_bounce(head(REPORT) + many).ids) == bounce.MOST_IDS
    assert read_bounce(head(REPORT) + b"x" * bounce.MOST_READ + b"\r\nMessage-ID: <a@b>\r\n").ids == ()


@pytest.mark.parametrize(
    "mail",
    [
        b"\r\n" * 500_000,
        b"\r\n\r\nMessage-ID:" + b" " * 1_000_000,
        b"\r\n\r\n" + (b"Message-ID: <" + b"a" * 900 + b"\r\n") * 1100,
        b"References: " + b"<" * 1_000_000 + b"\r\n\r\n",
        b"Content-Type: " + b"multipart/report " * 60_000 + b"\r\n\r\n",
        b"x" * 1_000_000,
    ],
    ids=["lines", "spaces", "unclosed", "brackets", "types", "no end"],
)
def test_nonsense_is_read_in_no_time(mail: bytes) -> None:
    """Were it quadratic, this would take minutes."""
    assert read_bounce(mail).ids == ()
    assert read_letter(mail).message_id is None
    assert unsubscribe_targets(mail) == []


OLD = Noted(False, NOW - 8 * DAY, NOW)


@pytest.mark.parametrize(
    ("returned", "noted", "found"),
    [
        (Returned(("a@b",)), Noted(True), Bounce.OURS),
        (Returned(("a@b",), True), OLD, Bounce.FOREIGN),
        (Returned(("a@b",), True), replace(OLD, known=True), Bounce.OURS),
        (Returned(("a@b",), False), OLD, Bounce.NONE),
        (Returned((), True), OLD, Bounce.NONE),
        (Returned(("a@b",), True), Noted(False, NOW - 6 * DAY, NOW), Bounce.NONE),
        (Returned(("a@b",), True), Noted(False, NOW - 20 * DAY, NOW - 4 * DAY), Bounce.NONE),
        (Returned(("a@b",), True), Noted(), Bounce.NONE),
    ],
)
def test_whose_mail_a_bounce_is_about(returned: Returned, noted: Noted, found: Bounce) -> None:
    assert judge(returned, noted, NOW) is found


def test_a_bounce_of_ours_neither_waits_nor_is_held_unless_it_is_suspicious() -> None:
    facts = data(bounce=Bounce.OURS)
    said = inbound.at_data(facts, POLICY)
    assert (said.action, said.code) == (Action.ACCEPT, ReasonCode.BOUNCE_OURS)
    holding = replace(facts, admitted=replace(facts.admitted, recipient_class=RecipientClass.HOLD))
    assert inbound.at_data(holding, POLICY).code is ReasonCode.BOUNCE_OURS
    bad = replace(facts, suspicion=(Reason(ReasonCode.CONTENT_SUSPICIOUS),))
    assert inbound.at_data(bad, POLICY).action is Action.DEFER
    assert inbound.at_data(replace(facts, bounce=Bounce.NONE), POLICY).action is Action.DEFER


def test_a_foreign_bounce_is_suspicious_and_nothing_else_is() -> None:
    (reason,) = bounce.suspicion(Bounce.FOREIGN)
    assert reason.code is ReasonCode.BOUNCE_FOREIGN
    assert bounce.suspicion(Bounce.OURS) == bounce.suspicion(Bounce.NONE) == ()


# ---- tags ----------------------------------------------------------------------------------------------------------

KEY = "sixteen letters or more"
BO = Address("Bo.X@Example.com", "Bo.X", "example.com")


def test_a_tag_comes_off_again_in_either_form_and_case() -> None:
    tagged = bounce.tagged(BO, KEY, NOW)
    assert tagged.raw == f"{tagged.local}@Example.com"
    mark = tagged.local.removesuffix("=Bo.X").removeprefix("prvs=")
    for local in (tagged.local, tagged.local.upper(), f"prvs=bo.x/{mark}"):
        plain = bounce.untagged(Address(f"{local}@example.com", local, "example.com"), KEY, NOW)
        assert plain is not None
        assert plain.key == BO.key


@pytest.mark.parametrize(("age", "good"), [(0, True), (7, True), (8, False), (400, False), (-1, False)])
def test_a_tag_is_good_for_a_week(age: int, good: bool) -> None:
    tagged = bounce.tagged(BO, KEY, NOW)
    assert (bounce.untagged(tagged, KEY, NOW + age * DAY) is not None) is good


@pytest.mark.parametrize("local", ["prvs=0123abcdef=Bo.X", "Bo.X", "prvs=12=Bo.X", "prvs=Bo.X/0123abcdef", "prvs="])
def test_what_is_not_signed_by_us_is_no_tag(local: str) -> None:
    assert bounce.untagged(Address(f"{local}@example.com", local, "example.com"), KEY, NOW) is None


def test_a_tag_is_for_one_address_and_one_key() -> None:
    tagged = bounce.tagged(BO, KEY, NOW)
    other = Address(tagged.raw.replace("Bo.X", "cy"), tagged.local.replace("Bo.X", "cy"), "example.com")
    assert bounce.untagged(other, KEY, NOW) is None
    assert bounce.untagged(tagged, "another key, as long", NOW) is None
