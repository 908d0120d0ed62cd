"""Campaigns: how sources are counted, when there is one, and whom it never counts against."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import (
    Action,
    Campaigns,
    Common,
    ContentFacts,
    DataFacts,
    Fate,
    Grade,
    ListVerb,
    ReasonCode,
    Rung,
    RungKind,
    Shared,
    Source,
)
from gateway.policy import campaign, inbound
from gateway.policy.campaign import CampaignTerms, Stage, independent, links_of, source_of, stage, tally, worst_first
from gateway.policy.neutral import HOSTED, SHIPPED, is_neutral
from gateway.policy.shared import NOTHING_LEARNT
from tests.policy.stranger import DAY, HOUR, MINUTE, NOW, POLICY, data, listed, rcpt, uploaded

TERMS = CampaignTerms(learn_until=100)
LINK = Shared(Common.LINK, "landing.test", hour=1, day=1, week=1)
TEXT = replace(LINK, kind=Common.TEXT, value="")


def source(number: int, ago: Any = MINUTE, **differs: Any) -> Source:
    plain = Source(f"192.0.{number}.0/24", f"host{number}.example", f"sender{number}.example", NOW - ago)
    return replace(plain, **differs)


# ---- sources -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sources", "many"),
    [
        ([], 0),
        ([source(1)], 1),
        ([source(1), source(2), source(3)], 3),
        ([source(1)] * 50, 1),
        ([source(number, network="192.0.2.0/24") for number in range(5)], 1),
        ([source(number, identity="provider.example") for number in range(5)], 1),
        ([source(number, domain="newsletter.example") for number in range(5)], 1),
        ([source(1), source(2), source(3, network="192.0.2.0/24")], 2),
    ],
)
def test_sources_are_as_many_as_networks_identities_and_organisations_tell_apart(sources, many):
    assert independent(sources) == many


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)), max_size=12))
def test_a_further_mail_of_a_source_never_adds_one(places):
    sources = [Source(str(one), str(other), str(third), NOW) for one, other, third in places]
    assert independent(sources + sources) == independent(sources) <= len(sources)


def who(rungs: set[Rung], sender: str = "ann@shop.example", domain: str = "shop.example") -> tuple[str, str]:
    told = source_of("192.0.2.0/24", frozenset(rungs), sender, domain, NOW, NOTHING_LEARNT)
    return told.identity, told.domain


NETWORK = Rung(RungKind.NETWORK, "192.0.2.0/24")


@pytest.mark.parametrize(
    ("rungs", "sender", "domain", "told"),
    [
        ({NETWORK}, "ann@shop.example", "shop.example", ("192.0.2.0/24", "shop.example")),
        ({NETWORK, Rung(RungKind.SPF, "shop.example")}, "ann@shop.example", "shop.example",
         ("shop.example", "shop.example")),
        ({NETWORK, Rung(RungKind.DKIM, "gmail.com")}, "ann@gmail.com", "gmail.com", ("ann@gmail.com", "ann@gmail.com")),
        ({NETWORK}, "", "", ("192.0.2.0/24", "192.0.2.0/24")),
    ],
)  # fmt: skip
def test_of_an_organisation_that_many_share_the_address_tells_the_sender(rungs, sender, domain, told):
    assert who(rungs, sender, domain) == told


# ---- time ----------------------------------------------------------------------------------------------------------


def test_each_time_counts_its_own_sources_and_what_people_decided_stays():
    old = [source(1, 2 * HOUR), source(2, 2 * DAY), source(3, 8 * DAY), source(4, 8 * DAY, fate=Fate.REFUSED)]
    found = tally(Common.LINK, "landing.test", [source(5, 0 * HOUR), *old], NOW, 0, 0)
    assert (found.hour, found.day, found.week, found.refused, found.released) == (1, 2, 4, 1, 0)


@pytest.mark.parametrize(
    ("shared", "reached"),
    [
        (LINK, Stage.NOTHING),
        (replace(LINK, hour=2, day=2, week=2), Stage.WATCH),
        (replace(LINK, day=2, week=2), Stage.NOTHING),
        (replace(LINK, day=3, week=3), Stage.SUSPECT),
        (replace(LINK, day=2, week=9), Stage.NOTHING),
        (replace(LINK, day=400, week=400), Stage.SUSPECT),
        (replace(LINK, day=1, week=3, refused=1), Stage.CONFIRMED),
        (replace(LINK, day=2, week=2, refused=2), Stage.NOTHING),
        (replace(LINK, day=400, week=400, refused=30, released=1), Stage.NOTHING),
        (replace(LINK, day=9, week=9, known_days=1), Stage.NOTHING),
        (replace(LINK, day=9, week=9, refused=9, known_days=1), Stage.NOTHING),
        (replace(LINK, day=9, week=9, other_days=2), Stage.SUSPECT),
        (replace(LINK, day=9, week=9, other_days=3), Stage.NOTHING),
        (replace(TEXT, day=3, week=3), Stage.SUSPECT),
    ],
)
def test_how_far_a_campaign_is(shared, reached):
    assert stage(shared, TERMS) is reached


@given(st.builds(Shared, st.sampled_from(Common), st.just("x"), *[st.integers(0, 500)] * 3, refused=st.just(0)))
def test_without_a_refusal_nothing_is_confirmed_however_many_there_are(shared):
    assert stage(shared, TERMS) < Stage.CONFIRMED


@pytest.mark.parametrize(("setting", "many"), [("suspect", 5), ("confirm", 5)])
def test_the_settings_say_how_many_sources_it_takes(setting, many):
    below = replace(LINK, day=many - 1, week=many - 1, refused=int(setting == "confirm"))
    terms = replace(TERMS, **{"suspect": 400, setting: many})
    assert stage(below, terms) < Stage.SUSPECT <= stage(replace(below, day=many, week=many), terms)


# ---- links that say nothing ----------------------------------------------------------------------------------------


def kept(*urls: str, rungs: tuple[Rung, ...] = (), terms: CampaignTerms = TERMS) -> tuple[str, ...]:
    return links_of(ContentFacts(urls=urls), rungs, terms)


@pytest.mark.parametrize("host", ["bit.ly", "us02web.zoom.us", "www.youtube.com", "foo.list-manage.com", "t.co"])
def test_a_link_that_everybody_sends_is_no_evidence(host):
    assert kept(host, "landing.test") == ("landing.test",)


def test_the_admin_adds_hosts_and_our_own_domains_are_among_them():
    terms = replace(TERMS, neutral=frozenset({"partner.test", "example.com"}))
    assert kept("partner.test", "shop.partner.test", "example.com", "notpartner.test", terms=terms) == (
        "notpartner.test",
    )


def test_pages_of_strangers_are_judged_though_their_host_is_everybodys():
    page = "docs.google.com/forms/d/e/abc"
    assert kept(page, "google.com") == (page,)
    assert kept(page, terms=replace(TERMS, neutral=frozenset({"docs.google.com"}))) == ()


@pytest.mark.parametrize(
    ("rung", "counts"),
    [
        (Rung(RungKind.DKIM, "shop.test"), False),
        (Rung(RungKind.SPF, "mail.shop.test"), False),
        (Rung(RungKind.FCRDNS, "shop.test"), True),
        (Rung(RungKind.SPF_WIDE, "shop.test"), True),
        (Rung(RungKind.DKIM, "othershop.test"), True),
    ],
)
def test_a_link_never_counts_in_mail_that_its_own_organisation_proved_to_have_sent(rung, counts):
    assert bool(kept("shop.test", rungs=(rung,))) is counts


def test_no_page_is_on_the_list_of_what_is_neutral_and_no_name_is_there_twice():
    assert not SHIPPED & set(HOSTED)
    assert is_neutral("a.b.zoom.us")
    assert not is_neutral("notzoom.us")


# ---- mails ---------------------------------------------------------------------------------------------------------

SUSPECT = replace(LINK, day=3, week=3)
CONFIRMED = replace(LINK, day=3, week=3, refused=1)


def waited(*shared: Shared, accepted: int = 100, list_approved: bool = False, **differs: Any) -> DataFacts:
    facts = rcpt(sightings=(uploaded(4 * MINUTE),), reviewed=True, **differs)
    return data(facts, campaigns=Campaigns(shared, accepted, list_approved))


def verdict(facts: DataFacts, terms: CampaignTerms = TERMS) -> tuple[Action, ReasonCode]:
    said = inbound.at_data(facts, replace(POLICY, campaigns=terms))
    return said.action, said.code


PASSED = (Action.ACCEPT, ReasonCode.GREYLIST_PASSED)
KNOWN = (Action.ACCEPT, ReasonCode.PARTY_KNOWN)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (waited(LINK), PASSED),
        (waited(SUSPECT), (Action.HOLD, ReasonCode.CAMPAIGN_SHARED_URL)),
        (waited(replace(SUSPECT, kind=Common.TEXT)), (Action.HOLD, ReasonCode.CAMPAIGN_SHARED_TEXT)),
        (waited(CONFIRMED), (Action.HOLD, ReasonCode.CAMPAIGN_CONFIRMED)),
        (waited(SUSPECT, accepted=99), PASSED),
        (waited(CONFIRMED, accepted=99), PASSED),
        (waited(SUSPECT, list_approved=True), PASSED),
        (waited(CONFIRMED, list_approved=True), PASSED),
        (waited(SUSPECT, grade=Grade.REMEMBERED), (Action.HOLD, ReasonCode.CAMPAIGN_SHARED_URL)),
        (waited(SUSPECT, grade=Grade.KNOWN), KNOWN),
        (waited(CONFIRMED, grade=Grade.KNOWN), (Action.HOLD, ReasonCode.CAMPAIGN_CONFIRMED)),
        (waited(SUSPECT, listed=(listed(ListVerb.ALLOW),)), (Action.ACCEPT, ReasonCode.LIST_ALLOWED)),
        (waited(replace(CONFIRMED, released=1)), PASSED),
    ],
)
def test_what_a_shared_link_does_to_a_mail(facts, said):
    assert verdict(facts) == said


def test_nobody_who_looks_at_no_holds_loses_a_mail_to_a_campaign():
    facts = waited(CONFIRMED)
    said = inbound.at_data(replace(facts, rcpt=replace(facts.rcpt, reviewed=False)), replace(POLICY, campaigns=TERMS))
    assert (said.action, said.junk) == (Action.ACCEPT, True)


@given(
    st.lists(st.builds(Shared, st.sampled_from(Common), st.just("x"), *[st.integers(0, 99)] * 7), max_size=5),
    st.sampled_from(Grade),
)
def test_a_campaign_never_refuses_a_mail(shared, grade):
    assert verdict(waited(*shared, grade=grade))[0] is not Action.REJECT


def test_switched_off_it_says_nothing():
    assert verdict(waited(CONFIRMED), replace(TERMS, enabled=False)) == PASSED


def test_the_reason_tells_the_link_and_how_many_sent_it():
    (told,) = campaign.reasons(waited(replace(SUSPECT, day=7)), replace(POLICY, campaigns=TERMS))
    assert dict(told.evidence) == {"link": "landing.test", "sources": 7}


def test_a_record_keeps_the_worst_of_what_a_mail_shares():
    many = [replace(LINK, value=f"host{number}.test", day=2 + number % 3) for number in range(20)]
    found = worst_first([*many, CONFIRMED, LINK], TERMS)
    assert len(found) == campaign.MOST_KEPT
    assert found[0] == CONFIRMED
    assert LINK not in worst_first([LINK], TERMS)
