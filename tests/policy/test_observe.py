"""Observing: the same verdicts, set aside where they would delay or hold, and kept where they protect."""

from dataclasses import replace

import pytest

from gateway.model import (
    Action,
    CopyState,
    DataFacts,
    Grade,
    Level,
    ListVerb,
    MessageFacts,
    Mode,
    ReasonCode,
    RecipientClass,
    Switch,
    TombstoneOutcome,
)
from gateway.policy import inbound, recipients
from gateway.policy.recipients import Disposition, Transaction
from tests.policy.stranger import (
    HOUR,
    MAIL,
    MINUTE,
    OTHER_MAIL,
    POLICY,
    SUSPICIOUS,
    data,
    kept,
    listed,
    rcpt,
    seen,
    settled,
    uploaded,
)

BIG = POLICY.large + 1
AT_RCPT = replace(POLICY, at_rcpt=True)
OBSERVE = {"mode": Mode.OBSERVE}


def told(verdict):
    """Action, code and, of what was let in, what it would have been."""
    would = (
        "" if verdict.observed is None else f" (would {verdict.reasons[0].evidence['would']} {verdict.observed.code})"
    )
    return f"{verdict.action} {verdict.code}{would}"


LET_IN_AT_RCPT = [
    pytest.param({}, POLICY, "wait greylist.data", id="a stranger"),
    pytest.param({}, AT_RCPT, "defer greylist.new", id="a stranger, greylisted at RCPT"),
    pytest.param({"announced_size": BIG}, POLICY, "defer greylist.large", id="a large mail"),
    pytest.param({"sightings": (seen(MINUTE),)}, AT_RCPT, "defer greylist.early", id="a hurried retry"),
    pytest.param({"level": Level.REVIEW_BEFORE}, POLICY, "hold level.review_before", id="review before"),
    pytest.param({"level": Level.KNOWN_ONLY}, POLICY, "hold level.known_only", id="known only"),
    pytest.param({"grade": None, "sightings": None}, POLICY, "defer store.unavailable", id="the store is away"),
]


@pytest.mark.parametrize(("differs", "policy", "would"), LET_IN_AT_RCPT)
def test_what_would_wait_or_be_held_passes_at_rcpt(differs, policy, would):
    verdict = inbound.at_rcpt(rcpt(**OBSERVE, **differs), policy)
    assert told(verdict) == f"accept observe.let_in (would {would})"
    assert verdict.recipient_class is RecipientClass.PASS
    assert verdict.observed == inbound.at_rcpt(rcpt(**differs), policy), "the very verdict that would have been"
    assert verdict.reasons[1:] == verdict.observed.reasons


STAYS_AT_RCPT = [
    pytest.param({"is_local": False}, "reject relay.denied", id="relaying"),
    pytest.param({"recipient_exists": False}, "reject recipient.unknown", id="nobody has this address"),
    pytest.param({"recipient_exists": None}, "defer recipient.unverified", id="nobody could say"),
    pytest.param({"listed": (listed(ListVerb.BLOCK),)}, "reject list.blocked", id="a block"),
    pytest.param({"listed": (listed(ListVerb.ALLOW),)}, "accept list.allowed", id="an allowance"),
    pytest.param({"grade": Grade.KNOWN}, "accept party.known", id="a known sender"),
    pytest.param({"grade": Grade.REMEMBERED}, "accept party.remembered", id="a remembered one"),
    pytest.param({"level": Level.WATCH}, "accept level.watch", id="level watch"),
    pytest.param({"switches": frozenset({Switch.BYPASS})}, "accept switch.bypass", id="bypass"),
]


@pytest.mark.parametrize(("differs", "verdict"), STAYS_AT_RCPT)
def test_what_protects_or_passes_anyway_stays_as_it_is(differs, verdict):
    assert told(inbound.at_rcpt(rcpt(**OBSERVE, **differs), POLICY)) == verdict


def test_recipients_of_different_classes_share_a_transaction():
    transaction = Transaction()
    for differs in ({"level": Level.OFF}, {}, {"level": Level.REVIEW_BEFORE}, {"grade": Grade.KNOWN}, {}):
        verdict = inbound.at_rcpt(rcpt(**OBSERVE, **differs), POLICY)
        transaction, verdict, carried = recipients.admit(transaction, verdict)
        assert (verdict.action, carried) == (Action.ACCEPT, False)


def after_the_dot(facts, policy=POLICY, **differs) -> str:
    return told(inbound.at_data(data(facts, policy, **differs), policy))


