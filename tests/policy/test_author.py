"""Who a mail says it is from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.author import MOST, addresses


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ann@partner.example", ["ann@partner.example"]),
        ("Ann <ann@partner.example>", ["ann@partner.example"]),
        ('"Ann, of Partner" <Ann@PARTNER.example>', ["ann@partner.example"]),
        ("Ann (the <boss@other.example>) <ann@partner.example>", ["ann@partner.example"]),
        ("ann@partner.example (Ann)", ["ann@partner.example"]),
        ('"boss@other.example" <ann@partner.example>', ["ann@partner.example"]),
        ("boss@other.example <ann@partner.example>", ["ann@partner.example"]),
        ("Ann <ann@partner.example>, Bea <bea@partner.example>", ["ann@partner.example", "bea@partner.example"]),
        ("The board: ann@partner.example, bea@partner.example;", ["ann@partner.example", "bea@partner.example"]),
        ("Ann <ann@bücher.example>", ["ann@xn--bcher-kva.example"]),
        ("=?utf-8?q?A=40b.example?= <ann@partner.example>", ["ann@partner.example"]),
        # what programs read differently is nobody's
        ("<ann@partner.example> <boss@other.example>", [""]),
        ("Ann <ann@partner.example> boss@other.example", [""]),
        ("<boss@other.example><ann@partner.example>", [""]),
        ("Ann <<ann@partner.example>>", [""]),
        ("Ann <ann@partner.example", [""]),
        ("Ann", [""]),
        ("", [""]),
        ("Ann <>", [""]),
        ("Ann <@relay.example:ann@partner.example>", [""]),
        ("ann@partner.example boss@other.example", [""]),
        ("Undisclosed:;", [""]),
    ],
)
def test_one_field(value: str, expected: list[str]) -> None:
    assert list(addresses([value])) == expected


def test_every_field_counts() -> None:
    assert addresses(["ann@partner.example", "Boss <boss@other.example>"]) == (
        "ann@partner.example",
        "boss@other.example",
    )
    assert addresses([]) == ()


@given(st.lists(st.text(max_size=200), max_size=12))
def test_whatever_is_written_there(values: list[str]) -> None:
    found = addresses(values)
    assert len(found) <= MOST
    assert all(address == "" or address.count("@") >= 1 for address in found)
