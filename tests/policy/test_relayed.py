"""Mail that a declared relay brings: no wait, judged by the hop before it, and never refused for content or party."""

from dataclasses import replace
from ipaddress import ip_address
from itertools import product

import pytest

from gateway.model import (
    Action,
    Address,
    Grade,
    Level,
    ListVerb,
    MessageFacts,
    Peer,
    ReasonCode,
    RecipientClass,
    Relayed,
    Rung,
    RungKind,
    Switch,
    TombstoneOutcome,
)
from gateway.policy import inbound
from gateway.policy.relayed import STILL_REFUSED
from tests.policy.stranger import (
    BO,
    MAIL,
    MINUTE,
    NETWORK,
    PEER,
    POLICY,
    REFUSAL,
    SUSPICIOUS,
    data,
    identity,
    listed,
    rcpt,
    seen,
    settled,
)

RELAY = Peer(ip_address("198.51.100.7"), helo="mx2.example.com")
OF_RELAY = frozenset({Rung(RungKind.NETWORK, "198.51.100.0/24")})
POSTMASTER = Address("postmaster@example.com", "postmaster", "example.com")
BLOCKED, ALLOWED = listed(ListVerb.BLOCK), listed(ListVerb.ALLOW)


def at_rcpt(**differs):
    """What is known when the relay names a recipient."""
    facts = rcpt(peer=RELAY, rungs=frozenset(), relayed=Relayed(OF_RELAY), **differs)
    return inbound.at_rcpt(facts, POLICY)


def facts(hop=PEER, **differs):
    """The same after the dot; `hop` None: it could not be read."""
    rungs = frozenset({NETWORK}) if hop else frozenset()
    return replace(rcpt(peer=RELAY, rungs=rungs, relayed=Relayed(OF_RELAY, hop)), **differs)


def after(known, policy=POLICY, **differs):
    admitted = inbound.behind_relay(known, policy)
    return inbound.at_data(data(known, policy, admitted=admitted, **differs), policy)


def said(verdict):
    marks = [name for name in ("junk", "review") if getattr(verdict, name)]
    return " ".join([verdict.action, verdict.code, *marks])


# ---- at RCPT -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "recipient", "expected"),
    [
        (Level.OFF, BO, RecipientClass.PASS),
        (Level.WATCH, BO, RecipientClass.PASS),
        (Level.GREYLIST, BO, RecipientClass.PASS),
        (Level.REVIEW_AFTER, BO, RecipientClass.PASS),
        (Level.REVIEW_BEFORE, BO, RecipientClass.HOLD),
        (Level.KNOWN_ONLY, BO, RecipientClass.HOLD),
        (Level.KNOWN_ONLY, POSTMASTER, RecipientClass.PASS),
    ],
)
def test_at_rcpt_the_level_makes_the_class_and_nobody_waits(level, recipient, expected):
    verdict = at_rcpt(level=level, recipient=recipient, announced_size=POLICY.large + 1)
    assert (verdict.action, verdict.code, verdict.recipient_class) == (
        Action.ACCEPT,
        ReasonCode.RELAY_DECLARED,
        expected,
    )


@pytest.mark.parametrize(
    ("differs", "expected"),
    [
        ({"is_local": False}, ReasonCode.RELAY_DENIED),
        ({"recipient_exists": False}, ReasonCode.RECIPIENT_UNKNOWN),
        ({"recipient_exists": None}, ReasonCode.RECIPIENT_UNVERIFIED),
        ({"switches": {Switch.BYPASS}}, ReasonCode.SWITCH_BYPASS),
    ],
)
def test_what_a_relay_is_told_at_rcpt_like_everybody(differs, expected):
    assert at_rcpt(**differs).code is expected


def test_a_block_says_nothing_before_the_hop_is_known():
    assert at_rcpt(listed=(BLOCKED,)).code is ReasonCode.RELAY_DECLARED


