"""What DNS tells of a peer, and of its mail: each piece of evidence has one deadline."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from gateway.evidence import arc, dkim, dmarc, rdns, spf
from gateway.evidence.arc import Chain
from gateway.evidence.budget import Budget
from gateway.evidence.canonical import RELAXED_SHA256, BodyForm, digested, opened
from gateway.evidence.claim import Claim, Keys, fetched
from gateway.evidence.domain import organisational
from gateway.evidence.rdns import HostName
from gateway.evidence.recent import Recent
from gateway.evidence.resolver import Resolver
from gateway.model import Address, Arc, Authentication, Dmarc, IPAddress, Signature, Spf, SpfResult
from gateway.policy.fingerprint import Field, split_fields
from gateway.policy.lists import are_related

QUESTIONS = 60  # for one piece of evidence; a record that needs more is not meant to be evaluated
ARC_QUESTIONS = 20  # a chain asks apart: it must not use up what the author's domain needs
LARGE = 64 * 1024  # bytes; what is reckoned over more is reckoned in a thread

SpfAsk = Callable[[], Awaitable[Spf | None]]


@dataclass(frozen=True, slots=True)
class Message:
    """The bytes of a message as they came, CRLF, as often as they are wanted. `size` is in bytes; `relaxed_body`: the
    hex SHA-256 of the body in DKIM's relaxed form, where it is known already; `is_signed` False: nothing in its head
    can be verified, so nobody has to look."""

    chunks: Callable[[], Iterable[bytes]]
    size: int
    relaxed_body: str = ""
    is_signed: bool = True


class Evidence:
    """`own_servers`: name servers of ours are asked, who may know of loopback too. `within` is in seconds. `reports`:
    domains that want reports get them."""

    def __init__(self, resolver: Resolver, *, own_servers: bool, within: float, reports: bool = False) -> None:
        self.resolver = resolver
        self.own_servers = own_servers
        self.within = within
        self.reports = reports
        self.names: Recent[IPAddress, HostName] = Recent()
        self.spf_results: Recent[tuple[IPAddress, str, str], Spf] = Recent()
        self.walks: Recent[str, dmarc.Walk] = Recent()
        organisational("")  # reads its list now, and not while somebody waits

    async def name_of(self, address: IPAddress) -> HostName:
        if not self.worth_asking(address):
            return HostName()
        if (known := self.names.get(address)) is not None:
            return known
        found = await rdns.confirmed_name(address, self.budget())
        return self.names.put(address, found) if found.value is not None or found.certain else found

    async def spf_of(self, address: IPAddress, sender: Address | None, helo: str) -> Spf | None:
        """Of the envelope sender, or of HELO for the null reverse-path; None where it is not worth asking."""
        if not self.worth_asking(address):
            return None
        who = f"{sender.local}@{sender.domain}" if sender else ""
        key = (address, who, helo)
        if (known := self.spf_results.get(key)) is not None:
            return known
        found = await spf.check(address, who, helo, self.budget())
        return found if found.result is SpfResult.TEMPERROR else self.spf_results.put(key, found)

    async def authentication_of(
        self, message: Message, author_domain: str, spf: Spf | SpfAsk | None, now: datetime
    ) -> Authentication:
        """What a mail proves about who it is from. `author_domain` is that of its From field in A-labels, "" where
        there is none or there are several; `spf` is for DMARC (see dmarc.check). Never raises for what others wrote."""
        budget = self.budget()
        if not message.is_signed:
            walk = await self.walked(author_domain, budget)
            return Authentication(dmarc=await self.judged(walk, spf, (), budget))
        for_arc = Budget(self.resolver, within=self.within, questions=ARC_QUESTIONS)
        head, _ = opened(message.chunks())
        fields = split_fields(head)
        signed = Signed(fields, dkim.signatures_of(fields, author_domain), arc.chain_of(fields))
        # The author's domain is asked at the same time as the signers', who may be slow on purpose.
        walk, keys, arc_keys = await asyncio.gather(
            self.walked(author_domain, budget),
            fetched(dkim.claims_among(signed.read), budget),
            fetched(signed.chain.claims if signed.chain else (), for_arc),
        )
        work = (signed, message, {**arc_keys, **keys}, now)
        if message.size > LARGE and signed.has_work(message):
            signatures, chain = await asyncio.to_thread(reckoned, *work)
        else:
            signatures, chain = reckoned(*work)
        by_author = await self.judged(walk, spf, signatures, budget)
        return Authentication(signatures, aligned(signatures, author_domain), by_author, chain)

    async def judged(
        self, walk: dmarc.Walk, spf: Spf | SpfAsk | None, signatures: Sequence[Signature], budget: Budget
    ) -> Dmarc:
        return await dmarc.judged(walk, limited(spf, budget), signatures, budget, reports=self.reports)

    async def walked(self, author_domain: str, budget: Budget) -> dmarc.Walk:
        if (known := self.walks.get(author_domain)) is not None:
            return known
        found = await dmarc.walked(author_domain, budget)
        return self.walks.put(author_domain, found) if found.certain else found

    def budget(self) -> Budget:
        return Budget(self.resolver, within=self.within, questions=QUESTIONS)

    def worth_asking(self, address: IPAddress) -> bool:
        """A public server knows nothing of loopback and link-local addresses; asking would only cost time."""
        return self.own_servers or not is_near(address)


@lru_cache(4096)
def is_near(address: IPAddress) -> bool:
    return address.is_loopback or address.is_link_local


def aligned(signatures: Sequence[Signature], author_domain: str) -> tuple[str, ...]:
    """Who signed as the author's own domain, above it or below it: a neighbour of the same organisation may be somebody
    else's, where a provider names its customers so."""
    mine = organisational(author_domain)
    return tuple(
        dict.fromkeys(
            one.domain
            for one in signatures
            if one.is_sound and are_related(one.domain, author_domain) and organisational(one.domain) == mine
        )
    )


@dataclass(frozen=True, slots=True)
class Signed:
    """What of a head is to be verified."""

    fields: Sequence[Field]
    read: Sequence[dkim.Read]
    chain: Chain | None

    def forms(self) -> set[BodyForm]:
        """The digests of the body that are needed."""
        claims: list[Claim] = [*dkim.claims_among(self.read), *(self.chain.claims if self.chain else ())]
        return {claim.body for claim in claims if claim.body is not None}

    def has_work(self, message: Message) -> bool:
        return bool(self.forms() - known_digests(message).keys())


def known_digests(message: Message) -> dict[BodyForm, bytes]:
    return {RELAXED_SHA256: bytes.fromhex(message.relaxed_body)} if message.relaxed_body else {}


def reckoned(signed: Signed, message: Message, keys: Keys, now: datetime) -> tuple[tuple[Signature, ...], Arc | None]:
    """Signatures and chain, with the keys that were fetched. The body is read once, and only if it has to be."""
    digests: Mapping[BodyForm, bytes] = known_digests(message)
    missing = signed.forms() - digests.keys()
    if missing:
        digests = {**digests, **digested(opened(message.chunks())[1], missing)}
    signatures = dkim.evaluate(signed.read, signed.fields, keys, digests, now)
    return signatures, arc.evaluate(signed.chain, signed.fields, keys, digests) if signed.chain else None


def limited(spf: Spf | SpfAsk | None, budget: Budget) -> Spf | SpfAsk | None:
    """What is to be asked, within the budget's time."""
    if not callable(spf):
        return spf
    ask = spf

    async def asked() -> Spf | None:
        try:
            async with asyncio.timeout_at(budget.deadline):
                return await ask()
        except TimeoutError:
            return None

    return asked
