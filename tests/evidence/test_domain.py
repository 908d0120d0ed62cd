"""Whose domain a name is in."""

import pytest

from gateway.evidence.domain import organisational


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("mx1.mail.elsewhere.example", "elsewhere.example"),
        ("elsewhere.example", "elsewhere.example"),
        ("mail.shop.co.uk", "shop.co.uk"),
        ("co.uk", "co.uk"),
        ("localhost", "localhost"),
        ("mail.xn--fa-hia.de", "xn--fa-hia.de"),
        ("", ""),
    ],
)
def test_whose_domain_it_is(name: str, owner: str) -> None:
    assert organisational(name) == owner
