"""What the record suggests: with which evidence, and what speaks against it."""

from dataclasses import replace

import pytest

from gateway.model import Rung, RungKind
from gateway.policy.suggest import Act, Contact, Thresholds, likely_hosters, likely_shared, worth_allowing
from tests.policy.stranger import DAY, DKIM, HOUR, NETWORK, NOW, OTHER_NETWORK, SPF

SIGNED = frozenset({NETWORK, DKIM})
ANN, BOB = "ann@elsewhere.example", "bob@elsewhere.example"


def own(domain):
    return ".".join(domain.split(".")[-2:])


def acts(*names, released=True, rungs=SIGNED):
    return [
        Act(released, f"m{place}", name, rungs, f"bo{place % 2}@example.com", NOW - place * DAY)
        for place, name in enumerate(names)
    ]


def commands(found):
    return [one.command for one in found]


# ---- to allow ------------------------------------------------------------------------------------------------------


def test_who_is_released_three_times_with_the_same_signature_is_worth_an_entry():
    (found,) = worth_allowing(acts(ANN, ANN, ANN), 3)
    assert found.command == f"greygate known allow {ANN} --signature elsewhere.example"
    assert found.evidence == (
        "3 mails released for 2 of us, none refused, signed by elsewhere.example, the last 2026-03-01"
    )
    assert worth_allowing(acts(ANN, ANN), 3) == []


def test_several_people_of_a_domain_are_its_domain():
    assert commands(worth_allowing(acts(ANN, BOB, ANN), 3)) == [
        "greygate known allow elsewhere.example --signature elsewhere.example"
    ]


def test_a_refusal_speaks_against_all_of_the_domain_and_not_against_another_of_its_people():
    these = [*acts(ANN, ANN, ANN), *acts(BOB, released=False)]
    assert commands(worth_allowing(these, 3)) == [f"greygate known allow {ANN} --signature elsewhere.example"]
    assert worth_allowing([*acts(ANN, ANN, ANN), *acts(ANN, released=False)], 3) == []


def test_who_signs_nothing_must_always_come_from_the_same_network():
    here, both = frozenset({NETWORK, SPF}), frozenset({NETWORK, OTHER_NETWORK})
    assert commands(worth_allowing(acts(ANN, ANN, ANN, rungs=here), 3)) == [
        f"greygate known allow {ANN} --network 192.0.2.0/24"
    ]
    moved = [*acts(ANN, ANN, rungs=here), replace(acts(ANN)[0], mail="m9", rungs=frozenset({OTHER_NETWORK, SPF}))]
    assert worth_allowing(moved, 3) == [], "SPF is no proof"
    assert len(worth_allowing([*acts(ANN, ANN, rungs=here), replace(acts(ANN)[0], mail="m9", rungs=both)], 3)) == 1


def test_one_mail_for_three_people_is_one_mail_and_a_bounce_is_nobody():
    assert worth_allowing([replace(one, mail="m") for one in acts(ANN, ANN, ANN)], 3) == []
    assert worth_allowing(acts("", "", ""), 3) == []


# ---- hosters -------------------------------------------------------------------------------------------------------

SMALL = Thresholds(strangers=6, domains=3, sharers=3)
HOST = Rung(RungKind.FCRDNS, "hoster.example")


def spray(count=6, domains=3, rungs=frozenset({NETWORK}), **differs):
    made = []
    for place in range(count):
        sender = f"a{place}@s{place % domains}.example"
        made.append(Contact(NOW - DAY, sender, sender, "bo@example.com", rungs, stranger=True, came_back=False))
    return [replace(one, **differs) for one in made]


def hosters(contacts, refused=frozenset(), friends=frozenset()):
    return commands(likely_hosters(contacts, refused, friends, own, SMALL, NOW))


def test_a_place_of_many_strangers_none_of_whom_came_back_is_proposed():
    (found,) = likely_hosters(spray(), frozenset(), frozenset(), own, SMALL, NOW)
    assert (found.value, found.command) == ("192.0.2.0/24", "greygate hosters add 192.0.2.0/24")
    assert found.evidence == "6 strangers of 3 domains, none came back, the last 2026-02-28"


def test_hosts_of_one_organisation_are_one_place_wherever_they_are():
    nets = [frozenset({Rung(RungKind.NETWORK, f"198.51.{number}.0/24"), HOST}) for number in range(6)]
    contacts = [replace(one, rungs=rungs) for one, rungs in zip(spray(), nets, strict=True)]
    assert hosters(contacts) == ["greygate hosters add hoster.example"]


def test_ipv6_is_one_place_for_each_48():
    nets = [frozenset({Rung(RungKind.NETWORK, f"2001:db8:7:{number}::/64")}) for number in range(6)]
    contacts = [replace(one, rungs=rungs) for one, rungs in zip(spray(), nets, strict=True)]
    assert hosters(contacts) == ["greygate hosters add 2001:db8:7::/48"]


@pytest.mark.parametrize(
    "contacts",
    [
        pytest.param(spray(5), id="too few strangers"),
        pytest.param(spray(12, 2), id="of too few domains"),
        pytest.param(spray(at=NOW - HOUR), id="who may still come back"),
        pytest.param([*spray(), *spray(1, came_back=True)], id="one came back"),
        pytest.param([*spray(), *spray(1, stranger=False)], id="one is known"),
        pytest.param(spray(recipient="bo@example.com", sender="a@one.example"), id="one who tried often"),
    ],
)
def test_what_is_no_hoster(contacts):
    assert hosters(contacts) == []


def test_whoever_is_remembered_from_there_speaks_against_it():
    assert hosters(spray(), friends=frozenset({NETWORK})) == []
    assert hosters(spray(), friends=frozenset({OTHER_NETWORK}))


def test_those_who_came_back_and_were_refused_by_a_person_count_as_well():
    back = spray(1, came_back=True)
    (found,) = likely_hosters([*spray(), *back], frozenset({back[0].pair}), frozenset(), own, SMALL, NOW)
    assert "1 came back and were refused, the others never" in found.evidence


# ---- shared --------------------------------------------------------------------------------------------------------


def test_an_identity_of_many_unrelated_domains_is_shared():
    signer = Rung(RungKind.DKIM, "provider.example")
    (found,) = likely_shared(spray(8, 4, frozenset({NETWORK, signer})), own, 3)
    assert (found.value, found.command) == ("provider.example", "greygate known list provider.example")
    assert found.evidence.startswith("4 unrelated domains send as DKIM provider.example, such as s0.example, s1")
    assert likely_shared(spray(8, 3, frozenset({signer})), own, 3) == []
    mine = [replace(one, name=f"x@d{place}.provider.example") for place, one in enumerate(spray(8, 4))]
    assert likely_shared([replace(one, rungs=frozenset({signer})) for one in mine], own, 3) == [], "its own domains"
