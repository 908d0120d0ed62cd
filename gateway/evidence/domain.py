"""Whose domain is it: the part of a name that somebody registered (publicsuffix.org's list, as packaged)."""

from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList

from gateway.model import Rung, RungKind


@cache
def suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def is_public_suffix(name: str) -> bool:
    """True when everybody may register below it, as below "com" and "co.uk"."""
    return bool(suffixes().is_public(name))


@lru_cache(4096)
def organisational(name: str) -> str:
    """The registered domain above a name in small letters (A-labels); the name itself where there is none."""
    return suffixes().privatesuffix(name) or name


def signers(name: str) -> frozenset[Rung]:
    """By which signatures mail of a domain may be told, as far as its name says: its own and the one above it."""
    return frozenset(Rung(RungKind.DKIM, domain) for domain in (name, organisational(name)))
