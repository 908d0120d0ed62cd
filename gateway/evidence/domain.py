"""Whose domain is it: the part of a name that somebody registered (publicsuffix.org's list, as packaged)."""

from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList


@cache
def suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(4096)
def organisational(name: str) -> str:
    """The registered domain above a name in small letters (A-labels); the name itself where there is none."""
    return suffixes().privatesuffix(name) or name
