"""The fields on top of a message: no sender writes in them what we did not say."""

from dataclasses import replace
from email import message_from_string, policy
from ipaddress import ip_address

import authres
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import (
    Action,
    Address,
    Authentication,
    AuthResult,
    Dmarc,
    DmarcPolicy,
    Envelope,
    MailParameters,
    Peer,
    Reason,
    ReasonCode,
    Recipient,
    Signature,
    Spf,
    SpfResult,
    Verdict,
)
from gateway.policy.header import (
    authentication_results,
    delivery_fields,
    printable,
    protocol,
    received,
    signed_verdict,
    verify,
)
from tests.policy.stranger import ANN, BO, NOW, PEER

CY = Address("cy@example.com", "cy", "example.com")
ONE = Envelope(ANN, (Recipient(BO),))
TWO = Envelope(ANN, (Recipient(BO), Recipient(CY)))
UTF8 = Envelope(
    ANN, (Recipient(Address("bö@example.com", "bö", "example.com")),), MailParameters(smtputf8=True, body_8bit=True)
)
KEY = bytes.fromhex("00112233445566778899aabbccddeeff" * 2)
ID, HASH = "m7z18zskzj468", "a" * 64
LET_IN = Verdict(Action.ACCEPT, (Reason(ReasonCode.GREYLIST_PASSED, {"waited": 200}),))
JUNK = Verdict(Action.ACCEPT, (Reason(ReasonCode.CONTENT_SUSPICIOUS), Reason(ReasonCode.GREYLIST_PASSED)), junk=True)
TAG = "X-Spam-Flag: YES"


def trace(peer: Peer = PEER, envelope: Envelope = ONE) -> str:
    return received(peer, envelope, "gate.example.com", ID, NOW)


# ---- Authentication-Results ----------------------------------------------------------------------------------------

SIGNED = Signature("elsewhere.example", "s1", AuthResult.PASS)
PROOF = Authentication((SIGNED,), ("elsewhere.example",), Dmarc(AuthResult.PASS, "elsewhere.example"))


def results(spf: Spf | None, proof: Authentication, *, null_sender: bool = False) -> str:
    return authentication_results(
        "gate.example.com", spf, proof, null_sender=null_sender, author_domain="elsewhere.example"
    )


def test_the_results_name_what_was_looked_at():
    strict = replace(PROOF, dmarc=Dmarc(AuthResult.PASS, "elsewhere.example", DmarcPolicy.REJECT))
    assert results(Spf(SpfResult.PASS, "elsewhere.example"), strict) == (
        "Authentication-Results: gate.example.com;\r\n"
        "\tspf=pass smtp.mailfrom=elsewhere.example;\r\n"
        "\tdkim=pass header.d=elsewhere.example;\r\n"
        "\tdmarc=pass (p=reject) header.from=elsewhere.example\r\n"
    )
    assert results(None, Authentication()) == "Authentication-Results: gate.example.com;\r\n\tnone\r\n"
    assert "smtp.helo=mail.elsewhere.example" in results(
        Spf(SpfResult.NONE, "mail.elsewhere.example"), PROOF, null_sender=True
    )


def test_a_domain_cannot_write_into_the_results():
    odd = replace(PROOF, signatures=(replace(SIGNED, domain="a;\r\n\tspf=pass (x"),))
    assert results(None, odd).splitlines()[1] == "\tdkim=pass header.d=a????spf=pass??x;"


def test_the_results_are_what_a_parser_of_the_field_reads():
    read = authres.AuthenticationResultsHeader.parse(results(Spf(SpfResult.FAIL, "elsewhere.example"), PROOF).strip())
    assert read.authserv_id == "gate.example.com"
    assert [(one.method, one.result) for one in read.results] == [("spf", "fail"), ("dkim", "pass"), ("dmarc", "pass")]


# ---- Received ------------------------------------------------------------------------------------------------------


def test_the_received_field_says_who_by_whom_for_whom_and_when():
    assert trace(replace(PEER, name="mail.elsewhere.example", tls=True)) == (
        "Received: from mail.elsewhere.example (mail.elsewhere.example [192.0.2.7])\r\n"
        f"\tby gate.example.com with ESMTPS id {ID}\r\n"
        "\tfor <bo@example.com>;\r\n"
        "\tSun, 01 Mar 2026 12:00:00 +0000\r\n"
    )


@pytest.mark.parametrize(
    "helo",
    [
        pytest.param("a\r\nX-Spam-Flag: NO", id="line ends"),
        pytest.param("a\nb", id="a bare LF"),
        pytest.param("a b", id="a space"),
        pytest.param("münchen.example", id="8-bit letters"),
        pytest.param("a) by evil.example (b", id="parentheses"),
        pytest.param("a;<b>\\", id="other signs of the grammar"),
        pytest.param("\x00\x07\x7f", id="control characters"),
    ],
)
def test_a_helo_cannot_write_into_the_field(helo):
    told = trace(replace(PEER, helo=helo)).partition(" (")[0].removeprefix("Received: from ")
    assert told.isascii()
    assert told.isprintable()
    assert not set(told) & set(" ()<>;\\")
    assert told.count("?") >= 1


@given(st.text(max_size=400))
def test_whatever_is_made_printable_is_one_harmless_word(text):
    word = printable(text)
    assert 1 <= len(word) <= 255
    assert word.isascii()
    assert all("!" <= letter <= "~" for letter in word)
    assert not set(word) & set("()\\<>;")


