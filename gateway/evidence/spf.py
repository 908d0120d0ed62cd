"""SPF: may this address send mail of this domain? (RFC 7208, evaluated by pyspf, with our DNS.)

pyspf blocks while it asks DNS. Here it is given what was asked already and stops at what was not; that is asked, and
it begins anew: no thread waits, and every lookup is ours.
"""

from ipaddress import IPv4Address, IPv6Address
from typing import Any

import spf

from gateway.evidence.resolver import Records, Resolver
from gateway.model import IPAddress, Spf, SpfResult

MOST_ANSWERS = 150  # ten mechanisms, of which each may name ten hosts (RFC 7208 4.6.4), and some room
WIDE_IPV4, WIDE_IPV6 = 16, 32  # prefix lengths; a record that permits more says little about who this is

Answers = dict[tuple[str, str], Records | None]


async def check(address: IPAddress, sender: str, helo: str, resolver: Resolver) -> Spf:
    """The result for MAIL FROM, or for HELO where `sender` is "" (RFC 7208 2.4). Never raises for what others wrote."""
    answers: Answers = {}
    found = await evaluate(address, sender, helo, resolver, answers)
    domain = (sender.rpartition("@")[2] if sender else helo).lower().rstrip(".")
    if found is not SpfResult.PASS:
        return Spf(found, domain, of_helo=not sender)
    return Spf(found, domain, passes_next_door(address, sender, helo, answers), of_helo=not sender)


async def evaluate(address: IPAddress, sender: str, helo: str, resolver: Resolver, answers: Answers) -> SpfResult:
    while len(answers) < MOST_ANSWERS:
        try:
            return result_of(address, sender, helo, answers)
        except Unasked as question:
            answers[question.name, question.kind] = await resolver.lookup(question.name, question.kind)
    return SpfResult.PERMERROR


def result_of(address: IPAddress, sender: str, helo: str, answers: Answers) -> SpfResult:
    """Raises Unasked."""
    try:
        return SpfResult(Query(address, sender, helo, answers).check()[0])
    except (ValueError, UnicodeError, IndexError, AssertionError):  # what pyspf does with some records that are none
        return SpfResult.PERMERROR


def passes_next_door(address: IPAddress, sender: str, helo: str, answers: Answers) -> bool:
    """Whether the record permits the neighbouring /16 (IPv6: /32) as well, as `+all` and very large networks do."""
    try:
        return result_of(next_door(address), sender, helo, answers) is SpfResult.PASS
    except Unasked:  # it depends on the address
        return False


def next_door(address: IPAddress) -> IPAddress:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if isinstance(address, IPv4Address):
        return IPv4Address(int(address) ^ 1 << (32 - WIDE_IPV4))
    return IPv6Address(int(address) ^ 1 << (128 - WIDE_IPV6))


class Unasked(Exception):
    """DNS has to be asked this first."""

    def __init__(self, name: str, kind: str) -> None:
        super().__init__(name, kind)
        self.name, self.kind = name, kind


class Query(spf.query):  # type: ignore[misc]
    """pyspf's evaluation of one record, answered from `answers`."""

    def __init__(self, address: IPAddress, sender: str, helo: str, answers: Answers) -> None:
        super().__init__(str(address), sender, helo, strict=True)
        self.answers = answers

    def dns(self, name: Any, qtype: str, cnames: Any = None, ignore_void: bool = False) -> list[Any]:
        """The records in pyspf's form. A name without any counts as a void lookup (RFC 7208 4.6.4)."""
        name = str(name).rstrip(".").lower()
        if not all(0 < len(label) < 64 for label in name.split(".")):
            return []
        try:
            told = self.answers[name, qtype]
        except KeyError:
            raise Unasked(name, qtype) from None
        if told is None:
            raise spf.TempError("DNS did not answer")
        if not told.values and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError(f"Void lookup limit of {spf.MAX_VOID_LOOKUPS} exceeded")
        return [in_its_form(value, qtype) for value in told.values]

    def validated_ptrs(self) -> list[str]:
        """The names of the address that resolve to it. Where DNS does not tell, they vouch for nobody and the search
        goes on (RFC 7208 5.5): it is the peer's own DNS, which must not turn a fail into an error."""
        try:
            names = self.dns_ptr(self.i)[: spf.MAX_PTR]
        except spf.TempError:
            return []
        return [name for name in names if self.is_ours(name)]

    def is_ours(self, name: str) -> bool:
        try:
            return bool(self.cidrmatch(self.dns_a(name, self.A), self.cidrmax))
        except spf.TempError:
            return False

    def get_explanation(self, spec: str) -> None:
        """Nobody reads it, and it would be looked up for every refused mail."""


def in_its_form(value: str, kind: str) -> Any:
    if kind in ("TXT", "SPF"):
        return [value.encode("latin-1")]
    if kind == "MX":
        preference, _, name = value.partition(" ")
        return int(preference), name
    return value
