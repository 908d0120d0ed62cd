"""The private lists: whom an entry names, for whom, from where, and until when."""

import random
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest

from gateway.model import Address, Binds, ListKind, ListVerb, Peer, Rung, RungKind
from gateway.policy.lists import Listed, matching, within
from tests.policy.stranger import ANN, BO, DKIM, NOW, PEER, SECOND, SPF, SPF_WIDE, listed
from tests.policy.stranger import NETWORK as NET

ALLOW, BLOCK = ListVerb.ALLOW, ListVerb.BLOCK
ADDRESS, DOMAIN, NETWORK, RECIPIENT = ListKind.ADDRESS, ListKind.DOMAIN, ListKind.NETWORK, ListKind.RECIPIENT
SIGNATURE = ListKind.SIGNATURE
HERE, ELSEWHERE = ip_network("192.0.2.0/24"), ip_network("198.51.100.0/24")
SIX, MAPPED = Peer(ip_address("2001:db8::7")), Peer(ip_address("::ffff:192.0.2.7"))
BELOW = Address("ann@mail.elsewhere.example", "ann", "mail.elsewhere.example")
LOOKALIKE = Address("ann@notelsewhere.example", "ann", "notelsewhere.example")


def network(verb=BLOCK, within=HERE, **differs):
    return listed(verb, NETWORK, str(within), network=within, **differs)


def holds(entry, peer=PEER, sender=ANN, recipient=BO):
    return matching(Listed([entry]), peer.address, sender, recipient, NOW) == (entry,)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(network(), True, id="the peer's network"),
        pytest.param(network(within=ELSEWHERE), False, id="another network"),
        pytest.param(network(within=ip_network("192.0.2.7/32")), True, id="the very peer"),
        pytest.param(listed(BLOCK, NETWORK), False, id="a network entry without a network names nobody"),
        pytest.param(listed(BLOCK, ADDRESS, ANN.key), True, id="the sender in lower case"),
        pytest.param(listed(BLOCK, ADDRESS, "eve@elsewhere.example"), False, id="another sender"),
        pytest.param(listed(BLOCK, DOMAIN, "elsewhere.example"), True, id="the sender's domain"),
        pytest.param(listed(BLOCK, DOMAIN, "example"), True, id="a domain above it"),
        pytest.param(listed(BLOCK, DOMAIN, "sewhere.example"), False, id="the end of its name is no domain above it"),
        pytest.param(listed(BLOCK, RECIPIENT, BO.key), True, id="the recipient"),
        pytest.param(listed(BLOCK, RECIPIENT, "example.com"), True, id="the recipient's domain"),
        pytest.param(listed(BLOCK, RECIPIENT, "cy@example.com"), False, id="another recipient"),
    ],
)
def test_whom_an_entry_names(entry, expected):
    assert holds(entry) is expected


@pytest.mark.parametrize(("sender", "expected"), [(ANN, True), (BELOW, True), (LOOKALIKE, False), (None, False)])
def test_a_domain_covers_what_is_below_it_and_nothing_that_looks_like_it(sender, expected):
    assert holds(listed(BLOCK, DOMAIN, "elsewhere.example"), sender=sender) is expected


def test_no_name_matches_a_bounce():
    assert not holds(listed(BLOCK, ADDRESS, ""), sender=None)


@pytest.mark.parametrize(
    ("peer", "within", "expected"),
    [
        (SIX, ip_network("2001:db8::/64"), True),
        (SIX, HERE, False),
        (PEER, ip_network("::/0"), False),
        (MAPPED, HERE, True),
        (MAPPED, ELSEWHERE, False),
    ],
    ids=["IPv6", "IPv6 and an IPv4 list", "IPv4 and an IPv6 list", "IPv4 written as IPv6", "the same, elsewhere"],
)
def test_networks_of_both_families(peer, within, expected):
    assert holds(network(within=within), peer=peer) is expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(listed(ALLOW, ADDRESS, ANN.key), False, id="an allowed name alone: anybody can write it"),
        pytest.param(listed(ALLOW, ADDRESS, ANN.key, network=HERE), True, id="an allowed name from its network"),
        pytest.param(listed(ALLOW, ADDRESS, ANN.key, network=ELSEWHERE), False, id="an allowed name from elsewhere"),
        pytest.param(listed(ALLOW, DOMAIN, ANN.domain), False, id="an allowed domain alone"),
        pytest.param(listed(ALLOW, DOMAIN, ANN.domain, network=HERE), True, id="an allowed domain from its network"),
        pytest.param(listed(BLOCK, ADDRESS, ANN.key), True, id="a blocked name counts from anywhere"),
        pytest.param(listed(BLOCK, ADDRESS, ANN.key, network=ELSEWHERE), False, id="unless a network is named"),
        pytest.param(listed(BLOCK, ADDRESS, ANN.key, network=HERE), True, id="a blocked name from its network"),
        pytest.param(network(ALLOW), True, id="an allowed network"),
        pytest.param(listed(ALLOW, RECIPIENT, BO.key), True, id="an allowed recipient"),
    ],
)
def test_from_where_a_name_counts(entry, expected):
    assert holds(entry) is expected


