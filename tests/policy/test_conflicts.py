"""Which entries of the lists contradict, cover or cross each other."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.model import Address, Binds, ListKind, ListVerb, Rung, RungKind
from gateway.policy.conflicts import Conflict, between, conflicts, conflicts_of, covers
from gateway.policy.lists import Listed, matching
from tests.policy.stranger import BO, DAY, NOW, SECOND, listed

ALLOW, BLOCK = ListVerb.ALLOW, ListVerb.BLOCK
ADDRESS, DOMAIN, NETWORK, RECIPIENT = ListKind.ADDRESS, ListKind.DOMAIN, ListKind.NETWORK, ListKind.RECIPIENT
SIGNATURE = ListKind.SIGNATURE
ANN, HERE, WIDE = "ann@elsewhere.example", ip_network("192.0.2.0/24"), ip_network("192.0.0.0/16")
SHADOWED, EXCEPTION, CROSSING, COVERED = Conflict.SHADOWED, Conflict.EXCEPTION, Conflict.CROSSING, Conflict.COVERED


def entry(verb, kind, value, **differs):
    if kind is NETWORK:
        differs["network"] = ip_network(value)
    return listed(verb, kind, value, id=1, **differs)


def other(*given, **differs):
    made = entry(*given, **differs)
    return listed(made.verb, made.kind, made.value, id=2, **{"network": made.network, **differs})


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        pytest.param(entry(ALLOW, ADDRESS, ANN), other(BLOCK, DOMAIN, "elsewhere.example"), (1, SHADOWED, 2), id="it"),
        pytest.param(entry(BLOCK, ADDRESS, ANN), other(ALLOW, ADDRESS, ANN, network=HERE), (2, SHADOWED, 1), id="same"),
        pytest.param(
            entry(ALLOW, DOMAIN, "elsewhere.example", network=HERE),
            other(BLOCK, ADDRESS, ANN, network=HERE), (1, EXCEPTION, 2), id="an exception",
        ),
        pytest.param(
            entry(ALLOW, DOMAIN, "elsewhere.example", network=HERE),
            other(BLOCK, ADDRESS, ANN), (1, CROSSING, 2), id="some of it, and more",
        ),
        pytest.param(entry(ALLOW, ADDRESS, ANN), other(BLOCK, DOMAIN, "other.example"), None, id="somebody else"),
        pytest.param(
            entry(ALLOW, ADDRESS, ANN, network=HERE), other(BLOCK, NETWORK, "192.0.0.0/16"), (1, SHADOWED, 2), id="net"
        ),
        pytest.param(
            entry(ALLOW, NETWORK, "192.0.0.0/16"), other(BLOCK, NETWORK, "192.0.2.0/24"), (1, EXCEPTION, 2), id="nets"
        ),
        pytest.param(entry(ALLOW, NETWORK, "192.0.0.0/16"), other(BLOCK, ADDRESS, ANN), None, id="made for each other"),
        pytest.param(
            entry(BLOCK, ADDRESS, ANN, scope=BO.key),
            other(ALLOW, ADDRESS, ANN, scope="cy@example.com"), None, id="for others",
        ),
        pytest.param(
            entry(BLOCK, ADDRESS, ANN, scope="example.com"),
            other(ALLOW, ADDRESS, ANN, scope=BO.key), (2, SHADOWED, 1), id="for the whole domain",
        ),
        pytest.param(
            entry(BLOCK, ADDRESS, ANN, scope=BO.key),
            other(ALLOW, ADDRESS, ANN), (2, CROSSING, 1), id="for one of them",
        ),
        pytest.param(
            entry(BLOCK, ADDRESS, ANN, binds=Binds.UNAUTHENTICATED), other(ALLOW, ADDRESS, ANN), None, id="no quarrel"
        ),
        pytest.param(entry(BLOCK, ADDRESS, ANN), other(BLOCK, DOMAIN, "example"), (1, COVERED, 2), id="said already"),
        pytest.param(entry(BLOCK, DOMAIN, "example"), other(BLOCK, ADDRESS, ANN), (2, COVERED, 1), id="the other way"),
        pytest.param(
            entry(BLOCK, ADDRESS, ANN), other(BLOCK, ADDRESS, ANN, binds=Binds.UNAUTHENTICATED), (2, COVERED, 1),
            id="with and without proof",
        ),
        pytest.param(
            entry(ALLOW, ADDRESS, ANN, signature="elsewhere.example"),
            other(ALLOW, SIGNATURE, "elsewhere.example"), (1, COVERED, 2), id="whoever signs",
        ),
        pytest.param(
            entry(ALLOW, ADDRESS, ANN), other(ALLOW, SIGNATURE, "elsewhere.example"), None, id="who signs is not said"
        ),
        pytest.param(
            entry(ALLOW, ADDRESS, ANN, network=HERE), other(ALLOW, ADDRESS, ANN), None, id="different proofs"
        ),
        pytest.param(
            entry(BLOCK, RECIPIENT, BO.key), other(ALLOW, ADDRESS, ANN, scope=BO.key), (2, SHADOWED, 1), id="to him"
        ),
        pytest.param(
            entry(BLOCK, ADDRESS, ANN, expires=NOW + DAY),
            other(BLOCK, DOMAIN, "example", expires=NOW + SECOND), None, id="it ends before",
        ),
        pytest.param(
            entry(ALLOW, NETWORK, "2001:db8::/32"), other(BLOCK, NETWORK, "0.0.0.0/0"), None, id="another family"
        ),
    ],
)  # fmt: skip
def test_what_two_entries_mean_for_each_other(one, two, expected):
    found = between(one, two)
    assert (None if found is None else (found.entry.id, found.conflict, found.other.id)) == expected
    again = between(two, one)
    assert (None if again is None else again.conflict) == (None if found is None else found.conflict)


def test_all_are_found_once_and_in_order():
    entries = [
        listed(BLOCK, DOMAIN, "elsewhere.example", id=4),
        listed(ALLOW, ADDRESS, ANN, id=5),
        listed(BLOCK, NETWORK, "192.0.2.0/24", network=HERE, id=6),
        listed(ALLOW, NETWORK, "192.0.0.0/16", network=WIDE, id=7),
        listed(BLOCK, ADDRESS, "x@y.example", expires=NOW, id=8),
        listed(BLOCK, ADDRESS, ANN, withdrawn_at=NOW, id=9),
    ]
    found = [(one.entry.id, one.conflict, one.other.id if one.other else None) for one in conflicts(entries, NOW)]
    assert found == [(5, SHADOWED, 4), (7, EXCEPTION, 6), (8, Conflict.OVER, None)]
    mine = listed(BLOCK, ADDRESS, "al@elsewhere.example", id=10)
    assert [(one.conflict, one.other.id) for one in conflicts_of(mine, [*entries, mine], NOW)] == [(COVERED, 4)]
    over = listed(BLOCK, ADDRESS, ANN, expires=NOW)
    assert [one.conflict for one in conflicts_of(over, entries, NOW)] == [Conflict.OVER]


# ---- against the door's own function -------------------------------------------------------------------------------

NAMES = ["example", "elsewhere.example", "mail.elsewhere.example", "other.example"]
KEYS = [f"{local}@{domain}" for local in ("ann", "bob") for domain in NAMES[1:]]
NETWORKS = [ip_network(text) for text in ("192.0.2.0/24", "192.0.0.0/16", "192.0.2.7/32", "2001:db8::/32")]
SCOPES = [None, BO.key, "example.com", "cy@example.com"]


@some.composite
def entries(draw):
    kind = draw(some.sampled_from(list(ListKind)))
    values = {
        ADDRESS: KEYS, DOMAIN: NAMES, SIGNATURE: NAMES, NETWORK: list(map(str, NETWORKS)),
        RECIPIENT: [BO.key, "example.com", "cy@example.com"],
    }  # fmt: skip
    value = draw(some.sampled_from(values[kind]))
    named = kind in (ADDRESS, DOMAIN)
    return listed(
        draw(some.sampled_from([ALLOW, BLOCK])),
        kind,
        value,
        id=draw(some.integers(1, 10**6)),
        network=ip_network(value) if kind is NETWORK else draw(some.sampled_from([None, *NETWORKS])) if named else None,
        signature=draw(some.sampled_from([None, *NAMES[:3]])) if named else None,
        scope=draw(some.sampled_from(SCOPES)),
        binds=draw(some.sampled_from(list(Binds))) if named else Binds.EVERYTHING,
    )


@some.composite
def mails(draw):
    sender = draw(some.sampled_from(KEYS))
    author = draw(some.sampled_from(KEYS))
    rungs = frozenset({Rung(RungKind.DKIM, author.rpartition("@")[2])}) if draw(some.booleans()) else frozenset()
    recipient = draw(some.sampled_from([BO, Address("cy@example.com", "cy", "example.com")]))
    address = draw(
        some.sampled_from([ip_address(text) for text in ("192.0.2.7", "192.0.9.9", "2001:db8::1", "10.1.1.1")])
    )
    local, _, domain = sender.partition("@")
    return address, Address(sender, local, domain), recipient, rungs, (author,)


def means(one, mail):
    address, sender, recipient, rungs, authors = mail
    return bool(matching(Listed([one]), address, sender, recipient, NOW, rungs=rungs, authors=authors))


@given(entries(), entries(), mails())
def test_what_covers_another_means_all_of_its_mail(wide, narrow, mail):
    if covers(wide, narrow) and means(narrow, mail):
        assert means(wide, mail)


@given(some.lists(entries(), max_size=12, unique_by=lambda one: one.id))
def test_the_index_finds_what_comparing_all_finds(these):
    pairs = {
        frozenset({one.id, two.id}) for place, one in enumerate(these) for two in these[:place] if between(one, two)
    }
    assert {frozenset({found.entry.id, found.other.id}) for found in conflicts(these, NOW)} == pairs
