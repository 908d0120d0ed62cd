"""Who would like to pass as somebody else, and what becomes of it. Each attack of the table is a test."""

from collections.abc import Callable

import pytest

from tests.attacks.conftest import Town
from tests.gate import rest
from tests.talk import message

HOME, POOL, ELSEWHERE, EVIL = "127.0.1.1", "127.0.2.1", "127.0.3.1", "127.0.66.1"
ANN = "ann@partner.example"

Start = Callable[..., Town]


# ---- first that what should work works -----------------------------------------------------------------------------


def test_who_is_known_by_its_signature_passes_from_anywhere(town: Start) -> None:
    here = town()
    partner = here.organisation("partner.example")
    here.becomes_known(ANN, partner.mail("First"), HOME)
    again = here.send(ANN, partner.mail("From another continent"), ELSEWHERE)
    assert (again.code, here.why(again)) == (250, "party.known")
    bounced = here.send("bounces-4711@partner.example", partner.mail("Its author is known"), ELSEWHERE)
    assert (bounced.code, here.why(bounced)) == (250, "party.known")


def test_a_provider_that_signs_comes_back_from_anywhere(town: Start) -> None:
    here = town()
    mail = here.organisation("partner.example").mail("First")
    assert here.send(ANN, mail, HOME).code == 451
    rest(1.1)
    retry = here.send(ANN, mail, ELSEWHERE)
    assert (retry.code, here.why(retry)) == (250, "greylist.passed")
    assert b"dkim=pass header.d=partner.example" in here.sink.wait_for(1)[0].data


# ---- the table -----------------------------------------------------------------------------------------------------


def test_the_envelope_alone_is_anybodys(town: Start) -> None:
    here = town()
    partner = here.organisation("partner.example")
    here.becomes_known(ANN, partner.mail("First"), HOME)
    forged = here.send(ANN, message("Pay this", sender="boss@evil.example"), EVIL)
    assert (forged.code, here.why(forged)) == (451, "greylist.new")


def test_the_header_alone_is_anybodys(town: Start) -> None:
    here = town()
    partner = here.organisation("partner.example")
    here.becomes_known(ANN, partner.mail("First"), HOME)
    forged = here.send("x@evil.example", message("Pay this", sender=ANN), EVIL)
    assert (forged.code, here.why(forged)) == (451, "greylist.new")


def test_a_strict_partners_name_on_a_strangers_mail_is_held(town: Start) -> None:
    here = town({"hold": {"reviewed": True}})
    here.dns.host(EVIL, "mx.evil.example")  # else it would be held for hiding
    partner = here.organisation("partner.example", HOME, dmarc="reject")
    here.becomes_known(ANN, partner.mail("First"), HOME)
    mail = message("Pay this", sender=ANN)
    assert here.send("x@evil.example", mail, EVIL).code == 451
    rest(1.1)
    patient = here.send("x@evil.example", mail, EVIL)
    assert (patient.code, here.why(patient)) == (250, "auth.forged")
    assert here.sink.mails == []


@pytest.mark.parametrize(
    ("seals", "said", "codes"),
    [
        (True, "dmarc=pass header.from=partner.example", (451, "greylist.new", 250, "greylist.passed")),
        (True, "dmarc=fail header.from=partner.example", (451, "greylist.new", 250, "auth.forged")),
        (False, "", (451, "greylist.new", 250, "auth.forged")),
    ],
    ids=["a sealer we believe saw the proof", "it saw none", "no seal"],
)
def test_a_forwarder_that_broke_the_signature_has_to_be_believed(
    town: Start, seals: bool, said: str, codes: tuple[int, str, int, str]
) -> None:
    """A list changed the subject. Only a seal of one that the admin listed explains that the proof is gone."""
    here = town({"hold": {"reviewed": True}, "authentication": {"sealers": ["list.example"]}})
    here.dns.host(POOL, "mx.list.example")
    partner, forwarder = here.organisation("partner.example", HOME, dmarc="reject"), here.organisation("list.example")
    changed = partner.mail("To the list").replace(b"Subject: ", b"Subject: [list] ")
    mail = forwarder.forwarded(changed, said) if seals else changed
    first = here.send("owner@list.example", mail, POOL)
    rest(1.1)
    retry = here.send("owner@list.example", mail, POOL)
    assert (first.code, here.why(first), retry.code, here.why(retry)) == codes


def test_a_seal_of_a_stranger_explains_nothing(town: Start) -> None:
    here = town({"hold": {"reviewed": True}, "authentication": {"sealers": ["list.example"]}})
    here.dns.host(EVIL, "mx.evil.example")
    here.organisation("partner.example", HOME, dmarc="reject")
    evil = here.organisation("evil.example")
    mail = evil.forwarded(message("Pay this", sender=ANN), "dmarc=pass header.from=partner.example")
    assert here.send("x@evil.example", mail, EVIL).code == 451
    rest(1.1)
    patient = here.send("x@evil.example", mail, EVIL)
    assert (patient.code, here.why(patient)) == (250, "auth.forged")


@pytest.mark.parametrize("authors", [f"{ANN}, x@evil.example", f"{ANN}\r\nFrom: x@evil.example"])
def test_two_authors_are_no_author(town: Start, authors: str) -> None:
    """Signed by one, shown as the other."""
    here = town()
    partner, evil = here.organisation("partner.example"), here.organisation("evil.example")
    here.becomes_known(ANN, partner.mail("First"), HOME)
    mail = message("Pay this").replace(b"From: <ann@elsewhere.example>", b"From: " + authors.encode())
    answer = here.send(ANN, evil.signed(mail), EVIL)
    assert (answer.code, here.why(answer)) == (451, "greylist.new")