@pytest.mark.parametrize(
    ("scope", "expected"),
    [(None, True), (BO.key, True), ("example.com", True), ("cy@example.com", False), ("example.org", False)],
)
def test_for_whom_an_entry_holds(scope, expected):
    assert holds(network(scope=scope)) is expected


@pytest.mark.parametrize(("expires", "expected"), [(None, True), (NOW + SECOND, True), (NOW, False)])
def test_until_when_an_entry_holds(expires, expected):
    assert holds(network(expires=expires)) is expected


def test_all_entries_that_hold_are_found_in_their_order():
    first, second, third = network(id=1), network(within=ELSEWHERE, id=2), network(ALLOW, id=3)
    assert matching(Listed([first, second, third]), PEER.address, ANN, BO, NOW) == (first, third)


# ---- where nobody knows from where it comes ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(network(within=ip_network("0.0.0.0/0")), False, id="no network"),
        pytest.param(listed(BLOCK, ADDRESS, ANN.key), True, id="a blocked name"),
        pytest.param(listed(BLOCK, ADDRESS, ANN.key, network=HERE), False, id="a blocked name from a network"),
        pytest.param(listed(ALLOW, ADDRESS, ANN.key, network=HERE), False, id="an allowed name from a network"),
        pytest.param(listed(ALLOW, RECIPIENT, BO.key), True, id="the recipient"),
    ],
)
def test_what_holds_for_mail_from_an_unknown_place(entry, expected):
    assert (matching(Listed([entry]), None, ANN, BO, NOW) == (entry,)) is expected


# ---- what proves a name --------------------------------------------------------------------------------------------

PARTNER, EVE = "ann@elsewhere.example", Address("eve@evil.example", "eve", "evil.example")
SIGNED = frozenset({NET, DKIM})
UNSIGNED = frozenset({NET})
OWN = Rung(RungKind.DKIM, "evil.example")


def use(entry, sender=ANN, rungs=UNSIGNED, authors=None, peer=PEER):
    return matching(Listed([entry]), peer.address, sender, BO, NOW, rungs=rungs, authors=authors) == (entry,)


@pytest.mark.parametrize(
    ("entry", "rungs", "authors", "expected"),
    [
        pytest.param(listed(ALLOW, ADDRESS, PARTNER), SIGNED, (PARTNER,), True, id="its own signature"),
        pytest.param(listed(ALLOW, ADDRESS, PARTNER), UNSIGNED, (PARTNER,), False, id="no signature"),
        pytest.param(listed(ALLOW, DOMAIN, ANN.domain), SIGNED, (PARTNER,), True, id="the domain, signed"),
        pytest.param(listed(ALLOW, DOMAIN, ANN.domain), frozenset({NET, SPF}), (PARTNER,), False, id="SPF is no proof"),
        pytest.param(
            listed(ALLOW, ADDRESS, PARTNER, signature="elsewhere.example"), SIGNED, (PARTNER,), True, id="as named"
        ),
        pytest.param(
            listed(ALLOW, ADDRESS, PARTNER, signature="example"), SIGNED, (PARTNER,), True, id="signed below it"
        ),
        pytest.param(
            listed(ALLOW, ADDRESS, PARTNER, signature="mail.elsewhere.example"), SIGNED, (PARTNER,), False, id="above"
        ),
        pytest.param(
            listed(ALLOW, ADDRESS, PARTNER, signature="evil.example"), SIGNED, (PARTNER,), False, id="another signer"
        ),
        pytest.param(
            listed(ALLOW, ADDRESS, PARTNER, signature="elsewhere.example", network=ELSEWHERE),
            SIGNED, (PARTNER,), False, id="signed, but not from the network it must come from as well",
        ),
        pytest.param(listed(ALLOW, SIGNATURE, "elsewhere.example"), SIGNED, (PARTNER,), True, id="its authors"),
        pytest.param(listed(ALLOW, SIGNATURE, "example"), SIGNED, (PARTNER,), True, id="the same, above it"),
        pytest.param(listed(ALLOW, SIGNATURE, "elsewhere.example"), UNSIGNED, (PARTNER,), False, id="signed by nobody"),
        pytest.param(
            listed(ALLOW, SIGNATURE, "elsewhere.example", network=ELSEWHERE), SIGNED, (PARTNER,), False, id="elsewhere"
        ),
    ],
)  # fmt: skip
def test_what_makes_an_allowed_name_count(entry, rungs, authors, expected):
    assert use(entry, rungs=rungs, authors=authors) is expected


