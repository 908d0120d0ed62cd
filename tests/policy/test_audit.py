"""The audit: who may be chosen, how many are, and that nobody can tell who."""

from dataclasses import replace

import pytest

from gateway.model import Action, Fingerprint, Grade, Level, ListVerb, MessageFacts, Mode, ReasonCode, Switch
from gateway.policy import inbound
from gateway.policy.audit import AuditTerms, is_chosen
from tests.policy.stranger import BO, HOUR, MINUTE, POLICY, SUSPICIOUS, data, listed, rcpt, uploaded

KEY = b"k" * 32
ALL = replace(POLICY, audit=AuditTerms(1.0, KEY))
PATIENT = {"sightings": (uploaded(5 * MINUTE),)}
POSTMASTER = replace(BO, raw="postmaster@example.com", local="postmaster")


@pytest.mark.parametrize(
    ("of_rcpt", "of_data", "code", "chosen"),
    [
        ({}, PATIENT, "greylist.passed", True),
        ({"grade": Grade.REMEMBERED}, {}, "party.remembered", True),
        ({"grade": Grade.REMEMBERED, "level": Level.REVIEW_AFTER}, {}, "party.remembered", True),
        ({"grade": Grade.REMEMBERED, "mode": Mode.OBSERVE}, {}, "party.remembered", True),
        ({}, {"first_tried": data().now - 5 * HOUR}, "takeover.due", True),
        ({}, {"first_tried": data().now - 5 * HOUR, "suspicion": SUSPICIOUS}, "takeover.due", False),
        ({"grade": Grade.KNOWN}, {}, "party.known", False),
        ({"listed": (listed(ListVerb.ALLOW),)}, {}, "list.allowed", False),
        ({"level": Level.OFF}, {}, "level.off", False),
        ({"level": Level.WATCH}, {}, "level.watch", False),
        ({"switches": frozenset({Switch.BYPASS})}, {}, "switch.bypass", False),
        ({"recipient": POSTMASTER}, {}, "recipient.exempt", False),
        ({"mode": Mode.OBSERVE}, {}, "observe.let_in", False),
        ({}, {}, "greylist.new", False),
        ({}, {**PATIENT, "suspicion": SUSPICIOUS}, "content.suspicious", False),
    ],
)
def test_only_what_was_let_in_by_itself_is_chosen(of_rcpt, of_data, code, chosen):
    facts = data(rcpt(**of_rcpt), **of_data)
    strict = replace(ALL, scale=replace(ALL.scale, hold=0.5))
    found = inbound.at_data(facts, strict)
    assert found.code == code
    assert (ReasonCode.AUDIT_SAMPLED in {reason.code for reason in found.reasons}) is chosen
    without = inbound.at_data(facts, replace(strict, audit=AuditTerms(0.0, KEY)))
    assert (found.action, found.junk, found.code) == (without.action, without.junk, without.code)
    assert found.review is (without.review or chosen)


def test_the_reason_that_let_it_in_still_comes_first():
    found = inbound.at_data(data(**PATIENT), ALL)
    assert [str(reason.code) for reason in found.reasons] == ["greylist.passed", "audit.sampled"]
    assert (found.action, found.review) == (Action.ACCEPT, True)


def chosen(share: float, key: bytes = KEY) -> set[int]:
    return {number for number in range(20_000) if is_chosen(f"mail {number}", AuditTerms(share, key))}


def test_about_that_share_is_chosen():
    assert 150 < len(chosen(0.01)) < 250
    assert 9_700 < len(chosen(0.5)) < 10_300
    assert (len(chosen(0.0)), len(chosen(1.0))) == (0, 20_000)


def test_the_same_mail_is_always_chosen_and_who_lacks_the_key_cannot_tell():
    assert chosen(0.1) == chosen(0.1)
    both = len(chosen(0.1) & chosen(0.1, b"another"))
    assert 120 < both < 290, "as many as chance has in common"


def test_each_mail_is_chosen_by_its_own_bytes():
    half = replace(POLICY, audit=AuditTerms(0.5, KEY))
    found = set()
    for number in range(50):
        mail = Fingerprint(f"whole {number}", "body 1", "headers 1", "id 1")
        facts = data(rcpt(grade=Grade.REMEMBERED), message=MessageFacts(mail, size=2000))
        found.add(inbound.at_data(facts, half).review)
    assert found == {True, False}
