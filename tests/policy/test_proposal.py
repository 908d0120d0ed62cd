"""What is proposed from one mail: it fits that mail, and nothing that lacks what proved it."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.model import Address, Binds, ListKind, ListVerb, Rung, RungKind
from gateway.policy.identity import network_of
from gateway.policy.lists import Listed, matching
from gateway.policy.proposal import Risk, Sample, fits, preselected, to_allow, to_block
from tests.policy.stranger import ANN, BO, DKIM, HOST, NETWORK, NOW, PEER, SPF, SPF_WIDE

AUTHOR = ANN.key
ELSEWHERE = ip_address("203.0.113.9")
PLAIN = Sample(PEER.address, frozenset({NETWORK}), ANN, (AUTHOR,), BO)
SIGNED = replace(PLAIN, rungs=frozenset({NETWORK, HOST, SPF, DKIM}))
VERP = Address("bounce-123456=bo=example.com@lists.example", "bounce-123456=bo=example.com", "lists.example")


def said(choices):
    return [(str(one.entry.kind), one.entry.value, one.entry.scope, str(one.risk)) for one in choices]


def best(sample, propose=to_allow):
    choices = propose(sample)
    place = preselected(choices)
    return None if place is None else choices[place].entry


# ---- to let it through ---------------------------------------------------------------------------------------------


def test_who_signed_is_the_safest_and_the_narrowest_comes_first():
    entry = best(SIGNED)
    assert (entry.kind, entry.value, entry.signature, entry.network) == (
        ListKind.ADDRESS, AUTHOR, "elsewhere.example", None,
    )  # fmt: skip
    assert entry.scope == BO.key
    assert said(to_allow(SIGNED))[:4] == [
        ("address", AUTHOR, "bo@example.com", "safe"),
        ("address", AUTHOR, "example.com", "safe"),
        ("domain", "elsewhere.example", "bo@example.com", "grey"),
        ("domain", "elsewhere.example", None, "grey"),
    ]


def test_without_a_signature_the_name_counts_with_its_network():
    entry = best(PLAIN)
    assert (entry.value, str(entry.network), entry.scope) == (AUTHOR, "192.0.2.0/24", BO.key)


def test_a_sender_that_is_another_one_every_time_is_no_name():
    entry = best(replace(PLAIN, sender=VERP, authors=("news@lists.example",)))
    assert entry.value == "news@lists.example"
    assert best(replace(PLAIN, sender=VERP, authors=("",))).kind is ListKind.NETWORK


def test_of_a_bounce_only_its_network_is_known():
    assert best(replace(PLAIN, sender=None, authors=("",))).kind is ListKind.NETWORK


def test_several_authors_are_nobody():
    assert {one.entry.value for one in to_allow(replace(PLAIN, authors=(AUTHOR, "eve@evil.example")))} == {
        AUTHOR, "elsewhere.example", "192.0.2.0/24",
    }  # fmt: skip


def test_what_anybody_could_use_is_shown_with_the_reason_and_cannot_be_taken():
    sample = replace(PLAIN, rungs=frozenset({NETWORK, HOST, SPF, SPF_WIDE}))
    refused = {str(one.because) for one in to_allow(sample) if not one.may_be_taken}
    assert {because.split(" ")[0] for because in refused} == {"anybody", "SPF", "the", "a"}
    assert all("elsewhere.example" in because for because in refused if not because.startswith("anybody"))
    assert not [one for one in to_allow(SIGNED) if str(one.because).startswith("anybody")], "it was signed for"


def test_a_mail_without_anything_is_no_ground_for_trust():
    nobody = Sample(PEER.address, frozenset(), None, ("",), BO)
    assert to_allow(nobody) == ()
    assert preselected(to_allow(nobody)) is None
    assert preselected(to_block(nobody)) is None


def test_the_network_is_the_one_that_it_came_from_last():
    other = Rung(RungKind.NETWORK, "10.1.2.0/24")
    assert best(replace(PLAIN, rungs=frozenset({other, NETWORK}))).network == ip_network("192.0.2.0/24")
    assert best(replace(PLAIN, rungs=frozenset({other}), address=ip_address("10.1.2.3"))).network == ip_network(
        "10.1.2.0/24"
    )


# ---- to stop it ----------------------------------------------------------------------------------------------------


def test_a_name_that_nothing_proved_is_blocked_where_nothing_proves_it():
    entry = best(PLAIN, to_block)
    assert (entry.kind, entry.value, entry.scope, entry.binds) == (
        ListKind.ADDRESS, AUTHOR, BO.key, Binds.UNAUTHENTICATED,
    )  # fmt: skip


def test_a_name_that_was_signed_for_is_blocked_whatever_proves_it():
    assert best(SIGNED, to_block).binds is Binds.EVERYTHING


def test_a_partner_whose_name_was_forged_passes_after_the_block_and_the_forger_does_not():
    """The row of the attack table: staff block what the forger sent; the partner signs its mail."""
    forged = replace(PLAIN, address=ELSEWHERE, rungs=frozenset({Rung(RungKind.NETWORK, "203.0.113.0/24")}))
    choice = to_block(forged)[preselected(to_block(forged))]
    assert fits(choice, forged, NOW)
    assert not fits(choice, SIGNED, NOW)
    at_rcpt = matching(Listed([choice.entry]), PEER.address, ANN, BO, NOW, rungs=SIGNED.rungs)
    assert at_rcpt == (), "the partner's name is not refused before its mail was seen"


# ---- over all mail -------------------------------------------------------------------------------------------------

DOMAINS = some.sampled_from(["elsewhere.example", "mail.elsewhere.example", "evil.example", "a.co.example", "x.test"])
LOCALS = some.sampled_from(["ann", "eve", "bounce-1234567=bo", "news+tag"])


@some.composite
def addresses(draw):
    local, domain = draw(LOCALS), draw(DOMAINS)
    return Address(f"{local}@{domain}", local, domain)


@some.composite
def samples(draw):
    address = draw(some.sampled_from([PEER.address, ip_address("198.51.100.4"), ip_address("2001:db8::5")]))
    rungs = {Rung(RungKind.NETWORK, str(network_of(address)))}
    weak = some.builds(Rung, some.sampled_from([RungKind.SPF, RungKind.SPF_WIDE, RungKind.FCRDNS]), DOMAINS)
    rungs |= draw(some.sets(weak, max_size=3))
    sender = draw(some.none() | addresses())
    authors = tuple(one.key for one in draw(some.lists(addresses(), max_size=2))) or ("",)
    if len(authors) == 1 and authors[0] and draw(some.booleans()):
        rungs.add(Rung(RungKind.DKIM, authors[0].rpartition("@")[2]))
    return Sample(address, frozenset(rungs), sender, authors, BO)


@given(samples())
def test_every_choice_fits_the_mail_that_it_was_made_from(sample):
    for choice in (*to_allow(sample), *to_block(sample)):
        assert fits(choice, sample, NOW) or not choice.may_be_taken


@given(samples())
def test_no_trust_holds_without_the_proof_that_it_was_made_from(sample):
    """The same names, from elsewhere and signed by nobody; and the same network and signer under other names."""
    rider = replace(sample, address=ELSEWHERE, rungs=frozenset({Rung(RungKind.NETWORK, "203.0.113.0/24")}))
    for choice in to_allow(sample):
        assert not fits(choice, rider, NOW)
        if choice.entry.signature is not None:
            unsigned = frozenset(rung for rung in sample.rungs if rung.kind is not RungKind.DKIM)
            assert not fits(choice, replace(sample, rungs=unsigned), NOW)


@given(samples())
def test_no_trust_holds_for_another_recipient_than_it_says(sample):
    other = replace(sample, recipient=Address("cy@other.example", "cy", "other.example"))
    for choice in to_allow(sample):
        assert fits(choice, other, NOW) is (choice.entry.scope is None)


@given(samples())
def test_no_block_of_an_unproved_name_stops_its_owner(sample):
    for choice in to_block(sample):
        if choice.entry.binds is Binds.UNAUTHENTICATED:
            domain = choice.entry.value.rpartition("@")[2]
            owner = Address(f"ann@{domain}", "ann", domain)
            signed = sample.rungs | {Rung(RungKind.DKIM, domain)}
            assert not fits(choice, replace(sample, sender=owner, authors=(owner.key,), rungs=signed), NOW)


@given(samples())
def test_the_preselected_one_is_never_what_anybody_could_use(sample):
    choices = to_allow(sample)
    place = preselected(choices)
    assert place is None or choices[place].may_be_taken
    assert place is not None or all(choice.risk is Risk.REFUSED for choice in choices)
    assert {choice.entry.verb for choice in choices} <= {ListVerb.ALLOW}


@pytest.mark.parametrize("propose", [to_allow, to_block])
def test_what_is_proposed_differs_between_recipients_in_nothing_but_the_scope(propose):
    other = replace(SIGNED, recipient=Address("cy@example.com", "cy", "example.com"))
    pairs = zip(propose(SIGNED), propose(other), strict=True)
    assert all(replace(one.entry, scope=None) == replace(two.entry, scope=None) for one, two in pairs)
