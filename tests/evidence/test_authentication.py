"""All that a mail proves, under one deadline: what is asked and reckoned, and what trouble with DNS makes of it."""

import asyncio
import hashlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from dkim.canonicalization import Relaxed

from gateway.evidence.gather import LARGE, Evidence, Message
from gateway.evidence.resolver import Resolver
from gateway.model import Address, Arc, Authentication, AuthResult, Dmarc, DmarcPolicy, Spf, SpfResult
from tests.evidence.signing import DOMAIN, HEAD, MAIL, forwarded, rsa_signer, signed
from tests.evidence.table import Silence, Table

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PASS, FAIL, TEMPERROR = AuthResult.PASS, AuthResult.FAIL, AuthResult.TEMPERROR
KEY = f"sel._domainkey.{DOMAIN}"
ZONE = {
    (KEY, "TXT"): (rsa_signer().record(),),
    (f"_dmarc.{DOMAIN}", "TXT"): ("v=DMARC1; p=reject",),
    ("sel._domainkey.list.example", "TXT"): (rsa_signer().record(),),
}
NOBODY = Spf(SpfResult.FAIL, "other.example")


async def of(
    mail: bytes, resolver: Resolver, spf: Spf | None = NOBODY, author: str = DOMAIN, within: float = 60
) -> Authentication:
    evidence = Evidence(resolver, own_servers=True, within=within)
    return await evidence.authentication_of(Message(lambda: [mail], len(mail)), author, spf, NOW)


async def test_a_signed_mail_of_its_author() -> None:
    found = await of(signed(), Table(ZONE))
    assert [one.is_sound for one in found.signatures] == [True]
    assert found.dmarc == Dmarc(PASS, DOMAIN, DmarcPolicy.REJECT)
    assert found.aligned == (DOMAIN,)
    assert found.arc is None


async def test_a_mail_that_only_claims_its_author() -> None:
    assert await of(MAIL, Table(ZONE)) == Authentication(dmarc=Dmarc(FAIL, DOMAIN, DmarcPolicy.REJECT))


async def test_a_forwarded_mail_tells_what_it_was_before() -> None:
    listed = forwarded(signed(), rsa_signer(), "list.example", "dmarc=pass").replace(
        b"dmarc=pass\r\n", b"dmarc=pass\r\n", 1
    )
    found = await of(listed, Table(ZONE))
    assert found.arc == Arc(PASS, ("list.example",), (("dmarc", "pass"),))
    assert found.dmarc is not None
    assert found.dmarc.result is PASS


@pytest.mark.parametrize("form", ["relaxed/relaxed", "simple/simple"])
async def test_a_large_mail_is_read_in_pieces_and_judged_alike(form: str) -> None:
    mail = signed(HEAD + b"\r\n" + b"A line  of text.\t\r\n" * 20000, c=form)
    assert len(mail) > 4 * LARGE
    reads = 0

    def chunks() -> Iterator[bytes]:
        nonlocal reads
        for start in range(0, len(mail), 1000):
            reads += 1
            yield mail[start : start + 1000]

    evidence = Evidence(Table(ZONE), own_servers=True, within=60)
    found = await evidence.authentication_of(Message(chunks, len(mail)), DOMAIN, NOBODY, NOW)
    assert found.signatures[0].is_sound
    assert reads > len(mail) // 1000
    body = mail.partition(b"\r\n\r\n")[2]
    known = hashlib.sha256(Relaxed.canonicalize_body(body)).hexdigest()
    reads = 0
    again = await evidence.authentication_of(Message(chunks, len(mail), known), DOMAIN, NOBODY, NOW)
    assert again == found
    assert (reads < 10) == (form == "relaxed/relaxed"), "what is known already is not read again"


async def test_a_body_that_was_digested_otherwise_does_not_pass() -> None:
    mail = signed()
    evidence = Evidence(Table(ZONE), own_servers=True, within=60)
    found = await evidence.authentication_of(Message(lambda: [mail], len(mail), "00" * 32), DOMAIN, NOBODY, NOW)
    assert found.signatures[0].result is FAIL


async def test_a_signer_who_answers_slowly_does_not_hide_what_the_author_asks_for() -> None:
    mail = signed(d="slow.example")
    resolver = Table(ZONE, slow={"sel._domainkey.slow.example": 3600})
    found = await of(mail, resolver, within=5)
    assert [one.result for one in found.signatures] == [TEMPERROR]
    assert found.dmarc == Dmarc(FAIL, DOMAIN, DmarcPolicy.REJECT)


