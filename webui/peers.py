"""The address that a browser is at."""

from ipaddress import IPv6Address, ip_address

from gateway.model import IPAddress


def address_of(said: str) -> IPAddress | None:
    """That of IPv4 as itself where one socket takes both; None where it is none."""
    try:
        found = ip_address(said)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
