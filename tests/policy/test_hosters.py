"""Private hosters: who is at one, and what a stranger there meets. Never somebody we know."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.model import Action, Grade, Hoster, HosterKind, Level, ListVerb, Peer, ReasonCode, Switch
from gateway.policy import inbound
from gateway.policy.hosters import Hosters, HosterTerms, Systems
from tests.policy.stranger import (
    HOUR,
    MAIL,
    MINUTE,
    PEER,
    POLICY,
    data,
    listed,
    rcpt,
    seen,
    uploaded,
)
from tests.policy.test_inbound import ABUSE, AT_RCPT, BIG

NETWORK, NAME, AS = HosterKind.NETWORK, HosterKind.NAME, HosterKind.AS
FILE = [
    (ip_network("192.0.2.0/24"), 64500),
    (ip_network("192.0.2.64/26"), 64501),
    (ip_network("2001:db8::/32"), 64502),
    (ip_network("2001:db8:1::/48"), 64503),
]


@pytest.mark.parametrize(
    ("kind", "value", "peer", "expected"),
    [
        (NETWORK, "192.0.2.0/24", PEER, True),
        (NETWORK, "198.51.100.0/24", PEER, False),
        (NETWORK, "192.0.2.0/24", Peer(ip_address("::ffff:192.0.2.7")), True),
        (NAME, "hoster.example", replace(PEER, name="vm7.hoster.example", organisation="hoster.example"), True),
        (NAME, "hoster.example", replace(PEER, name="192-0-2-7.dyn.hoster.example"), True),
        (NAME, "hoster.example", replace(PEER, name="vm7.nothoster.example"), False),
        (NAME, "hoster.example", PEER, False),
        (AS, "AS64500", PEER, True),
        (AS, "AS64501", PEER, False),
        (AS, "AS64501", Peer(ip_address("192.0.2.70")), True),
        (AS, "AS64500", Peer(ip_address("198.51.100.1")), False),
        (AS, "AS64503", Peer(ip_address("2001:db8:1::7")), True),
    ],
)
def test_who_is_at_a_hoster(kind, value, peer, expected):
    assert Hosters([Hoster(1, kind, value)], Systems(FILE)).of(peer) == (value if expected else None)


def test_nobody_is_at_a_hoster_when_none_is_listed():
    assert Hosters().of(PEER) is None
    assert Hosters([Hoster(1, AS, "AS64500")]).of(PEER) is None, "without a file no system is known"


# ---- systems -------------------------------------------------------------------------------------------------------

PIECES = some.builds(
    lambda start, bits: ip_network((0x0A000000 + (start << 4), bits), strict=False),
    some.integers(0, 255), some.integers(20, 32),
)  # fmt: skip


@given(some.dictionaries(PIECES, some.integers(1, 9), max_size=12), some.integers(0, 4095))
def test_the_longest_network_around_an_address_says_its_system(networks, offset):
    address = ip_address(0x0A000000 + offset)
    around = [one for one in networks if address in one]
    expected = networks[max(around, key=lambda one: one.prefixlen)] if around else None
    assert Systems(networks.items()).of(address) == expected


def test_ipv6_counts_by_its_first_64_bits():
    found = Systems([(ip_network("2001:db8:0:1::/80"), 7), (ip_network("2001:db8::/32"), 8)])
    assert (found.of(ip_address("2001:db8:0:1:ffff::1")), found.of(ip_address("2001:db8:0:2::1"))) == (7, 8)
    assert found.of(ip_address("2001:db9::1")) is None
    assert found.of(ip_address("192.0.2.1")) is None


# ---- what it means -------------------------------------------------------------------------------------------------

WAITS = replace(POLICY, hosters=HosterTerms(HOUR))
HOLDS = replace(POLICY, hosters=HosterTerms(HOUR, holds=True))
THERE = rcpt(hoster="AS64500", reviewed=True)


def tried(ago, facts=THERE, policy=WAITS, **differs):
    facts = replace(facts, sightings=(uploaded(ago, MAIL),))
    return inbound.at_data(data(facts, policy, **differs), policy)


@pytest.mark.parametrize(
    ("ago", "action", "code"),
    [
        (2 * MINUTE, Action.DEFER, ReasonCode.GREYLIST_EARLY),
        (4 * MINUTE, Action.DEFER, ReasonCode.HOSTER_WAIT),
        (HOUR - MINUTE, Action.DEFER, ReasonCode.HOSTER_WAIT),
        (HOUR, Action.ACCEPT, ReasonCode.GREYLIST_PASSED),
    ],
)
def test_a_stranger_at_a_hoster_waits_longer(ago, action, code):
    found = tried(ago)
    assert (found.action, found.code) == (action, code)
    elsewhere = tried(ago, replace(THERE, hoster=None))
    assert elsewhere.action is (Action.DEFER if ago < 3 * MINUTE else Action.ACCEPT)


def test_the_reason_names_the_hoster_and_both_times():
    (reason,) = tried(4 * MINUTE).reasons
    assert reason.evidence == {"hoster": "AS64500", "wait": 3600, "waited": 240}


@pytest.mark.parametrize(
    ("differs", "policy"),
    [
        pytest.param({}, replace(WAITS, at_rcpt=True), id="at RCPT"),
        pytest.param({"announced_size": 2000}, WAITS, id="the same size again"),
    ],
)
def test_it_waits_longer_where_it_waits_before_its_data(differs, policy):
    sightings = (uploaded(4 * MINUTE, MAIL, size=2000),)
    assert inbound.at_rcpt(replace(THERE, sightings=sightings, **differs), policy).code is ReasonCode.HOSTER_WAIT


def test_patience_in_the_session_is_not_the_longer_wait():
    patient = replace(THERE, pressure=replace(THERE.pressure, patient=True))
    assert inbound.at_rcpt(patient, WAITS).code is ReasonCode.GREYLIST_DATA
    assert inbound.at_rcpt(patient, HOLDS).code is ReasonCode.GREYLIST_PATIENT
    short = replace(POLICY, hosters=HosterTerms(MINUTE))
    assert inbound.at_rcpt(patient, short).code is ReasonCode.GREYLIST_PATIENT, "no longer than elsewhere"


def test_the_retry_of_a_stranger_at_a_hoster_is_held_where_somebody_looks_and_tagged_elsewhere():
    held = tried(4 * MINUTE, policy=HOLDS)
    assert (held.action, held.code) == (Action.HOLD, ReasonCode.HOSTER_HOLD)
    tagged = tried(4 * MINUTE, replace(THERE, reviewed=False), HOLDS)
    assert (tagged.action, tagged.junk, tagged.code) == (Action.ACCEPT, True, ReasonCode.HOSTER_HOLD)
    assert tried(2 * MINUTE, policy=HOLDS).code is ReasonCode.GREYLIST_EARLY, "it waits first, like everybody"


def test_patience_in_the_session_is_held_too():
    patient = replace(THERE, pressure=replace(THERE.pressure, patient=True))
    assert inbound.at_data(data(patient, HOLDS), HOLDS).code is ReasonCode.HOSTER_HOLD


@pytest.mark.parametrize("policy", [WAITS, HOLDS], ids=["wait", "hold"])
@pytest.mark.parametrize(
    "differs",
    [
        pytest.param({"grade": Grade.KNOWN}, id="known"),
        pytest.param({"grade": Grade.REMEMBERED}, id="remembered"),
        pytest.param({"recipient": ABUSE}, id="abuse"),
        pytest.param({"listed": (listed(ListVerb.ALLOW),)}, id="allowed"),
        pytest.param({"level": Level.OFF}, id="off"),
        pytest.param({"level": Level.WATCH}, id="watch"),
        pytest.param({"switches": frozenset({Switch.BYPASS})}, id="bypass"),
        pytest.param({"switches": frozenset({Switch.GREYLIST_OFF})}, id="greylist-off"),
    ],
)
def test_those_we_know_and_those_who_must_get_through_meet_nothing_of_it(policy, differs):
    facts = replace(THERE, **differs)
    plain = replace(facts, hoster=None)
    assert inbound.at_data(data(facts, policy), policy) == inbound.at_data(data(plain, policy), policy)
    assert inbound.at_data(data(facts, policy), policy).action is Action.ACCEPT


def test_who_is_carried_along_by_a_known_sender_is_not_held():
    found = inbound.at_data(data(THERE, HOLDS, carried=True), HOLDS)
    assert (found.code, found.release_after) == (ReasonCode.GREYLIST_CARRIED, POLICY.timing.wait)


@given(some.sampled_from(list(Level)), some.sampled_from(list(Grade)), some.booleans(), some.booleans(),
       some.sampled_from([WAITS, HOLDS, AT_RCPT]), some.sampled_from([None, 2000, BIG]),
       some.sampled_from([None, MINUTE, 10 * MINUTE, 2 * HOUR]))  # fmt: skip
def test_a_hoster_never_makes_a_refusal(level, grade, reviewed, patient, policy, size, ago):
    facts = replace(THERE, level=level, grade=grade, reviewed=reviewed, announced_size=size)
    facts = replace(facts, pressure=replace(facts.pressure, patient=patient))
    if ago is not None:
        facts = replace(facts, sightings=(seen(ago),))
    assert inbound.at_rcpt(facts, policy).action is not Action.REJECT
    assert inbound.at_data(data(facts, policy), policy).action is not Action.REJECT