OBSERVED = rcpt(**OBSERVE)
RETRY = rcpt(**OBSERVE, sightings=(uploaded(4 * MINUTE),))


@pytest.mark.parametrize(
    ("facts", "policy", "differs", "verdict"),
    [
        pytest.param(OBSERVED, POLICY, {}, "(would defer greylist.new)", id="a stranger"),
        pytest.param(OBSERVED, AT_RCPT, {}, "(would defer greylist.new)", id="it would not have come so far"),
        pytest.param(
            rcpt(**OBSERVE, announced_size=BIG), POLICY, {}, "(would defer greylist.large)", id="nor a large mail"
        ),
        pytest.param(
            rcpt(**OBSERVE, sightings=(uploaded(MINUTE),)), POLICY, {}, "(would defer greylist.early)", id="too early"
        ),
        pytest.param(
            rcpt(**OBSERVE, sightings=(uploaded(4 * MINUTE, OTHER_MAIL),)),
            POLICY,
            {},
            "(would defer greylist.other_content)",
            id="another mail",
        ),
        pytest.param(
            rcpt(**OBSERVE, level=Level.KNOWN_ONLY), POLICY, {}, "(would hold level.known_only)", id="known only"
        ),
        pytest.param(OBSERVED, POLICY, {"sightings": None}, "(would defer store.unavailable)", id="the store is lost"),
        pytest.param(
            rcpt(**OBSERVE, grade=Grade.KNOWN, reviewed=True),
            POLICY,
            {"suspicion": SUSPICIOUS},
            "(would hold content.suspicious)",
            id="suspicious content would be held",
        ),
        pytest.param(
            rcpt(**OBSERVE, grade=Grade.KNOWN),
            POLICY,
            {"suspicion": SUSPICIOUS},
            "(would tag content.suspicious)",
            id="or tagged for Junk",
        ),
        pytest.param(
            rcpt(**OBSERVE, reviewed=True),
            POLICY,
            {"first_tried": OBSERVED.now - 5 * HOUR},
            "(would hold takeover.due)",
            id="a take-over for somebody who looks at holds",
        ),
    ],
)
def test_what_would_be_deferred_held_or_tagged_is_delivered(facts, policy, differs, verdict):
    made = inbound.at_data(data(facts, policy, **differs), policy)
    assert told(made) == f"accept observe.let_in {verdict}"
    assert (made.junk, made.release_after) == (False, None)
    plan = recipients.join([made], sender_known=False, wait=policy.timing.wait)
    assert (plan.dispositions, plan.reply) == ((Disposition.INLINE,), None)


@pytest.mark.parametrize(
    ("facts", "differs", "verdict"),
    [
        pytest.param(RETRY, {}, "accept greylist.passed", id="who waited before is patient"),
        pytest.param(
            OBSERVED,
            {"tombstones": (settled(TombstoneOutcome.DELIVERED),)},
            "discard retry.delivered",
            id="delivered before",
        ),
        pytest.param(
            OBSERVED,
            {"tombstones": (settled(TombstoneOutcome.PENDING),)},
            "defer retry.in_flight",
            id="on its way",
        ),
        pytest.param(
            OBSERVED,
            {"tombstones": (settled(TombstoneOutcome.REFUSED),)},
            "reject retry.refused",
            id="refused by a person",
        ),
        pytest.param(
            OBSERVED,
            {"copies": (kept(MINUTE, CopyState.PASSING, lease_until=OBSERVED.now + MINUTE),)},
            "defer retry.in_flight",
            id="another connection delivers it",
        ),
        pytest.param(
            OBSERVED, {"message": MessageFacts(MAIL, 2000, received_count=50)}, "reject message.loop", id="a loop"
        ),
        pytest.param(rcpt(**OBSERVE, grade=Grade.REMEMBERED), {}, "accept party.remembered", id="remembered"),
    ],
)
def test_what_happened_to_this_very_mail_counts_while_we_observe(facts, differs, verdict):
    assert after_the_dot(facts, **differs) == verdict
    assert after_the_dot(facts, AT_RCPT, **differs) == verdict, "also when RCPT would have sent it away"


def test_a_mail_is_judged_by_the_mode_that_its_recipient_met():
    """Arming between RCPT and the dot changes nothing for this mail."""
    facts: DataFacts = data(OBSERVED)
    assert inbound.at_data(facts, POLICY).code is ReasonCode.OBSERVE_LET_IN
