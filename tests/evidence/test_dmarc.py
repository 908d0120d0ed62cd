"""DMARC: where the record is, what it asks for, who is aligned, and that silence fails nobody."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.evidence import dmarc
from gateway.evidence.dmarc import upwards
from gateway.model import AuthResult, Dmarc, DmarcPolicy, Flaw, Published, Signature, Spf, SpfResult
from tests.evidence.table import Silence, Table

PASS, FAIL, NONE = AuthResult.PASS, AuthResult.FAIL, AuthResult.NONE
TEMPERROR, PERMERROR = AuthResult.TEMPERROR, AuthResult.PERMERROR
NOBODY = Spf(SpfResult.NONE, "")
Zone = dict[tuple[str, str], tuple[str, ...] | None]


def zone(**records: str | None) -> Zone:
    """Records by name, with "__" for "."; None: nobody answers there."""
    return {
        (f"_dmarc.{name.replace('__', '.').strip('.')}", "TXT"): None if record is None else (f"v=DMARC1; {record}",)
        for name, record in records.items()
    }


def signature(domain: str, result: AuthResult = PASS, *flaws: Flaw) -> Signature:
    return Signature(domain, "sel", result, frozenset(flaws))


async def of(author: str, known: Zone, *signers: str | Signature, spf: dmarc.SpfOrAsk = NOBODY) -> Dmarc:
    signatures = [signature(one) if isinstance(one, str) else one for one in signers]
    return await dmarc.check(author, spf, signatures, Table(known))


# ---- the walk ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "names"),
    [
        ("example", ["example"]),
        ("a.example", ["a.example", "example"]),
        ("a.b.c.example", ["a.b.c.example", "b.c.example", "c.example", "example"]),
        (
            "8.7.6.5.4.3.2.1",
            ["8.7.6.5.4.3.2.1", "7.6.5.4.3.2.1", "6.5.4.3.2.1", "5.4.3.2.1", "4.3.2.1", "3.2.1", "2.1", "1"],
        ),
        (
            "12.11.10.9.8.7.6.5.4.3.2.1",
            ["12.11.10.9.8.7.6.5.4.3.2.1", "7.6.5.4.3.2.1", "6.5.4.3.2.1", "5.4.3.2.1", "4.3.2.1", "3.2.1", "2.1", "1"],
        ),
    ],
)
def test_a_walk_has_at_most_eight_steps(domain: str, names: list[str]) -> None:
    assert list(upwards(domain)) == names


@pytest.mark.parametrize(
    ("author", "known", "organisation", "policy"),
    [
        ("a.example", zone(a__example="p=reject"), "a.example", "reject"),
        ("m.a.example", zone(a__example="p=reject"), "a.example", "reject"),
        ("m.a.example", zone(a__example="p=reject; sp=none"), "a.example", "none"),
        ("m.a.example", zone(m__a__example="p=none", a__example="p=reject"), "a.example", "none"),
        ("x.m.a.example", zone(m__a__example="p=none", a__example="p=reject"), "a.example", "reject"),
        ("x.m.a.example", zone(m__a__example="p=none; psd=n", a__example="p=reject"), "m.a.example", "none"),
        ("m.a.co.example", zone(co__example="p=reject; psd=y"), "a.co.example", "reject"),
        ("m.a.co.example", zone(co__example="p=none; psd=y", a__co__example="p=reject"), "a.co.example", "reject"),
        ("co.example", zone(co__example="p=reject; psd=y"), "co.example", "reject"),
        ("a.co.example", zone(co__example="p=reject; psd=y", example="p=none"), "a.co.example", "reject"),
        ("a.co.example", zone(co__example="psd=y; p=none; sp=quarantine"), "a.co.example", "quarantine"),
        ("m.a.example", zone(example="p=reject"), "a.example", None),  # not a public suffix, and nobody's organisation
        ("m.a.example", zone(example="p=reject; psd=y"), "a.example", "reject"),
        ("shop.co.uk", zone(), "shop.co.uk", None),
        ("news.shop.co.uk", zone(), "shop.co.uk", None),
    ],
)
async def test_whose_policy_applies(author: str, known: Zone, organisation: str, policy: str | None) -> None:
    found = await of(author, known)
    assert found.domain == organisation
    assert (found.result, found.policy) == (NONE if policy is None else FAIL, policy or "none")


@pytest.mark.parametrize(
    ("record", "result", "policy"),
    [
        ("p=reject", FAIL, "reject"),
        ("P = Reject ; pct=0", FAIL, "reject"),
        ("p=quarantine; t=n", FAIL, "quarantine"),
        ("p=reject; t=y", FAIL, "quarantine"),
        ("t=y; p=quarantine", FAIL, "none"),
        ("p=none; t=y", FAIL, "none"),
        ("", FAIL, "none"),
        ("rua=mailto:a@example.com", FAIL, "none"),
        ("p=nothing", PERMERROR, "none"),
        ("p=nothing; rua=mailto:a@example.com", FAIL, "none"),
        ("p=reject; sp=nothing", PERMERROR, "none"),
        ("p=reject; sp=nothing; rua=x", PERMERROR, "none"),
        ("p=reject; unknown; =; new=tag;;", FAIL, "reject"),
        ("p=reject; p=none", FAIL, "reject"),
    ],
)
async def test_what_a_record_asks_for(record: str, result: AuthResult, policy: str) -> None:
    found = await of("a.example", zone(a__example=record))
    assert (found.result, found.policy) == (result, policy)


@pytest.mark.parametrize(
    "records",
    [("v=DMARC1; p=reject", "v=DMARC1; p=none"), ("v=DMARC2; p=reject",), ("p=reject; v=DMARC1",),
     ("v=dmarc1; p=reject",),
     ("v=DMARC10; p=reject",), ("anything",), (" v=DMARC1; p=reject",)],
)  # fmt: skip
async def test_what_is_no_record(records: tuple[str, ...]) -> None:
    assert (await of("a.example", {("_dmarc.a.example", "TXT"): records})).result is NONE


async def test_other_texts_beside_a_record_do_not_matter() -> None:
    found = await of("a.example", {("_dmarc.a.example", "TXT"): ("anything", "v = DMARC1;p=reject")})
    assert found.policy is DmarcPolicy.REJECT


@pytest.mark.parametrize(
    ("there", "policy"),
    [({}, "reject"), ({"A": ("192.0.2.1",)}, "none"), ({"MX": ("0 .",)}, "none"), ({"AAAA": None}, "none")],
)
async def test_domains_that_do_not_exist_have_a_policy_of_their_own(
    there: dict[str, tuple[str, ...] | None], policy: str
) -> None:
    known = zone(a__example="p=none; np=reject") | {("m.a.example", kind): value for kind, value in there.items()}
    assert (await of("m.a.example", known)).policy == policy
    assert (await of("a.example", known)).policy == "none"


async def test_reports_are_wanted_where_addresses_are() -> None:
    found = await of(
        "a.example", zone(a__example="p=none; rua=mailto:a@example.com!10m , mailto:b@example.com,,x y,https:z")
    )
    assert found.rua == ("mailto:a@example.com!10m", "mailto:b@example.com", "https:z")
    assert found.evaluation is None, "nobody asked for it"


async def judged(record: str, spf: dmarc.SpfOrAsk, *signers: str) -> Dmarc:
    """Of a mail of m.a.example, where domains get the reports that they want."""
    found = [signature(one) for one in signers]
    return await dmarc.check("m.a.example", spf, found, Table(zone(a__example=record)), reports=True)


RUA = "rua=mailto:x@a.example"


@pytest.mark.parametrize(
    ("record", "published"),
    [
        (f"p=reject; {RUA}", Published("a.example", DmarcPolicy.REJECT, DmarcPolicy.REJECT)),
        (
            f"p=reject; sp=none; adkim=s; aspf=S; fo=1:d; {RUA}",
            Published("a.example", DmarcPolicy.REJECT, DmarcPolicy.NONE, True, True, failures="1:d"),
        ),
        (f"p=reject; t=y; {RUA}", Published("a.example", DmarcPolicy.REJECT, DmarcPolicy.REJECT, testing=True)),
        (f"p=nothing; fo=<x>; {RUA}", Published("a.example")),
    ],
)
async def test_who_gets_reports_is_told_what_its_record_states(record: str, published: Published) -> None:
    found = (await judged(record, NOBODY)).evaluation
    assert found is not None
    assert found.published == published


async def test_who_gets_reports_is_told_of_spf_too_where_a_signature_was_enough() -> None:
    here = Spf(SpfResult.PASS, "a.example")
    asked = 0

    async def ask() -> Spf:
        nonlocal asked
        asked += 1
        return here

    found = await judged(f"p=reject; {RUA}", ask, "a.example")
    assert found.result is PASS
    assert found.evaluation is not None
    assert (found.evaluation.dkim, found.evaluation.spf, found.evaluation.path, asked) == (True, True, here, 1)
    assert (await judged("p=reject", ask, "a.example")).evaluation is None
    assert asked == 1, "nobody is told, so nobody is asked"


@pytest.mark.parametrize(
    ("spf", "signer", "result", "dkim", "by_path"),
    [
        (Spf(SpfResult.PASS, "other.example"), "a.example", PASS, True, False),
        (Spf(SpfResult.PASS, "a.example"), "other.example", PASS, False, True),
        (Spf(SpfResult.FAIL, "a.example"), "other.example", FAIL, False, False),
        (None, "a.example", PASS, True, False),
        (None, "other.example", TEMPERROR, False, False),
    ],
)
async def test_who_passed_and_is_aligned(
    spf: Spf | None, signer: str, result: AuthResult, dkim: bool, by_path: bool
) -> None:
    found = await judged(f"p=reject; {RUA}", spf, signer)
    assert found.evaluation is not None
    assert (found.result, found.evaluation.dkim, found.evaluation.spf) == (result, dkim, by_path)
    assert found.evaluation.path == spf


# ---- alignment -----------------------------------------------------------------------------------------------------

KNOWN = zone(a__example="p=reject", strict__example="p=reject; adkim=s; aspf=s", own__a__example="p=none; psd=n")


@pytest.mark.parametrize(
    ("author", "signer", "result"),
    [
        ("a.example", "a.example", PASS),
        ("a.example", "m.a.example", PASS),
        ("m.a.example", "a.example", PASS),
        ("m.a.example", "n.a.example", PASS),
        ("a.example", "b.example", FAIL),
        ("a.example", "example", FAIL),
        ("a.example", "nota.example", FAIL),
        ("a.example", "own.a.example", FAIL),
        ("own.a.example", "a.example", FAIL),
        ("own.a.example", "m.own.a.example", PASS),
        ("strict.example", "strict.example", PASS),
        ("strict.example", "m.strict.example", FAIL),
        ("m.strict.example", "strict.example", FAIL),
        ("m.strict.example", "m.strict.example", PASS),
    ],
)
async def test_who_is_aligned(author: str, signer: str, result: AuthResult) -> None:
    by_signature = await of(author, KNOWN, signer)
    assert by_signature.result is result
    assert (await of(author, KNOWN, spf=Spf(SpfResult.PASS, signer))).result is result


async def test_one_aligned_signature_is_enough_and_spf_is_then_not_looked_at() -> None:
    async def ask() -> Spf | None:
        raise AssertionError("nobody needs it")

    signers = ["b.example", signature("a.example", FAIL), "m.a.example"]
    found = await of("a.example", KNOWN, *signers, spf=ask)
    assert found.result is PASS


async def test_spf_is_asked_for_where_it_matters() -> None:
    async def ask() -> Spf | None:
        return Spf(SpfResult.PASS, "a.example")

    assert (await of("a.example", KNOWN, spf=ask)).result is PASS


@pytest.mark.parametrize("result", [FAIL, PERMERROR, AuthResult.NEUTRAL, NONE])
async def test_only_a_pass_is_one(result: AuthResult) -> None:
    assert (await of("a.example", KNOWN, signature("a.example", result))).result is FAIL


@pytest.mark.parametrize("flaw", [Flaw.PARTIAL, Flaw.TESTING, Flaw.UNSIGNED_FIELD])
async def test_a_flaw_makes_no_forgery_of_a_mail(flaw: Flaw) -> None:
    assert (await of("a.example", KNOWN, signature("a.example", PASS, flaw))).result is PASS


async def test_without_an_author_there_is_nothing_to_check() -> None:
    assert await of("", KNOWN, "a.example") == Dmarc(PERMERROR)


# ---- silence -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spf", [None, NOBODY, Spf(SpfResult.PASS, "a.example"), Spf(SpfResult.FAIL, "a.example")])
async def test_when_dns_is_dead_nothing_is_known(spf: Spf | None) -> None:
    for signers in ([], [signature("a.example", TEMPERROR)], [signature("b.example")]):
        found = await dmarc.check("m.a.example", spf, signers, Silence())
        assert (found.result, found.policy) == (TEMPERROR, DmarcPolicy.NONE)


@pytest.mark.parametrize(
    ("known", "signer", "spf", "result"),
    [
        (zone(a__example=None), signature("a.example"), NOBODY, TEMPERROR),
        (zone(a__example="p=reject", example=None), signature("a.example"), NOBODY, PASS),
        (zone(a__example="p=reject", example=None), signature("m.a.example"), NOBODY, PASS),
        (zone(a__example="p=reject", example=None), signature("b.test"), NOBODY, TEMPERROR),
        (zone(a__example="p=reject"), signature("a.example", TEMPERROR), NOBODY, TEMPERROR),
        (zone(a__example="p=reject"), signature("m.a.example", TEMPERROR), NOBODY, TEMPERROR),
        (zone(a__example="p=reject"), signature("b.example", TEMPERROR), NOBODY, FAIL),
        (zone(a__example="p=reject"), signature("b.example"), None, TEMPERROR),
        (zone(a__example="p=reject"), signature("b.example"), Spf(SpfResult.TEMPERROR, "a.example"), TEMPERROR),
        (zone(a__example="p=reject"), signature("b.example"), Spf(SpfResult.TEMPERROR, "b.example"), FAIL),
        (zone(a__example="p=reject", m__a__example=None), signature("m.a.example"), NOBODY, PASS),
        (zone(a__example="p=reject; adkim=s", example=None), signature("m.a.example"), NOBODY, FAIL),
    ],
)
async def test_silence_fails_nobody(known: Zone, signer: Signature, spf: Spf | None, result: AuthResult) -> None:
    assert (await of("a.example", known, signer, spf=spf)).result is result


async def test_whose_a_name_is_may_be_unknown_although_it_passes() -> None:
    """The public suffix list says that it is another's, and DNS, which knows better, does not answer."""
    known = zone(blogspot__com="p=reject", x__blogspot__com=None)
    assert (await of("blogspot.com", known, "x.blogspot.com")).result is TEMPERROR
    assert (await of("blogspot.com", known | zone(x__blogspot__com="psd=n"), "x.blogspot.com")).result is FAIL


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(["v=DMARC1", "p=reject", "p=", "sp=x", "np=none", "psd=y", "psd=n", "t=y", "rua=",
    "rua=,,:",
                              "rua=mailto:x!", "adkim=s", "=", "\xff", "", "aspf", " "])),
    st.sampled_from(["a.example", "x.y.z.a.example", "example", "a..b", "."]),
    st.sampled_from(["a.example", "", "y.z.a.example"]),
)  # fmt: skip
def test_no_record_can_make_it_raise(parts: list[str], author: str, signer: str) -> None:
    known: Zone = {(f"_dmarc.{name}", "TXT"): ("; ".join(parts),) for name in ("a.example", "z.a.example", "example")}
    asyncio.run(of(author, known, signer, spf=Spf(SpfResult.PASS, signer)))