def test_the_author_is_named_as_well_as_the_sender():
    allowed, blocked = listed(ALLOW, ADDRESS, PARTNER), listed(BLOCK, ADDRESS, PARTNER)
    assert use(allowed, sender=None, rungs=SIGNED, authors=(PARTNER,))
    assert use(blocked, sender=EVE, authors=(PARTNER,))
    assert use(blocked, sender=EVE, authors=("bob@other.example", PARTNER)), "one of several"
    assert not use(blocked, sender=EVE, authors=("bob@other.example", ""))
    assert not use(blocked, sender=EVE), "nobody knows it before the dot"


def test_a_signature_of_somebody_else_proves_no_sender():
    """Whoever signs for himself may write any envelope sender."""
    allowed = listed(ALLOW, ADDRESS, PARTNER)
    assert not use(allowed, sender=ANN, rungs=frozenset({NET, OWN}), authors=(EVE.key,))
    assert use(allowed, sender=ANN, rungs=SIGNED, authors=("bob@elsewhere.example",))


def test_a_top_level_domain_is_nobodys_relative():
    allowed = listed(ALLOW, ADDRESS, "ann@example")
    sender = Address("ann@example", "ann", "example")
    assert not use(allowed, sender=sender, rungs=SIGNED, authors=(PARTNER,))


UNPROVED = listed(BLOCK, ADDRESS, PARTNER, binds=Binds.UNAUTHENTICATED)


@pytest.mark.parametrize(
    ("sender", "rungs", "authors", "refused"),
    [
        pytest.param(ANN, UNSIGNED, None, False, id="never before the dot"),
        pytest.param(ANN, UNSIGNED, (PARTNER,), True, id="the forger"),
        pytest.param(ANN, SIGNED, (PARTNER,), False, id="the partner"),
        pytest.param(EVE, UNSIGNED, (PARTNER,), True, id="the author alone is forged"),
        pytest.param(EVE, frozenset({NET, SPF}), (PARTNER,), True, id="SPF says nothing of an author"),
        pytest.param(ANN, frozenset({NET, OWN}), (EVE.key,), True, id="the envelope alone is forged"),
        pytest.param(ANN, frozenset({NET, SPF}), (EVE.key,), False, id="the envelope alone, and SPF says it is right"),
        pytest.param(ANN, frozenset({NET, SPF_WIDE}), (EVE.key,), True, id="so it does of half of the world"),
        pytest.param(EVE, UNSIGNED, (EVE.key,), False, id="another name"),
        pytest.param(EVE, UNSIGNED, ("", PARTNER), True, id="several authors"),
    ],
)
def test_a_block_of_what_was_not_proved_lets_the_real_one_pass(sender, rungs, authors, refused):
    assert use(UNPROVED, sender, rungs, authors) is refused


