"""Shared identities lend no standing: neither what everybody knows, nor what was learnt or said here."""

from dataclasses import replace

import pytest

from gateway.model import Rung, RungKind
from gateway.policy.identity import is_address, lasting_for_all, lending
from gateway.policy.shared import NOTHING_LEARNT, SHIPPED, Shared

NETWORK = Rung(RungKind.NETWORK, "192.0.2.0/24")
OWN = Rung(RungKind.DKIM, "elsewhere.example")
POOL_NAME = Rung(RungKind.FCRDNS, "amazonses.com")
POOL_SPF = Rung(RungKind.SPF, "eu-west-1.amazonses.com")
POOL_SIGNED = Rung(RungKind.DKIM, "gmail.com")
BOUNCE, PERSON = "#-#@eu-west-1.amazonses.com", "ann@gmail.com"


@pytest.mark.parametrize("rung", [POOL_NAME, POOL_SPF, POOL_SIGNED, replace(POOL_SPF, kind=RungKind.SPF_WIDE)])
def test_what_everybody_knows_is_shared_with_all_below_it(rung: Rung) -> None:
    assert NOTHING_LEARNT.has(rung)


@pytest.mark.parametrize("value", ["elsewhere.example", "notgmail.com", "com", "", "gmail.com.elsewhere.example"])
def test_nothing_else_is(value: str) -> None:
    assert not NOTHING_LEARNT.has(Rung(RungKind.DKIM, value))


def test_a_network_is_nobodys_identity_and_never_shared() -> None:
    assert not Shared(learnt=frozenset({NETWORK}), said=frozenset({NETWORK.value})).has(NETWORK)


def test_what_is_learnt_is_that_very_identity_and_what_is_said_a_name_with_all_below_it() -> None:
    learnt = Shared(learnt=frozenset({OWN}))
    assert learnt.has(OWN)
    assert not learnt.has(replace(OWN, kind=RungKind.SPF))
    said = Shared(said=frozenset({"elsewhere.example"}))
    assert said.has(OWN)
    assert said.has(Rung(RungKind.SPF, "mail.elsewhere.example"))


def test_what_people_say_comes_before_what_was_learnt_and_shipped() -> None:
    people = Shared(learnt=frozenset({OWN}), not_shared=frozenset({"elsewhere.example", "gmail.com"}))
    assert not people.has(OWN)
    assert not people.has(POOL_SIGNED)
    assert people.has(POOL_NAME)


@pytest.mark.parametrize(
    ("rungs", "normal", "left"),
    [
        ({NETWORK, OWN}, "list-#@elsewhere.example", {NETWORK, OWN}),
        ({NETWORK, POOL_NAME, POOL_SPF}, BOUNCE, set()),
        ({NETWORK, POOL_NAME, POOL_SPF, OWN}, BOUNCE, {OWN}),
        ({NETWORK, POOL_SIGNED}, "#@gmail.com", set()),
        ({NETWORK, POOL_SIGNED}, PERSON, {NETWORK, POOL_SIGNED}),
        ({NETWORK, POOL_NAME}, "", set()),
        ({NETWORK}, "", set()),
        ({NETWORK, OWN}, "", {OWN}),
    ],
)
def test_of_a_pool_only_an_exact_address_has_standing(rungs: set[Rung], normal: str, left: set[Rung]) -> None:
    """A rider on the pool writes from the same names and networks, and his bounce addresses look alike."""
    assert lending(frozenset(rungs), normal, NOTHING_LEARNT) == left


def test_only_an_organisations_own_signature_speaks_for_everybody() -> None:
    assert lasting_for_all(frozenset({NETWORK, POOL_NAME, POOL_SPF, POOL_SIGNED, OWN}), NOTHING_LEARNT) == {OWN}
    assert lasting_for_all(frozenset({OWN}), Shared(learnt=frozenset({OWN}))) == frozenset()


@pytest.mark.parametrize(("normal", "told"), [(PERSON, True), (BOUNCE, False), ("", False), ("a@x#.example", True)])
def test_a_bounce_address_is_no_mailbox(normal: str, told: bool) -> None:
    assert is_address(normal) is told


def test_the_shipped_names_are_domains_in_small_letters() -> None:
    assert all(name == name.lower().strip(".") and "." in name for name in SHIPPED)
