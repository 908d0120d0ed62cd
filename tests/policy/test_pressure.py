"""Strangers that misbehave, and the one that proves its patience: differences from a plain stranger."""

from dataclasses import replace

import pytest

from gateway.model import Action, Address, Grade, Level, ListVerb, Pressure, ReasonCode, RecipientClass, Switch
from gateway.policy import inbound
from gateway.policy.words import WORDS
from tests.policy.stranger import BO, HOST, MINUTE, NETWORK, POLICY, data, listed, rcpt, seen, uploaded

POSTMASTER = Address("postmaster@example.com", "postmaster", "example.com")
TRAP, TRAPPED, EARLY = Pressure(trap=True), Pressure(trapped=True), Pressure(early_talker=True)
HARVEST, STRESSED, PATIENT = Pressure(harvesting=True), Pressure(stressed=True), Pressure(patient=True)
STRICT = replace(POLICY, refuse_early_talkers=True)
UNASKED = {"recipient_exists": None}  # nobody asks the backend for a harvester
HERE, NAMED = frozenset({NETWORK}), frozenset({NETWORK, HOST})


def told(verdict):
    return f"{verdict.action} {verdict.code} {verdict.recipient_class or '-'}" + " review" * verdict.review


@pytest.mark.parametrize(
    ("pressure", "differs", "expected"),
    [
        (TRAP, {}, "reject trap.hit -"),
        (TRAP, {"recipient_exists": False}, "reject trap.hit -"),
        (TRAP, {"recipient_exists": None}, "reject trap.hit -"),
        (TRAP, {"grade": Grade.KNOWN}, "reject trap.hit -"),
        (TRAP, {"sender": ""}, "reject trap.hit -"),
        (TRAP, {"switches": frozenset({Switch.BYPASS})}, "reject trap.hit -"),
        (TRAP, {"is_local": False}, "reject relay.denied -"),
        (TRAPPED, {}, "defer trap.network -"),
        (TRAPPED, {"sightings": (seen(4 * MINUTE),)}, "defer trap.network -"),
        (TRAPPED, {"sender": ""}, "accept greylist.data wait"),
        (TRAPPED, {"grade": Grade.REMEMBERED}, "accept party.remembered pass"),
        (TRAPPED, {"grade": Grade.KNOWN}, "accept party.known pass"),
        (TRAPPED, {"listed": (listed(ListVerb.ALLOW),)}, "accept list.allowed pass"),
        (TRAPPED, {"listed": (listed(ListVerb.BLOCK),)}, "reject list.blocked -"),
        (TRAPPED, {"recipient": POSTMASTER}, "accept recipient.exempt pass"),
        (TRAPPED, {"level": Level.OFF}, "accept level.off pass"),
        (TRAPPED, {"level": Level.REVIEW_BEFORE}, "defer trap.network -"),
        (TRAPPED, {"switches": frozenset({Switch.BYPASS})}, "accept switch.bypass pass"),
        (TRAPPED, {"recipient_exists": False}, "reject recipient.unknown -"),
        (TRAPPED, {"grade": None}, "defer store.unavailable -"),
        (EARLY, {}, "accept greylist.data wait"),
        (HARVEST, UNASKED, "defer recipient.harvest -"),
        (HARVEST, {**UNASKED, "grade": Grade.REMEMBERED}, "defer recipient.unverified -"),
        (HARVEST, {"grade": Grade.REMEMBERED}, "accept party.remembered pass"),
        (HARVEST, {"recipient": POSTMASTER}, "accept recipient.exempt pass"),
        (HARVEST, {**UNASKED, "is_local": False}, "reject relay.denied -"),
        (STRESSED, {}, "defer greylist.new -"),
        (STRESSED, {"rungs": NAMED}, "accept greylist.data wait"),
        (STRESSED, {"sightings": (seen(MINUTE),)}, "defer greylist.early -"),
        (STRESSED, {"sightings": (seen(4 * MINUTE),)}, "accept greylist.data wait"),
        (STRESSED, {"sender": ""}, "accept greylist.data wait"),
        (STRESSED, {"grade": Grade.REMEMBERED}, "accept party.remembered pass"),
        (PATIENT, {}, "accept greylist.patient pass"),
        (PATIENT, {"level": Level.REVIEW_AFTER}, "accept greylist.patient pass review"),
        (PATIENT, {"announced_size": POLICY.large + 1}, "accept greylist.patient pass"),
        (PATIENT, {"sightings": (uploaded(MINUTE, size=9),), "announced_size": 9}, "accept greylist.patient pass"),
        (PATIENT, {"level": Level.KNOWN_ONLY}, "accept level.known_only hold"),
        (PATIENT, {"sender": ""}, "accept greylist.data wait"),
        (PATIENT, {"grade": None}, "defer store.unavailable -"),
        (Pressure(patient=True, trapped=True), {}, "defer trap.network -"),
    ],
)
def test_at_rcpt(pressure, differs, expected):
    assert told(inbound.at_rcpt(rcpt(pressure=pressure, **{"rungs": HERE, **differs}), POLICY)) == expected


@pytest.mark.parametrize(
    ("differs", "expected"),
    [
        ({}, "reject tarpit.early_talker -"),
        ({"sender": ""}, "accept greylist.data wait"),
        ({"grade": Grade.REMEMBERED}, "accept party.remembered pass"),
        ({"recipient": POSTMASTER}, "accept recipient.exempt pass"),
        ({"level": Level.OFF}, "accept level.off pass"),
    ],
)
def test_where_early_talkers_are_refused(differs, expected):
    assert told(inbound.at_rcpt(rcpt(pressure=EARLY, **differs), STRICT)) == expected


def test_patience_is_worth_what_a_retry_is():
    """Its mail passes, and suspicious content is held or tagged as after any wait."""
    facts = rcpt(pressure=PATIENT, recipient=BO)
    assert inbound.at_rcpt(facts, POLICY).recipient_class is RecipientClass.PASS
    assert told(inbound.at_data(data(facts), POLICY)) == "accept greylist.patient -"


def test_a_stressed_moment_defers_before_the_data_what_would_be_deferred_after_them():
    stressed, calm = (inbound.at_rcpt(rcpt(pressure=one), POLICY) for one in (STRESSED, Pressure()))
    assert stressed.action is Action.DEFER
    assert inbound.at_data(data(rcpt()), POLICY).code is stressed.code is ReasonCode.GREYLIST_NEW
    assert calm.code is ReasonCode.GREYLIST_DATA


def test_a_trap_sounds_like_any_unknown_recipient():
    """Whoever collects addresses must not learn which are traps."""
    from gateway.policy.reply import REFUSALS

    assert REFUSALS[ReasonCode.TRAP_HIT] == REFUSALS[ReasonCode.RECIPIENT_UNKNOWN]
    assert WORDS[ReasonCode.TRAP_HIT] != WORDS[ReasonCode.RECIPIENT_UNKNOWN]
