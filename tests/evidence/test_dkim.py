"""DKIM through our own DNS: what verifies, what the RFCs forbid to count, what earns nothing, and what strange fields
and keys do."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.evidence import dkim
from gateway.model import AuthResult, Flaw, Signature
from tests.evidence.signing import BODY, DOMAIN, HEAD, MAIL, Signer, ed25519_signer, rsa_signer, signed
from tests.evidence.table import Silence, Table

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY_NAME = f"sel._domainkey.{DOMAIN}"
PASS, FAIL = AuthResult.PASS, AuthResult.FAIL
TEMPERROR, PERMERROR = AuthResult.TEMPERROR, AuthResult.PERMERROR


def keys(*records: str, name: str = KEY_NAME) -> Table:
    return Table({(name, "TXT"): records})


async def only(message: bytes, *records: str, resolver: Table | Silence | None = None) -> Signature:
    (found,) = await dkim.verify(message, resolver or keys(*(records or (rsa_signer().record(),))), NOW)
    return found


def at(hours: float) -> str:
    return str(int((NOW + timedelta(hours=hours)).timestamp()))


# ---- what verifies -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("c", ["simple/simple", "simple", "relaxed", "relaxed/relaxed", "simple/relaxed", None])
async def test_a_signature_verifies_in_every_form(c: str | None) -> None:
    found = await only(signed(c=c))
    assert (found.domain, found.selector, found.result, found.is_sound) == (DOMAIN, "sel", PASS, True)
    assert len(base64.b64decode(found.body_hash)) == 32


@pytest.mark.parametrize("signer", [rsa_signer(1024), rsa_signer(2048), rsa_signer(4096), ed25519_signer()])
async def test_by_every_key_that_is_used(signer: Signer) -> None:
    assert (await only(signed(signer=signer), signer.record())).is_sound


async def test_nothing_signed_may_change() -> None:
    mail = signed()
    for old, new in [(b"Hello", b"Hallo"), (b"Ann <", b"Eve <"), (b"two lines", b"2 lines"), (b"s=sel", b"s=sel ")]:
        assert old in mail
        assert (await only(mail.replace(old, new))).result is FAIL, old
    assert (await only(mail.replace(b"Hello  Bo", b"Hello Bo  "))).result is FAIL
    for old, new in [
        (b"Hello  Bo", b"Hello \t Bo"),
        (b"To: Bo", b"tO:\r\n  Bo"),
        (b"\r\n\r\nHello", b"\r\nX: 1\r\n\r\nHello"),
    ]:
        assert (await only(mail.replace(old, new))).is_sound, old
    assert (await only(mail, rsa_signer(1024).record())).result is FAIL, "another key"


async def test_names_are_told_in_small_letters_as_a_labels() -> None:
    found = await only(signed(d="Elsewhere.EXAMPLE", s="SEL"))
    assert (found.domain, found.selector, found.result) == (DOMAIN, "sel", PASS)
    name = "sel._domainkey.xn--bcher-kva.example"
    found = await only(
        signed(d="bücher.example".encode().decode("latin-1")), resolver=keys(rsa_signer().record(), name=name)
    )
    assert (found.domain, found.result) == ("xn--bcher-kva.example", PASS)


async def test_the_same_signature_has_the_same_digest_and_another_one_not() -> None:
    first, again = await only(signed()), await only(b"Received: by a relay\r\n" + signed())
    other = await only(signed(HEAD + b"\r\nAnother\r\n"))
    assert first.digest == again.digest != other.digest
    assert first.body_hash == again.body_hash != other.body_hash


async def test_other_signatures_may_be_signed_and_not_its_own_field() -> None:
    inner = signed()
    twice = signed(inner, s="two", h="from:dkim-signature:dkim-signature")
    zone = Table({(f"{s}._domainkey.{DOMAIN}", "TXT"): (rsa_signer().record(),) for s in ("sel", "two")})
    assert [one.result for one in await dkim.verify(twice, zone, NOW)] == [PASS, PASS]


# ---- what cannot be told -------------------------------------------------------------------------------------------


async def test_silence_is_unknown_whatever_else_is_wrong() -> None:
    for mail in (signed(), signed().replace(b"Hello", b"Hallo"), signed(x=at(-90))):
        found = await only(mail, resolver=Silence())
        assert (found.result, found.flaws) == (TEMPERROR, frozenset())


@pytest.mark.parametrize(
    "change",
    [{"v": None}, {"v": "2"}, {"v": "0.5"}, {"a": None}, {"a": "rsa-md5"}, {"a": "dsa-sha256"}, {"bh": None},
     {"d": None},
     {"bh": "***"}, {"bh": "AAA"}, {"h": None}, {"h": ""}, {"h": "to:subject"}, {"s": None}, {"s": ""}, {"d": ".."},
     {"d": "x y.example"}, {"c": "tight"}, {"c": "relaxed/tight"}, {"c": ""}, {"l": "-1"}, {"l": "x"}, {"t": "today"},
     {"x": "9" * 80}, {"q": "http"}, {"i": "ann@other.example"}, {"i": "ann@notelsewhere.example"}, {"t": "9",
     "x": "8"},
     {"v": "1; v=1"}, {"z": "1; =2"}, {"z": "1;;"}],
)  # fmt: skip
async def test_what_is_not_written_as_it_should_be_is_a_permerror(change: dict[str, str | None]) -> None:
    plain = {name: value for name, value in change.items() if name not in ("a", "c", "l", "h")}
    mail = signed(**plain)
    for name in set(change) - set(plain):
        mail = signed_then(mail, name, change[name])
    assert (await only(mail)).result is PERMERROR


def signed_then(mail: bytes, name: str, value: str | None) -> bytes:
    """With a tag changed afterwards: nobody can sign with these."""
    head, _, rest = mail.partition(b"\r\n b=")
    tags = [
        tag for tag in head.removeprefix(b"DKIM-Signature: ").split(b"; ") if not tag.startswith(f"{name}=".encode())
    ]
    added = [] if value is None else [f"{name}={value}".encode()]
    return b"DKIM-Signature: " + b"; ".join([*added, *(tag.rstrip(b";") for tag in tags)]) + b";\r\n b=" + rest


@pytest.mark.parametrize(
    "record",
    ["", "v=DKIM1", "v=DKIM1; p=", "v=DKIM2; p={p}", "p={p}; v=DKIM1", "v=DKIM1; k=dsa; p={p}", "v=DKIM1; p=***",
     "t; p={p}",
     "v=DKIM1; p=AAAA", "v=DKIM1; h=sha1; p={p}", "v=DKIM1; s=chat; p={p}", "v=DKIM1; k=ed25519; p={p}", "\xff\xfe",
     "v=DKIM1; k=ed25519; p=" + "A" * 42 + "==", "v=DKIM1; n=" + "x" * 5000 + "; p={p}"],
)  # fmt: skip
async def test_without_a_usable_key_it_is_a_permerror(record: str) -> None:
    found = await only(signed(), record.replace("{p}", rsa_signer().public))
    assert (found.result, found.flaws) == (PERMERROR, frozenset())


async def test_no_key_at_all_is_a_permerror() -> None:
    assert (await only(signed(), resolver=Table({}))).result is PERMERROR


@pytest.mark.parametrize(
    "record", ["p={p}", "v=DKIM1;p={p};", " v = DKIM1 ; k = rsa ; s = web : email ; h=sha256:x; t=n; p = {p} ; "]
)
async def test_keys_are_written_in_many_ways(record: str) -> None:
    assert (await only(signed(), record.replace("{p}", rsa_signer().public))).is_sound


async def test_one_usable_key_among_others_is_enough_in_whatever_order_they_come() -> None:
    records = ["unrelated text", rsa_signer().record(), "v=DKIM1; p="]
    for order in (records, records[::-1]):
        assert (await only(signed(), *order)).is_sound


def public_record(modulus: int, exponent: int) -> str:
    der = (
        rsa.RSAPublicNumbers(exponent, modulus)
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    return f"v=DKIM1; p={base64.b64encode(der).decode()}"


@pytest.mark.parametrize(
    ("bits", "exponent"), [(4100, 65537), (16000, 65537), (2048, (1 << 33) + 1), (2048, (1 << 2000) + 1)]
)
async def test_keys_that_only_cost_time_are_not_reckoned_with(bits: int, exponent: int) -> None:
    assert (await only(signed(), public_record((1 << bits) - 1, exponent))).result is PERMERROR


# ---- what earns nothing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mail", "record", "result", "flaw"),
    [
        (signed(l=str(len(BODY) - 9)), "", PASS, Flaw.PARTIAL),
        (signed(l="5") + b"and what somebody added\r\n", "", PASS, Flaw.PARTIAL),
        (signed(), "t=y; ", PASS, Flaw.TESTING),
        (signed(), "t = s : y ; ", PASS, Flaw.TESTING),
        (signed(a="rsa-sha1"), "", PERMERROR, Flaw.SHA1),
        (signed(x=at(-2)), "", PERMERROR, Flaw.EXPIRED),
        (signed(t=at(2)), "", PERMERROR, Flaw.EXPIRED),
        (signed(h="from:to"), "", PASS, Flaw.UNSIGNED_FIELD),
        (b"Subject: Another\r\n" + signed(), "", PASS, Flaw.UNSIGNED_FIELD),
        (b"From: eve@evil.example\r\n" + signed(), "", PASS, Flaw.UNSIGNED_FIELD),
    ],
)  # fmt: skip
async def test_flaws(mail: bytes, record: str, result: AuthResult, flaw: Flaw) -> None:
    found = await only(mail, rsa_signer().record(record))
    assert (found.result, found.flaws, found.is_sound) == (result, {flaw}, False)


async def test_a_weak_key_is_not_valid() -> None:
    weak = rsa_signer(768)
    found = await only(signed(signer=weak), weak.record())
    assert (found.result, found.flaws) == (PERMERROR, {Flaw.WEAK_KEY})


@pytest.mark.parametrize(
    "mail",
    [
        signed(t=at(-1), x=at(24)),
        signed(x=at(-0.9)),  # clocks differ
        signed(t=at(0.9)),
        signed(h="from:from:to:subject:subject"),
        signed(HEAD.partition(b"Subject")[0] + b"\r\nNo subject\r\n", h="from:to"),
        signed(i="ann@elsewhere.example"),
        signed(i="@news.elsewhere.example"),
        signed(i="a=40nn@elsewhere=2Eexample"),
        signed(q="dns/txt"),
        signed(r="y", z="From:Ann|To:Bo"),
    ],
)
async def test_what_is_no_flaw(mail: bytes) -> None:
    assert (await only(mail)).is_sound


async def test_a_flaw_is_told_only_where_the_signature_verifies() -> None:
    found = await only(signed(l="5", x=at(-90)).replace(b"Hello", b"Hallo"))
    assert (found.result, found.flaws) == (FAIL, frozenset())


@pytest.mark.parametrize(
    ("i", "result"), [("@news.elsewhere.example", PERMERROR), ("@elsewhere.example", PASS), (None, PASS)]
)
async def test_a_key_may_be_for_its_domain_only(i: str | None, result: AuthResult) -> None:
    assert (await only(signed(i=i), rsa_signer().record("t=s; "))).result is result


# ---- many signatures -----------------------------------------------------------------------------------------------


async def test_of_many_signatures_those_near_the_author_come_first_and_then_the_upper_ones() -> None:
    mail = MAIL
    for number in range(9, -1, -1):
        mail = signed(mail, d=f"d{number}.example")
    mail = mail.replace(MAIL, signed(MAIL, d="mail.elsewhere.example"))
    zone = Table({(f"sel._domainkey.d{number}.example", "TXT"): (rsa_signer().record(),) for number in range(10)})
    found = await dkim.verify(mail, zone, NOW, DOMAIN)
    assert [one.domain for one in found] == [
        "d0.example",
        "d1.example",
        "d2.example",
        "d3.example",
        "mail.elsewhere.example",
    ]
    assert len(zone.asked) == 5
    assert [one.domain for one in await dkim.verify(mail, zone, NOW)] == [f"d{number}.example" for number in range(5)]


async def test_the_same_field_twice_is_one() -> None:
    mail = signed()
    field = mail.removesuffix(MAIL)
    assert len(await dkim.verify(field * 6 + mail, keys(rsa_signer().record()), NOW)) == 1


async def test_one_bad_signature_does_not_spoil_the_others() -> None:
    mail = (
        b"DKIM-Signature: nonsense\r\nDKIM-Signature:\r\nDKIM-Signature: v=1; d=other.example; s=b\xfcd\r\n" + signed()
    )
    found = await dkim.verify(mail, keys(rsa_signer().record()), NOW)
    assert [one.result for one in found] == [PERMERROR, PERMERROR, PERMERROR, PASS]
    assert [one.domain for one in found] == ["", "", "other.example", DOMAIN]


async def test_each_key_is_asked_for_once() -> None:
    resolver = keys(rsa_signer().record())
    await dkim.verify(signed(signed(h="from")), resolver, NOW)
    assert resolver.asked == [(KEY_NAME, "TXT")]


# ---- strange mails -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mail",
    [b"", b"\r\n", b"no header at all", b" folded\r\n\r\n", b"From ann Sat Nov 21\r\n" + signed(), b"DKIM-Signature",
     b"DKIM-Signature:", b": empty\r\n\r\n", b"\r\n\r\n" + signed(), b"DKIM-Signature : " + signed()[16:]],
)  # fmt: skip
async def test_strange_heads_raise_nothing(mail: bytes) -> None:
    await dkim.verify(mail, keys(rsa_signer().record()), NOW)


async def test_white_space_before_the_colon_is_no_part_of_a_name() -> None:
    mail = signed().replace(b"To: ", b"To \t: ")
    assert (await only(mail)).is_sound


TAGS = st.lists(
    st.sampled_from(
        ["v=1", "a=rsa-sha256", "a=ed25519-sha256", "b=", "b=AAAA", "bh=AAAA", "d=elsewhere.example", "s=sel",
         "h=from", "h=",
         "h=from:from:x:", "c=relaxed", "c=/", "c=simple/relaxed/simple", "l=", "l=3", "l=99999999999", "t=1", "x=0",
         "i=@",
         "i=", "q=dns", "=", "", " ", "\r\n ", "\xff=\xff", "b=\r\n", "d=" + "x." * 200, "s=\x00", "z=" + "y" * 999,
         "t=²"]
    ),
    max_size=14,
)  # fmt: skip
RECORDS = st.lists(
    st.sampled_from(
        ["v=DKIM1", "k=rsa", "k=ed25519", "p=", "p=AAAA", "t=y:s", "h=sha256", "h=", "s=*", "s=", "g=", "\xfc", "=",
         "p=MAA=",
         "p=MAwwDQYJKoZIhvcNAQEBBQADAA==", "p=MAMCAQA=", "p=MAYCAQACAQA=", "p=MAYCAQECAQM=", "p=" + "A" * 43 + "=",
         "n= "]
    ),
    max_size=6,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(TAGS, RECORDS)
def test_no_field_and_no_key_can_make_it_raise(tags: list[str], record: list[str]) -> None:
    mail = b"DKIM-Signature: " + ";".join(tags).encode("latin-1") + b"\r\n" + MAIL
    (found,) = asyncio.run(dkim.verify(mail, keys("; ".join(record)), NOW))
    assert found.result in (FAIL, PERMERROR)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(signed()) - 1), st.binary(max_size=6), st.integers(0, 40))
def test_no_change_of_a_signed_mail_can_make_it_raise(place: int, added: bytes, taken: int) -> None:
    mail = signed()
    asyncio.run(dkim.verify(mail[:place] + added + mail[place + taken :], keys(rsa_signer().record()), NOW))
