"""Who is it: the rungs of a peer's identity."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from gateway.model import Peer, Rung, RungKind, Spf, SpfResult
from gateway.policy.identity import earning, network_of, quota_network, rungs_of, strongest
from tests.policy.stranger import DKIM, HOST, NETWORK, PEER, SPF


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("192.0.2.255", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("::1", "::/64"),
    ],
)
def test_an_address_counts_as_its_network(address, network):
    assert str(network_of(ip_address(address))) == network


@pytest.mark.parametrize(
    ("address", "network"), [("192.0.2.7", "192.0.2.0/24"), ("2001:db8:1:2::6", "2001:db8:1::/48")]
)
def test_one_customer_shares_one_quota(address, network):
    assert str(quota_network(ip_address(address))) == network


def test_a_peer_without_a_name_is_its_network():
    assert rungs_of(PEER) == {NETWORK}


def test_the_organisation_in_a_confirmed_name_is_a_rung():
    named = replace(PEER, name="mail.elsewhere.example", organisation="elsewhere.example")
    assert rungs_of(named) == {NETWORK, Rung(RungKind.FCRDNS, "elsewhere.example")}


def test_the_name_of_a_line_is_no_identity():
    assert rungs_of(replace(PEER, name="dsl-17.elsewhere.example")) == {NETWORK}


@pytest.mark.parametrize("result", SpfResult)
@pytest.mark.parametrize("wide", [False, True])
def test_only_an_spf_pass_is_a_rung_and_one_of_very_many_is_a_weak_one(result, wide):
    kind = RungKind.SPF_WIDE if wide else RungKind.SPF
    passed = {Rung(kind, "elsewhere.example")} if result is SpfResult.PASS else set()
    assert rungs_of(PEER, Spf(result, "elsewhere.example", wide)) == {NETWORK} | passed


def test_standing_is_earned_on_the_network_and_by_a_signature_only():
    assert {rung.kind for rung in earning(frozenset(Rung(kind, "x") for kind in RungKind))} == {
        RungKind.NETWORK,
        RungKind.DKIM,
    }


def test_what_a_peer_calls_itself_is_no_identity():
    assert rungs_of(replace(PEER, helo="mail.example.com")) == rungs_of(PEER)


@pytest.mark.parametrize(
    ("rungs", "kind"),
    [
        ({NETWORK}, RungKind.NETWORK),
        ({NETWORK, HOST}, RungKind.FCRDNS),
        ({HOST, SPF}, RungKind.SPF),
        ({DKIM, NETWORK}, RungKind.DKIM),
        (set(), RungKind.NETWORK),
    ],
)
def test_the_strongest_rung_is_the_one_that_counts(rungs, kind):
    assert strongest(frozenset(rungs)) is kind


def test_a_host_whose_name_is_vouched_for_stands_for_its_organisation():
    here = Peer(ip_address("192.0.2.1"), "mx1.pool.example", organisation="pool.example")
    spf = Spf(SpfResult.PASS, "mx1.pool.example", of_helo=True)
    assert Rung(RungKind.SPF, "pool.example") in rungs_of(here, spf)


@pytest.mark.parametrize(
    ("domain", "organisation", "of_helo"),
    [
        ("mx1.pool.example", "pool.example", False),  # a sender's domain is what it is
        ("mx1.pool.example", None, True),
        ("mx1.pool.example", "other.example", True),
        ("notpool.example", "pool.example", True),
    ],
)
def test_any_other_name_that_is_vouched_for_stands_for_itself(domain, organisation, of_helo):
    here = Peer(ip_address("192.0.2.1"), "mx1.pool.example", organisation=organisation)
    spf = Spf(SpfResult.PASS, domain, of_helo=of_helo)
    assert Rung(RungKind.SPF, domain) in rungs_of(here, spf)
