"""What peers call themselves: what is noticed, and the one lie that counts."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from gateway.model import Action, Grade, HeloFlaw, ListVerb, Peer, ReasonCode, Rung, RungKind
from gateway.policy.helo import Ours, flaws
from gateway.policy.inbound import at_data
from gateway.policy.suspicion import weighed
from tests.policy.stranger import MAIL, MINUTE, NETWORK, PEER, POLICY, data, listed, rcpt, uploaded

OURS = Ours(frozenset({"gate.example.com", "example.com"}), frozenset({ip_address("203.0.113.9")}))
F = HeloFlaw


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("mail.elsewhere.example", []),
        ("", []),
        ("gate.example.com", [F.OURS]),
        ("GATE.Example.com.", [F.OURS]),
        ("example.com", [F.OURS]),
        ("branch.example.com", []),
        ("notexample.com", []),
        ("[192.0.2.7]", []),
        ("192.0.2.7", [F.BARE_ADDRESS]),
        ("[IPv6:::ffff:192.0.2.7]", []),
        ("[198.51.100.1]", [F.OTHER_ADDRESS]),
        ("198.51.100.1", [F.OTHER_ADDRESS, F.BARE_ADDRESS]),
        ("[203.0.113.9]", [F.OURS]),
        ("203.0.113.9", [F.OURS, F.BARE_ADDRESS]),
        ("[IPv6:2001:db8::1]", [F.OTHER_ADDRESS]),
        ("[tag:x]", [F.NO_DOT]),
        ("localhost", [F.NO_DOT]),
        ("dsl-192-0-2-7.isp.example", [F.LINE]),
        ("ylmf-pc", [F.NO_DOT]),
    ],
)
def test_what_is_wrong_with_a_name(said, found):
    assert list(flaws(replace(PEER, helo=said), OURS)) == found


@pytest.mark.parametrize(
    ("address", "name", "forged"),
    [
        ("192.0.2.7", None, True),
        ("192.0.2.7", "gate.example.com", False),
        ("192.0.2.7", "mail.elsewhere.example", True),
        ("2001:db8::7", None, True),
        ("::ffff:192.0.2.7", None, True),
        ("127.0.0.1", None, False),
        ("::ffff:127.0.0.1", None, False),
        ("10.1.2.3", None, False),
        ("172.31.0.1", None, False),
        ("192.168.1.1", None, False),
        ("fd00::1", None, False),
        ("169.254.0.1", None, False),
        ("203.0.113.9", None, False),
    ],
)
def test_our_own_hosts_may_have_our_name(address, name, forged):
    peer = Peer(ip_address(address), "gate.example.com", name)
    assert (F.OURS in flaws(peer, OURS)) is forged


# ---- what it weighs ------------------------------------------------------------------------------------------------

LIAR = {"helo": (F.OURS,), "peer": replace(PEER, helo="example.com"), "reviewed": True}
BACK = (uploaded(5 * MINUTE, MAIL),)
SPF_OF_US, DKIM_OF_US = Rung(RungKind.SPF, "example.com"), Rung(RungKind.DKIM, "example.com")


@pytest.mark.parametrize(
    ("differs", "action"),
    [
        ({}, Action.HOLD),
        ({"helo": (F.NO_DOT, F.LINE, F.OTHER_ADDRESS)}, Action.ACCEPT),
        ({"grade": Grade.REMEMBERED}, Action.ACCEPT),
        ({"grade": Grade.KNOWN}, Action.ACCEPT),
        ({"listed": (listed(ListVerb.ALLOW),)}, Action.ACCEPT),
        ({"rungs": frozenset({NETWORK, SPF_OF_US})}, Action.ACCEPT),
        ({"rungs": frozenset({NETWORK, DKIM_OF_US})}, Action.ACCEPT),
        ({"rungs": frozenset({NETWORK, Rung(RungKind.SPF_WIDE, "example.com")})}, Action.HOLD),
        ({"rungs": frozenset({NETWORK, Rung(RungKind.SPF, "elsewhere.example")})}, Action.HOLD),
    ],
)
def test_a_stranger_by_our_name_is_held_when_it_comes_back(differs, action):
    found = at_data(data(rcpt(**{**LIAR, **differs}), sightings=BACK), POLICY)
    assert found.action is action
    assert (found.code is ReasonCode.HELO_FORGED) == (action is Action.HOLD)


def test_it_never_refuses_and_first_contact_is_as_always():
    assert at_data(data(rcpt(**LIAR)), POLICY).code is ReasonCode.GREYLIST_NEW
    tagged = at_data(data(rcpt(**{**LIAR, "reviewed": False}), sightings=BACK), POLICY)
    assert (tagged.action, tagged.junk) == (Action.ACCEPT, True)


def test_what_is_weighed_twice_weighs_once():
    once = weighed(data(rcpt(**LIAR)), POLICY)
    assert [reason.code for reason in once.suspicion] == [ReasonCode.HELO_FORGED]
    assert once.suspicion[0].evidence == {"helo": "example.com"}
    assert weighed(once, POLICY) == once
