"""Who is slowed down and for how long: the borders of every delay."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Grade, Level, ListVerb, NetworkRecord, Pressure, RecipientClass
from gateway.policy import inbound, tarpit
from gateway.policy.recipients import Transaction
from gateway.policy.tarpit import Delays, Standing
from tests.policy.stranger import DAY, MINUTE, NOW, POLICY, SECOND, TIMING, listed, rcpt, seen, uploaded

WELCOME, STRANGER, POOR = Standing.WELCOME, Standing.STRANGER, Standing.POOR
NEW = NetworkRecord()
GREETED, LONG_GREETED = NetworkRecord(greeted_at=NOW - DAY + SECOND), NetworkRecord(greeted_at=NOW - DAY)
TRAPPED, EARLY = NetworkRecord(trapped_until=NOW + SECOND), NetworkRecord(early_until=NOW + SECOND)
DELAYS = Delays(pause=6 * SECOND, stutter=30 * SECOND, patience=65 * SECOND, traps=frozenset({"trap@example.com"}))
NOTHING = timedelta(0)


@pytest.mark.parametrize(
    ("record", "allowed", "expected"),
    [
        (NEW, False, STRANGER),
        (NEW, True, WELCOME),
        (GREETED, False, STRANGER),
        (NetworkRecord(delivered_at=NOW - 36 * DAY + SECOND), False, WELCOME),
        (NetworkRecord(delivered_at=NOW - 36 * DAY), False, STRANGER),
        (TRAPPED, False, POOR),
        (TRAPPED, True, WELCOME),
        (EARLY, False, POOR),
        (NetworkRecord(trapped_until=NOW, early_until=NOW), False, STRANGER),
        (replace(TRAPPED, delivered_at=NOW - DAY), False, WELCOME),
    ],
)
def test_the_standing_of_a_network(record, allowed, expected):
    assert tarpit.standing(record, NOW, DELAYS.memory, allowed=allowed) is expected


@pytest.mark.parametrize(
    ("who", "record", "more", "seconds"),
    [
        (STRANGER, NEW, {}, 6),
        (STRANGER, GREETED, {}, 0),
        (STRANGER, LONG_GREETED, {}, 6),
        (POOR, replace(EARLY, greeted_at=NOW), {}, 6),
        (WELCOME, NEW, {}, 0),
        (STRANGER, NEW, {"stressed": True}, 2),
        (STRANGER, NEW, {"crowded": True}, 0),
        (POOR, TRAPPED, {"crowded": True}, 0),
        (POOR, TRAPPED, {"stressed": True}, 2),
        (WELCOME, NEW, {"stressed": True}, 0),
    ],
)
def test_the_pause_before_the_greeting(who, record, more, seconds):
    pause = tarpit.greet_pause(who, record, NOW, DELAYS, **{"stressed": False, "crowded": False, **more})
    assert pause == seconds * SECOND


@pytest.mark.parametrize("stressed", [True, False])
def test_a_pause_that_is_off_is_off(stressed):
    assert tarpit.greet_pause(POOR, NEW, NOW, Delays(), stressed=stressed, crowded=False) == NOTHING


@given(
    pause=st.timedeltas(NOTHING, timedelta(hours=1)),
    stutter=st.timedeltas(NOTHING, timedelta(hours=1)),
    spent=st.timedeltas(NOTHING, timedelta(hours=1)),
    who=st.sampled_from(Standing),
)
def test_a_null_sender_has_its_answer_within_ten_seconds_of_delay(pause, stutter, spent, who):
    """Before MAIL everybody may be one: pause and slow replies together."""
    delays = Delays(pause=pause, stutter=stutter)
    paused = tarpit.greet_pause(who, NEW, NOW, delays, stressed=False, crowded=False)
    assert paused + tarpit.delay_left(paused, delays, sender=None) <= timedelta(seconds=10)
    assert tarpit.delay_left(spent, delays, sender="") == NOTHING
    assert NOTHING <= tarpit.delay_left(spent, delays, sender="ann@elsewhere.example") <= stutter


@pytest.mark.parametrize(
    ("who", "nameless", "more", "slow"),
    [
        (POOR, False, {}, True),
        (STRANGER, True, {}, True),
        (STRANGER, False, {}, False),
        (WELCOME, True, {}, False),
        (POOR, True, {"stressed": True}, False),
        (POOR, True, {"crowded": True}, False),
    ],
)
def test_who_is_answered_byte_by_byte(who, nameless, more, slow):
    given_more = {"stressed": False, "crowded": False, **more}
    assert tarpit.stutters(who, DELAYS, nameless=nameless, **given_more) is slow
    assert tarpit.stutters(who, Delays(), nameless=nameless, **given_more) is False


@pytest.mark.parametrize(
    ("who", "record", "more", "expected"),
    [
        (STRANGER, NEW, {}, Pressure()),
        (STRANGER, NEW, {"recipient": "trap@example.com"}, Pressure(trap=True)),
        (WELCOME, NEW, {"recipient": "trap@example.com"}, Pressure(trap=True)),
        (POOR, TRAPPED, {}, Pressure(trapped=True)),
        (POOR, EARLY, {}, Pressure(early_talker=True)),
        (WELCOME, TRAPPED, {}, Pressure()),
        (STRANGER, NEW, {"harvesting": True}, Pressure(harvesting=True)),
        (STRANGER, NEW, {"stressed": True}, Pressure(stressed=True)),
        (WELCOME, NEW, {"stressed": True}, Pressure()),
        (STRANGER, NEW, {"patient": True}, Pressure(patient=True)),
    ],
)
def test_what_a_decision_is_told(who, record, more, expected):
    assert tarpit.pressure(who, record, NOW, DELAYS, **{"recipient": "bo@example.com", **more}) == expected


@pytest.mark.parametrize(
    ("differs", "transaction", "may"),
    [
        ({}, Transaction(), True),
        ({"announced_size": POLICY.large + 1}, Transaction(), True),
        ({"sightings": (uploaded(MINUTE, size=9),), "announced_size": 9}, Transaction(), True),
        ({"sightings": (seen(MINUTE),)}, Transaction(), True),
        ({"sightings": (seen(4 * MINUTE),)}, Transaction(), False),
        ({"sender": ""}, Transaction(), False),
        ({"grade": Grade.REMEMBERED}, Transaction(), False),
        ({"level": Level.OFF}, Transaction(), False),
        ({"level": Level.REVIEW_BEFORE}, Transaction(), False),
        ({"recipient_exists": False}, Transaction(), False),
        ({"recipient_exists": None}, Transaction(), False),
        ({"grade": None}, Transaction(), False),
        ({"listed": (listed(ListVerb.BLOCK),)}, Transaction(), False),
        ({"pressure": Pressure(trapped=True)}, Transaction(), False),
        ({"pressure": Pressure(early_talker=True)}, Transaction(), False),
        ({"pressure": Pressure(harvesting=True), "recipient_exists": None}, Transaction(), False),
        ({}, Transaction(RecipientClass.WAIT), False),
        ({}, Transaction(RecipientClass.PASS, sender_known=True), False),
    ],
)
def test_who_may_prove_its_patience(differs, transaction, may):
    facts = rcpt(**differs)
    verdict = inbound.at_rcpt(facts, POLICY)
    assert tarpit.may_prove_patience(facts, verdict, transaction, DELAYS, TIMING) is may
    assert not tarpit.may_prove_patience(facts, verdict, transaction, Delays(), TIMING)


@pytest.mark.parametrize(
    ("who", "sender", "remembered", "marks"),
    [
        (STRANGER, "ann@elsewhere.example", False, True),
        (POOR, "ann@elsewhere.example", False, True),
        (WELCOME, "ann@elsewhere.example", False, False),
        (STRANGER, "", False, False),
        (STRANGER, "ann@elsewhere.example", True, False),
    ],
)
def test_whose_network_a_trap_marks(who, sender, remembered, marks):
    assert tarpit.marks_network(who, sender=sender, remembered=remembered) is marks


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("172.31.255.255", True),
        ("172.32.0.0", False),
        ("192.168.3.4", True),
        ("::1", True),
        ("fd00::1", True),
        ("fe80::1", True),
        ("::ffff:10.1.2.3", True),
        ("::ffff:192.0.2.1", False),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("8.8.8.8", False),
    ],
)
def test_which_addresses_are_near(address, near):
    assert tarpit.is_near(ip_address(address)) is near
