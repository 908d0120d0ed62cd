"""Names and places of the net as settings write them: listeners, networks, domains, addresses."""

import ipaddress
import re
from dataclasses import dataclass

import idna

from gateway.model import IPNetwork
from gateway.settings.quantities import quoted

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", re.IGNORECASE)
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$&'*+/=?^_`{|}~-]+)*")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host, or IP address without brackets, and a TCP or UDP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def endpoint(value: object) -> Endpoint:
    """The listener that "127.0.0.1:25" or "[::1]:25" says; raises ValueError for another form."""
    if isinstance(value, Endpoint):
        return value
    host, colon, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    if colon and host in ("", "*"):
        shown = port if port.isascii() and port.isdecimal() else "25"
        raise ValueError(f'{quoted(value)} names no host; write "0.0.0.0:{shown}" for IPv4 and "[::]:{shown}" for IPv6')
    if not colon or not is_host(host):
        raise ValueError(f'{quoted(value)} is not a host and a port; write "127.0.0.1:25" or "[::1]:25"')
    return Endpoint(host.strip("[]").lower(), port_number(port))


def server(value: object) -> Endpoint:
    """The DNS server that "192.0.2.53", "192.0.2.53:5353" or "::1" says; raises ValueError for a name."""
    if isinstance(value, Endpoint):
        return value
    if isinstance(value, str) and is_ip(value):
        return Endpoint(value, 53)
    host, _, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    if not is_ip(host.strip("[]")) or not is_host(host):
        raise ValueError(f'{quoted(value)} is not an IP address; write "192.0.2.53", "192.0.2.53:5353" or "[::1]:53"')
    return Endpoint(host.strip("[]"), port_number(port))


def port_number(text: str) -> int:
    """A port from 1 to 65535; raises ValueError for anything else."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 5 else 0
    if not 1 <= number <= 65535:
        raise ValueError(f"{quoted(text)} is not a port; a port is a number from 1 to 65535")
    return number


def is_host(text: str) -> bool:
    """True for a host name, an IPv4 address, or an IPv6 address in brackets."""
    if text.startswith("[") and text.endswith("]"):
        return ":" in text and is_ip(text[1:-1])
    if re.fullmatch(r"[0-9.]+", text):
        return is_ip(text)
    return 0 < len(text) <= 253 and all(_LABEL.fullmatch(label) for label in text.split("."))


def is_ip(text: str) -> bool:
    """True for an IP address without brackets."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def network(value: object) -> IPNetwork:
    """The network that "192.0.2.0/24" or a single address says; raises ValueError, naming the network meant."""
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    text = value if isinstance(value, str) else ""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(f"{quoted(value)} {_no_network(text)}") from None


def _no_network(text: str) -> str:
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return 'is not a network; write "192.0.2.0/24", "2001:db8::/32" or one address'
    return f'is an address within a network; did you mean "{meant}"?'


def domain(value: object) -> str:
    """A mail domain in lower case and A-labels; raises ValueError for wildcards, addresses and impossible names."""
    text = value.removesuffix(".") if isinstance(value, str) else ""
    if text.startswith("*"):
        raise ValueError(f"{quoted(value)} is a wildcard; name each domain by itself")
    if "@" in text:
        raise ValueError(f'{quoted(value)} is not a domain; write only what stands after the "@"')
    try:
        name = idna.encode(text, uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        name = ""
    if not name or is_ip(name):
        raise ValueError(f'{quoted(value)} is not a domain; write one such as "example.com"')
    return name


def address(value: object) -> str:
    """An address in the form of `Address.key`; raises ValueError for quotes, routes, or a missing half."""
    local, at, name = value.rpartition("@") if isinstance(value, str) else ("", "", "")
    if not at or not _LOCAL_PART.fullmatch(local) or len(local) > 64:
        raise ValueError(f'{quoted(value)} is not an address; write one such as "boss@example.com"')
    return f"{local.lower()}@{domain(name)}"


def recipient(value: object) -> str:
    """A recipient: an address, or "@example.com" for all of a domain; raises ValueError for anything else."""
    if isinstance(value, str) and value.startswith("@"):
        return "@" + domain(value[1:])
    return address(value)


def account(value: object) -> str:
    """What a level is given to: an address or a whole domain; raises ValueError for anything else."""
    if isinstance(value, str) and value.startswith("@"):
        raise ValueError(
            f'{quoted(value)} is not an address; write a whole domain without the "@": {quoted(value[1:])}'
        )
    return address(value) if isinstance(value, str) and "@" in value else domain(value)


def domain_of(name: str) -> str:
    """The domain of an address, of "@example.com", or of a domain."""
    return name.rpartition("@")[2]
