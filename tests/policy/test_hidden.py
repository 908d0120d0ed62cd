"""Strangers that hide who they are: what it takes to be one, and that nobody is sent away for long."""

from dataclasses import replace

import pytest

from gateway.model import (
    Action,
    Authentication,
    AuthResult,
    Flaw,
    Grade,
    Level,
    Pressure,
    ReasonCode,
    Relayed,
    Signature,
    Spf,
    SpfResult,
)
from gateway.policy.inbound import at_data
from tests.policy.stranger import (
    HOUR,
    MAIL,
    MINUTE,
    NETWORK,
    OTHER_MAIL,
    OTHER_NETWORK,
    PEER,
    POLICY,
    SECOND,
    SUSPICIOUS,
    data,
    rcpt,
    seen,
    uploaded,
)

NAMELESS = replace(PEER, nameless=True)
HIDDEN = {"peer": NAMELESS, "spf": Spf(SpfResult.NONE, "elsewhere.example"), "reviewed": True}
BACK, EARLY = uploaded(3 * MINUTE), uploaded(3 * MINUTE - SECOND)


def signed(result: AuthResult, *flaws: Flaw) -> Authentication:
    return Authentication((Signature("elsewhere.example", "s", result, frozenset(flaws)),))


def spf(result: SpfResult, *, wide: bool = False) -> Spf:
    return Spf(result, "elsewhere.example", wide)


@pytest.mark.parametrize(
    ("at_rcpt", "after", "hidden"),
    [
        ({}, {}, True),
        ({"peer": PEER}, {}, False),  # DNS did not say that it has no name
        ({"peer": replace(NAMELESS, nameless=False, name="mail.elsewhere.example")}, {}, False),
        ({"spf": None}, {}, False),
        ({"spf": spf(SpfResult.TEMPERROR)}, {}, False),
        ({"spf": spf(SpfResult.PASS)}, {}, False),
        ({"spf": spf(SpfResult.PASS, wide=True)}, {}, False),
        ({"spf": spf(SpfResult.FAIL)}, {}, True),
        ({"spf": spf(SpfResult.SOFTFAIL)}, {}, True),
        ({"spf": spf(SpfResult.NEUTRAL)}, {}, True),
        ({"spf": spf(SpfResult.PERMERROR)}, {}, True),
        ({}, {"authentication": signed(AuthResult.PASS)}, False),
        ({}, {"authentication": signed(AuthResult.TEMPERROR)}, False),
        ({}, {"authentication": signed(AuthResult.FAIL)}, True),
        ({}, {"authentication": signed(AuthResult.PASS, Flaw.SHA1)}, True),
        ({}, {"new_domain": False}, False),
        ({}, {"new_domain": None}, False),
        ({"sender": ""}, {}, False),
        ({"level": Level.WATCH}, {}, False),
        ({"level": Level.REVIEW_BEFORE}, {}, False),
        ({"grade": Grade.REMEMBERED}, {}, False),
        ({"pressure": Pressure(patient=True)}, {}, True),
    ],
)
def test_who_hides(at_rcpt, after, hidden):
    facts = data(rcpt(**{**HIDDEN, **at_rcpt}), **{"sightings": (BACK,), "new_domain": True, **after})
    found = at_data(facts, POLICY)
    assert (found.code is ReasonCode.SENDER_HIDDEN) is hidden
    assert found.action is Action.HOLD or not hidden


def test_behind_a_declared_relay_nobody_hides():
    facts = data(rcpt(**HIDDEN, relayed=Relayed(frozenset({NETWORK}), NAMELESS)), new_domain=True)
    assert at_data(facts, POLICY).code is ReasonCode.RELAY_DECLARED


@pytest.mark.parametrize(
    ("sightings", "first_tried", "taken"),
    [
        ((), None, False),
        ((EARLY,), 2 * MINUTE, False),
        ((BACK,), 3 * MINUTE, True),
        ((replace(EARLY, tries=2),), 2 * MINUTE, False),
        ((replace(EARLY, tries=3),), 2 * MINUTE, True),
        ((uploaded(MINUTE), uploaded(MINUTE, id=2, rungs=frozenset({OTHER_NETWORK}), tries=2)), MINUTE, True),
        ((uploaded(MINUTE, OTHER_MAIL, tries=3),), None, False),
        ((seen(MINUTE, tries=3),), None, True),
        ((seen(MINUTE, tries=3, rungs=frozenset({OTHER_NETWORK})),), None, False),
        ((uploaded(4 * HOUR, rungs=frozenset({OTHER_NETWORK})),), 4 * HOUR, True),
        ((uploaded(4 * HOUR, rungs=frozenset({OTHER_NETWORK})),), 4 * HOUR - SECOND, False),
    ],
)
def test_it_is_sent_away_until_the_wait_is_over_but_not_more_than_thrice_or_for_four_hours(
    sightings, first_tried, taken
):
    facts = data(rcpt(**HIDDEN), sightings=sightings, new_domain=True)
    facts = replace(facts, first_tried=first_tried and facts.now - first_tried)
    found = at_data(facts, POLICY)
    assert (found.action, found.code is ReasonCode.SENDER_HIDDEN) == (Action.HOLD if taken else Action.DEFER, taken)


def test_where_nobody_looks_at_holds_it_is_delivered_and_tagged():
    facts = data(rcpt(**{**HIDDEN, "reviewed": False}), sightings=(BACK,), new_domain=True)
    found = at_data(facts, POLICY)
    assert (found.action, found.junk, found.code) == (Action.ACCEPT, True, ReasonCode.SENDER_HIDDEN)


def test_what_else_speaks_against_it_is_told_behind():
    facts = data(rcpt(**HIDDEN), sightings=(uploaded(3 * MINUTE, MAIL),), new_domain=True, suspicion=SUSPICIOUS)
    found = at_data(facts, POLICY)
    assert [reason.code for reason in found.reasons] == [ReasonCode.SENDER_HIDDEN, ReasonCode.CONTENT_SUSPICIOUS]


def test_while_the_store_is_away_nobody_hides():
    facts = data(rcpt(**HIDDEN), sightings=None, new_domain=True)
    assert at_data(facts, POLICY).code is ReasonCode.STORE_UNAVAILABLE
