"""Somebody expects mail, and others would like to be it. Each attack of the table is a test."""

from collections.abc import Callable

import pytest

from tests.attacks.conftest import BO, Town
from tests.gate import rest
from tests.talk import message

HOME, POOL, EVIL = "127.0.1.1", "127.0.2.1", "127.0.66.1"
CODE = "code@shop.example"

Start = Callable[..., Town]


def expects(here: Town, *words: str) -> str:
    said = here.gate.cli("expect", "open", BO, *words)
    rest(1.5)  # until every worker has heard of it
    return said


@pytest.mark.parametrize("words", [(), ("--from", "shop.example")])
@pytest.mark.parametrize("level", ["greylist", "known-only"])
def test_a_signature_is_proof_enough_from_anywhere(town: Start, level: str, words: tuple[str, ...]) -> None:
    """First that what should work works: no SPF, and a bounce address of the provider that sends for the shop."""
    here = town({"protection": {"level": level}})
    shop = here.organisation("shop.example")
    expects(here, *words)
    came = here.send("bounces-1@pool.example", shop.mail("Your code", local="code"), POOL)
    assert (came.code, here.why(came)) == (250, "expected.mail")
    assert here.sink.subjects() == ["Your code"]


def test_a_forged_author_is_not_who_was_expected(town: Start) -> None:
    here = town()
    here.organisation("shop.example", HOME)
    expects(here, "--from", "shop.example")
    forged = here.send("x@evil.example", message("Your code", sender=CODE), EVIL)
    assert (forged.code, here.why(forged)) == (451, "greylist.new")
    envelope = here.send(CODE, message("Your code", sender=CODE), EVIL)
    assert (envelope.code, here.why(envelope)) == (451, "greylist.new")


def test_another_signer_is_not_who_was_expected(town: Start) -> None:
    """A tenant of the provider, a look-alike, and somebody who signs under the expected domain's name in front."""
    here = town()
    for domain in ("pool.example", "sh0p.example", "shop.example.evil.example"):
        other = here.organisation(domain)
    expects(here, "--from", "shop.example")
    for domain in ("pool.example", "sh0p.example", "shop.example.evil.example"):
        other = here.organisation(domain, EVIL)
        as_itself = here.send(f"code@{domain}", other.mail("Your code", local="code"), EVIL)
        as_shop = here.send(f"code@{domain}", other.signed(message("Your code", sender=CODE)), EVIL)
        assert (as_itself.code, as_shop.code) == (451, 451), domain


def test_a_rider_on_the_expected_domains_pool_is_not_it(town: Start) -> None:
    """SPF permits the pool; the rider writes the expected envelope and a From of its own."""
    here = town()
    here.organisation("shop.example", HOME, POOL)
    expects(here, "--from", "shop.example")
    rider = here.send(CODE, message("Pay this", sender="boss@bank.example"), POOL)
    assert (rider.code, here.why(rider)) == (451, "greylist.new")


@pytest.mark.parametrize("how", [{"length": True}, {"include_headers": [b"from", b"date"]}])
def test_a_signature_that_lends_nothing_fulfils_nothing(town: Start, how: dict[str, object]) -> None:
    here = town()
    shop = here.organisation("shop.example")
    expects(here)
    answer = here.send(CODE, shop.mail("Your code", local="code", **how), EVIL)
    assert (answer.code, here.why(answer)) == (451, "greylist.new")


def test_a_domain_that_permits_everybody_is_nobody(town: Start) -> None:
    here = town()
    here.dns.zone[("shop.example", "TXT")] = ['"v=spf1 +all"']
    for words in ((), ("--from", "shop.example")):
        expects(here, *words)
    answer = here.send(CODE, message("Your code", sender=CODE), EVIL)
    assert (answer.code, here.why(answer)) == (451, "greylist.new")


def test_what_gets_in_while_anybody_may_earns_nothing_and_suspicion_stays(town: Start) -> None:
    here = town({"hold": {"reviewed": True}})
    evil = here.organisation("evil.example")
    here.organisation("partner.example", HOME, dmarc="reject")
    expects(here)
    spam = here.send("x@evil.example", evil.mail("Offer", local="x"), EVIL)
    assert (spam.code, here.why(spam)) == (250, "expected.mail")
    forged = here.send("x@evil.example", evil.signed(message("Pay this", sender="ann@partner.example")), EVIL)
    assert (forged.code, here.why(forged)) == (451, "greylist.new"), "it proves nothing about its author"
    look = here.organisation("examp1e.com")
    held = here.send("x@examp1e.com", look.mail("Pay this", local="boss"), EVIL)
    assert (held.code, here.why(held)) == (250, "sender.lookalike")
    here.gate.cli("expect", "close", BO)
    rest(1.5)
    other = evil.signed(message("Offer again", sender="x@evil.example", body="Other words.\r\n"))
    again = here.send("x@evil.example", other, EVIL)
    assert (again.code, here.why(again)) == (451, "greylist.other_content"), "a stranger again"
    assert here.sink.subjects() == ["Offer"]


def test_a_block_is_stronger(town: Start) -> None:
    here = town()
    shop = here.organisation("shop.example")
    here.gate.cli("known", "block", "shop.example")
    expects(here, "--from", "shop.example")
    blocked = here.send(CODE, shop.mail("Your code", local="code"), EVIL)
    assert (blocked.code, here.why(blocked)) == (550, "list.blocked")


def test_nobody_opens_the_door_all_day(town: Start) -> None:
    here = town({"expecting": {"per_day": 2}})
    for _ in range(2):
        here.gate.cli("expect", "open", BO)
        here.gate.cli("expect", "close", BO)
    assert "2 times within a day" in here.gate.cli("expect", "open", BO, check=False)
    assert "Nothing is expected." in here.gate.cli("expect", "list")


@pytest.mark.parametrize("state", ["silent", "failing"])
def test_while_dns_is_away_nobody_proves_anything(town: Start, state: str) -> None:
    here = town({"dns": {"timeout": "300ms", "within": "500ms"}})
    shop = here.organisation("shop.example", EVIL)
    expects(here)
    here.dns.ttl = 1
    setattr(here.dns, state, True)
    answer = here.send(CODE, shop.mail("Your code", local="code"), EVIL)
    assert (answer.code, here.why(answer)) == (451, "greylist.new")
