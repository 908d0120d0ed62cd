"""Whom an entry of the lists names, as people type it."""

from ipaddress import ip_network

from gateway.marked import N_, Said
from gateway.model import ListKind
from gateway.policy.address import BadAddress, domain_key, parse_address

NOBODY = N_("%(text)s is no address (ann@example.com), domain (example.com) or network (192.0.2.0/24): %(why)s")


class BadParty(ValueError):
    """What is typed names nobody; args[0] says what would."""


def why(error: Exception) -> Said:
    """What an error says, to be said in somebody's language."""
    said = error.args[0] if error.args else ""
    return said if isinstance(said, Said) else Said(str(said))


def read_party(text: str) -> tuple[ListKind, str]:
    """What a party is: an address, a network or a domain. Raises BadParty."""
    try:
        if "@" in text:
            return ListKind.ADDRESS, parse_address(text).key
        if text.replace(".", "").replace("/", "").isdecimal() or ":" in text:
            return ListKind.NETWORK, str(ip_network(text, strict=False))
        return ListKind.DOMAIN, domain_key(text)
    except (BadAddress, ValueError) as error:
        raise BadParty(Said(NOBODY, {"text": repr(text), "why": why(error)})) from error


def read_network(text: str) -> str:
    """Raises BadParty."""
    try:
        return str(ip_network(text, strict=False))
    except ValueError as error:
        raise BadParty(Said(N_("%(text)s is no network, such as 192.0.2.0/24"), {"text": repr(text)})) from error


def read_scope(text: str) -> str:
    """The recipients that an entry holds for: one, or those of a domain. Raises BadParty."""
    kind, value = read_party(text)
    if kind is ListKind.NETWORK:
        raise BadParty(Said(N_("an entry holds for a recipient's address or a local domain")))
    return value


def read_domain(text: str) -> str:
    """Raises BadParty."""
    try:
        return domain_key(text)
    except BadAddress as error:
        raise BadParty(Said(N_("%(text)s is no domain, such as example.com"), {"text": repr(text)})) from error