def test_an_empty_helo_is_unknown():
    assert trace(replace(PEER, helo="")).startswith("Received: from unknown (unknown [192.0.2.7])")


@given(helo=st.text(max_size=300), name=st.none() | st.text(max_size=300))
def test_the_field_is_one_field_of_lines_that_fit(helo, name):
    field = trace(replace(PEER, helo=helo, name=name))
    lines = field.split("\r\n")
    assert lines.pop() == ""
    assert len(lines) == 4
    assert all(line.startswith("\t") for line in lines[1:])
    assert max(map(len, lines)) <= 998
    assert list(message_from_string(field + "\r\n", policy=policy.compat32).keys()) == ["Received"]


def test_a_blind_copy_stays_blind():
    assert "for <" not in trace(envelope=TWO)
    assert "for <bo@example.com>" in trace(envelope=ONE)


def test_an_internationalised_recipient_is_named_only_where_utf8_may_be():
    assert "for <bö@example.com>" in trace(envelope=UTF8)
    plain = trace(envelope=replace(UTF8, parameters=MailParameters()))
    assert plain.isascii()
    assert "for <" not in plain


def test_an_ipv6_peer_is_written_as_an_address_literal():
    assert "[IPv6:2001:db8::7]" in trace(replace(PEER, address=ip_address("2001:db8::7")))


@pytest.mark.parametrize(
    ("esmtp", "tls", "smtputf8", "expected"),
    [
        (False, False, False, "SMTP"),
        (True, False, False, "ESMTP"),
        (True, True, False, "ESMTPS"),
        (True, False, True, "UTF8SMTP"),
        (True, True, True, "UTF8SMTPS"),
    ],
)
def test_the_protocol_is_named_by_its_registered_word(esmtp, tls, smtputf8, expected):
    assert protocol(replace(PEER, esmtp=esmtp, tls=tls), smtputf8=smtputf8) == expected


# ---- our signed verdict --------------------------------------------------------------------------------------------


def signed(verdict: Verdict = LET_IN, key: bytes = KEY) -> str:
    """The value of the field, as a backend reads it."""
    name, _, value = signed_verdict(verdict, ID, HASH, NOW, key).partition(": ")
    assert name == "Greygate-Verdict"
    return value


def test_the_verdict_field_has_codes_and_no_names():
    assert signed() == (
        f"v=1; i={ID}; a=accept; r=greylist.passed; t=1772366400;\r\n\th={HASH};\r\n\t"
        f"s={signed().strip().rpartition('s=')[2]}\r\n"
    )


@pytest.mark.parametrize(
    ("verdict", "action"),
    [(LET_IN, "accept"), (JUNK, "junk"), (Verdict(Action.HOLD, (Reason(ReasonCode.TAKEOVER_DUE),)), "hold")],
)
def test_the_action_is_named(verdict, action):
    assert f"; a={action}; " in signed(verdict)


def test_a_code_that_weighed_twice_is_named_once():
    twice = Verdict(Action.ACCEPT, (*JUNK.reasons, *JUNK.reasons))
    assert "r=content.suspicious,greylist.passed;" in signed(twice)


def test_the_signature_verifies_folded_and_unfolded():
    assert verify(signed(), KEY)
    assert verify(signed().replace("\r\n\t", " "), KEY)
    assert verify(signed().replace("\r\n\t", "\n    "), KEY)


def test_another_key_does_not_verify():
    assert not verify(signed(), KEY[::-1])


def test_any_changed_byte_breaks_the_signature():
    value = signed()
    for place, letter in enumerate(value):
        if letter.isspace():
            continue
        changed = "0" if letter != "0" else "1"
        assert not verify(value[:place] + changed + value[place + 1 :], KEY), value[place:]


@pytest.mark.parametrize(
    "value",
    ["", "s=", "; s=", "v=1; a=accept", "ünsigned; s=ü", f"{HASH}; s={HASH}"],
)
def test_what_was_never_signed_does_not_verify(value):
    assert not verify(value, KEY)


def test_the_signature_covers_everything_before_it():
    value = signed()
    assert not verify("x" + value, KEY)
    assert not verify(value.replace("; t=", "; x=1; t="), KEY)
    assert not verify(value.replace("\ts=", "\tz=1;\r\n\ts="), KEY)


def test_all_codes_at_once_still_fit_a_line():
    everything = Verdict(Action.ACCEPT, tuple(Reason(code) for code in ReasonCode))
    field = signed_verdict(everything, ID, HASH, NOW, KEY)
    assert max(map(len, field.split("\r\n"))) <= 998


# ---- all of them ---------------------------------------------------------------------------------------------------


def fields(*verdicts: Verdict) -> list[str]:
    text = delivery_fields(verdicts, ID, HASH, NOW, KEY, TAG)
    return list(message_from_string(text + "\r\n", policy=policy.compat32).keys())


def test_clean_mail_gets_the_verdict_alone():
    assert fields(LET_IN, LET_IN) == ["Greygate-Verdict"]


def test_junk_is_tagged_and_its_verdict_is_the_one_that_is_signed():
    assert fields(LET_IN, JUNK) == ["X-Spam-Flag", "Greygate-Verdict"]
    assert "a=junk" in delivery_fields([LET_IN, JUNK], ID, HASH, NOW, KEY, TAG)