def test_another_account_of_the_same_freemail_provider_is_a_stranger(town: Start) -> None:
    here = town()
    freemail = here.organisation("freemail.example")
    here.becomes_known("ann@freemail.example", freemail.mail("First"), HOME)
    alias = here.send("ann.partner@freemail.example", freemail.mail("It is me", local="ann.partner"), POOL)
    assert (alias.code, here.why(alias)) == (451, "greylist.new")


def test_a_tenant_of_a_shared_signer_is_not_its_neighbour(town: Start) -> None:
    """The provider signs for all of its customers; only the author's own organisation counts."""
    here = town()
    provider = here.organisation("provider.example")
    here.becomes_known(ANN, provider.signed(message("First", sender=ANN)), HOME)
    rider = here.send(ANN, provider.signed(message("Pay this", sender=ANN)), EVIL)
    assert (rider.code, here.why(rider)) == (451, "greylist.new")


def test_a_signature_over_a_part_lends_nothing(town: Start) -> None:
    here = town()
    partner = here.organisation("partner.example")
    here.becomes_known(ANN, partner.mail("First"), HOME)
    partly = partner.mail("Minutes", length=True) + b"Pay this instead.\r\n"
    answer = here.send(ANN, partly, EVIL)
    assert (answer.code, here.why(answer)) == (451, "greylist.new")


def test_a_signature_without_the_subject_lends_nothing(town: Start) -> None:
    here = town()
    partner = here.organisation("partner.example")
    here.becomes_known(ANN, partner.mail("First"), HOME)
    loose = partner.mail("Minutes", include_headers=[b"from", b"date"]).replace(b"Subject: Minutes", b"Subject: Pay!")
    answer = here.send(ANN, loose, EVIL)
    assert (answer.code, here.why(answer)) == (451, "greylist.new")


def test_a_broken_signature_lends_nothing(town: Start) -> None:
    here = town()
    partner = here.organisation("partner.example")
    here.becomes_known(ANN, partner.mail("First"), HOME)
    broken = partner.mail("Minutes").replace(b"A few words.", b"Pay this now.")
    answer = here.send(ANN, broken, EVIL)
    assert (answer.code, here.why(answer)) == (451, "greylist.new")


def test_a_replayed_signature_soon_lends_nothing(town: Start) -> None:
    """One signed mail, sent again from everywhere to people it does not name."""
    here = town()
    partner = here.organisation("partner.example")
    here.becomes_known(ANN, partner.mail("First"), HOME)
    bait = partner.mail("Bait", to="myself@partner.example")
    codes = []
    for number in range(5):
        codes.append(here.send(ANN, bait, f"127.0.{70 + number}.1").code)
        rest(0.4)
    assert codes == [250, 250, 451, 451, 451]


def test_a_rider_on_a_shared_pool_is_a_stranger(town: Start) -> None:
    """SPF permits the whole pool of a provider, and so every customer of it."""
    here = town()
    here.organisation("partner.example", HOME, POOL)
    here.organisation("evil.example", HOME, POOL)
    here.becomes_known(ANN, message("First", sender=ANN), HOME)
    rider = here.send("x@evil.example", message("Pay this", sender="x@evil.example"), POOL)
    assert (rider.code, here.why(rider)) == (451, "greylist.new")
    forged = here.send(ANN, message("Pay this", sender=ANN, body="At once.\r\n"), POOL)
    assert (forged.code, here.why(forged)) == (451, "greylist.other_content")


def test_patience_earns_no_more_than_the_wait(town: Start) -> None:
    """Ten accepted mails of a spammer: remembered, never known, and held as soon as something is wrong with one."""
    here = town({"hold": {"reviewed": True}})
    evil = here.organisation("evil.example")
    here.organisation("partner.example", HOME, dmarc="reject")
    spam = "x@evil.example"
    first = evil.mail("Offer", local="x")
    here.send(spam, first, EVIL)
    rest(1.1)
    answers = [here.send(spam, first, EVIL)]
    rest(0.5)
    answers += [here.send(spam, evil.mail(f"Offer {number}", local="x"), EVIL) for number in range(9)]
    assert [answer.code for answer in answers] == [250] * 10
    assert {here.why(answer) for answer in answers[1:]} == {"party.remembered"}
    forged = here.send(spam, message("Pay this", sender=ANN), EVIL)
    assert here.why(forged) == "auth.forged"


@pytest.mark.parametrize("state", ["silent", "failing"])
def test_while_dns_is_away_nobody_is_known_by_a_signature_and_nobody_forged(town: Start, state: str) -> None:
    here = town({"hold": {"reviewed": True}, "dns": {"timeout": "300ms", "within": "500ms"}})
    partner = here.organisation("partner.example", HOME, dmarc="reject")
    here.dns.ttl = 1
    setattr(here.dns, state, True)
    mail = partner.mail("First")
    assert here.send(ANN, mail, HOME).code == 451
    rest(1.1)
    retry = here.send(ANN, mail, HOME)
    assert (retry.code, here.why(retry)) == (250, "greylist.passed")
    other = here.send(ANN, partner.mail("Second"), ELSEWHERE)
    assert (other.code, here.why(other)) == (451, "greylist.new")
