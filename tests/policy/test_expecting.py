"""Expected mail: who is let in by it, who is not, and what it does not change."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import (
    Action,
    Expectation,
    Grade,
    Level,
    ListVerb,
    MessageFacts,
    Pressure,
    ReasonCode,
    RecipientClass,
    Rung,
    RungKind,
)
from gateway.policy.expecting import fulfilled
from gateway.policy.inbound import at_data, at_rcpt
from tests.policy.stranger import (
    BO,
    DKIM,
    HOST,
    MAIL,
    MINUTE,
    NETWORK,
    NOW,
    POLICY,
    SECOND,
    SPF,
    SPF_WIDE,
    SUSPICIOUS,
    data,
    listed,
    rcpt,
)

ANYBODY = Expectation(1, BO.key, None, NOW - MINUTE, NOW + MINUTE, "bo")
SHOP = replace(ANYBODY, id=2, domain="shop.example")
NOTES = replace(ANYBODY, id=3, domain="notes.shop.example")
SHOP_SPF, SHOP_DKIM = Rung(RungKind.SPF, "shop.example"), Rung(RungKind.DKIM, "shop.example")


def below(rung: Rung) -> Rung:
    return replace(rung, value=f"notes.{rung.value}")


@pytest.mark.parametrize(
    ("expected", "rungs", "sender", "authors", "found"),
    [
        (ANYBODY, {SPF}, "elsewhere.example", [], True),
        (ANYBODY, {DKIM}, "elsewhere.example", ["elsewhere.example"], True),
        (ANYBODY, {NETWORK}, "elsewhere.example", [], False),
        (ANYBODY, {NETWORK, HOST}, "elsewhere.example", [], False),
        (ANYBODY, {SPF_WIDE}, "elsewhere.example", [], False),
        (ANYBODY, {Rung(RungKind.SPF, "mail.elsewhere.example")}, "", [], False),  # HELO of the null sender
        (ANYBODY, {DKIM}, "", ["elsewhere.example"], True),
        (SHOP, {SPF}, "elsewhere.example", [], False),
        (SHOP, {SHOP_SPF}, "shop.example", [], True),
        (SHOP, {below(SHOP_SPF)}, "notes.shop.example", [], True),
        (SHOP, {Rung(RungKind.SPF_WIDE, "shop.example")}, "shop.example", [], False),
        (SHOP, {Rung(RungKind.SPF, "myshop.example")}, "myshop.example", [], False),
        (SHOP, {SHOP_SPF}, "shop.example", ["shop.example"], True),
        (SHOP, {SHOP_SPF}, "shop.example", ["bank.example"], False),
        (SHOP, {SHOP_SPF}, "shop.example", ["shop.example", "bank.example"], False),
        (SHOP, {SHOP_SPF}, "shop.example", [""], False),
        (SHOP, {SHOP_DKIM}, "pool.example", ["shop.example"], True),
        (SHOP, {below(SHOP_DKIM)}, "pool.example", ["notes.shop.example"], True),
        (SHOP, {DKIM}, "shop.example", ["elsewhere.example"], False),
        (NOTES, {SHOP_DKIM}, "pool.example", ["notes.shop.example"], True),
        (NOTES, {SHOP_DKIM}, "pool.example", ["shop.example"], False),
        (NOTES, {SHOP_DKIM}, "pool.example", [], False),
        (NOTES, {SHOP_SPF}, "shop.example", ["shop.example"], False),
        (replace(ANYBODY, until=NOW), {SPF}, "elsewhere.example", [], False),
        (replace(ANYBODY, until=NOW + SECOND), {SPF}, "elsewhere.example", [], True),
        (replace(ANYBODY, closed_at=NOW - SECOND), {SPF}, "elsewhere.example", [], False),
    ],
)
def test_who_fulfils_an_expectation(expected, rungs, sender, authors, found):
    assert fulfilled([expected], rungs, sender, authors, NOW) == (expected if found else None)


def test_a_named_domain_is_told_before_anybody():
    assert fulfilled([ANYBODY, SHOP], {SHOP_SPF}, "shop.example", [], NOW) is SHOP


@given(st.sets(st.sampled_from([NETWORK, HOST, SPF_WIDE, SPF, DKIM])), st.sampled_from(["", "elsewhere.example"]))
def test_nobody_fulfils_an_expectation_without_a_proof(rungs, sender):
    found = fulfilled([ANYBODY, SHOP], rungs, sender, [], NOW)
    assert found in (None, ANYBODY)
    assert (found is None) == (not rungs & {SPF, DKIM} or (not sender and DKIM not in rungs))


# ---- at RCPT -------------------------------------------------------------------------------------------------------

PROVED = {"rungs": frozenset({NETWORK, SPF}), "expected": (ANYBODY,)}


@pytest.mark.parametrize(
    ("differs", "code", "recipient_class"),
    [
        ({}, ReasonCode.EXPECTED_MAIL, RecipientClass.PASS),
        ({"level": Level.REVIEW_BEFORE}, ReasonCode.EXPECTED_MAIL, RecipientClass.PASS),
        ({"level": Level.KNOWN_ONLY}, ReasonCode.EXPECTED_MAIL, RecipientClass.PASS),
        ({"grade": Grade.KNOWN}, ReasonCode.PARTY_KNOWN, RecipientClass.PASS),
        ({"expected": ()}, ReasonCode.GREYLIST_DATA, RecipientClass.WAIT),
        ({"rungs": frozenset({NETWORK})}, ReasonCode.GREYLIST_DATA, RecipientClass.WAIT),
        ({"listed": (listed(ListVerb.BLOCK),)}, ReasonCode.LIST_BLOCKED, None),
        ({"pressure": Pressure(trapped=True)}, ReasonCode.TRAP_NETWORK, None),
        ({"pressure": Pressure(harvesting=True)}, ReasonCode.RECIPIENT_HARVEST, None),
    ],
)
def test_what_is_expected_neither_waits_nor_is_held(differs, code, recipient_class):
    found = at_rcpt(rcpt(**{**PROVED, **differs}), POLICY)
    assert (found.code, found.recipient_class) == (code, recipient_class)


def test_where_everything_is_listed_expected_mail_is_listed_too():
    assert at_rcpt(rcpt(**PROVED, level=Level.REVIEW_AFTER), POLICY).review


def test_who_may_have_signed_is_let_to_its_data_where_mail_is_expected():
    at_once = replace(POLICY, at_rcpt=True)
    assert at_rcpt(rcpt(), at_once).action is Action.DEFER
    assert at_rcpt(rcpt(expected=(ANYBODY,)), at_once).code is ReasonCode.GREYLIST_DATA


# ---- after the dot -------------------------------------------------------------------------------------------------

SIGNED = {"rungs": frozenset({NETWORK, DKIM}), "expected": (ANYBODY,)}


def written_by(*authors: str) -> MessageFacts:
    return MessageFacts(MAIL, size=2000, authors=authors)


@pytest.mark.parametrize("level", [Level.GREYLIST, Level.REVIEW_BEFORE, Level.KNOWN_ONLY])
def test_a_signature_fulfils_it_after_the_dot(level):
    unsigned = rcpt(level=level, expected=(ANYBODY,), reviewed=True)
    facts = data(unsigned, rcpt=replace(unsigned, **SIGNED))
    assert facts.admitted.recipient_class is not RecipientClass.PASS
    found = at_data(facts, POLICY)
    assert (found.action, found.code) == (Action.ACCEPT, ReasonCode.EXPECTED_MAIL)
    assert at_data(replace(facts, rcpt=unsigned), POLICY).code is not ReasonCode.EXPECTED_MAIL


@pytest.mark.parametrize("proof", [PROVED, SIGNED])
def test_what_the_content_holds_stays_held(proof):
    found = at_data(data(rcpt(**proof, reviewed=True), suspicion=SUSPICIOUS), POLICY)
    assert (found.action, found.code) == (Action.HOLD, ReasonCode.CONTENT_SUSPICIOUS)
    found = at_data(data(rcpt(**proof), suspicion=SUSPICIOUS), POLICY)
    assert (found.action, found.junk) == (Action.ACCEPT, True)


@pytest.mark.parametrize(
    ("level", "action", "code"),
    [
        (Level.GREYLIST, Action.DEFER, ReasonCode.GREYLIST_NEW),
        (Level.REVIEW_BEFORE, Action.HOLD, ReasonCode.LEVEL_REVIEW_BEFORE),
    ],
)
def test_who_rides_on_an_expected_domain_under_another_author_is_a_stranger(level, action, code):
    sender = {"sender": "news@shop.example", "rungs": frozenset({NETWORK, SHOP_SPF}), "expected": (SHOP,)}
    facts = rcpt(**sender, level=level)
    assert at_rcpt(facts, POLICY).code is ReasonCode.EXPECTED_MAIL
    assert at_data(data(facts, message=written_by("code@shop.example")), POLICY).code is ReasonCode.EXPECTED_MAIL
    found = at_data(data(facts, message=written_by("code@bank.example")), POLICY)
    assert (found.action, found.code) == (action, code)


def test_an_expectation_that_ends_while_the_data_come_still_holds_for_them():
    facts = data(rcpt(**PROVED), now=NOW + 5 * MINUTE)
    assert at_data(facts, POLICY).code is ReasonCode.EXPECTED_MAIL
