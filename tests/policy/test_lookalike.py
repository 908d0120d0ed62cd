"""Domains that look like those our people know: what is noticed, what is not, and what counts against a stranger."""

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Action, Grade, Likeness, ListVerb, Mark, ReasonCode
from gateway.policy.inbound import at_data
from gateway.policy.lookalike import KnownDomains, displayed, is_one_letter, marks, reason, skeleton
from tests.policy.stranger import MINUTE, POLICY, data, listed, rcpt, uploaded

L = Likeness
KNOWN = KnownDomains(
    ["example.com", "stadtwerke.example"],
    ["paypal.com", "modernbank.example", "partners.co.uk", "web.de", "news1234.example", "xn--mller-kva.example"],
)


def idn(name: str) -> str:
    return f"xn--{name.encode('punycode').decode()}.com"


@pytest.mark.parametrize(
    ("domain", "found"),
    [
        ("elsewhere.example", []),
        ("paypal.com", []),
        ("paypa1.com", [(L.CONFUSABLE, "paypal.com")]),
        ("pay-pal.com", [(L.CONFUSABLE, "paypal.com")]),
        (idn("p\u0430ypal"), [(L.CONFUSABLE, "paypal.com"), (L.MIXED_SCRIPTS, "")]),
        (idn("\u0440\u0430\u0443\u0440\u0430\u04cf"), [(L.CONFUSABLE, "paypal.com")]),
        (idn("p\u1ea1ypal"), [(L.CONFUSABLE, "paypal.com")]),
        (idn("p\u00e4ypal"), []),
        ("modembank.example", [(L.CONFUSABLE, "modernbank.example")]),
        ("rnodernbank.example", [(L.CONFUSABLE, "modernbank.example")]),
        ("modernbanks.example", [(L.ONE_LETTER, "modernbank.example")]),
        ("moderbank.example", [(L.ONE_LETTER, "modernbank.example")]),
        ("modenrbank.example", [(L.ONE_LETTER, "modernbank.example")]),
        ("nodernbank.example", [(L.ONE_LETTER, "modernbank.example")]),
        ("nodernbanks.example", []),
        ("modernbanks.test", []),
        ("paypals.com", []),  # a short name of a stranger's, one letter away from a known one: by chance
        ("exampl.com", [(L.ONE_LETTER, "example.com")]),  # ours
        ("web.com", []),
        ("news1235.example", []),
        ("partners.com", [(L.OTHER_SUFFIX, "partners.co.uk")]),
        ("example.net", [(L.OTHER_SUFFIX, "example.com")]),
        ("partner.co.uk", [(L.ONE_LETTER, "partners.co.uk")]),
        ("muller.example", []),
        ("[192.0.2.7]", []),
        ("", []),
        ("xn--0.example", []),
        ("xn--\u00e4.example", []),
    ],
)
def test_what_a_domain_resembles(domain, found):
    assert [(mark.kind, mark.resembles) for mark in marks(domain, domain, KNOWN)] == found


@pytest.mark.parametrize(
    ("domain", "organisation", "found"),
    [
        ("mail.paypal.com", "paypal.com", []),
        ("mail.paypa1.com", "paypa1.com", [(L.CONFUSABLE, "paypal.com")]),
        ("paypal.com.evil.example", "evil.example", [(L.EMBEDDED, "paypal.com")]),
        ("www.example.com.login.evil.example", "evil.example", [(L.EMBEDDED, "example.com")]),
        ("paypal.evil.example", "evil.example", []),
        ("a." * 100 + "evil.example", "evil.example", []),
    ],
)
def test_what_stands_before_a_domain_is_looked_at_too(domain, organisation, found):
    assert [(mark.kind, mark.resembles) for mark in marks(domain, organisation, KNOWN)] == found


def test_our_own_domains_are_told_from_known_ones():
    assert [mark.ours for mark in marks("examp1e.com", "examp1e.com", KNOWN)] == [True]
    assert [mark.ours for mark in marks("paypa1.com", "paypa1.com", KNOWN)] == [False]