def test_a_name_from_its_network_is_proved():
    """Who is allowed from a network need not sign: blocking forgeries of the name does not bind that network."""
    allowed = listed(ALLOW, DOMAIN, ANN.domain, network=HERE, id=8)
    other = listed(ALLOW, ADDRESS, "ann@other.example", network=HERE, id=9)
    for entries, found in (([UNPROVED, allowed], (allowed,)), ([UNPROVED, other], (UNPROVED,))):
        assert matching(Listed(entries), PEER.address, ANN, BO, NOW, rungs=UNSIGNED, authors=(PARTNER,)) == found
    assert matching(Listed([UNPROVED, allowed]), SIX.address, ANN, BO, NOW, authors=(PARTNER,)) == (UNPROVED,)


def test_what_was_withdrawn_holds_no_longer():
    assert not holds(network(withdrawn_at=NOW))


# ---- the index -----------------------------------------------------------------------------------------------------

PLACES = [ip_address(text) for text in ("192.0.2.7", "198.51.100.9", "2001:db8::7", "::ffff:192.0.2.7", "::1")]
NAMES = ["example", "elsewhere.example", "mail.elsewhere.example", "a.mail.elsewhere.example", "example.com", ".", ""]
SENDERS = [None, *(Address(f"Ann@{name}", "Ann", name) for name in NAMES), Address("x@a.b.", "x", "a.b.")]
RECIPIENTS = [BO, Address("cy@example.com", "cy", "example.com"), Address("bo@elsewhere.example", "bo", NAMES[1])]


def names(entry, address, sender, recipient):
    """As the entries say it, one by one."""
    match entry.kind:
        case ListKind.NETWORK:
            return within(entry, address)
        case ListKind.RECIPIENT:
            return entry.value in (recipient.key, recipient.domain)
        case ListKind.ADDRESS:
            return sender is not None and entry.value == sender.key
        case ListKind.SIGNATURE:
            return False
        case ListKind.DOMAIN:
            return sender is not None and (sender.domain == entry.value or sender.domain.endswith("." + entry.value))


def found_by_walking(entries, address, sender, recipient):
    return tuple(
        entry
        for entry in entries
        if (entry.expires is None or entry.expires > NOW)
        and entry.scope in (None, recipient.key, recipient.domain)
        and names(entry, address, sender, recipient)
        and (
            entry.kind in (NETWORK, RECIPIENT)
            or (entry.verb is BLOCK and entry.network is None)
            or within(entry, address)
        )
    )


def some_network(draw):
    if draw.random() < 0.5:
        return IPv4Network((int(draw.choice(PLACES[:2])), draw.randint(0, 32)), strict=False)
    return IPv6Network((int(draw.choice(PLACES[2:])), draw.randint(0, 128)), strict=False)


def some_entry(draw, number):
    kind = draw.choice(list(ListKind))
    around = some_network(draw) if kind is NETWORK or draw.random() < 0.4 else None
    value = draw.choice([*NAMES, *(one.key for one in SENDERS if one), *(one.key for one in RECIPIENTS)])
    return listed(
        draw.choice([ALLOW, BLOCK]),
        kind,
        str(around) if kind is NETWORK else value,
        id=number,
        network=around,
        scope=draw.choice([None, None, BO.key, "example.com", "example.org"]),
        expires=draw.choice([None, None, NOW, NOW + SECOND]),
    )


@pytest.mark.parametrize("seed", range(30))
def test_the_index_finds_what_a_walk_over_all_entries_finds(seed):
    draw = random.Random(seed)
    entries = [some_entry(draw, number) for number in range(150)]
    index, found = Listed(entries), 0
    for address in PLACES:
        assert sorted(one.id for one in index.around(address)) == [one.id for one in entries if within(one, address)]
        for sender in SENDERS:
            for recipient in RECIPIENTS:
                expected = found_by_walking(entries, address, sender, recipient)
                assert matching(index, address, sender, recipient, NOW) == expected
                found += len(expected)
    assert found


def test_an_answer_looks_at_what_fits_and_at_nothing_else():
    many = [network(within=ip_network(f"10.{one // 256}.{one % 256}.0/24"), id=one) for one in range(20_000)]
    many += [listed(BLOCK, ADDRESS, f"a{one}@b.example", id=one) for one in range(20_000)]
    mine = network(id=-1)
    index = Listed([*many, mine])
    index.entries = {len(many): mine}  # anything else would be a KeyError
    assert matching(index, PEER.address, ANN, BO, NOW) == (mine,)