async def test_a_long_chain_does_not_use_up_the_questions_for_the_author() -> None:
    fields = b"".join(
        b"ARC-Seal: i=%d; a=rsa-sha256; b=AAAA; cv=%s; d=l%d.example; s=sel\r\n" % (i, b"pass" if i > 1 else b"none", i)
        + b"ARC-Message-Signature: i=%d; a=rsa-sha256; b=AAAA; bh=AAAA; h=from; d=l%d.example; s=sel\r\n" % (i, i)
        + b"ARC-Authentication-Results: i=%d; x\r\n" % i
        for i in range(1, 51)
    )
    resolver = Table(ZONE)
    found = await of(fields + MAIL, resolver)
    assert found.dmarc == Dmarc(FAIL, DOMAIN, DmarcPolicy.REJECT)
    assert len(resolver.asked) < 30


# ---- trouble with DNS ----------------------------------------------------------------------------------------------


class Slow:
    """Answers come later than anybody waits."""

    async def lookup(self, name: str, kind: str) -> None:
        await asyncio.sleep(3600)


@pytest.mark.parametrize("resolver", [Silence(), Slow()])
async def test_without_dns_everything_is_unknown_in_time(resolver: Resolver) -> None:
    async def ask() -> Spf | None:
        await asyncio.sleep(3600)
        return None

    mail = forwarded(signed(), rsa_signer(), "list.example", "dmarc=pass")
    evidence = Evidence(resolver, own_servers=True, within=0.3)
    began = time.monotonic()
    found = await evidence.authentication_of(Message(lambda: [mail], len(mail)), DOMAIN, ask, NOW)
    assert [(one.result, one.flaws) for one in found.signatures] == [(TEMPERROR, frozenset())]
    assert found.dmarc == Dmarc(TEMPERROR, DOMAIN)
    assert found.arc == Arc(TEMPERROR)
    spf = await evidence.spf_of(ip_address("192.0.2.7"), Address(f"a@{DOMAIN}", "a", DOMAIN), "helo.example")
    assert spf == Spf(SpfResult.TEMPERROR, DOMAIN)
    assert not (await evidence.name_of(ip_address("192.0.2.7"))).is_missing
    assert time.monotonic() - began < 60, "each has one deadline of 0.3 s"


@pytest.mark.parametrize("silent", [KEY, f"_dmarc.{DOMAIN}"])
async def test_where_only_one_name_is_silent_nothing_fails(silent: str) -> None:
    found = await of(signed(), Table({**ZONE, (silent, "TXT"): None}))
    assert found.dmarc is not None
    assert found.dmarc.result is TEMPERROR


async def test_an_spf_that_takes_too_long_is_unknown() -> None:
    async def ask() -> Spf | None:
        await asyncio.sleep(3600)
        return None

    evidence = Evidence(Table(ZONE), own_servers=True, within=5)
    found = await evidence.authentication_of(Message(lambda: [MAIL], len(MAIL)), DOMAIN, ask, NOW)
    assert found.dmarc == Dmarc(TEMPERROR, DOMAIN, DmarcPolicy.REJECT)


async def test_an_spf_that_nobody_found_out_fails_nobody() -> None:
    found = await of(MAIL, Table(ZONE), spf=None)
    assert found.dmarc == Dmarc(TEMPERROR, DOMAIN, DmarcPolicy.REJECT)


# ---- SPF is remembered ---------------------------------------------------------------------------------------------

PEER, ANN = ip_address("192.0.2.7"), Address(f"ann@{DOMAIN}", "ann", DOMAIN)


def by_path(record: str | None) -> tuple[Table, Evidence]:
    resolver = Table({(DOMAIN, "TXT"): None if record is None else (record,)})
    return resolver, Evidence(resolver, own_servers=True, within=60)


async def test_a_result_is_remembered_for_a_peer_and_sender() -> None:
    resolver, evidence = by_path("v=spf1 ip4:192.0.2.7 -all")
    for _ in range(3):
        assert await evidence.spf_of(PEER, ANN, "h.example") == Spf(SpfResult.PASS, DOMAIN)
    assert len(resolver.asked) == 1
    other = await evidence.spf_of(ip_address("192.0.2.8"), ANN, "h.example")
    assert other == Spf(SpfResult.FAIL, DOMAIN)


async def test_what_was_not_found_out_is_not_remembered() -> None:
    resolver, evidence = by_path(None)
    for _ in range(2):
        assert await evidence.spf_of(PEER, ANN, "h.example") == Spf(SpfResult.TEMPERROR, DOMAIN)
    assert len(resolver.asked) == 2


async def test_results_are_remembered_neither_for_long_nor_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver, evidence = by_path("v=spf1 -all")
    monkeypatch.setattr("gateway.evidence.recent.MOST", 2)
    for helo in ("a", "b", "a", "c", "a"):
        await evidence.spf_of(PEER, ANN, helo)
    assert [helo for _, _, helo in evidence.spf_results.kept] == ["c", "a"]
    monkeypatch.setattr("gateway.evidence.recent.LIVES", -1.0)
    asked = len(resolver.asked)
    for _ in range(3):
        await evidence.spf_of(PEER, ANN, "d")
    assert len(resolver.asked) == asked + 3