LETTERS = st.text("abcdefgh", min_size=1, max_size=12)


@given(LETTERS, st.data())
def test_one_letter_is_one_letter(name, drawn):
    place = drawn.draw(st.integers(0, len(name) - 1))
    letter = drawn.draw(st.sampled_from("xyz"))
    for other in (name[:place] + name[place + 1 :], name[:place] + letter + name[place:],
                  name[:place] + letter + name[place + 1 :]):  # fmt: skip
        assert is_one_letter(name, other)
        assert is_one_letter(other, name)
    assert not is_one_letter(name, name)
    assert not is_one_letter(name, name + "xy")
    assert not is_one_letter("x" + name, name + "y") or len(set(name)) == 1


@given(st.text(max_size=70))
def test_any_text_can_be_looked_at(name):
    marks(f"{name}.com", f"{name}.com", KNOWN)
    marks(f"xn--{name}.com", f"xn--{name}.com", KNOWN)
    skeleton(name)
    list(displayed(name, [name], [name], KNOWN))


def test_many_known_domains_cost_an_answer_nothing():
    many = KnownDomains(["example.com"], [f"correspondent{number:05}a.example" for number in range(5000)])
    began = time.monotonic()
    for _ in range(1000):
        marks("correspondent00007b.example", "correspondent00007b.example", many)
    assert time.monotonic() - began < 60


# ---- what the From field shows -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("author", "own", "found"),
    [
        ('"Bo <bo@example.com>" <x@evil.example>', "x@evil.example", ["example.com"]),
        ("Bo@Mail.Example.COM <x@evil.example>", "x@evil.example", ["example.com"]),
        ("Pay <service@paypal.com> <x@evil.example>", "x@evil.example", ["paypal.com"]),
        ("Bo <x@evil.example>", "x@evil.example", []),
        ("ann@elsewhere.example <x@evil.example>", "x@evil.example", []),
        ("bo@example.com via list <list@example.com>", "list@example.com", []),
        ("bo@example.com <bo@example.com>", "bo@example.com", []),
        ("bo@example.com.evil.example <x@evil.example>", "x@evil.example", []),
    ],
)
def test_addresses_that_the_from_field_only_shows(author, own, found):
    domain = own.rpartition("@")[2]
    assert [mark.resembles for mark in displayed(author, [own], [domain], KNOWN)] == found


# ---- what counts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "ours", "counts"),
    [
        (L.CONFUSABLE, False, True),
        (L.ONE_LETTER, False, True),
        (L.EMBEDDED, False, True),
        (L.OTHER_SUFFIX, False, False),
        (L.OTHER_SUFFIX, True, True),
        (L.DISPLAYED, False, False),
        (L.DISPLAYED, True, True),
        (L.MIXED_SCRIPTS, False, False),
    ],
)
def test_which_marks_count(kind, ours, counts):
    found = reason([Mark(L.MIXED_SCRIPTS, "evil.example"), Mark(kind, "evil.example", "example.com", ours)])
    assert (found is not None) is counts
    if found:
        assert found.evidence == {"domain": "evil.example", "resembles": "example.com", "how": str(kind)}


@pytest.mark.parametrize(
    ("differs", "action"),
    [
        ({}, Action.HOLD),
        ({"grade": Grade.REMEMBERED}, Action.ACCEPT),
        ({"grade": Grade.KNOWN}, Action.ACCEPT),
        ({"listed": (listed(ListVerb.ALLOW),)}, Action.ACCEPT),
    ],
)
def test_a_look_alike_is_held_when_it_comes_back_unless_we_know_it(differs, action):
    mark = Mark(L.CONFUSABLE, "examp1e.com", "example.com", ours=True)
    facts = data(rcpt(reviewed=True, **differs), sightings=(uploaded(5 * MINUTE),), marks=(mark,))
    found = at_data(facts, POLICY)
    assert found.action is action
    assert (found.code is ReasonCode.SENDER_LOOKALIKE) == (action is Action.HOLD)
    assert at_data(replace(facts, sightings=()), POLICY).action is not Action.REJECT
