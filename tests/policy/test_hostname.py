"""Names of lines and names of servers; all made up."""

from ipaddress import ip_address

import pytest

from gateway.policy.hostname import is_generic

HERE = ip_address("192.0.2.77")


@pytest.mark.parametrize(
    "name",
    [
        "192-0-2-77.isp.example",
        "77.2.0.192.isp.example",
        "line-2-77.isp.example",
        "c000024d.isp.example",
        "x192000002077.isp.example",
        "p5dc0a24f.isp.example",
        "dsl-17.berlin.isp.example",
        "adsl2.isp.example",
        "modemcable090.isp.example",
        "dhcp017.campus.isp.example",
        "cm114.north.isp.example",
        "pool3.isp.example",
        "h12n2fls7o8.isp.example",
        "a151145.isp.example",
        "host-1-2-3.vpn.isp.example",
        "7.dynamic.isp.example",
    ],
)
def test_lines(name: str) -> None:
    assert is_generic(name, HERE)


@pytest.mark.parametrize(
    "name",
    [
        "mail.elsewhere.example",
        "mx1.elsewhere.example",
        "mx-2.eu-west-1.elsewhere.example",
        "smtp04.dc2.elsewhere.example",
        "out-17.smtp.elsewhere.example",
        "static.elsewhere.example",
        "client.elsewhere.example",
        "dsl.elsewhere.example",
        "elsewhere.example",
        "server2024.elsewhere.example",
        "deadbeef.elsewhere.example",
        "node1.elsewhere.example",
        "a.b.c.elsewhere.example",
        "7elsewhere.example",
        "mail.dialup-museum7.example",
    ],
)
def test_servers(name: str) -> None:
    assert not is_generic(name, HERE)


@pytest.mark.parametrize(
    ("name", "generic"),
    [("h2-77.isp.example", True), ("h77-2.isp.example", True), ("h2-78.isp.example", False)],
)
def test_a_part_of_the_very_address_gives_it_away(name: str, generic: bool) -> None:
    assert is_generic(name, HERE) is generic
    assert not is_generic(name)


def test_an_ipv6_address_in_the_name() -> None:
    address = ip_address("2001:db8::a1b2:c3d4:e5f6:a7b8")
    assert is_generic("h-a1b2-c3d4-e5f6-a7b8.isp.example", address)
    assert not is_generic("mail.isp.example", address)
