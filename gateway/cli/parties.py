"""Whom a list entry names, as people type it at a prompt."""

import click

from gateway.model import ListKind
from gateway.policy import parties
from gateway.policy.parties import BadParty


def read_party(text: str) -> tuple[ListKind, str]:
    """What a party is: an address, a network or a domain. Raises click.BadParameter with what is allowed."""
    try:
        return parties.read_party(text)
    except BadParty as error:
        raise click.BadParameter(str(error)) from error


def read_network(text: str | None) -> str | None:
    try:
        return None if text is None else parties.read_network(text)
    except BadParty as error:
        raise click.BadParameter(str(error)) from error


def read_scope(text: str | None) -> str | None:
    if text is None:
        return None
    kind, value = read_party(text)
    if kind is ListKind.NETWORK:
        raise click.BadParameter("--for takes a recipient's address or a local domain")
    return value


def read_domain(text: str | None) -> str | None:
    try:
        return None if text is None else parties.read_domain(text)
    except BadParty as error:
        raise click.BadParameter(str(error)) from error