# ---- after the dot -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("differs", "expected"),
    [
        pytest.param({}, "accept relay.declared", id="a stranger behind the relay does not wait"),
        pytest.param({"hop": None}, "accept relay.declared", id="an unknown hop neither"),
        pytest.param({"level": Level.REVIEW_AFTER}, "accept relay.declared review", id="listed for review by level"),
        pytest.param({"level": Level.REVIEW_BEFORE}, "hold level.review_before", id="a holding level holds"),
        pytest.param({"level": Level.KNOWN_ONLY, "hop": None}, "hold level.known_only", id="an unknown hop too"),
        pytest.param(
            {"level": Level.KNOWN_ONLY, "grade": Grade.KNOWN}, "accept party.known", id="who is known behind the relay"
        ),
        pytest.param({"grade": Grade.REMEMBERED}, "accept party.remembered", id="who is remembered behind it"),
        pytest.param(
            {"level": Level.REVIEW_BEFORE, "grade": Grade.REMEMBERED},
            "hold level.review_before",
            id="being remembered opens no holding level",
        ),
        pytest.param({"level": Level.OFF}, "accept level.off", id="off"),
        pytest.param({"level": Level.WATCH}, "accept level.watch review", id="watch"),
        pytest.param({"listed": (ALLOWED,), "level": Level.KNOWN_ONLY}, "accept list.allowed", id="an allowed hop"),
        pytest.param({"listed": (BLOCKED,)}, "accept list.blocked junk", id="a blocked hop, nobody looks at holds"),
        pytest.param({"listed": (BLOCKED,), "reviewed": True}, "hold list.blocked", id="a blocked hop is held"),
        pytest.param(
            {"listed": (BLOCKED,), "level": Level.OFF}, "accept list.blocked junk", id="a level overrides no block"
        ),
        pytest.param(
            {"listed": (BLOCKED,), "reviewed": True, "recipient": POSTMASTER},
            "accept list.blocked junk",
            id="postmaster is never held",
        ),
        pytest.param({"listed": (BLOCKED,), "switches": {Switch.BYPASS}}, "accept switch.bypass", id="bypass"),
        pytest.param({"grade": None, "sightings": None}, "defer store.unavailable", id="the database is away"),
    ],
)
def test_after_the_dot_the_hop_is_judged(differs, expected):
    assert said(after(facts(**differs))) == expected


@pytest.mark.parametrize(
    ("differs", "expected"),
    [
        pytest.param({"suspicion": SUSPICIOUS}, "accept content.suspicious junk", id="suspicious content"),
        pytest.param({"message": MessageFacts(MAIL, 9, received_count=99)}, "reject message.loop", id="a loop ends"),
        pytest.param({"tombstones": (settled(TombstoneOutcome.DELIVERED),)}, "discard retry.delivered", id="a retry"),
        pytest.param({"tombstones": (settled(TombstoneOutcome.PENDING),)}, "defer retry.in_flight", id="on its way"),
        pytest.param(
            {"tombstones": (settled(TombstoneOutcome.REFUSED),)},
            "accept retry.refused junk",
            id="refused by a person when it came straight",
        ),
        pytest.param(
            {"tombstones": (settled(TombstoneOutcome.UNDELIVERABLE, reply=REFUSAL),)},
            "reject retry.undeliverable",
            id="the backend's own refusal",
        ),
        pytest.param({"sightings": (seen(MINUTE),)}, "accept relay.declared", id="its hop tried a minute ago"),
    ],
)
def test_what_else_is_asked_after_the_dot(differs, expected):
    assert said(after(facts(), **differs)) == expected


def test_the_reasons_name_the_hop_and_why_nothing_was_refused():
    blocked = after(facts(listed=(BLOCKED,)))
    assert [reason.code for reason in blocked.reasons] == [
        ReasonCode.LIST_BLOCKED,
        ReasonCode.RELAY_DECLARED,
        ReasonCode.RELAY_SPARED,
    ]
    assert blocked.reasons[1].evidence == {"hop": "192.0.2.7"}
    assert after(facts(hop=None)).reasons[0].evidence == {"hop": None}


def test_a_relays_retry_is_recognised_where_the_hop_is_unknown():
    mail = identity(rungs=OF_RELAY)
    again = settled(TombstoneOutcome.DELIVERED, mail=mail)
    assert after(facts(hop=None), tombstones=(again,)).code is ReasonCode.RETRY_DELIVERED
    assert after(facts(), tombstones=(again,)).code is ReasonCode.RELAY_DECLARED


EVERYTHING = list(
    product(
        Level,
        [*Grade, None],
        [(), (BLOCKED,), (ALLOWED,), (ALLOWED, BLOCKED)],
        [True, False],
        [None, *TombstoneOutcome],
        [BO, POSTMASTER],
        [PEER, None],
    )
)


def test_a_relay_is_never_told_to_return_a_mail_for_its_content_or_party_and_never_to_wait():
    waits = {code for code in ReasonCode if code.value.startswith("greylist.")}
    for level, grade, lists, reviewed, outcome, recipient, hop in EVERYTHING:
        known = facts(hop, level=level, grade=grade, listed=lists, reviewed=reviewed, recipient=recipient)
        stones = () if outcome is None else (settled(outcome, mail=identity(recipient=recipient.key)),)
        for suspicion in ((), SUSPICIOUS):
            verdict = after(known, tombstones=stones, suspicion=suspicion)
            assert verdict.action is not Action.REJECT or verdict.code in STILL_REFUSED
            assert verdict.code not in waits
            assert verdict.release_after is None
            assert verdict.action is not Action.HOLD or recipient is not POSTMASTER


def test_the_same_mail_straight_from_its_sender_is_refused():
    assert inbound.at_rcpt(rcpt(listed=(BLOCKED,)), POLICY).action is Action.REJECT


def test_without_the_last_rule_nobody_would_decide(monkeypatch):
    monkeypatch.setattr(inbound, "RELAYED_RULES", inbound.RELAYED_RULES[:-1])
    with pytest.raises(AssertionError, match="always has an opinion"):
        after(facts())
