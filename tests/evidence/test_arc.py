"""ARC: chains that hold, chains that do not, and what the newest sealer states."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.evidence.arc import MOST_SETS, message_claim, sealed, stated
from gateway.evidence.gather import Evidence, Message
from gateway.evidence.resolver import Resolver
from gateway.evidence.signed import Malformed
from gateway.model import Arc, AuthResult
from tests.evidence.signing import HEAD, MAIL, forwarded, rsa_signer, signed
from tests.evidence.table import Silence, Table

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FAIL = Arc(AuthResult.FAIL)
FIRST, SECOND = "list.example", "forward.example"
ZONE = {(f"sel._domainkey.{domain}", "TXT"): (rsa_signer().record(),) for domain in (FIRST, SECOND)}
ONCE = forwarded(signed(), rsa_signer(), FIRST, "dkim=pass header.d=elsewhere.example; dmarc=pass")
TWICE = forwarded(ONCE, rsa_signer(), SECOND, "arc=pass; spf=fail; dmarc=fail (p=reject)")


async def of(mail: bytes, resolver: Resolver | None = None) -> Arc | None:
    evidence = Evidence(resolver or Table(ZONE), own_servers=True, within=60)
    found = await evidence.authentication_of(Message(lambda: [mail], len(mail)), "", None, NOW)
    return found.arc


async def test_a_mail_without_a_chain_has_none() -> None:
    assert await of(signed()) is None


async def test_chains_that_hold() -> None:
    assert await of(ONCE) == Arc(AuthResult.PASS, (FIRST,), (("dkim", "pass"), ("dmarc", "pass")))
    said = (("arc", "pass"), ("spf", "fail"), ("dmarc", "fail"))
    assert await of(TWICE) == Arc(AuthResult.PASS, (SECOND, FIRST), said)


async def test_only_the_newest_message_signature_has_to_hold() -> None:
    changed = ONCE.replace(b"Subject: A", b"Subject: [list] A")
    assert await of(changed) == FAIL
    assert (await of(forwarded(changed, rsa_signer(), SECOND, "dmarc=fail"))) == FAIL, "dkimpy seals it as failed"
    assert (await of(TWICE.replace(b"Hello", b"Hallo"))) == FAIL


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"dmarc=pass", b"dmarc=fail"),
        (b"ARC-Seal: i=1; cv=none", b"ARC-Seal: i=1; cv=pass"),
        (b"ARC-Seal: i=1; cv=none", b"ARC-Seal: i=1; cv=fail"),
        (b"ARC-Seal: i=1", b"ARC-Seal: i=2"),
        (b"ARC-Seal: i=1", b"ARC-Seal: i=0"),
        (b"ARC-Seal: i=1; cv=none; a=rsa-sha256", b"ARC-Seal: i=1; cv=none; a=rsa-sha1"),
        (b"ARC-Seal: i=1", b"ARC-Seal: h=from; i=1"),
        (b"ARC-Seal: i=1", b"X-Seal: i=1"),
        (b"ARC-Authentication-Results: i=1;", b"ARC-Authentication-Results: "),
        (b"ARC-Message-Signature: i=1", b"ARC-Message-Signature: nothing"),
    ],
)
async def test_nothing_of_a_chain_may_change(old: bytes, new: bytes) -> None:
    assert old in ONCE
    assert await of(ONCE.replace(old, new)) == FAIL


async def test_a_set_twice_or_without_the_one_before_is_no_chain() -> None:
    own = ONCE[: ONCE.index(b"Authentication-Results: list.example; dkim", ONCE.index(b"ARC-Auth") + 50)]
    assert await of(own + ONCE) == FAIL
    newest = TWICE[: TWICE.index(b"ARC-Seal: i=1")]
    assert await of(newest + MAIL) == FAIL


async def test_silence_is_unknown() -> None:
    assert await of(TWICE, Silence()) == Arc(AuthResult.TEMPERROR)
    assert await of(TWICE, Table({**ZONE, (f"sel._domainkey.{FIRST}", "TXT"): None})) == Arc(AuthResult.TEMPERROR)
    assert await of(ONCE, Table({})) == FAIL, "there is no key"


SEAL = "i=1; cv=none; a=rsa-sha256; b=AAAA; d=list.example; s=sel"
SIGNATURE = "i=1; a=rsa-sha256; b=AAAA; bh=AAAA; h=from; d=list.example; s=sel"


@pytest.mark.parametrize("more", ["; h=from", "; t=x", "; cv=none"])
def test_what_is_no_seal(more: str) -> None:
    assert sealed(0, b"ARC-Seal: " + SEAL.encode(), "none").domain == FIRST
    with pytest.raises(Malformed):
        sealed(0, f"ARC-Seal: {SEAL}{more}".encode(), "none")
    with pytest.raises(Malformed):
        sealed(0, b"ARC-Seal: " + SEAL.replace("sha256", "sha1").encode(), "none")


@pytest.mark.parametrize(
    ("old", "new"), [("h=from", "h=from:ARC-Seal"), ("sha256", "sha1"), ("h=from; ", ""), ("bh=AAAA; ", "")]
)
def test_what_is_no_message_signature(old: str, new: str) -> None:
    assert message_claim(0, b"ARC-Message-Signature: " + SIGNATURE.encode()).domain == FIRST
    with pytest.raises(Malformed):
        message_claim(0, b"ARC-Message-Signature: " + SIGNATURE.replace(old, new).encode())


async def test_a_weak_key_seals_nothing() -> None:
    weak = rsa_signer(768)
    assert (
        await of(
            forwarded(signed(), weak, FIRST, "dmarc=pass"),
            Table({(f"sel._domainkey.{FIRST}", "TXT"): (weak.record(),)}),
        )
        == FAIL
    )


async def test_a_chain_is_not_longer_than_the_rfc_allows() -> None:
    fields = b"".join(
        b"ARC-Seal: i=%d; a=rsa-sha256; b=AAAA; cv=%s; d=list.example; s=sel\r\n" % (i, b"pass" if i > 1 else b"none")
        + b"ARC-Message-Signature: i=%d; a=rsa-sha256; b=AAAA; bh=AAAA; h=from; d=list.example; s=sel\r\n" % i
        + b"ARC-Authentication-Results: i=%d; x\r\n" % i
        for i in range(1, MOST_SETS + 2)
    )
    resolver = Table(ZONE)
    assert await of(fields + MAIL, resolver) == FAIL
    assert resolver.asked == []


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("i=1; a.example; spf=pass smtp.mfrom=x; DKIM=Fail", [("spf", "pass"), ("dkim", "fail")]),
        ("i=1; a.example 1; spf/1 = pass (a; dmarc=pass (b) c)", [("spf", "pass")]),
        ('i=1; a.example; spf=pass reason="; dmarc=pass \\"; arc=pass"', [("spf", "pass")]),
        ("i=1; a.example; none", []),
        ("i=1; dmarc=pass", []),
        ("i=1; a;;;=;dmarc=;=pass;dmarc", []),
        ("i=1; a; " + "x=y; " * 50, [("x", "y")] * 20),
    ],
)
def test_what_the_newest_sealer_states(value: str, found: list[tuple[str, str]]) -> None:
    assert stated(b"ARC-Authentication-Results: " + value.encode()) == found


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(TWICE) - 1), st.binary(max_size=6), st.integers(0, 40))
def test_no_change_of_a_chain_can_make_it_raise(place: int, added: bytes, taken: int) -> None:
    asyncio.run(of(TWICE[:place] + added + TWICE[place + taken :]))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["ARC-Seal: ", "ARC-Message-Signature: ", "ARC-Authentication-Results: ", "\r\n", "i=1;", "i=2;", "i=;",
             "cv=none;",
             "a=rsa-sha256;", "b=AAAA;", "bh=AAAA;", "h=from;", "d=list.example;", "s=sel;", "x", "(", '"', ";",
             "\xff", "t=1"]
        )
    )
)  # fmt: skip
def test_no_fields_can_make_it_raise(pieces: list[str]) -> None:
    asyncio.run(of("".join(pieces).encode("latin-1") + b"\r\n" + HEAD + b"\r\n"))
