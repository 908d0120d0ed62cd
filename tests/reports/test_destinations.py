"""Where reports go: only by mail, not beyond a limit, and to others only where these say that they want them."""

import pytest

from gateway.evidence.resolver import Resolver
from gateway.reports.destinations import NOT_YET, Wanted, report_boxes, wanted
from tests.evidence.table import Silence, Table

OTHER = "dmarc@reader.example"
ASKS = ("elsewhere.example._report._dmarc.reader.example", "TXT")


async def of(uri: str, zone: dict[tuple[str, str], tuple[str, ...] | None] | None = None, size: int = 9000) -> Wanted:
    return await wanted(uri, "elsewhere.example", size, Table(zone or {}))


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("mailto:d@elsewhere.example", "d@elsewhere.example"),
        ("MAILTO:d@Elsewhere.Example", "d@elsewhere.example"),
        ("mailto:d@elsewhere.example!10m", "d@elsewhere.example"),
        ("mailto:d@elsewhere.example!9000", "d@elsewhere.example"),
        ("mailto:a%2Bb@elsewhere.example?subject=x", "a+b@elsewhere.example"),
        ("mailto:d@reports.elsewhere.example", "d@reports.elsewhere.example"),
    ],
)
async def test_its_own_addresses(uri: str, address: str) -> None:
    assert (await of(uri)).addresses == (address,)


@pytest.mark.parametrize(
    "uri",
    [
        "https://elsewhere.example/reports",
        "mailto:",
        "mailto:nobody",
        "mailto:d@[192.0.2.1]",
        "mailto:a@b@elsewhere.example",
        "mailto:a%0d%0ab@elsewhere.example",
        "mailto:d@elsewhere.example%3E",
        "mailto:a@elsewhere.example%2Cb@victim.example",
        "mailto:%ff@elsewhere.example",
    ],
)
async def test_what_is_no_address_gets_nothing(uri: str) -> None:
    found = await of(uri)
    assert (found.addresses, found.is_known) == ((), True)
    assert found.why == "it is no address of mail"


@pytest.mark.parametrize(
    ("limit", "goes"), [("8999", False), ("9000", True), ("8k", False), ("9k", True), ("1M", True)]
)
async def test_nobody_gets_more_than_they_take(limit: str, goes: bool) -> None:
    found = await of(f"mailto:d@elsewhere.example!{limit}")
    assert bool(found.addresses) is goes
    assert goes or "larger" in found.why


@pytest.mark.parametrize(
    ("records", "addresses", "why"),
    [
        ((), (), "reader.example does not want reports about elsewhere.example"),
        (("anything",), (), "reader.example does not want reports about elsewhere.example"),
        (("v=DMARC1",), (OTHER,), ""),
        (("v=DMARC1;",), (OTHER,), ""),
        (("anything", "v=DMARC1", "v=DMARC1"), (OTHER,), ""),
        (("v=DMARC1; rua=mailto:box@reader.example",), ("box@reader.example",), ""),
        (("v=DMARC1; rua=mailto:a@reader.example,mailto:b@reader.example!1k",), ("a@reader.example",), ""),
        (("v=DMARC1; rua=mailto:a@reader.example!1k",), (), "the report is larger (9000 bytes)"),
        (("v=DMARC1; rua=mailto:a@victim.example",), (), "reader.example sends on elsewhere"),
        (("v=DMARC1; rua=mailto:a@reader.example,mailto:a@victim.example",), (), "reader.example sends on elsewhere"),
    ],
)
async def test_others_say_that_they_want_them(records: tuple[str, ...], addresses: tuple[str, ...], why: str) -> None:
    found = await of(f"mailto:{OTHER}", {ASKS: records})
    assert (found.addresses, found.why) == (addresses, why)


async def test_a_neighbour_under_a_public_suffix_is_another() -> None:
    found = await wanted("mailto:d@b.co.uk", "a.co.uk", 1, Table({}))
    assert (found.addresses, found.why) == ((), "b.co.uk does not want reports about a.co.uk")


@pytest.mark.parametrize("resolver", [Silence(), Table({ASKS: None})])
async def test_where_dns_is_silent_nobody_knows_yet(resolver: Resolver) -> None:
    found = await wanted(f"mailto:{OTHER}", "elsewhere.example", 1, resolver)
    assert found == Wanted(f"mailto:{OTHER}", why=NOT_YET, is_known=False)


async def test_a_name_that_is_too_long_for_dns_is_a_no() -> None:
    long = ".".join(["a" * 60] * 4)
    found = await wanted(f"mailto:{OTHER}", long, 1, Table({}))
    assert found.is_known
    assert found.addresses == ()


async def test_where_reports_about_our_own_domains_arrive() -> None:
    zone = {
        ("_dmarc.example.com", "TXT"): (
            "v=DMARC1; p=none; rua=mailto:DMARC@example.com!1m,mailto:x@reader.example,https://example.com",
        ),
        ("_dmarc.other.example", "TXT"): None,
    }
    boxes = await report_boxes(("example.com", "other.example", "third.example"), Table(zone))
    assert boxes == {"dmarc@example.com"}
